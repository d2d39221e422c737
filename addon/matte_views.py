"""Views of a clip with its mattes: what they are called, and what a view shows on a frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from bpy.types import MovieClip
from mathutils import Color

from . import canvas
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
    ABSENT = "absent"  # a keyframe that says that the object is not visible
    CANVAS = "canvas"  # the keyframe that is being painted


@dataclass(frozen=True)
class Layer:
    """Alpha of an object on a frame that a view shows."""

    object_id: int
    name: str
    colour: tuple[float, float, float]  # as on the screen
    kind: Kind
    wanted: Wanted | None  # None for a canvas, and for an absent object

    @property
    def is_key(self) -> bool:
        """Return whether the alpha is the user's, and has the mark of keyframes."""
        return self.kind != Kind.MATTE


@dataclass(frozen=True)
class Source:
    """Clip whose alphas are wanted, and how large they are shown."""

    root: Path | None  # its matte folder
    size: tuple[int, int]  # width and height, pixels
    reduction: int


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
    return [*hidden, *shown]


def layers(clip: MovieClip, numbers: Iterable[int], source: Source) -> dict[int, list[Layer]]:
    """Return the layers that the current view shows on frames with these file numbers, the lowest first."""
    numbers = list(numbers)
    shown = [(item, on_screen(item.colour)) for item in reversed(shown_objects(clip))]
    keys = keyframes_on(clip, numbers)
    found: dict[int, list[Layer]] = {}
    for number in numbers:
        made = (_layer(clip, item, colour, number, keys, source) for item, colour in shown)
        found[number] = [layer for layer in made if layer is not None]
    return found


def keyframes_on(clip: MovieClip, numbers: list[int]) -> dict[tuple[int, int], MatteKeyframe]:
    """Return the keyframes on frames with these file numbers, by file number and object."""
    keyframes = clip.matting.keyframes
    stored = np.empty(len(keyframes), np.intc)
    keyframes.foreach_get("number", stored)
    found = [keyframes[int(index)] for index in np.flatnonzero(np.isin(stored, numbers))]
    return {(key.number, key.object_id): key for key in found}


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
    keys: dict[tuple[int, int], MatteKeyframe],
    source: Source,
) -> Layer | None:
    object_id = item.object_id
    if _is_painted(clip, object_id, number):
        return Layer(object_id, item.name, colour, Kind.CANVAS, None)
    key = keys.get((number, object_id))
    if key is not None and key.absent:
        return Layer(object_id, item.name, colour, Kind.ABSENT, None)
    if source.root is None or (key is None and clip.matting.view == WITHOUT_MATTES):
        return None
    wanted = Wanted(str(source.root), object_id, number, source.size, source.reduction)
    if key is None:
        return Layer(object_id, item.name, colour, Kind.MATTE, wanted)
    wanted = wanted._replace(version=key.version, is_alpha=key.is_alpha)
    return Layer(object_id, item.name, colour, Kind.KEYFRAME, wanted)
