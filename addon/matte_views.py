"""Views of a clip with its mattes: what they are called, and what a view shows on a frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from bpy.types import MovieClip
from mathutils import Color

from ..engine.shared.kept_state import KeptState
from . import canvas, clips, refine_preview
from .keyframe_table import KeyframeTable
from .matte_pictures import Wanted
from .objects import active_object, visible_objects
from .properties import MatteKeyframe, MatteObject

WITHOUT_MATTES = "KEYFRAMES"
WITH_OPACITY = ("TINT", "KEYFRAMES")
CUT_OUTS = ("CHECKER", "COLOUR")
COVERAGE = ("BLACK_WHITE", *CUT_OUTS)  # what all objects cover together


class Kind(StrEnum):
    """Where the alpha of an object on a frame comes from."""

    MATTE = "matte"
    KEYFRAME = "keyframe"
    HELD = "held"  # a mask's keyframe on another frame, which counts here
    ABSENT = "absent"  # a keyframe or range that says that the object is not visible
    CANVAS = "canvas"  # the keyframe that is being painted
    BLENDER_MASK = "Blender mask"  # which Blender draws itself


@dataclass(frozen=True)
class Layer:
    """Alpha of an object or mask on a frame that a view shows."""

    object_id: int
    name: str
    colour: tuple[float, float, float]  # as on the screen
    kind: Kind
    wanted: Wanted | None  # None for a canvas, an absent object, and a Blender mask
    role: str = "OBJECT"  # an item of MatteObject.role
    inverted: bool = False  # whether a mask clears what lies outside, so that this is what is shown
    cut_by: tuple[Wanted, ...] = ()  # masks that the next job takes away from it, in views that show what is left
    source: str = ""  # for HELD, the frame of the keyframe; for BLENDER_MASK, the mask's name

    @property
    def is_key(self) -> bool:
        """Return whether the alpha is the user's on this very frame, and has the mark of keyframes."""
        return self.kind in (Kind.KEYFRAME, Kind.CANVAS)


@dataclass(frozen=True)
class Source:
    """Clip whose alphas are wanted, and how large they are shown."""

    root: Path | None  # its matte folder
    size: tuple[int, int]  # width and height, pixels
    reduction: int

    def wanted(
        self, object_id: int, number: int, key: MatteKeyframe | None = None, *, inverted: bool = False
    ) -> Wanted:
        """Return what is to be read for an object on a frame: its computed matte, or a keyframe."""
        matte = Wanted(str(self.root), object_id, number, self.size, self.reduction)
        if key is None:
            return matte
        return matte._replace(version=key.version, is_alpha=key.is_alpha, inverted=inverted)


def shown_objects(clip: MovieClip) -> list[MatteObject]:
    """Return the objects that the current view shows, the topmost first."""
    matting = clip.matting
    if matting.view == "ALPHA":
        active = active_object(clip)
        return [] if active is None else [active]
    shown = visible_objects(clip)
    if matting.view in COVERAGE:  # garbage and hold-out masks cover nothing
        return [item for item in shown if item.role == "OBJECT"]
    # What is painted is seen, whatever is hidden.
    hidden = [item for item in matting.objects if _is_painted(clip, item.object_id) and item not in shown]
    # A garbage mask clears all objects, wherever it is in the list, so it lies over them.
    return sorted([*hidden, *shown], key=lambda item: item.role != "GARBAGE")


def layers(clip: MovieClip, numbers: Iterable[int], source: Source) -> dict[int, list[Layer]]:
    """Return the layers that the current view shows on frames with these file numbers, the lowest first.

    The first is the frame that is shown now, whose mattes are refined by the settings of now.
    """
    shown = [(item, on_screen(item.colour)) for item in reversed(shown_objects(clip))]
    table = KeyframeTable(clip)
    found: dict[int, list[Layer]] = {}
    for row, number in enumerate(numbers):
        cuts = _cuts(clip, number, table, source)
        made = (_layer(clip, item, colour, number, table, source, is_now=not row) for item, colour in shown)
        present = (layer for layer in made if layer is not None)
        found[number] = [replace(layer, cut_by=cuts.get(layer.object_id, ())) for layer in present]
    return found


