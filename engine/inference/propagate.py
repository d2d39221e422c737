"""Propagator: computes the mattes of a clip from its frames and keyframes, with any network, without file access."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..memory.bank import MemoryBank
from ..networks.network import Features, Network
from ..quality.signals import Signals
from ..runtime.device_copy import copy_to_host
from .early_end import NEVER, EarlyEnds
from .encoding import FrameEncoder, ReadFrame, can_encode_batches
from .feature_cache import FeatureCache
from .frame_use import EVERY_FRAME, FrameUse
from .framing import Framing
from .keyframe_mattes import keyframe_alphas
from .keyframe_memory import Keyframes, Labels, PermanentEntries
from .mask_merging import GroupPrediction, MaskMerger, MergedMasks
from .mattes import Matte, PropagationState, empty_matte
from .observation import Observer
from .shots import Blank
from .snapshot import deserialize_state, serialize_state
from .soft_masks import SoftKeyframes
from .sweeps import ALL_PERMANENT, KeyframePolicy, ObjectGroup, Sweep, blend_weight
from .tracker import Tracker, annotated_on, reached_on

OnFeatures = Callable[[int, Features], None]  # called with a media frame and its features
StateDue = Callable[[], bool]
Edges = dict[int, list[NDArray[np.float32]]]  # object -> the network's own prediction (H, W) on a keyframe, if any


@dataclass(frozen=True)
class _Segmented:
    """What a step makes of a frame."""

    merged: MergedMasks
    edges: Edges  # on a keyframe: the network's own predictions for the annotated objects
    signals: Mapping[int, Signals]


class Propagator:
    """Propagates keyframe masks over a clip."""

    def __init__(
        self,
        network: Network,
        new_bank: Callable[[], MemoryBank],
        *,
        framing: Framing,
        merger: MaskMerger,
        read: ReadFrame,
        truth: Labels,
        groups: Sequence[ObjectGroup],
        device: torch.device,
        soft: SoftKeyframes | None = None,
        keyframe_policy: KeyframePolicy = ALL_PERMANENT,
        use: FrameUse = EVERY_FRAME,
        on_features: OnFeatures | None = None,
        cache: FeatureCache | None = None,
        ahead: bool = True,
        every: bool = False,
    ) -> None:
        """Set up propagation; `truth` holds the keyframe labels by frame, `soft` their soft pixels.

        `new_bank` makes an empty memory bank. `on_features` is called with each frame and its features, which
        `cache` keeps. Unless `ahead`, a frame is read only when its mattes are asked for. With `every`, sweeps also
        yield the mattes of frames that are not wanted.
        """
        self._network = network
        self._new_bank = new_bank
        self._merger = merger
        self._observer = Observer(read, framing)
        self._encoder = FrameEncoder(network, framing, self._observer.read, device, cache, ahead=ahead)
        self._truth = truth
        self._soft = soft or {}
        self._groups = groups
        self._device = device
        self._policy = keyframe_policy
        self._keyframes = Keyframes(truth, network, merger, keyframe_policy, device)
        self._use = use
        self._on_features = on_features
        self._ahead = ahead
        self._every = every
        self._permanent: dict[ObjectGroup, PermanentEntries] = {}
        self.readable: set[int] = set()  # keyframes whose images could be read

    @torch.inference_mode()
    def propagate(
        self,
        sweeps: Sequence[Sweep],
        *,
        blanks: Sequence[Blank] = (),
        resume_from: PropagationState | None = None,
        state_due: StateDue = lambda: False,
        ends: EarlyEnds = NEVER,
    ) -> Iterator[Matte]:
        """Encode the permanent keyframes, then yield the empty mattes of `blanks` and those of all sweeps.

        When `state_due()` is true, the next matte holds a state in `checkpoint`. Pass that state as `resume_from` to
        continue after its frame. `ends` tells which sweeps end early.
        """
        self.readable = set()
        self._observer.forget()
        self._permanent = {}
        if self._policy.permanent:
            self._permanent = self._keyframes.memorize(self._groups, self._encoded_keyframes())
        if resume_from is None:
            size = next(iter(self._truth.values())).shape
            yield from (empty_matte(frame, blank.objects, size) for blank in blanks for frame in blank.frames)
        first = resume_from.sweep if resume_from else 0
        for index, sweep in list(enumerate(sweeps))[first:]:
            if not ends.is_over(sweep):
                state = resume_from if resume_from and index == first else None
                yield from self._sweep(index, sweep, state, state_due, ends)

    def _encoded_keyframes(self) -> Iterator[tuple[int, Features]]:
        """Yield every keyframe that can be read, with its features."""
        for frame in sorted(self._truth):
            features = self._encoder.encode(frame)
            if features is None:
                continue
            self.readable.add(frame)
            if self._on_features:
                self._on_features(frame, features)
            annotated = {number for group in self._groups for number in group.annotated(frame)}
            self._observer.add_keyframe(features, self._truth[frame], annotated)
            yield frame, features

    def _sweep(
        self, index: int, sweep: Sweep, resume_from: PropagationState | None, state_due: StateDue, ends: EarlyEnds
    ) -> Iterator[Matte]:
        """Yield the mattes of sweep number `index`; `resume_from` is a state that was saved in this sweep."""
        trackers = self._new_trackers(sweep)
        self._observer.start_sweep()
        frames = sweep.frames
        if resume_from:
            states, observed = deserialize_state(resume_from.trackers, resume_from.tensors, self._device)
            self._observer.load_state_dict(observed)
            for tracker, state in zip(trackers, states, strict=True):
                tracker.load_state_dict(state)
            frames = frames[frames.index(resume_from.frame) + 1 :]
        else:
            ends.start()

        def checkpoint(frame: int) -> PropagationState | None:
            if frame not in sweep.wanted or not state_due():
                return None
            tensors: dict[str, Tensor] = {}
            observed = self._observer.state_dict()
            states = serialize_state(([tracker.state_dict() for tracker in trackers], observed), tensors)
            return PropagationState(index, frame, states, tensors)

        segmented = (frame for frame in frames if self._use.source(frame) == frame)
        reachable = (frame for frame in segmented if reached_on(sweep, frame, trackers))
        with self._encoder.encode_all(reachable) as encoded:
            merged = self._merged_masks(sweep, encoded, trackers)
            for (frame, edges, signals, state), probability in copy_to_host(
                (((frame, edges, signals, checkpoint(frame)), tensor) for frame, tensor, edges, signals in merged),
                delay=int(self._ahead and can_encode_batches(self._network, self._device)),
            ):
                matte = replace(self._matte(frame, sweep, trackers, probability, edges), sweep=index)
                if frame not in sweep.wanted:
                    yield matte
                    continue
                side = ends.take(sweep, matte)
                if state:
                    state = replace(state, ended={**ends.ended}, agreeing=ends.agreeing)
                shown = [other for other in self._use.showing(frame) if other in sweep.wanted]
                for other in shown:  # the state comes last, as a run that resumes from it makes none of these again
                    last = {"checkpoint": state, "ends_side": side} if other == shown[-1] else {}
                    yield replace(matte, frame=other, signals=signals, **last)
                if side is not None:
                    return

    def _matte(
        self, frame: int, sweep: Sweep, trackers: Sequence[Tracker], probability: NDArray[np.float32], edges: Edges
    ) -> Matte:
        """Return the mattes of a frame from its probabilities (1 + O, H, W); on a keyframe they have its shapes."""
        reached = reached_on(sweep, frame, trackers)
        objects = tuple(number for number, _ in reached)
        alpha = probability[1:]
        if frame in self._truth:
            labels, soft = self._truth[frame], self._soft.get(frame, {})
            alpha = keyframe_alphas(labels, objects, annotated_on(trackers, frame), alpha, edges, soft)
        weights = tuple(blend_weight(keyframes, frame, sweep) for _, keyframes in reached)
        return Matte(frame, objects, alpha, weights, probability)

    def _new_trackers(self, sweep: Sweep) -> list[Tracker]:
        """Make a tracker for each group of the sweep, with a memory that starts with the group's permanent keyframes.

        If keyframes are permanent, groups without a readable keyframe get no tracker.
        """
        trackers = []
        for group in sweep.groups:
            keyframes = self._permanent.get(group, PermanentEntries())
            if self._policy.permanent and not keyframes.entries:  # none of its keyframes could be read
                continue
            bank = self._bank_of(group, sweep.frames.start)
            trackers.append(Tracker(self._network, group, bank, objects=keyframes.objects))
        return trackers

    def _bank_of(self, group: ObjectGroup, start: int) -> MemoryBank:
        """Return a memory bank with nothing but the group's permanent keyframes, for a sweep from the frame `start`."""
        bank = self._new_bank()
        for entry in self._permanent.get(group, PermanentEntries()).entries:
            bank.write(entry)
        bank.start_from(start)
        return bank

    def _merged_masks(
        self, sweep: Sweep, encoded: Iterator[tuple[int, Features]], trackers: Sequence[Tracker]
    ) -> Iterator[tuple[int, Tensor, Edges, Mapping[int, Signals]]]:
        """Segment the frames of a sweep; yield each wanted frame with probabilities (1 + O, H, W), background first.

        On a keyframe, there are also the network's own predictions for the annotated objects; the signals are of all
        other objects.
        """
        for frame, features in encoded:
            if self._on_features:
                self._on_features(frame, features)
            active = [one for one in trackers if any(sweep.reaches(keys, frame) for keys in one.group.keyframes_of)]
            step = self._step(frame, features, active)
            if step and (self._every or frame in sweep.wanted):
                background = step.merged.background
                masks, absent = step.merged.probability, torch.zeros_like(background)
                objects = [masks.get(number, absent) for number, _ in reached_on(sweep, frame, trackers)]
                yield frame, torch.stack([background, *objects]), step.edges, step.signals

    def _step(self, frame: int, features: Features, trackers: Sequence[Tracker]) -> _Segmented | None:
        """Segment a frame and update all trackers; return None if no tracker has an object yet."""
        annotated = annotated_on(trackers, frame)
        predictions = [self._predict(frame, features, tracker, annotated) for tracker in trackers]
        active = [pair for pair in zip(trackers, predictions, strict=True) if pair[1].objects]
        if not active:
            return None
        known = annotated.union(*(self._absent(tracker.group, frame) for tracker in trackers))
        given = [number for _, group in active for number in group.objects if number in known]
        merged = self._merger.merge([group for _, group in active], self._keyframes.masks(given, frame))
        if annotated and not self._policy.permanent:
            self._observer.add_keyframe(features, self._truth[frame], annotated)
        observed = [tracker for tracker, _ in active]
        signals = self._observer.measure(frame, features, merged, observed, known)
        edges: Edges = {}
        for tracker, masks in zip(observed, merged.masks, strict=True):
            self._update(frame, features, tracker, masks, merged)
            edges |= self._own_predictions(frame, features, tracker)
        self._observer.add_estimates(signals, observed)
        return _Segmented(merged, edges, signals)

    def _own_predictions(self, frame: int, features: Features, tracker: Tracker) -> Edges:
        """Return the network's predictions for the tracker's objects that are annotated on this frame, just seen."""
        annotated = tracker.group.annotated(frame)
        if not (annotated and self._policy.soften and tracker.has_memory()):
            return {}
        prediction = GroupPrediction(tuple(tracker.objects), len(tracker.objects), tracker.peek(features))
        probability = self._merger.merge([prediction], {}).probability
        return {number: [probability[number].cpu().numpy()] for number in annotated if number in probability}

    def _predict(self, frame: int, features: Features, tracker: Tracker, annotated: set[int]) -> GroupPrediction:
        """Predict the masks of the tracker's objects; then add the objects annotated on this frame to the tracker.

        Prediction is skipped if all of them are annotated on this frame, unless the keyframe policy demands it.
        """
        known = len(tracker.objects)
        is_read = self._policy.read_on_keyframes or not annotated.issuperset(tracker.objects)
        predict = tracker.peek if self._is_forgotten(tracker, frame) else tracker.predict
        prediction = predict(features) if is_read and tracker.has_memory() else None
        tracker.add_objects(self._keyframes.visible(tracker.group.annotated(frame), frame))
        return GroupPrediction(tuple(tracker.objects), known, prediction)

    def _update(self, frame: int, features: Features, tracker: Tracker, masks: Tensor, merged: MergedMasks) -> None:
        if self._is_forgotten(tracker, frame):
            return
        if not tracker.group.annotated(frame):
            tracker.update(frame, features, masks, merged)
        elif self._policy.permanent:
            if self._policy.restarts:
                tracker.restart(self._bank_of(tracker.group, frame))
            tracker.pass_keyframe(frame, features, masks)
        else:
            tracker.write_keyframe(frame, features, masks)

    def _is_forgotten(self, tracker: Tracker, frame: int) -> bool:
        """Return whether too little can be seen on a frame for the tracker to remember it."""
        return frame in self._use.faint and not tracker.group.annotated(frame)

    def _absent(self, group: ObjectGroup, frame: int) -> set[int]:
        """Return the objects of a group that cannot be seen on a frame: all but annotated ones if nothing can be."""
        unseen = {*group.objects} if frame in self._use.flat else {*group.absent(frame)}
        return unseen - {*group.annotated(frame)}
