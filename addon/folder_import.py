"""Import of keyframes from the masks of a folder, without replacing anything unasked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError, KeyframeUnreadable
from ..engine.shared.mask_folders import FolderMask, described, listed, without_objects
from ..engine.shared.mask_images import counted, read_mask
from ..engine.shared.mask_names import object_name
from ..engine.shared.matte_folder import spans
from . import clips, keyframes, mask_colours, mask_images
from .mask_colours import IGNORE, NEW
from .mask_folder import MaskFolder, numbering
from .objects import active_object, add_object, find_object
from .properties import MatteKeyframe

Choice = Mapping[int, int]  # 0xRRGGBB -> number of an object, NEW or IGNORE
Targets = dict[tuple[str, int], int]  # rest of the name and number in the image -> object


@dataclass
class Imported:
    """What an import has set."""

    count: int = 0  # of keyframes set
    replaced: int = 0  # of them
    kept: int = 0  # keyframes that were there and differ
    locked: set[str] = field(default_factory=set)  # names of objects left as they are
    objects: set[int] = field(default_factory=set)
    frames: set[int] = field(default_factory=set)  # in the scene
    object_ids: dict[str, int] = field(default_factory=dict)  # by the names that name them
    colours: str = ""  # what each colour was taken for
    ignored: str = ""  # which masks show no object
    problem: str = ""  # that ended the import

    def told(self, found: MaskFolder) -> tuple[str, bool]:
        """Return what to report, and whether it is a warning."""
        on = f" on frame{'s' * (len(self.frames) > 1)} {spans(self.frames)}" if self.frames else ""
        text = f"{counted(self.count, 'keyframe')} of {counted(len(self.objects), 'object')} set{on}"
        warnings = []
        if self.kept:
            choose = "choose Replace Existing to replace them"
            warnings.append(f"kept {counted(self.kept, 'keyframe')} already there that would change: {choose}")
        if self.locked:
            warnings.append(f"locked objects were left as they are: {', '.join(sorted(self.locked))}")
        if found.skipped:
            warnings.append(f"skipped, as the clip has no such frame: {listed(found.skipped)}")
        if self.ignored:
            warnings.append(f"{self.ignored}; choose Not Visible Where Not Shown to mark objects as not visible there")
        if self.problem:
            warnings.append(f"then stopped: {self.problem}")
        notes = [f"{self.replaced} of them replaced earlier ones"] if self.replaced else []
        notes.append(self.colours or described(found.masks, self.object_ids))
        return "; ".join([text, *warnings, numbering(found.images.clip), *notes]), bool(warnings)


def import_masks(
    clip: MovieClip, found: MaskFolder, choice: Choice, *, replace: bool, absent: bool, tell: Callable[[int], None]
) -> Imported:
    """Set keyframes from the masks. Objects that are not in the list are added, and the active one stays active.

    `choice` says what each colour is, and is remembered on the clip. Keyframes that are there and differ are replaced
    only with `replace`. With `absent`, an object is marked as not visible on frames whose masks do not show it.
    `tell` is called with the number of masks done. An error ends the import and is part of the result.
    """
    active = clip.matting.active_object if active_object(clip) else None
    done = Imported()
    try:
        targets = _targets(clip, found, choice)
        done.object_ids = {rest: targets[rest, 0] for rest in found.object_ids}
        done.colours = _colours_told(clip, found)
        for count, mask in enumerate(sorted(found.masks, key=lambda mask: mask.name.frame or 0)):
            _set(clip, found, mask, targets, done, replace=replace)
            tell(count + 1)
        if absent:
            _set_absent(clip, found, targets, done, replace=replace)
        else:
            done.ignored = without_objects(found.masks)
    except EngineError as error:
        done.problem = error.sentence()
    if active is not None:
        clip.matting.active_object = active
    return done


def _targets(clip: MovieClip, found: MaskFolder, choice: Choice) -> Targets:
    """Return the object of each thing that the masks show; objects that are not there yet are added.

    Raises TooManyObjects.
    """
    shown = sorted({(mask.name.rest, id_) for mask in found.masks for id_ in mask.ids}, key=lambda pair: pair[1])
    if found.colours:
        return _by_colour(clip, found.colours, choice, shown)
    if not found.object_ids:
        for id_ in sorted({id_ for _, id_ in shown}):
            if find_object(clip, id_) is None:
                add_object(clip, object_id=id_)
        return {(rest, id_): id_ for rest, id_ in shown}
    by_name = {rest: _named(clip, rest, number, found) for rest, number in found.object_ids.items()}
    return {(rest, id_): by_name[rest] for rest, id_ in [*shown, *((rest, 0) for rest in by_name)]}


def _by_colour(clip: MovieClip, colours: Sequence[int], choice: Choice, shown: Sequence[tuple[str, int]]) -> Targets:
    """Return the object of each colour that is not ignored, and remember them on the clip."""
    object_of = {colour: add_object(clip).object_id if choice[colour] == NEW else choice[colour] for colour in colours}
    mask_colours.remember(clip, object_of)
    by_number = dict(enumerate(object_of.values(), start=1))
    return {(rest, id_): by_number[id_] for rest, id_ in shown if by_number[id_] != IGNORE}


def _colours_told(clip: MovieClip, found: MaskFolder) -> str:
    """Say which colour is which object; empty if the masks have no colours of their own."""
    text = mask_colours.told(clip, found.colours)
    return f"{counted(len(found.masks), 'image')}, colours: {text}" if text else ""


def _named(clip: MovieClip, rest: str, number: int, found: MaskFolder) -> int:
    """Return the object that a name means: the one of that name, of that number, or a new one."""
    name = object_name(rest)
    active = active_object(clip)
    if len(found.object_ids) == 1 and "/" not in rest:  # the name says nothing, such as `shot`
        return (active or add_object(clip)).object_id
    for item in clip.matting.objects:
        if item.name.casefold() == name.casefold():
            return int(item.object_id)
    if str(number) not in name:  # counted, not read from the name
        return int(add_object(clip, name=name).object_id)
    item = find_object(clip, number) or add_object(clip, object_id=number, name="" if name.isdigit() else name)
    return int(item.object_id)


def _set(
    clip: MovieClip, found: MaskFolder, mask: FolderMask, targets: Targets, done: Imported, *, replace: bool
) -> None:
    """Set the keyframes of one mask image. An object that several colours stand for gets them all."""
    image = read_mask(found.images.read(mask.file), mask.meaning)
    alphas: dict[int, np.ndarray] = {}
    for id_ in mask.ids:
        target = targets.get((mask.name.rest, id_))
        if target is not None:
            alpha = mask_images.alpha_of(image, id_)
            alphas[target] = np.maximum(alpha, alphas[target]) if target in alphas else alpha
    for object_id, alpha in alphas.items():
        assert mask.name.frame is not None  # others are skipped
        _store(clip, object_id, mask.name.frame, alpha, done, replace=replace)


def _set_absent(clip: MovieClip, found: MaskFolder, targets: Targets, done: Imported, *, replace: bool) -> None:
    """Mark objects as not visible on frames whose masks do not show them."""
    film = clips.video_clip(clip)
    nothing = np.zeros((film.height, film.width), np.uint8)
    for frame in found.frames:
        masks = [mask for mask in found.masks if mask.name.frame == frame]
        shown = {targets.get((mask.name.rest, id_)) for mask in masks for id_ in mask.ids}
        about = set(targets.values())
        if found.object_ids:  # a mask says nothing about objects of other names
            about = {targets[mask.name.rest, 0] for mask in masks}
        for object_id in sorted(about - shown):
            _store(clip, object_id, frame, nothing, done, replace=replace)


def _store(clip: MovieClip, object_id: int, frame: int, alpha: np.ndarray, done: Imported, *, replace: bool) -> None:
    """Set one keyframe, unless its object is locked or it would replace one that may not be replaced."""
    item = find_object(clip, object_id)
    assert item is not None  # found or added before
    if item.lock:
        done.locked.add(item.name)
        return
    key = keyframes.find_keyframe(clip, object_id, clips.number(clip, frame))
    if key is not None:
        if _is(clip, key, alpha):
            return
        if not replace:
            done.kept += 1
            return
        done.replaced += 1
    at = clips.scene_frame(clip, frame)
    if alpha.any():
        keyframes.set_keyframe(clip, object_id, at, alpha)
    else:
        keyframes.set_absent(clip, object_id, at)
    done.count += 1
    done.objects.add(object_id)
    done.frames.add(at)


def _is(clip: MovieClip, key: MatteKeyframe, alpha: np.ndarray) -> bool:
    """Return whether a keyframe is already what would be set."""
    try:
        return np.array_equal(keyframes.keyframe_alpha(clip, key), alpha)
    except KeyframeUnreadable:
        return False
