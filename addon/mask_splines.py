"""Splines for mask layers: the engine fits them to an object's mattes on request, then they become layers."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
from bpy.types import Area, MovieClip, Window

from ..engine.shared.errors import ClipNotFound, NoActiveMask, NothingPropagated
from ..engine.shared.mask_images import counted
from ..engine.shared.matte_folder import named_spans, spans
from ..engine.shared.protocol import FitSplines, ObjectSplines, SplinesFitted
from ..engine.shared.splines import load_splines
from ..engine.shared.types import EditedMatte, SplineJob, splines_file
from . import brush_settings, clips, compositor, edit_records, mask_edits, mask_layers
from .carriers import Carrier, active_carrier
from .exchange import new_folder
from .folders import existing_folder
from .mask_shapes import layers_of_tracks
from .matte_files import objects_to_refine
from .objects import find_object, matte_numbers
from .session import session
from .status import Result

KEEP, LEAVE, DISCARD = "KEEP", "LEAVE", "DISCARD"  # what becomes of edits when layers are written again
_TOLD_SHARE = 0.01  # of a matte's area, from which on outlines without splines are told of


@dataclass(frozen=True)
class _Request:
    """What is to become of the splines of a job."""

    clip_uid: int  # `session_uid`
    out: Path  # folder with a file of splines for each object; it is removed afterwards
    warnings: tuple[str, ...]
    push_undo: bool
    carrier: Carrier | None
    forget_edits: bool
    changes: dict[int, int]  # `change_count` of the objects when the job was started


def start(
    clip: MovieClip,
    object_ids: Iterable[int],
    *,
    window: Window,
    edits: str = KEEP,
    warnings: Iterable[str] = (),
    push_undo: bool,
    on_track: bool = False,
) -> None:
    """Start fitting splines to the mattes of some objects, and return at once; then their mask layers are written.

    Objects with a locked layer are left as they are. `edits` says what becomes of frames on which the artist has
    edited layers: with `KEEP`, the new splines show these edits instead of the mattes; with `LEAVE`, edited objects are
    left as they are; with `DISCARD`, the edits go. What is told at the end begins with `warnings`. With `push_undo`,
    the layers are an undo step of their own. With `on_track`, the points follow the clip's active track or plane track,
    so that keys are only needed for what else they do.
    Raises NoActiveTrack, NothingPropagated, NoActiveMask, NotSaved, BlenderLimit, ClipUnreadable, EngineBusy,
    EngineMissing, DiskFull, FolderNotWritable.
    """
    folder = existing_folder(clip)
    if folder is None:
        raise NothingPropagated(f"clip {clip.name} has no mattes yet")
    free, locked = _asked(clip, object_ids, edits)
    told = [*warnings, *([f"locked, and left as they are: {', '.join(locked)}"] if locked else [])]
    width, height = clips.pixel_size(clip)
    first = clips.first_number(clip)
    numbers = range(first, first + clips.frame_count(clip))
    carrier = active_carrier(clip, min(matte_numbers(clip, free[0]))) if on_track else None
    motions = carrier.motions if carrier is not None else ()
    out = new_folder()
    changes = {object_id: edit_records.change_count(clip, object_id) for object_id in free}
    request = _Request(clip.session_uid, out, tuple(told), push_undo, carrier, edits == DISCARD, changes)
    try:
        images = _edited_mattes(clip, free, out, window) if edits == KEEP else []
        job = SplineJob(
            uuid.uuid4().hex,
            folder.root,
            tuple(free),
            numbers,
            width,
            height,
            out,
            tuple(images),
            objects_to_refine(clip, free),
            motions,
        )
        use = partial(_receive, request)
        session.ask(FitSplines(job), folder.root, clip.name, use, _is_edited, uid=clip.session_uid)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise


def _asked(clip: MovieClip, object_ids: Iterable[int], edits: str) -> tuple[list[int], list[str]]:
    """Return the objects whose layers are to be written, and the names of layers that are locked."""
    asked = [object_id for object_id in object_ids if matte_numbers(clip, object_id)]
    if not asked:
        raise NothingPropagated(f"clip {clip.name} has no mattes yet")
    edited = mask_edits.edited_objects(clip)
    if edits == LEAVE and not (asked := [object_id for object_id in asked if object_id not in edited]):
        raise NothingPropagated("the mask layers of all these objects were edited", remedy="Choose Keep My Edits.")
    free = mask_layers.check_writable(clip, asked)
    return free, [layer.name for object_id in asked for layer in mask_layers.locked_layers(clip, object_id)]


def _matted(clip: MovieClip, one: ObjectSplines) -> set[int]:
    """Return the scene frames on which an object has a matte that can be read."""
    numbers = set(matte_numbers(clip, one.object_id)).difference(one.unreadable)
    return {clips.scene_frame_of(clip, number) for number in numbers}


def _edited_mattes(clip: MovieClip, object_ids: Iterable[int], out: Path, window: Window) -> list[EditedMatte]:
    """Render what the artist has edited of the objects' layers, unless their mattes show it by now, to images."""
    found = []
    for object_id in object_ids:
        images = mask_edits.edited_images(clip, object_id, out, window)
        shown = mask_edits.forget_shown(clip, object_id, images)
        found += [EditedMatte(object_id, number, path) for number, path in images.items() if number not in shown]
    return found


