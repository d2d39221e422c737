"""List of the stretches to fix, on the window manager, kept up to date while its panel is drawn."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import MovieClip, PropertyGroup

from ..engine.shared.errors import EngineError
from . import clips, quality, state_watch
from .objects import active_object
from .quality import Fix
from .session import session


def _row_here(listed: MatteFixes) -> int:
    """Return the row of the stretch of the active object on the current frame; -1 if there is none."""
    space, frame = bpy.context.space_data, bpy.context.scene.frame_current
    clip = space.clip if space is not None and space.type == "CLIP_EDITOR" else None
    if clip is None or (item := active_object(clip)) is None:
        return -1
    here = (clip.session_uid, item.object_id)
    rows = enumerate(listed.rows)
    return next((n for n, row in rows if (row.clip_uid, row.object_id) == here and row.first <= frame <= row.last), -1)


def _go_to(listed: MatteFixes, row: int) -> None:
    """Go to the stretch in a row. As a property cannot report an error, the session shows it."""
    if 0 <= row < len(listed.rows):
        item = listed.rows[row]
        clip = clips.find_clip(item.clip_uid)
        try:
            if clip is not None:
                quality.go_to(clip, item.fix())
        except EngineError as error:
            session.show(error, item.clip_uid)


class MatteFix(PropertyGroup):
    """Row of the list; its `name` is the object's, by which the list can be searched. See `quality.Fix`."""

    clip_uid: IntProperty(name="Clip")
    object_id: IntProperty(name="Object")
    first: IntProperty(name="First Frame")
    last: IntProperty(name="Last Frame")
    worst: IntProperty(name="Worst Frame")
    words: StringProperty(name="Reason")
    corrected: BoolProperty(name="Corrected")

    def fix(self) -> Fix:
        """Return the stretch of the row."""
        return Fix(self.object_id, self.first, self.last, self.worst, self.words, self.corrected)


class MatteFixes(PropertyGroup):
    """The stretches to fix of all clips. They belong to no file, and undo does not touch them."""

    rows: CollectionProperty(type=MatteFix, options={"SKIP_SAVE"})
    active: IntProperty(
        name="Stretch to Fix",
        description="Frames on which the mattes of an object need a fix. Click to go to the worst of them",
        get=_row_here,
        set=_go_to,
    )


def fixes() -> MatteFixes:
    """Return the list."""
    return bpy.context.window_manager.matte_fixes


def watch(clip: MovieClip) -> int:
    """Keep the clip's rows up to date, as they are being drawn, and return how many stretches are still to be fixed.

    Data is only changed later, by a timer.
    """
    state_watch.watch(clip, _update)
    return sum(not fix.corrected for fix in quality.to_fix(clip))


def update() -> bool:
    """Bring the rows of all clips up to date with what was summed up, and return whether any has changed."""
    wanted = [row for clip in bpy.data.movieclips for row in _wanted(clip)]
    listed = fixes().rows
    if [_values(row) for row in listed] == wanted:
        return False
    listed.clear()
    for uid, name, fix in wanted:
        row = listed.add()
        row.clip_uid, row.name, row.object_id, row.words, row.corrected = (
            uid,
            name,
            fix.object_id,
            fix.words,
            fix.corrected,
        )
        row.first, row.last, row.worst = fix.first, fix.last, fix.worst
    return True


def _update(clip: MovieClip) -> bool:
    """Bring the rows up to date, as those of the clip are being drawn."""
    return update()


_Values = tuple[int, str, Fix]  # `session_uid` of the clip, name of the object, stretch


def _wanted(clip: MovieClip) -> list[_Values]:
    return [(clip.session_uid, quality.name_of(clip, fix.object_id), fix) for fix in quality.to_fix(clip)]


def _values(row: MatteFix) -> _Values:
    return row.clip_uid, row.name, row.fix()


CLASSES = (MatteFix, MatteFixes)


def register() -> None:
    """Register the list, and add it to the window manager as `matte_fixes`."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.matte_fixes = PointerProperty(type=MatteFixes)


def unregister() -> None:
    """Remove the list."""
    del bpy.types.WindowManager.matte_fixes
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
