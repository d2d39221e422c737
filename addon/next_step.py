"""What to do next on a clip, decided from facts alone: the sentence at the top of the tab, and its button."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..engine.shared.mask_images import counted
from ..engine.shared.stretches import counted_to_fix


class Engine(StrEnum):
    """Whether the engine can be started."""

    READY = "ready"
    MISSING = "missing"
    PARTLY = "partly installed"
    OTHER_VERSION = "other version"  # installed for another version of Keymatte
    BAD_PYTHON = "bad Python"  # the one chosen in the preferences cannot be used
    INSTALLING = "installing"


class ClipState(StrEnum):
    """Whether the editor's clip can be worked on."""

    NONE = "none"
    READY = "ready"
    MISSING = "missing"  # its file is not there
    UNREADABLE = "unreadable"
    LINKED = "linked"  # or an override: changes are not saved


@dataclass(frozen=True)
class Active:
    """The active row of the list of objects and masks."""

    row: int
    name: str
    is_mask: bool = False
    locked: bool = False
    shown: bool = True


@dataclass(frozen=True)
class Facts:
    """What the decision depends on."""

    engine: Engine = Engine.READY
    engine_text: str = ""  # what it runs on, what would be installed, or what is being done to it
    engine_problem: str = ""  # why it cannot be used, and what to do
    engine_obstacle: str = ""  # why it could not be installed, and what to do
    is_offline: bool = False  # whether it could not be, as Blender may not go online
    clip: ClipState = ClipState.NONE
    clip_name: str = ""
    clip_problem: str = ""  # why it cannot be worked on, and what to do
    first_frame: int | None = None  # scene frame to go to, as the current one is outside the clip
    objects: tuple[tuple[int, str], ...] = ()  # row in the list, and name, of those that get mattes
    active: Active | None = None
    keyframes: int = 0  # of objects; those of masks do not count
    is_painting: bool = False
    mattes: int = 0  # frames that have some
    due: int | None = None  # frames that Propagate would compute; None: not known
    kept: int = 0  # frames that are out of date, and stay so: locked, or of objects without keyframes
    to_fix: int = 0  # stretches
    fix_here: tuple[int, int, int] | None = None  # the active object's on the current frame: object, first, last frame
    fix_words: str = ""  # why that is to be fixed
    fix_is_before: bool = False  # whether all of them lie before the current frame
    is_used: bool = False  # whether mask layers, nodes or files were made of the mattes
    in_range: bool = False  # whether runs are limited to in and out point
    running: str = ""  # what an operation does now that concerns the clip
    paused: bool = False
    waits: bool = False  # for another operation to end
    saved: bool = True
    scene_is_short: bool = False  # whether the scene ends before the clip
    renders_differ: bool = False  # whether the compositor shows mattes of the clip in another size than the clip's


@dataclass(frozen=True)
class Button:
    """Operator to draw, with values of its properties."""

    operator: str
    text: str
    icon: str = "NONE"
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Step:
    """What to do next: a sentence, and the button that does it, first. Without buttons, the sentence says it all."""

    key: str
    text: str
    icon: str = "NONE"
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True)
class Item:
    """Line of what is there and what is missing."""

    name: str
    text: str
    done: bool
    problem: bool = False


_INSTALL = Button("clip.matte_install_engine", "Install Engine", "IMPORT")
_LOG = Button("clip.matte_show_log", "Show Log", "TEXT")
_ONLINE = Button("screen.userpref_show", "Allow Online Access", "INTERNET", (("section", "SYSTEM"),))
_SETTINGS = Button("clip.matte_settings", "Open Preferences", "PREFERENCES")
_OPEN = Button("clip.open", "Open Clip", "FILE_FOLDER")
_RELOAD = Button("clip.reload", "Reload Clip", "FILE_REFRESH")
_FIND = Button("file.find_missing_files", "Find Missing Files", "VIEWZOOM")
_LOCAL = Button("clip.matte_make_local", "Make Local", "LINKED")
_PAINT = Button("clip.matte_paint_mode", "Paint", "BRUSH_DATA")
_ADD = Button("clip.matte_object_add", "Add Object", "ADD", (("role", "OBJECT"),))
_RESUME = Button("clip.matte_pause", "Resume", "PLAY", (("resume", True),))
_LAYERS = Button("clip.matte_to_mask_layers", "To Mask Layers", "MOD_MASK", (("on_track", False),))
_NODES = Button("clip.matte_to_compositor", "To Compositor", "NODE_COMPOSITING", (("variant", "MATTE"),))


