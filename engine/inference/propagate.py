"""propagate(): keyframes and frames in, mattes out. Pure compute: knows no files and no particular network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..memory.bank import MemoryBank
from ..memory.entry import Entry
from ..networks.network import Features, Network
from ..runtime.device_copy import arriving
from .encoding import FrameEncoder, ReadFrame, encodes_together
from .framing import Framing
from .mask_merging import Judge, Said, Verdict
from .snapshot import freeze, thaw
from .sweeps import ALL_PERMANENT, Habits, ObjectGroup, Sweep, share
from .tracker import Tracker

Watch = Callable[[int, Features], None]  # is shown what the network saw at a media frame
Truth = Mapping[int, np.ndarray]  # media frame -> keyframe labels (H, W) uint8


@dataclass(frozen=True)
class Matte:
    """What one sweep found at one frame, for the objects it carries there."""

    frame: int
    objects: tuple[int, ...]
    alpha: np.ndarray  # (O, H, W) float32 0..1, at the clip's size; a keyframe's objects exactly as the user made them
    shares: tuple[float, ...]  # per object: how much of the final alpha this is, if another sweep was here before
    probability: np.ndarray  # (1 + O, H, W) float32 0..1: what was judged, background first, on keyframes too
    point: Point | None = None  # now and then: how far the walk was then


@dataclass(frozen=True)
class Point:
    """All that a walk over the same frames needs to go on behind a frame as if it had never stopped."""

    sweep: int  # its number, from 0
    frame: int  # the last that it found
    held: Any  # by its trackers, as `freeze` tells it
    tensors: dict[str, Tensor]  # of that


@dataclass(frozen=True)
class _Pinned:
    """What the keyframes of a group left in memory."""

    objects: tuple[int, ...]  # in the order of the entries' rows
    entries: tuple[Entry, ...]


class Walk:
    """Everything that stays the same while a clip is propagated."""

    def __init__(
        self,
        network: Network,
        new_bank: Callable[[], MemoryBank],
        *,
        framing: Framing,
        judge: Judge,
        read: ReadFrame,
        truth: Truth,
        groups: Sequence[ObjectGroup],
        device: torch.device,
        habits: Habits = ALL_PERMANENT,
        watch: Watch | None = None,
    ) -> None:
        self._network = network
        self._new_bank = new_bank
        self._judge = judge
        self._encoder = FrameEncoder(network, framing, read, device)
        self._truth = truth
        self._groups = groups
        self._device = device
        self._habits = habits
        self._watch = watch
        self.readable: set[int] = set()  # keyframes whose pictures could be read when the walk began

    @torch.inference_mode()
    def propagate(
        self, sweeps: Sequence[Sweep], *, since: Point | None = None, due: Callable[[], bool] = lambda: False
    ) -> Iterator[Matte]:
        """Mattes frame by frame. Permanent keyframes are all in memory before the first frame is computed.

        Whenever it is `due`, a matte tells the point from which another walk could go on, behind it: `since`.
        """
        self.readable = set()
        pinned = self._pin_keyframes() if self._habits.permanent else {}
        for number, sweep in enumerate(sweeps):
            if since is None or number >= since.sweep:
                yield from self._sweep(number, sweep, pinned, since if since and number == since.sweep else None, due)

    def _pin_keyframes(self) -> dict[ObjectGroup, _Pinned]:
        known: dict[ObjectGroup, list[int]] = {group: [] for group in self._groups}
        entries: dict[ObjectGroup, list[Entry]] = {group: [] for group in self._groups}
        for frame in sorted(self._truth):
            features = self._encoder.one(frame)
            if features is None:
                continue
            self.readable.add(frame)
            if self._watch:
                self._watch(frame, features)
            for group in self._groups:
                told = group.told(frame)
                if self._habits.joint:  # an object is spoken of from the first keyframe on that shows it
                    known[group] += [number for number in self._shown(told, frame) if number not in known[group]]
                    told = tuple(number for number in known[group] if number in told)
                elif told:
                    known[group] = list(group.objects)
                if told:
                    said = Said(told, 0, None)
                    masks = self._judge.decide([said], self._given(told, frame)).masks[0]
                    entry = self._pin(group, frame, features, masks)
                    if entry.objects:
                        entry = entry.about(tuple(known[group].index(number) for number in told))
                    entries[group].append((entry.blurred() if frame == self._habits.blurred else entry).as_pinned())
        return {group: _Pinned(tuple(known[group]), tuple(entries[group])) for group in self._groups}

    def _pin(self, group: ObjectGroup, frame: int, features: Features, masks: Tensor) -> Entry:
        """What stays of a keyframe: as the network says that pins some in a way of its own, else as of any."""
        pin = getattr(self._network, "pin", None)
        if pin:
            return pin(frame, features, masks, among=len(group.keyframes))
        return self._network.refer(frame, features, masks, None)[0]

    def _sweep(
        self,
        number: int,
        sweep: Sweep,
        pinned: Mapping[ObjectGroup, _Pinned],
        since: Point | None,
        due: Callable[[], bool],
    ) -> Iterator[Matte]:
        trackers: list[Tracker] = []
        for group in self._groups:
            before = pinned.get(group, _Pinned((), ()))
            if self._habits.permanent and not before.entries:  # none of its keyframes could be read
                continue
            bank = self._new_bank()
            for entry in before.entries:
                bank.write(entry)
            bank.start_from(sweep.frames.start)
            trackers.append(Tracker(self._network, group, bank, objects=before.objects))
        coming = sweep.frames
        if since:
            for tracker, held in zip(trackers, thaw(since.held, since.tensors, self._device), strict=True):
                tracker.hold(held)
            coming = coming[coming.index(since.frame) + 1 :]

        def point(frame: int) -> Point | None:
            tensors: dict[str, Tensor] = {}
            return Point(number, frame, freeze([one.held() for one in trackers], tensors), tensors) if due() else None

        frames = (frame for frame in coming if _reached(sweep, frame, trackers))
        with self._encoder.each(frames) as encoded:
            for (frame, at), found in arriving(
                (((frame, point(frame)), map_) for frame, map_ in self._find(sweep, encoded, trackers)),
                late=int(encodes_together(self._network, self._device)),
            ):
                reached = _reached(sweep, frame, trackers)
                objects = tuple(number for number, _ in reached)
                yield Matte(
                    frame=frame,
                    objects=objects,
                    alpha=self._exact(frame, objects, found[1:], trackers),
                    shares=tuple(share(keyframes, frame, sweep) for _, keyframes in reached),
                    probability=found,
                    point=at,
                )

    def _find(
        self, sweep: Sweep, encoded: Iterator[tuple[int, Features]], trackers: Sequence[Tracker]
    ) -> Iterator[tuple[int, Tensor]]:
        """Each wanted frame of which something is known, and what is there: (1 + O, H, W), background first."""
        for frame, features in encoded:
            if self._watch:
                self._watch(frame, features)
            here = [one for one in trackers if any(sweep.reaches(frames, frame) for frames in one.group.keyframes_of)]
            verdict = self._step(frame, features, here)
            if verdict and frame in sweep.wanted:
                nothing = torch.zeros_like(verdict.background)
                every = [verdict.probability.get(number, nothing) for number, _ in _reached(sweep, frame, trackers)]
                yield frame, torch.stack([verdict.background, *every])

    def _step(self, frame: int, features: Features, trackers: Sequence[Tracker]) -> Verdict | None:
        """What is at every pixel of `frame`, learnt by each tracker; None if nothing is known yet."""
        told = {number for tracker in trackers for number in tracker.group.told(frame)}
        said = []
        for tracker in trackers:
            known = len(tracker.objects)
            asked = tracker.knows_anything() and (self._habits.predicts or not told.issuperset(tracker.objects))
            prediction = tracker.predict(features) if asked else None
            tracker.meet(self._shown(tracker.group.told(frame), frame))
            said.append(Said(tuple(tracker.objects), known, prediction))
        here = [(tracker, each) for tracker, each in zip(trackers, said, strict=True) if each.objects]
        if not here:
            return None
        given = self._given([number for _, each in here for number in each.objects if number in told], frame)
        verdict = self._judge.decide([each for _, each in here], given)
        for (tracker, _), masks in zip(here, verdict.masks, strict=True):
            if not tracker.group.told(frame):
                tracker.learn(frame, features, masks, verdict)
            elif self._habits.permanent:
                tracker.accept(frame, features, masks)
            else:
                tracker.accept_and_write(frame, features, masks)
        return verdict

    def _given(self, objects: Sequence[int], frame: int) -> dict[int, Tensor]:
        """A keyframe's masks of `objects`, (H, W) each, at the clip's size."""
        if not objects:
            return {}
        return dict(zip(objects, self._one_hot(objects, frame).to(self._device), strict=True))

    def _one_hot(self, objects: Sequence[int], frame: int) -> Tensor:
        labels = torch.from_numpy(self._truth[frame])
        return torch.stack([labels == number for number in objects]).float()

    def _shown(self, objects: Sequence[int], frame: int) -> list[int]:
        """Those of `objects` that have pixels on the keyframe at `frame`; all, if objects do not share a memory."""
        if not objects or not self._habits.joint:
            return list(objects)
        shown = set(np.unique(self._truth[frame]).tolist())
        return [number for number in objects if number in shown]

    def _exact(
        self, frame: int, objects: tuple[int, ...], probability: np.ndarray, trackers: Sequence[Tracker]
    ) -> np.ndarray:
        """(O, H, W): a keyframe's own objects exactly as the user made them, and no other on their pixels."""
        if frame not in self._truth:
            return probability
        told = {number for tracker in trackers for number in tracker.group.told(frame)}
        free = self._truth[frame] == 0
        exact = self._one_hot(objects, frame).numpy()
        return np.stack([exact[i] if number in told else probability[i] * free for i, number in enumerate(objects)])


def _reached(sweep: Sweep, frame: int, trackers: Sequence[Tracker]) -> list[tuple[int, Sequence[int]]]:
    """Each object that is followed to `frame`, and its keyframes."""
    followed = [each for tracker in trackers for each in tracker.group.followed()]
    return [(number, keyframes) for number, keyframes in followed if sweep.reaches(keyframes, frame)]
