"""Propagator: computes the mattes of a clip from its frames and keyframes, with any network, without file access."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..memory.bank import MemoryBank
from ..memory.entry import Entry
from ..networks.network import Features, MemorizesPermanent, Network
from ..quality.signals import Signals
from ..runtime.device_copy import copy_to_host
from .encoding import FrameEncoder, ReadFrame, can_encode_batches
from .framing import Framing
from .keyframe_mattes import keyframe_alphas
from .mask_merging import GroupPrediction, MaskMerger, MergedMasks
from .observation import Observer, worst
from .snapshot import Json, deserialize_state, serialize_state
from .soft_masks import SoftKeyframes
from .sweeps import ALL_PERMANENT, KeyframePolicy, ObjectGroup, Sweep, blend_weight
from .tracker import Tracker

OnFeatures = Callable[[int, Features], None]  # called with a media frame and its features
Edges = dict[int, list[NDArray[np.float32]]]  # object -> the network's own prediction (H, W) on a keyframe, if any
Labels = Mapping[int, NDArray[np.uint8]]  # media frame -> keyframe labels (H, W)
Assess = Callable[[Signals], float | None]  # signals -> probability that a mask is right; None: not calibrated


@dataclass(frozen=True)
class Matte:
    """Mattes of all objects on one frame, computed in one sweep."""

    frame: int
    objects: tuple[int, ...]
    alpha: NDArray[np.float32]  # (O, H, W) 0..1 at the clip's size; on a keyframe the user's shape
    blend_weights: tuple[float, ...]  # per object: weight of this alpha against that of the other sweep, 0..1
    probability: NDArray[np.float32]  # (1 + O, H, W) 0..1, background first, without the keyframe masks
    signals: Mapping[int, Signals] = field(default_factory=dict)  # by object; none of those annotated here
    checkpoint: PropagationState | None = None  # state from which propagation can resume, attached to some frames


@dataclass(frozen=True)
class PropagationState:
    """State after a frame, from which propagation can resume with the same results as without interruption."""

    sweep: int  # index of the sweep, from 0
    frame: int  # the last frame computed
    trackers: Json  # the trackers' state as `serialize_state` wrote it
    tensors: dict[str, Tensor]  # the tensors that `trackers` refers to


@dataclass(frozen=True)
class _PermanentEntries:
    """Memory entries of all keyframes of a group, made before the first frame is segmented."""

    objects: tuple[int, ...]  # in the order of the entries' rows
    entries: tuple[Entry, ...]


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
        on_features: OnFeatures | None = None,
        assess: Assess = lambda signals: None,
    ) -> None:
        """Set up propagation; `truth` holds the keyframe labels by frame, `soft` their soft pixels.

        `new_bank` makes an empty memory bank. `on_features` is called with each frame and its features. `assess` rates
        masks for the quality gate of memories.
        """
        self._network = network
        self._new_bank = new_bank
        self._merger = merger
        self._observer = Observer(read, framing)
        self._assess = assess
        self._encoder = FrameEncoder(network, framing, self._observer.read, device)
        self._truth = truth
        self._soft = soft or {}
        self._groups = groups
        self._device = device
        self._policy = keyframe_policy
        self._on_features = on_features
        self.readable: set[int] = set()  # keyframes whose images could be read

    @torch.inference_mode()
    def propagate(
        self,
        sweeps: Sequence[Sweep],
        *,
        resume_from: PropagationState | None = None,
        state_due: Callable[[], bool] = lambda: False,
    ) -> Iterator[Matte]:
        """Encode the permanent keyframes, then yield the mattes of all sweeps, frame by frame.

        When `state_due()` is true, the next matte holds a state in `checkpoint`. Pass that state as `resume_from` to
        continue after its frame.
        """
        self.readable = set()
        permanent = self._memorize_keyframes() if self._policy.permanent else {}
        first = resume_from.sweep if resume_from else 0
        for index, sweep in list(enumerate(sweeps))[first:]:
            state = resume_from if resume_from and index == first else None
            yield from self._sweep(index, sweep, permanent, state, state_due)

    def _memorize_keyframes(self) -> dict[ObjectGroup, _PermanentEntries]:
        """Encode the keyframes of each group into permanent memory entries."""
        known: dict[ObjectGroup, list[int]] = {group: [] for group in self._groups}
        entries: dict[ObjectGroup, list[Entry]] = {group: [] for group in self._groups}
        for frame in sorted(self._truth):
            features = self._encoder.encode(frame)
            if features is None:
                continue
            self.readable.add(frame)
            if self._on_features:
                self._on_features(frame, features)
            annotated_here = {number for group in self._groups for number in group.annotated(frame)}
            self._observer.add_keyframe(features, self._truth[frame], annotated_here)
            for group in self._groups:
                annotated = group.annotated(frame)
                if self._policy.shared_memory:  # an object gets a row with the first keyframe that shows it
                    known[group] += [i for i in self._visible(annotated, frame) if i not in known[group]]
                    annotated = tuple(number for number in known[group] if number in annotated)
                elif annotated:
                    known[group] = list(group.objects)
                if annotated:
                    entries[group].append(self._permanent_entry(group, frame, features, annotated, known[group]))
        return {group: _PermanentEntries(tuple(known[group]), tuple(entries[group])) for group in self._groups}

    def _permanent_entry(
        self, group: ObjectGroup, frame: int, features: Features, annotated: tuple[int, ...], known: Sequence[int]
    ) -> Entry:
        """Encode a keyframe of a group into a pinned memory entry; `known` are all objects with memory rows so far."""
        predictions = [GroupPrediction(annotated, 0, None)]
        masks = self._merger.merge(predictions, self._given_masks(annotated, frame)).masks[0]
        if isinstance(self._network, MemorizesPermanent):
            entry = self._network.memorize_permanent(frame, features, masks, among=len(group.keyframes))
        else:
            entry, _ = self._network.memorize_keyframe(frame, features, masks, None)
        if entry.objects:
            entry = entry.restricted_to(tuple(known.index(number) for number in annotated))
        if frame == self._policy.first_value_frame:
            entry = entry.with_first_value()
        return entry.as_pinned()

    def _sweep(
        self,
        index: int,
        sweep: Sweep,
        permanent: Mapping[ObjectGroup, _PermanentEntries],
        resume_from: PropagationState | None,
        state_due: Callable[[], bool],
    ) -> Iterator[Matte]:
        """Yield the mattes of sweep number `index`; `resume_from` is a state that was saved in this sweep."""
        trackers = self._new_trackers(sweep, permanent)
        self._observer.start_sweep()
        frames = sweep.frames
        if resume_from:
            states, observed = deserialize_state(resume_from.trackers, resume_from.tensors, self._device)
            self._observer.load_state_dict(observed)
            for tracker, state in zip(trackers, states, strict=True):
                tracker.load_state_dict(state)
            frames = frames[frames.index(resume_from.frame) + 1 :]

        def checkpoint(frame: int) -> PropagationState | None:
            if not state_due():
                return None
            tensors: dict[str, Tensor] = {}
            observed = self._observer.state_dict()
            states = serialize_state(([tracker.state_dict() for tracker in trackers], observed), tensors)
            return PropagationState(index, frame, states, tensors)

        reachable = (frame for frame in frames if _reached(sweep, frame, trackers))
        with self._encoder.encode_all(reachable) as encoded:
            merged = self._merged_masks(sweep, encoded, trackers)
            for (frame, edges, signals, state), probability in copy_to_host(
                (((frame, edges, signals, checkpoint(frame)), tensor) for frame, tensor, edges, signals in merged),
                delay=int(can_encode_batches(self._network, self._device)),
            ):
                reached = _reached(sweep, frame, trackers)
                objects = tuple(number for number, _ in reached)
                alpha = probability[1:]
                if frame in self._truth:
                    labels, soft = self._truth[frame], self._soft.get(frame, {})
                    alpha = keyframe_alphas(labels, objects, _annotated(trackers, frame), alpha, edges, soft)
                yield Matte(
                    frame=frame,
                    objects=objects,
                    alpha=alpha,
                    blend_weights=tuple(blend_weight(keyframes, frame, sweep) for _, keyframes in reached),
                    probability=probability,
                    signals=signals,
                    checkpoint=state,
                )

    def _new_trackers(self, sweep: Sweep, permanent: Mapping[ObjectGroup, _PermanentEntries]) -> list[Tracker]:
        """Make a tracker for each group, with a memory that starts with the group's permanent keyframes.

        If keyframes are permanent, groups without a readable keyframe get no tracker.
        """
        trackers = []
        for group in self._groups:
            keyframes = permanent.get(group, _PermanentEntries((), ()))
            if self._policy.permanent and not keyframes.entries:  # none of its keyframes could be read
                continue
            bank = self._new_bank()
            for entry in keyframes.entries:
                bank.write(entry)
            bank.start_from(sweep.frames.start)
            trackers.append(Tracker(self._network, group, bank, objects=keyframes.objects))
        return trackers

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
            edges: Edges = {}
            signals: dict[int, Signals] = {}
            merged = self._step(frame, features, active, edges, signals)
            if merged and frame in sweep.wanted:
                absent = torch.zeros_like(merged.background)
                objects = [merged.probability.get(number, absent) for number, _ in _reached(sweep, frame, trackers)]
                yield frame, torch.stack([merged.background, *objects]), edges, signals

    def _step(
        self, frame: int, features: Features, trackers: Sequence[Tracker], edges: Edges, signals: dict[int, Signals]
    ) -> MergedMasks | None:
        """Segment a frame and update all trackers; return the merged masks, or None if no tracker has an object yet.

        On a keyframe, the network's own predictions for the annotated objects are added to `edges`; the signals of all
        other objects are added to `signals`.
        """
        annotated = _annotated(trackers, frame)
        predictions = [self._predict(frame, features, tracker, annotated) for tracker in trackers]
        active = [pair for pair in zip(trackers, predictions, strict=True) if pair[1].objects]
        if not active:
            return None
        absent = {number for tracker in trackers for number in tracker.group.absent(frame)}
        given = [number for _, group in active for number in group.objects if number in annotated | absent]
        merged = self._merger.merge([group for _, group in active], self._given_masks(given, frame))
        if annotated and not self._policy.permanent:
            self._observer.add_keyframe(features, self._truth[frame], annotated)
        observed = [tracker for tracker, _ in active]
        signals |= self._observer.measure(frame, features, merged, observed, annotated | absent)
        quality = {number: self._assess(measured) for number, measured in signals.items()}
        for (tracker, _), masks in zip(active, merged.masks, strict=True):
            self._update(frame, features, tracker, masks, merged, worst(quality, tracker.objects))
            edges |= self._own_predictions(frame, features, tracker)
        return merged

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
        prediction = tracker.predict(features) if is_read and tracker.has_memory() else None
        tracker.add_objects(self._visible(tracker.group.annotated(frame), frame))
        return GroupPrediction(tuple(tracker.objects), known, prediction)

    def _update(
        self,
        frame: int,
        features: Features,
        tracker: Tracker,
        masks: Tensor,
        merged: MergedMasks,
        quality: float | None,
    ) -> None:
        if not tracker.group.annotated(frame):
            tracker.update(frame, features, masks, merged, quality)
        elif self._policy.permanent:
            tracker.pass_keyframe(frame, features, masks)
        else:
            tracker.write_keyframe(frame, features, masks)

    def _given_masks(self, objects: Sequence[int], frame: int) -> dict[int, Tensor]:
        """Return the keyframe masks of `objects` on `frame`, each (H, W) at the clip's size; empty if absent there."""
        labels = self._truth[frame] if frame in self._truth else np.zeros_like(next(iter(self._truth.values())))
        masks = ((number, torch.from_numpy(labels == number)) for number in objects)
        return {number: mask.float().to(self._device) for number, mask in masks}

    def _visible(self, objects: Sequence[int], frame: int) -> list[int]:
        """Return `objects`; if all objects share one memory, only those with pixels on the keyframe at `frame`."""
        return [number for number in objects if not self._policy.shared_memory or (self._truth[frame] == number).any()]


def _annotated(trackers: Sequence[Tracker], frame: int) -> set[int]:
    return {number for tracker in trackers for number in tracker.group.annotated(frame)}


def _reached(sweep: Sweep, frame: int, trackers: Sequence[Tracker]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the objects for which the sweep has reached a keyframe by `frame`, each with its keyframes."""
    pairs = [pair for tracker in trackers for pair in tracker.group.keyframes_by_object()]
    return [(number, keyframes) for number, keyframes in pairs if sweep.reaches(keyframes, frame)]