def in_state(layer: Layer, kept: KeptState, number: int, source: Source) -> Layer:
    """Return a layer of a frame as it is in a kept state of the folder: an object has its computed matte of then.

    Keyframes and masks are no results of runs. A mask stays as it is now, and takes nothing away that a run did not; an
    object that is being painted stays, as strokes must be seen.
    """
    if layer.role != "OBJECT" or layer.kind == Kind.CANVAS:
        return layer
    wanted = source.wanted(layer.object_id, number)._replace(kept=kept)
    return replace(layer, kind=Kind.MATTE, wanted=wanted, cut_by=())


def on_screen(colour: Iterable[float]) -> tuple[float, float, float]:
    """Return a colour property as the colour that its field in the panel shows."""
    return tuple(Color(tuple(colour)).from_scene_linear_to_srgb())


def _is_painted(clip: MovieClip, object_id: int, number: int | None = None) -> bool:
    """Return whether a stroke is being painted for this object, on the frame with this file number if given."""
    painted = canvas.current
    if painted is None or (painted.clip_uid, painted.object_id) != (clip.session_uid, object_id):
        return False
    return number is None or painted.number == number


def _layer(
    clip: MovieClip,
    item: MatteObject,
    colour: tuple[float, float, float],
    number: int,
    table: KeyframeTable,
    source: Source,
    *,
    is_now: bool,
) -> Layer | None:
    object_id, view = item.object_id, clip.matting.view
    inverted = _is_inverted(item) and view != "ALPHA"
    layer = Layer(object_id, item.name, colour, Kind.MATTE, None, item.role, inverted)
    if item.role != "OBJECT" and item.source_mask:
        return replace(layer, kind=Kind.BLENDER_MASK, source=item.source_mask.name)
    if _is_painted(clip, object_id, number):
        return replace(layer, kind=Kind.CANVAS)
    if item.role != "OBJECT":
        return _mask_layer(clip, layer, number, table, source)
    if table.is_absent(object_id, number):
        return replace(layer, kind=Kind.ABSENT)
    key = table.own(object_id, number)
    if source.root is None or (key is None and view == WITHOUT_MATTES):
        return None
    wanted = source.wanted(object_id, number, key)
    if key is None and (file := refine_preview.shown_file(clip, object_id, number, ask=is_now)):
        wanted = wanted._replace(file=str(file))
    return replace(layer, kind=Kind.MATTE if key is None else Kind.KEYFRAME, wanted=wanted)


def _mask_layer(clip: MovieClip, layer: Layer, number: int, table: KeyframeTable, source: Source) -> Layer | None:
    """Return a garbage or hold-out mask as it is on a frame, or None if it covers nothing there."""
    key = table.held(layer.object_id, number)
    if key is None or source.root is None:
        return None
    if key.absent and not layer.inverted:
        return replace(layer, kind=Kind.ABSENT) if key.number == number else None
    layer = replace(layer, wanted=source.wanted(layer.object_id, number, key, inverted=layer.inverted))
    if key.number == number:
        return replace(layer, kind=Kind.KEYFRAME)
    return replace(layer, kind=Kind.HELD, source=str(clips.scene_frame_of(clip, key.number)))


def _cuts(clip: MovieClip, number: int, table: KeyframeTable, source: Source) -> dict[int, tuple[Wanted, ...]]:
    """Return what the marked masks take away from each object on a frame, in views that show what is left of it.

    Masks count whether or not they are shown, as they do in a job. Blender's masks are left out.
    """
    if source.root is None or clip.matting.view not in (*COVERAGE, "ALPHA"):
        return {}
    garbage: list[Wanted] = []
    hold_outs: list[Wanted] = []  # above the objects that follow in the list
    above: dict[int, list[Wanted]] = {}
    for item in clip.matting.objects:
        if item.role == "OBJECT":
            above[item.object_id] = [*hold_outs]
        elif not item.source_mask and (key := table.held(item.object_id, number)) is not None:
            inverted = _is_inverted(item)
            if not key.absent or inverted:
                taken = source.wanted(item.object_id, number, key, inverted=inverted)
                (garbage if item.role == "GARBAGE" else hold_outs).append(taken)
    return {object_id: (*garbage, *over) for object_id, over in above.items()}


def _is_inverted(item: MatteObject) -> bool:
    return item.role == "GARBAGE" and bool(item.invert)