def _receive(request: _Request, fitted: SplinesFitted) -> Result:
    """Write the mask layers, and return what to tell.

    Raises ClipNotFound, NoActiveMask and what `write_layers` raises.
    """
    try:
        return _write(request, fitted)
    finally:
        shutil.rmtree(request.out, ignore_errors=True)


def _write(request: _Request, fitted: SplinesFitted) -> Result:
    clip = clips.find_clip(request.clip_uid)
    if clip is None:
        raise ClipNotFound("the clip was removed while splines were fitted to its mattes")
    window, area = _editor(clip)
    objects, left = _unchanged(clip, request, fitted)
    tracks = {one.object_id: load_splines(splines_file(request.out, one.object_id)) for one in objects}
    matted = {one.object_id: _matted(clip, one) for one in objects}
    shapes = {object_id: layers_of_tracks(clip, found) for object_id, found in tracks.items()}
    result = mask_layers.write_layers(clip, shapes, matted, window=window, area=area, carrier=request.carrier)
    if request.forget_edits:
        for object_id in shapes:
            mask_edits.forget(clip, object_id)
    compositor.refit(clip, renew_masks=True)  # which may draw copies of the layers
    _show(clip, area)
    if request.push_undo:
        bpy.ops.ed.undo_push(message="To Mask Layers")
    warnings = [*request.warnings]
    if left:
        warnings.append(f"edited or locked meanwhile, and left as they are: {', '.join(left)}")
    if request.carrier is not None and request.carrier.warning:
        warnings.append(request.carrier.warning)
    if result.empty:
        warnings.append(f"empty on frames without mattes: {spans(result.empty)}")
    warnings += [text for one in objects for text in _lost(clip, one)]
    text = f"{counted(len(result.layers), 'mask layer')} created in mask {clip.matting.mask.name}"
    return Result(text, "; ".join(warnings))


def _unchanged(clip: MovieClip, request: _Request, fitted: SplinesFitted) -> tuple[list[ObjectSplines], list[str]]:
    """Return the objects whose layers may be written, and the names of those that were edited or locked since then.

    Raises NoActiveMask if there are only such.
    """
    objects, left = [], []
    for one in fitted.objects:
        item = find_object(clip, one.object_id)
        if item is None:
            continue
        is_edited = edit_records.change_count(clip, one.object_id) != request.changes[one.object_id]
        if is_edited or mask_layers.locked_layers(clip, one.object_id):
            left.append(item.name)
        else:
            objects.append(one)
    if left and not objects:
        raise NoActiveMask(
            "the mask layers were edited or locked while splines were fitted", remedy="Click To Mask Layers again."
        )
    return objects, left


def _lost(clip: MovieClip, one: ObjectSplines) -> list[str]:
    """Say what of an object's mattes its layers do not show."""
    item = find_object(clip, one.object_id)
    name = item.name if item is not None else ""
    told = []
    if one.unreadable:
        frames = (clips.scene_frame_of(clip, number) for number in one.unreadable)
        told.append(f"mattes of {name} are damaged or of another size on {named_spans('frame', frames)}")
    if one.share >= _TOLD_SHARE:
        told.append(f"{counted(one.left_out, 'small piece')} of {name} left out")
    return told


def _is_edited() -> bool:
    """Return whether the user is just dragging something: layers must not be replaced under a drag of their points."""
    windows = bpy.context.window_manager.windows
    running = [operator.bl_idname for window in windows for operator in window.modal_operators]
    return any(name.startswith(("TRANSFORM_OT_", "MASK_OT_")) for name in running)


def _editor(clip: MovieClip) -> tuple[Window, Area]:
    """Return a clip editor and its window: the active one, else one that shows the clip, else any.

    Raises NoActiveMask if none is open.
    """
    context = bpy.context
    if context.area is not None and context.area.type == "CLIP_EDITOR":
        return context.window or context.window_manager.windows[0], context.area
    found = [
        (window, area)
        for window in context.window_manager.windows
        for area in window.screen.areas
        if area.type == "CLIP_EDITOR"
    ]
    if not found:
        raise NoActiveMask(
            "mask layers can be written only while a Movie Clip Editor is open",
            remedy="Open one and click To Mask Layers again.",
        )
    return next((pair for pair in found if pair[1].spaces.active.clip == clip), found[0])


def _show(clip: MovieClip, area: Area) -> None:
    """Show the clip's mask in a clip editor, ready to be edited, if it shows the clip: drags move its points then."""
    space = area.spaces.active
    if space.clip == clip:
        space.mode, space.mask = "MASK", clip.matting.mask
        brush_settings.turn_off()
