"""Small objects of a job: which are followed by crops, which share one, and the propagator that follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..inference.crop_track import CropTrack
from ..inference.crops import CANVAS, Box, extent_of, joined
from ..inference.following import FollowedCrop, FollowingPropagator, RecentFrames
from ..inference.framing import Framing
from ..inference.propagate import Propagator
from ..inference.spaces import moved_keyframe
from ..inference.sweeps import ObjectGroup
from ..shared.types import PropagationJob
from .plan import JobPlan
from .setup import JobContext
from .small import boxes_of, is_small

_MAX_CROPS = 4  # of the objects that are annotated on the same keyframes
_SPREAD = 2.0  # extent of objects that share a crop, per extent of the largest, at most
_AHEAD = {"cuda": 32}  # images that are read before their crops are taken, by type of device; else few
_FEW = 4

AnyPropagator = Propagator | FollowingPropagator
Boxes = Mapping[int, Box]  # by keyframe


def followed_groups(plan: JobPlan, small: Sequence[int], scale: float) -> list[tuple[ObjectGroup, Boxes]]:
    """Return the objects that share a crop, each time with the box around them on their keyframes."""
    boxes = {frame: boxes_of(labels) for frame, labels in plan.truth.items()}
    found: list[tuple[ObjectGroup, Boxes]] = []
    for group in plan.groups:
        own = {
            number: {frame: boxes[frame][number] for frame in group.keyframes if number in boxes[frame]}
            for number in group.objects
            if number in small
        }
        candidates = [number for number, of in own.items() if any(is_small(box, scale) for box in of.values())]
        clusters: list[tuple[list[int], dict[int, Box]]] = []
        for number in sorted(candidates, key=lambda one: (min(map(extent_of, own[one].values())), one)):
            for members, around in clusters:
                if _may_join(around, own[number], scale):
                    members.append(number)
                    around |= {f: joined(around[f], box) if f in around else box for f, box in own[number].items()}
                    break
            else:
                clusters.append(([number], dict(own[number])))
        found += [(_part(group, sorted(members)), around) for members, around in clusters[:_MAX_CROPS]]
    return found


def _may_join(around: Boxes, own: Boxes, scale: float) -> bool:
    """Return whether an object is so close to others on all their keyframes that one crop does for all."""
    both = [(around[frame], own[frame]) for frame in own if frame in around]
    return bool(both) and all(
        is_small(joined(one, other), scale)
        and extent_of(joined(one, other)) <= _SPREAD * max(extent_of(one), extent_of(other))
        for one, other in both
    )


def _part(group: ObjectGroup, objects: Sequence[int]) -> ObjectGroup:
    """Return the part of a group with some of its objects."""
    pairs = [pair for pair in group.keyframes_by_object() if pair[0] in objects]
    absences = tuple(one for one in group.absences if one.object_id in objects)
    return ObjectGroup(tuple(number for number, _ in pairs), tuple(keys for _, keys in pairs), absences)


def follow(
    job: PropagationJob,
    context: JobContext,
    plan: JobPlan,
    small: Sequence[int],
    whole: Callable[[Callable[[int], NDArray[np.uint8] | None], bool], Propagator],
) -> AnyPropagator:
    """Return the propagator of a job, which also follows its `small` objects.

    `whole` makes that of the whole frame, which reads frames with a function, and yields every frame if asked to.
    """
    scale = context.framing.work_height / context.framing.height
    groups = followed_groups(plan, small, scale)
    if not groups:
        return whole(context.source.read, False)
    frames = RecentFrames(context.source.read, _AHEAD.get(context.device.type, _FEW))
    picture = context.framing.height, context.framing.width
    crops = []
    for group, boxes in groups:
        crop = FollowedCrop(group, _tracks(plan, group, boxes), picture, scale)
        crops.append((crop, _propagator(context, plan, crop, frames)))
    return FollowingPropagator(
        whole(frames.read, True),
        crops,
        truth=plan.truth,
        soft=plan.soft,
        groups=plan.groups,
        source=plan.use.source,
    )


def _tracks(plan: JobPlan, group: ObjectGroup, boxes: Boxes) -> dict[int, CropTrack]:
    """Return where the crop is on each keyframe; where its objects are not visible, as on the nearest other one."""
    found = {}
    for frame in group.keyframes:
        if frame in boxes:
            area = np.isin(plan.truth[frame], group.objects).sum()
            found[frame] = CropTrack.from_keyframe(boxes[frame], float(area))
        else:
            nearest = min(boxes, key=lambda other: (abs(other - frame), other))
            found[frame] = replace(CropTrack.from_keyframe(boxes[nearest], 0.0), trust=0.0, unseen=1)
    return found


def _propagator(context: JobContext, plan: JobPlan, crop: FollowedCrop, frames: RecentFrames) -> Propagator:
    """Make the propagator of a crop."""
    recipe, network = context.recipe, context.network
    framing = Framing.fit(CANVAS, CANVAS, working_height=CANVAS, stride=network.stride)

    def read(frame: int) -> NDArray[np.uint8] | None:
        image = frames.again(frame)
        return None if image is None else crop.crops[frame].shown(image)

    def labels_of(frame: int) -> NDArray[np.uint8]:
        own = np.where(np.isin(plan.truth[frame], crop.group.objects), plan.truth[frame], 0)
        return moved_keyframe(own.astype(np.uint8), {}, crop.crops[frame].shown)[0]

    return Propagator(
        network,
        lambda: recipe.bank(context.numbers, network, context.reader.clip.frame_count),
        framing=framing,
        merger=recipe.mask_merger(framing),
        read=read,
        truth={frame: labels_of(frame) for frame in crop.group.keyframes},
        groups=(crop.group,),
        device=context.device,
        keyframe_policy=replace(plan.policy, soften=False),
        use=plan.use,
        ahead=False,
        every=True,
    )
