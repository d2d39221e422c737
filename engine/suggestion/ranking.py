"""Ranking of the frames to annotate next by expected gain: how much that is bad a keyframe on them would repair."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from ..shared.reasons import DOUBTFUL, UNLIKE
from .account import ClipQuality
from .appearance import Appearance
from .selection import Suggestion

FRAMES_REACHED = 12.0  # a keyframe's effect falls by 1/e over this many frames
LOOKS_REACHED = 1.5  # and over this distance of looks, in units of the clip's median
NOVELTY = 0.7  # share of the gain that a frame fully within reach of a keyframe loses: it has not repaired it either
_LEAST_GAIN = 0.5  # bad mattes; a frame whose keyframe would repair less is not suggested for its quality
_UNLIKE = 1.0  # distance of looks, in the same units, from which a frame is unlike the keyframes
_MAX_GAP = 8  # frames
_GAPS_PER_CLIP = 20
_FARTHEST = 6 * FRAMES_REACHED  # frames; the effect beyond is nil


def least_gap(count: int) -> int:
    """Return the least distance between two suggested frames of a clip of `count` frames; neighbours never are."""
    return max(2, min(_MAX_GAP, count // _GAPS_PER_CLIP))


def rank(
    account: ClipQuality, looks: Appearance, *, chosen: Collection[int], candidates: Collection[int], count: int
) -> list[Suggestion]:
    """Select up to `count` of `candidates` by the expected gain of a keyframe, best first.

    The gain of a keyframe on frame k is the sum of 1 - quality over all objects and frames f, each times the keyframe's
    reach exp(-|f - k| / `FRAMES_REACHED` - looks(f, k) / `LOOKS_REACHED`). It is reduced for frames within reach of
    those `chosen`, which are annotated already. What a selected frame repairs no longer counts for the next
    ones, and each bad stretch gets one frame before any gets a second. `looks` knows all frames of the clip.
    """
    ranking = _Ranking(account, looks, chosen, candidates)
    found: list[Suggestion] = []
    while len(found) < count and (suggestion := ranking.next()):
        found.append(suggestion)
    return found


class _Ranking:
    """State of a ranking: what is still bad, and which frames and stretches are still to be suggested."""

    def __init__(
        self, account: ClipQuality, looks: Appearance, chosen: Collection[int], candidates: Collection[int]
    ) -> None:
        self._account, self._looks = account, looks
        self._frames = np.array(looks.frames)
        self._objects = sorted({id_ for objects in account.quality.values() for id_ in objects})
        self._bad = _badness(account, looks.frames, self._objects)
        self._bad[:, np.isin(self._frames, list(chosen))] = 0  # a keyframe is as the artist wants it
        self._stretches = account.stretches(looks.frames, chosen)
        self._gap = least_gap(len(looks.frames))
        self._unlike = self._distances_to(chosen)
        self._novelty = 1 - NOVELTY * self._reached_from(chosen)
        self._open = self._may_be_suggested(chosen, candidates)

    def next(self) -> Suggestion | None:
        """Select the next frame and take away what it repairs; None if no frame would repair enough."""
        while True:
            gains = self._gains()
            place = int(gains.argmax()) if gains.size else -1
            if place >= 0 and gains[place] > 0:
                break
            if not self._stretches:
                return None
            self._stretches = []  # none of them has a candidate: go on with all that is bad
        frame = int(self._frames[place])
        near, reach = self._reach(place)
        object_id = self._neediest(frame, self._bad[:, near] @ reach)
        reason = self._reason(place, object_id)
        self._bad[:, near] *= 1 - reach
        self._open &= np.abs(self._frames - frame) >= self._gap
        self._stretches = [stretch for stretch in self._stretches if frame not in stretch]
        return Suggestion(frame, float(gains[place]), object_id, reason)

    def _neediest(self, frame: int, repaired: NDArray[np.float32]) -> int:
        """Return the object of which most is `repaired` (O,), if possible one whose stretch holds the frame."""
        inside = {stretch.object_id for stretch in self._stretches if frame in stretch}
        rows = [row for row, object_id in enumerate(self._objects) if object_id in inside or not inside]
        return self._objects[max(rows, key=repaired.__getitem__)]

    def _gains(self) -> NDArray[np.float32]:
        """Return the gain (N,) of a keyframe on each frame, 0 for those that cannot be suggested now."""
        gains = np.zeros(len(self._frames), np.float32)
        bad = self._bad.sum(0)
        allowed = self._open & self._in_stretches() if self._stretches else self._open
        for place in np.flatnonzero(allowed):
            near, reach = self._reach(int(place))
            gain = float(bad[near] @ reach)
            gains[place] = gain * self._novelty[place] if gain >= _LEAST_GAIN else 0
        return gains

    def _in_stretches(self) -> NDArray[np.bool_]:
        inside = np.zeros(len(self._frames), bool)
        for stretch in self._stretches:
            inside |= (self._frames >= stretch.first) & (self._frames <= stretch.last)
        return inside

    def _reach(self, place: int) -> tuple[slice, NDArray[np.float32]]:
        """Return the frames near the one at index `place`, and how far a keyframe on it would repair each, 0..1."""
        frame = self._frames[place]
        first, stop = np.searchsorted(self._frames, (frame - _FARTHEST, frame + _FARTHEST + 1))
        near = slice(int(first), int(stop))
        away = np.abs(self._frames[near] - frame) / FRAMES_REACHED
        return near, np.exp(-away - self._looks.distances(place, near) / LOOKS_REACHED).astype(np.float32)

    def _distances_to(self, chosen: Collection[int]) -> NDArray[np.float32]:
        """Return how unlike each frame (N,) is to the most similar of the chosen frames; infinite without any."""
        nearest = np.full(len(self._frames), np.inf, np.float32)
        for place in np.flatnonzero(np.isin(self._frames, list(chosen))):
            nearest = np.minimum(nearest, self._looks.distances(int(place)))
        return nearest

    def _reached_from(self, chosen: Collection[int]) -> NDArray[np.float32]:
        """Return how far (N,) the chosen frames reach each frame, 0..1."""
        reached = np.zeros(len(self._frames), np.float32)
        for place in np.flatnonzero(np.isin(self._frames, list(chosen))):
            near, reach = self._reach(int(place))
            reached[near] = np.maximum(reached[near], reach)
        return reached

    def _may_be_suggested(self, chosen: Collection[int], candidates: Collection[int]) -> NDArray[np.bool_]:
        """Return which frames (N,) may be suggested: candidates, next to a keyframe only if all of a stretch is."""
        annotated = np.array(sorted(chosen))
        allowed = np.isin(self._frames, list(candidates)) & ~np.isin(self._frames, annotated)
        if not annotated.size:
            return allowed
        beside = np.abs(self._frames[:, None] - annotated).min(1) < 2
        apart = allowed & ~beside
        for stretch in self._stretches:
            inside = (self._frames >= stretch.first) & (self._frames <= stretch.last)
            if not (apart & inside).any():
                apart |= allowed & inside
        return apart

    def _reason(self, place: int, object_id: int) -> str:
        """Return why the object's matte is bad near the frame at index `place`: the stretch's most frequent reason.

        Without any reason, the frame looks unlike the keyframes, or there is just doubt.
        """
        frame = int(self._frames[place])
        stretch = next((item for item in self._stretches if item.object_id == object_id and frame in item), None)
        around = [frame] if stretch is None else [other for other in self._looks.frames if other in stretch]
        given = [self._account.reasons.get(other, {}) for other in around]
        reasons = [reason[object_id] for reason in given if object_id in reason]
        if reasons:
            return max(reasons, key=reasons.count)
        return UNLIKE if self._unlike[place] >= _UNLIKE else DOUBTFUL


def _badness(account: ClipQuality, frames: Sequence[int], objects: Sequence[int]) -> NDArray[np.float32]:
    """Return 1 - quality of each object on each frame, (O, N); 0 where there is no quality."""
    bad = np.zeros((len(objects), len(frames)), np.float32)
    rows = {object_id: row for row, object_id in enumerate(objects)}
    for place, frame in enumerate(frames):
        for object_id, value in account.quality.get(frame, {}).items():
            bad[rows[object_id], place] = 1 - value
    return bad