def next_step(facts: Facts) -> Step:
    """Return what to do next."""
    for decide in (_running, _engine_step, _clip_step, _queued, _object_step, _matte_step):
        if step := decide(facts):
            return step
    return _result_step(facts)


def is_arriving(facts: Facts) -> bool:
    """Return whether something that comes before the first matte is missing, so that all of it is to be listed."""
    return facts.engine is not Engine.READY or facts.clip is not ClipState.READY or not facts.mattes


def checklist(facts: Facts) -> tuple[Item, ...]:
    """Return what is there and what is missing before the first matte."""
    names = [name for _, name in facts.objects]
    named = names[0] if len(names) == 1 else counted(len(names), "object")
    return (
        _engine_item(facts),
        Item("Clip", *_clip_words(facts)),
        Item("Object", named if names else "paint it", bool(names)),
        Item("Keyframe", str(facts.keyframes) if facts.keyframes else "made by painting", facts.keyframes > 0),
        Item("Mattes", counted(facts.mattes, "frame") if facts.mattes else "none yet", facts.mattes > 0),
    )


def _running(facts: Facts) -> Step | None:
    if not facts.running or facts.engine is Engine.INSTALLING:
        return None
    return Step("running", facts.running, "TIME", (Button("clip.matte_cancel", "", "X"),))


def _engine_step(facts: Facts) -> Step | None:
    if facts.engine in (Engine.READY, Engine.INSTALLING):
        return None
    if facts.engine is Engine.BAD_PYTHON:
        return Step("engine python", facts.engine_problem, "ERROR", (_SETTINGS, _LOG))
    is_missing = facts.engine is Engine.MISSING
    why = "Mattes need the engine" if is_missing else facts.engine_problem.rstrip(".")
    if facts.is_offline:
        text = _sentences(why, facts.engine_text, "To download it, allow Blender to go online")
        return Step("engine offline", text, "INFO", (_ONLINE, _INSTALL))
    if facts.engine_obstacle:
        return Step("engine obstacle", _sentences(why, facts.engine_obstacle), "ERROR", (_INSTALL, _SETTINGS))
    if is_missing:
        text = _sentences(why, facts.engine_text, "You can paint while it installs")
        return Step("engine", text, "INFO", (_INSTALL,))
    key = "engine partly" if facts.engine is Engine.PARTLY else "engine version"
    return Step(key, facts.engine_problem, "ERROR", (_INSTALL,))


def _sentences(*parts: str) -> str:
    return ". ".join(filter(None, parts))


def _engine_item(facts: Facts) -> Item:
    words = {
        Engine.READY: facts.engine_text or "ready",
        Engine.MISSING: "not installed",
        Engine.PARTLY: "only partly installed",
        Engine.OTHER_VERSION: "to be updated",
        Engine.BAD_PYTHON: "cannot start",
        Engine.INSTALLING: "being installed",
    }
    is_ready = facts.engine is Engine.READY
    return Item("Engine", words[facts.engine], is_ready, not is_ready and facts.engine is not Engine.INSTALLING)


def _clip_step(facts: Facts) -> Step | None:
    match facts.clip:
        case ClipState.NONE:
            return Step("open", "Open the footage: a movie, or the first image of a sequence", "INFO", (_OPEN,))
        case ClipState.MISSING:
            return Step("clip missing", facts.clip_problem, "ERROR", (_OPEN, _FIND, _RELOAD)[facts.keyframes > 0 :])
        case ClipState.UNREADABLE:
            return Step("clip unreadable", facts.clip_problem, "ERROR", (_OPEN, _RELOAD))
        case ClipState.LINKED:
            return Step("clip linked", facts.clip_problem, "ERROR", (_LOCAL,))
    return None


def _clip_words(facts: Facts) -> tuple[str, bool, bool]:
    """Return what the list says of the clip, whether it is there, and whether something is wrong with it."""
    words = {
        ClipState.NONE: "none open",
        ClipState.MISSING: "its file is missing",
        ClipState.UNREADABLE: "cannot be read",
        ClipState.LINKED: "linked from another file",
    }
    is_ready = facts.clip is ClipState.READY
    return words.get(facts.clip, facts.clip_name), is_ready, not is_ready and facts.clip is not ClipState.NONE


