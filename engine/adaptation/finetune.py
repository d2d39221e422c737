"""Fits a network's decoder to one shot: small steps of gradient on its keyframes, kept only where they help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..layers.aggregate import joint_logits
from ..layers.keymatte_decoder import DecoderInputs
from ..layers.windows import Window
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.keymatte import Keymatte
from ..runtime.threads import run_alongside
from .augmentation import AugmentationRange, Augmenter
from .losses import FramePrediction, frame_loss, iou
from .progress import Progress, Tell
from .validation import AnnotatedFrame, Show, labels_of, steps_of, validate_by_propagation

_POSE = AugmentationRange(shift=0.12, turn=0.2, zoom=0.18, bend=0.02, apart=0.06, light=0.2, mirrored=0.5)
_STEP = AugmentationRange(shift=0.03, turn=0.04, zoom=0.04, bend=0.008, apart=0.02, light=0.04, mirrored=0.0)
_LESSONS = 24  # examples that are learned from, over all keyframes
_MOST_KEYFRAMES = 8  # of a group; with more, some evenly spread
_ALONE = 4  # copies on which it is seen whether learning helps where there is no other keyframe to see it on
_FOLDS = 2  # side by side
_KINDS = (False, True)  # of examples: `carried`
_LOOKS = 4  # times during the steps that is looked whether they help
_LEAST_GAIN = 0.3  # percent of J: less is chance
_LEAST_LOSS = 1.0  # percent of J, of one object over all its walks: less is chance
_CELLS = 300  # stride-16 cells of the window that a step learns from; of one object, fewer of several
_RATE = 3e-4
_SHARE = 0.5  # of the pixels count: those that are most wrong
_STRIDE = 16


@dataclass(frozen=True)
class Example:
    """All that the decoder is told of one frame, and what is true there."""

    inputs: DecoderInputs
    labels: Tensor  # (H, W) long
    objects: int
    fold: int  # learned from in all folds but this one, which it is a test of
    exam: bool  # a test; else a lesson
    carried: bool  # whether the masks of the frame before are true; else they had to be found


@dataclass(frozen=True)
class Outcome:
    """What came of it: J on keyframes held out, in percent, before and after; and the weights if they are better."""

    before: float
    after: float
    weights: dict[str, Tensor] | None


def fit(
    network: Keymatte, groups: Sequence[Sequence[AnnotatedFrame]], *, steps: int, tell: Tell, show: Show
) -> Outcome:
    """Fine-tune a copy of the decoder on the keyframes of each group; the network is left as it was.

    The weights are returned only if they help: they must score better on held-out keyframes segmented from a frame
    just before, and no worse, for no object, after propagation to held-out keyframes over the frames between, which
    `show` returns. Errors that grow from frame to frame appear only there.
    """
    groups = [_spread(group) for group in groups]
    draws = max(1, round(_LESSONS / sum(map(len, groups))))
    augmenter = Augmenter(seed=1)
    walked = [group for group in groups if len(group) > 1]
    progress = Progress(_count(groups, draws) + 2 * steps + sum(map(steps_of, walked)), tell)
    examples = []
    for group in groups:
        for example in examples_of(network, group, augmenter, draws):
            examples.append(example)
            progress.step()
    looks = [round(steps * look / _LOOKS) for look in range(1, _LOOKS + 1)]
    folds = _train_folds(network, examples, looks, progress)
    best, gain, scores = _best_look(folds)
    helps, weights = gain >= _LEAST_GAIN, None
    if helps and walked:
        before, after = _validate(network, walked, [fold.kept[1 + best] for fold in folds], show, progress)
        scores = float(before.mean()), float(after.mean())
        helps = scores[1] >= scores[0] and bool((after > before - _LEAST_LOSS).all())
    if helps:
        decoder = deepcopy(network.decoder)
        for _ in learn(decoder, [example for example in examples if not example.exam], looks[best], augmenter):
            progress.step()
        weights = _midway(network.decoder, decoder).state_dict()
    progress.finish()
    return Outcome(*scores, weights)


def _train_folds(
    network: Keymatte, examples: Sequence[Example], looks: Sequence[int], progress: Progress
) -> list[_Fold]:
    """Train a decoder per fold, two side by side, and score each at every look."""
    folds = [_Fold(network.decoder, examples, fold) for fold in range(_FOLDS)]
    first, second = (fold.look(looks) for fold in folds)
    with run_alongside(second, examples[0].labels.device) as other:
        for _ in zip(first, other, strict=True):
            progress.step()
    return folds


def _best_look(folds: Sequence[_Fold]) -> tuple[int, float, tuple[float, float]]:
    """Choose the look with the largest gain: its index, the gain, and mean J before and then, in percent."""
    before, *after = (
        {kind: _mean([score for fold in folds for score in fold.seen[look][kind]]) for kind in _KINDS}
        for look in range(_LOOKS + 1)
    )
    # It has to be better where masks have to be found, and no worse where they are carried along, as in most frames.
    gains = [min(scores[False] - before[False], scores[True] - before[True] + _LEAST_GAIN) for scores in after]
    best = max(range(_LOOKS), key=lambda look: gains[look])
    return best, gains[best], (_mean([*before.values()]), _mean([*after[best].values()]))


def _validate(
    network: Keymatte,
    groups: Sequence[Sequence[AnnotatedFrame]],
    decoders: Sequence[nn.Module],
    show: Show,
    progress: Progress,
) -> tuple[Tensor, Tensor]:
    """Propagate to each held-out keyframe: J (objects,) in percent of the shipped decoder, and of each fold's own."""
    scores = []  # (2, objects) of each group, the mean over its walks
    for group in groups:
        walks = []
        for found in validate_by_propagation(network, group, lambda at: (network.decoder, decoders[at % _FOLDS]), show):
            progress.step()
            walks += [found] if found else []
        scores.append(torch.tensor(walks, dtype=torch.float64).mean(0))
    before, after = torch.cat(scores, 1)
    return before, after


