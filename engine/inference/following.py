"""Following of small objects: propagates a clip and, in step with it, the crops around its small objects."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .crop_merging import CropResult, merge_crops
from .crop_track import CropTrack
from .crops import Crop, worth_of
from .early_end import NEVER, EarlyEnds
from .encoding import ReadFrame
from .keyframe_memory import Labels
from .mattes import Matte, PropagationState
from .propagate import Propagator, StateDue
from .shots import Blank
from .snapshot import Json
from .soft_masks import SoftKeyframes
from .spaces import with_shapes
from .sweeps import ObjectGroup, Sweep

Image = NDArray[np.uint8]
_USED = 0.5  # trust in a crop from which its signals are those of the mattes


class RecentFrames:
    """Keeps the images that are read for the whole frame until its crops have been taken from them."""

    def __init__(self, read: ReadFrame, limit: int) -> None:
        """Wrap `read`; at most `limit` images are kept."""
        self._read, self._limit = read, limit
        self._images: OrderedDict[int, Image | None] = OrderedDict()
        self._lock = threading.Lock()  # the whole frame's images may be read ahead, in another thread

    def read(self, frame: int) -> Image | None:
        """Read a frame, and keep it."""
        with self._lock:
            image = self._read(frame)
            self._images[frame] = image
            self._images.move_to_end(frame)
            while len(self._images) > self._limit:
                self._images.popitem(last=False)
        return image

    def again(self, frame: int) -> Image | None:
        """Return a frame that was read before."""
        with self._lock:
            return self._images[frame] if frame in self._images else self._read(frame)


class FollowedCrop:
    """Crop around some small objects of a group: its place on each frame of a sweep, and what is known of it."""

    def __init__(
        self, group: ObjectGroup, keyframes: Mapping[int, CropTrack], picture: tuple[int, int], scale: float
    ) -> None:
        """Set up; `group` has these objects only, and `keyframes` says where the crop is on its keyframes.

        Frames of a `picture` (H, W) are scaled by `scale` as a whole.
        """
        self.group = group
        self._keyframes = keyframes
        self._picture, self._scale = picture, scale
        self.crops: dict[int, Crop] = {frame: track.crop(picture) for frame, track in keyframes.items()}
        self.track: CropTrack | None = None
        self._last: int | None = None  # frame beside the keyframes in `crops`

    def aim(self, frame: int, matte: Matte) -> None:
        """Choose the crop of a frame from the mattes of the whole frame."""
        if self._last is not None and self._last not in self._keyframes:
            del self.crops[self._last]
        self._last = frame
        if frame in self._keyframes:
            self.track = self._keyframes[frame]
            return
        if self.track is None:  # the picture of the keyframe with which the sweep begins cannot be read
            self.track = self._keyframes[min(self._keyframes, key=lambda other: (abs(other - frame), other))]
        self.track = self.track.aimed(self._planes(matte), self._picture)
        self.crops[frame] = self.track.crop(self._picture)

    def learn(self, frame: int, matte: Matte, found: Matte) -> CropResult | None:
        """Take in what the crop shows, and return it; None on keyframes, on which nothing is to be found."""
        if frame in self._keyframes:
            return None
        assert self.track is not None, "it was aimed before"
        crop = self.crops[frame]
        shown = crop.restored(found.probability[1:])
        elsewhere = any(bool((plane >= 0.5).any()) for plane in self._planes(matte))
        self.track = self.track.learned([*shown], crop, elsewhere=elsewhere)
        is_cut = not self.track.unseen and crop.cuts(self.track.box, self._picture)
        trust = self.track.trust * worth_of(crop.side, self._scale)
        return CropResult(found.objects, shown, crop, trust, is_cut)

    def _planes(self, matte: Matte) -> list[NDArray[np.float32]]:
        return [matte.probability[1 + matte.objects.index(number)] for number in self.group.objects]


class _Run:
    """Propagation of a crop over a job's sweeps, one frame at a time."""

    def __init__(self, crop: FollowedCrop, propagator: Propagator, sweeps: Sequence[Sweep]) -> None:
        self.crop = crop
        self._propagator = propagator
        self._sweeps = sweeps
        self._mattes: Iterator[Matte] = iter(())
        self._is_due = False
        self._result: CropResult | None = None
        self._found: Matte | None = None

    def start(self, sweep: int, state: PropagationState | None, track: CropTrack | None) -> None:
        """Begin with the sweep of this index, or after the frame of `state`."""
        sweeps = [replace(one, groups=()) if i < sweep else one for i, one in enumerate(self._sweeps)]
        self._mattes = self._propagator.propagate(sweeps, resume_from=state, state_due=lambda: self._is_due)
        self.crop.track = track

    def follows(self, matte: Matte) -> bool:
        """Return whether the crop's objects are followed on the frame of a matte."""
        groups = self._sweeps[matte.sweep].groups if matte.sweep is not None else ()
        return bool(groups) and {*self.crop.group.objects} <= {*matte.objects}

    def step(self, source: int, matte: Matte, *, is_new: bool, is_due: bool) -> tuple[CropResult | None, Matte | None]:
        """Follow the objects on the next frame, or show once more what was found on `source`, which the frame repeats.

        Returns the result, and what the crop's propagator has found.
        """
        if is_new:
            self._is_due = is_due
            self.crop.aim(source, matte)
        self._found = next(self._mattes, None)
        if self._found is None or self._found.frame != matte.frame:
            self._mattes = iter(())  # its frames could not be read: from here on the whole frame counts
            return None, None
        if is_new:
            self._result = self.crop.learn(source, matte, self._found)
        return self._result, self._found


