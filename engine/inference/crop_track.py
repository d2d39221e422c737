"""Track of a crop through a sweep: where it lies on the next frame, and how far what it shows is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .crops import Box, Crop, box_of, centre_of, crop_side, extent_of

_INSIDE = 0.5
_FOLLOWING = 0.3  # part of the way to the object that the crop's centre goes on each frame
_STEADY = 0.12  # part of its size by which a crop's ideal size may differ without a change
_GROWING = 0.2  # part of the way to its ideal size that a crop goes on each frame
_ROOM = 1.9  # sides of a crop per side of its object, at least
_SPEED = 0.3  # weight of the last movement against those before
_NEARBY, _NEAREST = 2.5, 0.3  # side of the part in which objects are expected, per side of them, or of the crop
_TURNING = 2.0  # movements for which a crop has room beyond its object, as that may turn
_SLOWING = 0.7  # of the speed of an object that is not seen
_TURN = 0.25  # by which trust changes on a frame, at most
_ALIKE = 0.25, 4.0  # limits of the area that the whole frame shows of an object, against its last one


@dataclass(frozen=True)
class CropTrack:
    """What is known of the objects of a crop after a frame; it depends on nothing before the last keyframe."""

    box: Box  # where they were last
    x: float  # centre of the crop
    y: float
    side: float
    area: float = 0.0  # pixels of the objects
    dx: float = 0.0  # movement per frame
    dy: float = 0.0
    trust: float = 1.0  # in what the crop shows, 0..1
    unseen: int = 0  # frames since they were last seen in the crop

    @classmethod
    def from_keyframe(cls, box: Box, area: float) -> CropTrack:
        """Return the track on a keyframe whose objects are in a box."""
        return cls(box, *centre_of(box), crop_side(box), area)

    def crop(self, picture: tuple[int, int]) -> Crop:
        """Return the crop of a frame of a clip of this size (H, W)."""
        return Crop.around(self.x, self.y, self.side, picture)

    def aimed(self, whole: Sequence[NDArray[np.float32]], picture: tuple[int, int]) -> CropTrack:
        """Return the track with the crop of the next frame, which `whole` are the objects' probabilities (H, W) of.

        The crop's centre goes most of the way to where the whole frame shows the objects near where they are expected;
        else where they are expected. If they were not seen any more, it goes to wherever the whole frame shows them.
        """
        expected = _moved(self.box, self.dx, self.dy)
        nearby = max(_NEARBY * extent_of(expected), _NEAREST * self.side)
        around = Crop.around(*centre_of(expected), nearby, picture)
        near = box_of(_mask([plane[around.part] for plane in whole]), around.left, around.top)
        target = expected
        if near is not None and self._is_alike(_area([plane[around.part] for plane in whole])):
            target = near
        elif self.unseen:
            far = box_of(_mask(whole))
            if far is not None:
                return replace(
                    self, box=far, x=centre_of(far)[0], y=centre_of(far)[1], side=crop_side(far), dx=0.0, dy=0.0
                )
        side = self._side(max(extent_of(target), extent_of(self.box)), max(abs(self.dx), abs(self.dy)))
        x, y = self.x + self.dx, self.y + self.dy
        (x, y), room = (
            (one + _FOLLOWING * (to - one) for one, to in zip((x, y), centre_of(target))),
            max((side - 1.2 * extent_of(target)) / 2, 0.0),
        )
        x, y = (min(max(one, to - room), to + room) for one, to in zip((x, y), centre_of(target)))
        return replace(self, x=x, y=y, side=side)

    def _is_alike(self, area: float) -> bool:
        return bool(self.unseen) or not self.area or _ALIKE[0] <= area / self.area <= _ALIKE[1]

    def _side(self, extent: float, speed: float) -> float:
        ideal = max(crop_side((0.0, 0.0, extent, extent)), _ROOM * extent + _TURNING * speed)
        side = self.side
        if abs(ideal / side - 1) > _STEADY:
            side *= (ideal / side) ** _GROWING
        return max(side, _ROOM * extent)

    def learned(self, shown: Sequence[NDArray[np.float32]], crop: Crop, *, elsewhere: bool) -> CropTrack:
        """Return the track after a frame, in whose crop the objects have the probabilities `shown` (side, side).

        `elsewhere` says whether the whole frame shows them.
        """
        mask = _mask(shown)
        box = box_of(mask, crop.left, crop.top)
        if box is None:
            trust = max(self.trust - _TURN, 0.0) if elsewhere else self.trust
            return replace(self, dx=_SLOWING * self.dx, dy=_SLOWING * self.dy, trust=trust, unseen=self.unseen + 1)
        (x, y), (last_x, last_y) = centre_of(box), centre_of(self.box)
        moved = (0.0, 0.0) if self.unseen else (x - last_x, y - last_y)
        dx, dy = (old + _SPEED * (new - old) for old, new in zip((self.dx, self.dy), moved))
        trust = min(self.trust + _TURN, 1.0)
        return replace(self, box=box, area=float(mask.sum()), dx=dx, dy=dy, trust=trust, unseen=0)


def _mask(planes: Sequence[NDArray[np.float32]]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = planes[0] >= _INSIDE
    for plane in planes[1:]:
        mask = mask | (plane >= _INSIDE)
    return mask


def _area(planes: Sequence[NDArray[np.float32]]) -> float:
    return float(_mask(planes).sum())


def _moved(box: Box, dx: float, dy: float) -> Box:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