class _Fold:
    """A decoder that learns from some of the keyframes, and is seen on the others."""

    def __init__(self, decoder: nn.Module, examples: Sequence[Example], fold: int) -> None:
        self._shipped, self._decoder = decoder, deepcopy(decoder)
        self._lessons = [one for one in examples if not one.exam and one.fold != fold]
        self._exams = [one for one in examples if one.exam and one.fold == fold]
        self._copier = Augmenter(seed=2 + fold)
        self.seen: list[dict[bool, list[float]]] = []  # J by kind: as it was, and at each look
        self.kept: list[nn.Module] = []  # what it was then

    def look(self, looks: Sequence[int]) -> Iterator[int]:
        """Learns; after each step its number, from 1. Looks before the first and after those of these numbers."""
        self._see()
        useful = self._lessons and self._exams
        for step in learn(self._decoder, self._lessons, looks[-1], self._copier) if useful else range(1, looks[-1] + 1):
            if step in looks:
                self._see()
            yield step

    def _see(self) -> None:
        decoder = _midway(self._shipped, self._decoder)
        self.kept.append(decoder)
        kinds = ([one for one in self._exams if one.carried == kind] for kind in _KINDS)
        self.seen.append({kind: _overlaps(decoder, some) for kind, some in zip(_KINDS, kinds, strict=True)})


def _midway(shipped: nn.Module, learned: nn.Module) -> nn.Module:
    """The mean of both weights: most of what was learned, and less lost of what was known (WiSE-FT, CVPR 2022)."""
    mean, others = deepcopy(shipped), learned.state_dict()
    mean.load_state_dict({name: (weight + others[name]) / 2 for name, weight in shipped.state_dict().items()})
    return mean


def _spread(group: Sequence[AnnotatedFrame]) -> Sequence[AnnotatedFrame]:
    """All of them, or some evenly spread."""
    count = min(len(group), _MOST_KEYFRAMES)
    return [group[round(at * (len(group) - 1) / max(count - 1, 1))] for at in range(count)]


def _count(groups: Sequence[Sequence[AnnotatedFrame]], draws: int) -> int:
    return sum(len(group) * draws + (len(_KINDS) * len(group) if len(group) > 1 else _ALONE) for group in groups)