def _queued(facts: Facts) -> Step | None:
    if facts.waits:
        return Step("waiting", "Propagate waits for its turn", "TIME")
    return Step("paused", "The run is paused", "PAUSE", (_RESUME,)) if facts.paused else None


def _object_step(facts: Facts) -> Step | None:
    """Return what leads to the first keyframe."""
    if facts.keyframes:
        return None
    if facts.first_frame is not None:
        values = (("data_path", "scene.frame_current"), ("value", facts.first_frame))
        button = Button("wm.context_set_int", "Go to the Clip", "TRIA_RIGHT", values)
        return Step("outside", "The current frame is outside the clip", "INFO", (button,))
    active = facts.active
    if active is not None and active.is_mask:
        return _mask_step(facts, active)
    if active is not None and (active.locked or not active.shown):
        what, field, text = ("locked", "lock", "Unlock") if active.locked else ("hidden", "show", "Show")
        path = f"space_data.clip.matting.objects[{active.row}].{field}"
        icon = "UNLOCKED" if active.locked else "HIDE_OFF"
        button = Button("wm.context_toggle", text, icon, (("data_path", path),))
        return Step(what, f"{active.name} is {what}", "INFO", (button,))
    if facts.is_painting:
        over = active.name if active else "the object"
        return Step("stroke", f"Paint over {over}. Drag to add, hold Ctrl to remove", "BRUSH_DATA")
    return Step("paint", "Go to a frame that shows the object well, and paint it", "INFO", (_PAINT,))


def _mask_step(facts: Facts, active: Active) -> Step:
    if not facts.objects:
        return Step("mask alone", f"{active.name} is a mask. Add the object that gets mattes", "INFO", (_ADD,))
    row, name = facts.objects[0]
    values = (("data_path", "space_data.clip.matting.active_object"), ("value", row))
    button = Button("wm.context_set_int", f"Select {name}", "RESTRICT_SELECT_OFF", values)
    return Step("mask active", f"{active.name} is a mask. Paint an object", "INFO", (button,))


def _matte_step(facts: Facts) -> Step | None:
    """Return what leads to mattes that are all up to date."""
    if facts.mattes and not facts.due:
        return None
    if facts.engine is Engine.INSTALLING:
        return Step("wait", "Propagate when the engine is installed. Paint on until then", "INFO")
    button = Button("clip.matte_propagate", "Propagate", "PLAY", (("frames", "RANGE" if facts.in_range else "CLIP"),))
    if not facts.mattes:
        return Step("propagate", "Propagate computes the mattes on the other frames", "INFO", (button,))
    return Step("stale", f"{counted(facts.due or 0, 'frame')} to compute", "TIME", (button,))


def _result_step(facts: Facts) -> Step:
    if facts.to_fix:
        return _fix_step(facts)
    if facts.due is None:
        return Step("unknown", f"Mattes on {counted(facts.mattes, 'frame')}", "BLANK1")
    if not facts.is_used:
        return Step("use", "The mattes are ready to be used", "CHECKMARK", (_LAYERS, _NODES))
    text = f"Up to date, but {counted(facts.kept, 'frame')} locked or without keyframe" if facts.kept else "Up to date"
    return Step("done", text, "CHECKMARK")


def _fix_step(facts: Facts) -> Step:
    """Return what leads to the next stretch to fix; on one, what is done with it."""
    if facts.fix_here is None:
        to, icon = ("PREVIOUS", "TRIA_LEFT") if facts.fix_is_before else ("NEXT", "TRIA_RIGHT")
        button = Button("clip.matte_fix_jump", "Go There", icon, (("to", to),))
        return Step("fix", counted_to_fix(facts.to_fix), "INFO", (button,))
    values = tuple(zip(("object_id", "first", "last"), facts.fix_here))
    accept = Button("clip.matte_accept", "Accept", "CHECKMARK", values)
    why = f"{facts.fix_words[:1].upper()}{facts.fix_words[1:]}: " if facts.fix_words else ""
    if facts.is_painting:
        return Step("fix by painting", f"{why}paint what is wrong", "BRUSH_DATA", (accept,))
    return Step("fix here", f"{why}correct it, or accept it", "INFO", (_PAINT, accept))