class FollowingPropagator:
    """Propagates a clip as a `Propagator` does, and puts in what its crops show of small objects."""

    def __init__(
        self,
        whole: Propagator,
        crops: Sequence[tuple[FollowedCrop, Propagator]],
        *,
        truth: Labels,
        soft: SoftKeyframes,
        groups: Sequence[ObjectGroup],
        source: Callable[[int], int],
    ) -> None:
        """Set up; `whole` yields `every` frame. `source` returns the frame whose matte a frame gets."""
        self._whole = whole
        self._crops = crops
        self._truth, self._soft, self._groups = truth, soft, groups
        self._source = source

    @property
    def readable(self) -> set[int]:
        """Return the keyframes whose images could be read."""
        return self._whole.readable

    def propagate(
        self,
        sweeps: Sequence[Sweep],
        *,
        blanks: Sequence[Blank] = (),
        resume_from: PropagationState | None = None,
        state_due: StateDue = lambda: False,
        ends: EarlyEnds = NEVER,
    ) -> Iterator[Matte]:
        """Yield the mattes of blanks and sweeps, see `Propagator.propagate`. No sweep ends early."""
        whole, parts = _split(resume_from, len(self._crops))
        runs = [_Run(crop, propagator, _only(sweeps, crop.group)) for crop, propagator in self._crops]
        for run, (state, track) in zip(runs, parts, strict=True):
            run.start(whole.sweep if whole else 0, state, track)
        dues: deque[bool] = deque()

        def due() -> bool:
            dues.append(state_due())
            return dues[-1]

        mattes = self._whole.propagate(sweeps, blanks=blanks, resume_from=whole, state_due=due)
        if resume_from is None:
            yield from islice(mattes, sum(len(one.frames) for one in blanks))
        last, is_due = None, False
        for matte in mattes:
            assert matte.sweep is not None, "blank mattes come first"
            wanted = matte.frame in sweeps[matte.sweep].wanted
            here = matte.sweep, self._source(matte.frame)
            if here != last:
                is_due = dues.popleft() if here[1] in sweeps[matte.sweep].wanted else False
            steps = [
                run.step(here[1], matte, is_new=here != last, is_due=is_due) if run.follows(matte) else (None, None)
                for run in runs
            ]
            last = here
            if wanted:
                joined = self._joined(here[1], matte, steps)
                yield replace(joined, checkpoint=_join(matte.checkpoint, [found for _, found in steps], runs))

    def _joined(self, frame: int, matte: Matte, steps: Sequence[tuple[CropResult | None, Matte | None]]) -> Matte:
        """Return the mattes of a frame, or of one that repeats it, with what the crops show."""
        results = [result for result, _ in steps if result is not None]
        probability = merge_crops(matte.objects, matte.probability, results)
        signals = dict(matte.signals)
        for result, found in steps:
            if result is not None and found is not None and result.trust >= _USED:
                signals |= found.signals
        if probability is matte.probability:
            return replace(matte, signals=signals)
        annotated = {number for group in self._groups for number in group.annotated(frame)}
        alpha = with_shapes(frame, matte.objects, probability[1:], self._truth, self._soft, annotated)
        return replace(matte, alpha=alpha, probability=probability, signals=signals)


def _only(sweeps: Sequence[Sweep], group: ObjectGroup) -> list[Sweep]:
    """Return the sweeps with this part of one of their groups only."""
    return [
        replace(one, groups=(group,) if any(_holds(other, group) for other in one.groups) else ()) for one in sweeps
    ]


def _holds(group: ObjectGroup, part: ObjectGroup) -> bool:
    return {*part.objects} <= {*group.objects} and group.keyframes == part.keyframes


# -- resuming ----------------------------------------------------------------------------------------------------------
def _join(
    whole: PropagationState | None, found: Sequence[Matte | None], runs: Sequence[_Run]
) -> PropagationState | None:
    """Return one state of the whole frame and of all crops that are in the midst of its sweep."""
    if whole is None:
        return None
    tensors = {**whole.tensors}
    parts: list[Json] = []
    for index, (matte, run) in enumerate(zip(found, runs, strict=True)):
        state = matte.checkpoint if matte else None
        if state is None or run.crop.track is None:
            parts.append(None)
            continue
        tensors |= {f"crop{index}.{name}": tensor for name, tensor in state.tensors.items()}
        parts.append({"trackers": state.trackers, "track": asdict(run.crop.track)})
    return replace(whole, trackers={"whole": whole.trackers, "crops": parts}, tensors=tensors)


def _split(
    state: PropagationState | None, count: int
) -> tuple[PropagationState | None, list[tuple[PropagationState | None, CropTrack | None]]]:
    """Return the states that `_join` has joined."""
    if state is None:
        return None, [(None, None)] * count
    parts: list[tuple[PropagationState | None, CropTrack | None]] = []
    for index, part in enumerate(state.trackers["crops"]):
        if part is None:
            parts.append((None, None))
            continue
        prefix = f"crop{index}."
        own = {name.removeprefix(prefix): value for name, value in state.tensors.items() if name.startswith(prefix)}
        track = CropTrack(**{**part["track"], "box": tuple(part["track"]["box"])})
        parts.append((replace(state, trackers=part["trackers"], tensors=own), track))
    tensors = {name: value for name, value in state.tensors.items() if not name.startswith("crop")}
    return replace(state, trackers=state.trackers["whole"], tensors=tensors), parts