@torch.no_grad()
def examples_of(
    network: Keymatte, group: Sequence[AnnotatedFrame], augmenter: Augmenter, draws: int
) -> Iterator[Example]:
    """Lessons and exams. Each keyframe is found from the others, or from itself if it is alone.

    Lessons are copies of it; exams are the keyframe itself, unless it is alone. The frame before it is another copy,
    whose masks are true, or had to be found: as in a film, they have the network's errors.
    """
    seen = [network.encode(one.image) for one in group]
    left = [
        network.memorize_permanent(frame, seen[frame], one.masks, among=len(group)) for frame, one in enumerate(group)
    ]
    states = [network.update_state(frame, seen[frame], one.masks, None) for frame, one in enumerate(group)]
    alone = len(group) == 1

    def found_from(
        known: Sequence[int], image: Tensor, masks: Tensor, fold: int, *, exam: bool, carried: bool
    ) -> Example:
        bank = MemoryBank([Permanent()], interval=1)
        for frame in known:
            bank.write(left[frame].as_pinned())
        state = states[known[augmenter.cell(0, len(known) - 1)]]
        before, there = augmenter.copy(image, masks, _STEP)
        features = network.encode(before)
        if not carried:
            found = network.decode(features, bank.view(), state)
            there = joint_logits(found.logits.sigmoid()).softmax(0)[1:]
        state = network.update_state(-1, features, there, state)
        inputs = network.decoder_inputs(network.encode(image), bank.view(), state)
        return Example(inputs, labels_of(masks), len(masks), fold, exam, carried)

    every = range(len(group))
    for at, one in enumerate(group):
        others = [frame for frame in every if frame != at or alone]
        if not alone:
            for carried in _KINDS:
                yield found_from(others, one.image, one.masks, at % _FOLDS, exam=True, carried=carried)
        for draw in range(draws + _ALONE * alone):
            image, masks = augmenter.copy(one.image, one.masks, _POSE)
            exam = draw >= draws
            fold = (draw if alone else at) % _FOLDS
            # With itself in memory now and then: in the film all keyframes are there.
            kinds = (others, False), (others, True), (every, False)
            known, carried = kinds[(draw // _FOLDS if alone else draw + at) % len(kinds)]
            yield found_from(known, image, masks, fold, exam=exam, carried=carried)


def learn(decoder: nn.Module, lessons: Sequence[Example], steps: int, augmenter: Augmenter) -> Iterator[int]:
    """Changes the decoder; after each step its number, from 1."""
    weights = [weight for name, weight in decoder.named_parameters() if not name.startswith("quality.")]
    for weight in weights:
        weight.requires_grad_(True)
    optimiser = torch.optim.Adam(weights, lr=_RATE)
    for step in range(1, steps + 1):
        example = _window(lessons[augmenter.cell(0, len(lessons) - 1)], augmenter)
        with torch.enable_grad():
            loss_of(decoder, example).backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        yield step
    decoder.requires_grad_(False)


def loss_of(decoder: nn.Module, example: Example) -> Tensor:
    """What learning makes smaller -> scalar."""
    return frame_loss(_shown(decoder, example), share=_SHARE)


@torch.no_grad()
def _overlaps(decoder: nn.Module, examples: Iterable[Example]) -> list[float]:
    """J of each example, in percent, the mean over its objects."""
    return [100 * float(iou(_shown(decoder, one).logits.argmax(0), one.labels, one.objects).mean()) for one in examples]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / max(len(numbers), 1)


def _shown(decoder: nn.Module, example: Example) -> FramePrediction:
    found = decoder(*example.inputs)
    return FramePrediction(joint_logits(found.logits.sigmoid()), found.quality, found.presence_logits, example.labels)


def _window(example: Example, augmenter: Augmenter) -> Example:
    """A part of the frame, at random, more often than not around an outline."""
    h, w = (side // _STRIDE for side in example.labels.shape)
    area = _CELLS / max(example.objects, 1)
    rows = min(h, max(round(area**0.5), 4))
    columns = min(w, max(round(area / rows), 4))
    top, left = augmenter.cell(0, h - rows), augmenter.cell(0, w - columns)
    inside = (example.labels > 0).nonzero()
    if len(inside) and augmenter.cell(0, 3):
        y, x = (inside[augmenter.cell(0, len(inside) - 1)] // _STRIDE).tolist()
        top, left = (min(max(at - size // 2, 0), most - size) for at, size, most in ((y, rows, h), (x, columns, w)))

    window = Window(top, top + rows, left, left + columns)

    def part(whole: Any) -> Any:
        if isinstance(whole, dict):
            return {name: part(one) for name, one in whole.items()}
        return window.crop(whole, whole.shape[-1] // w)

    return replace(example, inputs=DecoderInputs(*map(part, example.inputs)), labels=part(example.labels))
