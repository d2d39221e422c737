"""Fine-tuning of the decoder on one shot's keyframes, kept only if validation improves."""

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
from .progress import Progress, ReportProgress
from .validation import AnnotatedFrame, ReadImage, labels_from_masks, validate_by_propagation, validation_step_count

_POSE = AugmentationRange(
    shift=0.12, rotation=0.2, zoom=0.18, elastic=0.02, object_shift=0.06, photometric=0.2, flip_probability=0.5
)
_STEP = AugmentationRange(
    shift=0.03, rotation=0.04, zoom=0.04, elastic=0.008, object_shift=0.02, photometric=0.04, flip_probability=0.0
)
_TRAIN_EXAMPLES = 24  # over all keyframes
_MAX_KEYFRAMES = 8  # per group; of more, an evenly spaced selection
_HELD_OUT_COPIES = 4  # augmented copies of a group's only keyframe, held out in place of other keyframes
_FOLDS = 2  # of the cross-validation
_CARRIED = (False, True)  # values of `Example.carried`
_EVALUATIONS = 4  # times that the folds are scored during training
_MIN_GAIN = 0.3  # percent of J; a smaller gain may be chance
_MIN_LOSS = 1.0  # percent of J of one object over all propagations to it; a smaller loss may be chance
_CROP_CELLS = 300  # stride-16 cells of a training crop, divided by the number of objects
_LEARNING_RATE = 3e-4
_HARDEST_SHARE = 0.5  # of the pixels, by loss, that the bootstrapped loss averages
_STRIDE = 16

Groups = Sequence[Sequence[AnnotatedFrame]]  # keyframes of each group of objects that share a memory


@dataclass(frozen=True)
class Example:
    """Decoder inputs of one frame, with the ground truth."""

    inputs: DecoderInputs
    labels: Tensor  # (H, W) long
    objects: int
    fold: int  # a held-out example scores this fold; a training example is used by all others
    held_out: bool  # else a training example
    carried: bool  # the masks of the frame before are ground truth; else predicted


@dataclass(frozen=True)
class Outcome:
    """Result of fine-tuning: J on held-out keyframes in percent, before and after; new weights, None if no better."""

    before: float
    after: float
    weights: dict[str, Tensor] | None


def fit(network: Keymatte, groups: Groups, *, steps: int, report: ReportProgress, read_image: ReadImage) -> Outcome:
    """Fine-tune a copy of the decoder on the keyframes of each group; `network` itself is not changed.

    The new weights are returned only if fine-tuning passes two tests on held-out keyframes. Predicted from a simulated
    previous frame, the masks must score better than before. Propagated over the real frames that `read_image` returns,
    their mean score must not fall, nor the score of any object by more than can be chance.
    """
    groups = [_evenly_spaced(group) for group in groups]
    draws = max(1, round(_TRAIN_EXAMPLES / sum(map(len, groups))))
    augmenter = Augmenter(seed=1)
    validated = [group for group in groups if len(group) > 1]
    progress = Progress(_example_count(groups, draws) + 2 * steps + sum(map(validation_step_count, validated)), report)
    examples = []
    for group in groups:
        for example in make_examples(network, group, augmenter, draws):
            examples.append(example)
            progress.step()
    evaluation_steps = [round(steps * count / _EVALUATIONS) for count in range(1, _EVALUATIONS + 1)]
    folds = _train_folds(network, examples, evaluation_steps, progress)
    best, gain, scores = _best_evaluation(folds)
    helps, weights = gain >= _MIN_GAIN, None
    if helps and validated:
        before, after = _validate(network, validated, [fold.decoders[1 + best] for fold in folds], read_image, progress)
        scores = float(before.mean()), float(after.mean())
        helps = scores[1] >= scores[0] and bool((after > before - _MIN_LOSS).all())
    if helps:
        decoder = deepcopy(network.decoder)
        train_examples = [example for example in examples if not example.held_out]
        for _ in train(decoder, train_examples, evaluation_steps[best], augmenter):
            progress.step()
        weights = _average_weights(network.decoder, decoder).state_dict()
    progress.finish()
    return Outcome(*scores, weights)


def _train_folds(
    network: Keymatte, examples: Sequence[Example], evaluation_steps: Sequence[int], progress: Progress
) -> list[_Fold]:
    """Train and score one decoder per fold, step by step in turn; on a CPU both folds run at the same time."""
    folds = [_Fold(network.decoder, examples, fold) for fold in range(_FOLDS)]
    first, second = (fold.run(evaluation_steps) for fold in folds)
    with run_alongside(second, examples[0].labels.device) as other:
        for _ in zip(first, other, strict=True):
            progress.step()
    return folds


def _best_evaluation(folds: Sequence[_Fold]) -> tuple[int, float, tuple[float, float]]:
    """Find the evaluation that gains most J; return its index, the gain, and (J before training, J at this one)."""
    before, *after = (
        {kind: _mean([score for fold in folds for score in fold.scores[index][kind]]) for kind in _CARRIED}
        for index in range(_EVALUATIONS + 1)
    )
    # The gain counts after predicted masks; after true masks, as on most frames, J must not fall.
    gains = [min(scores[False] - before[False], scores[True] - before[True] + _MIN_GAIN) for scores in after]
    best = max(range(_EVALUATIONS), key=lambda index: gains[index])
    return best, gains[best], (_mean([*before.values()]), _mean([*after[best].values()]))


def _validate(
    network: Keymatte, groups: Groups, decoders: Sequence[nn.Module], read_image: ReadImage, progress: Progress
) -> tuple[Tensor, Tensor]:
    """Return J (objects,) in percent on held-out keyframes after propagation: shipped decoder, trained decoders."""
    scores = []  # per group (2, objects), the mean over its keyframes
    for group in groups:
        object_scores = []
        steps = validate_by_propagation(network, group, lambda at: (network.decoder, decoders[at % _FOLDS]), read_image)
        for keyframe_scores in steps:
            progress.step()
            object_scores += [keyframe_scores] if keyframe_scores else []
        scores.append(torch.tensor(object_scores, dtype=torch.float64).mean(0))
    before, after = torch.cat(scores, 1)
    return before, after


class _Fold:
    """Cross-validation fold: a decoder trained on some keyframes and scored on the others."""

    def __init__(self, decoder: nn.Module, examples: Sequence[Example], fold: int) -> None:
        self._shipped, self._decoder = decoder, deepcopy(decoder)
        self._train_examples = [example for example in examples if not example.held_out and example.fold != fold]
        self._held_out_examples = [example for example in examples if example.held_out and example.fold == fold]
        self._augmenter = Augmenter(seed=2 + fold)
        self.scores: list[dict[bool, list[float]]] = []  # J by `carried`: before training and at each evaluation
        self.decoders: list[nn.Module] = []  # the averaged decoder that got these scores

    def run(self, evaluation_steps: Sequence[int]) -> Iterator[int]:
        """Train and yield each step number from 1; score the decoder first, and after each of `evaluation_steps`."""
        self._evaluate()
        last = evaluation_steps[-1]
        steps: Iterable[int] = range(1, last + 1)
        if self._train_examples and self._held_out_examples:
            steps = train(self._decoder, self._train_examples, last, self._augmenter)
        for step in steps:
            if step in evaluation_steps:
                self._evaluate()
            yield step

    def _evaluate(self) -> None:
        decoder = _average_weights(self._shipped, self._decoder)
        self.decoders.append(decoder)
        kinds = ([example for example in self._held_out_examples if example.carried == kind] for kind in _CARRIED)
        self.scores.append({kind: _scores(decoder, examples) for kind, examples in zip(_CARRIED, kinds, strict=True)})


def _average_weights(shipped: nn.Module, finetuned: nn.Module) -> nn.Module:
    """Average shipped and fine-tuned weights, to limit forgetting (WiSE-FT, CVPR 2022)."""
    mean, second = deepcopy(shipped), finetuned.state_dict()
    mean.load_state_dict({name: (first + second[name]) / 2 for name, first in shipped.state_dict().items()})
    return mean


def _evenly_spaced(group: Sequence[AnnotatedFrame]) -> Sequence[AnnotatedFrame]:
    """Return at most `_MAX_KEYFRAMES` annotated frames of a group, evenly spaced."""
    count = min(len(group), _MAX_KEYFRAMES)
    return [group[round(at * (len(group) - 1) / max(count - 1, 1))] for at in range(count)]


def _example_count(groups: Groups, draws: int) -> int:
    held_out = (len(_CARRIED) * len(group) if len(group) > 1 else _HELD_OUT_COPIES for group in groups)
    return sum(len(group) * draws for group in groups) + sum(held_out)


@torch.no_grad()
def make_examples(
    network: Keymatte, group: Sequence[AnnotatedFrame], augmenter: Augmenter, draws: int
) -> Iterator[Example]:
    """Yield training and held-out examples of each keyframe of a group; memory holds the group's other keyframes.

    Training examples are `draws` augmented copies of each keyframe, held-out ones the keyframe itself. For a single
    keyframe, held-out examples are copies too, and memory holds the keyframe. The previous frame is simulated by
    another augmented copy, with its true masks or with masks that the network predicts.
    """
    encoded = [network.encode(keyframe.image) for keyframe in group]
    entries = [
        network.memorize_permanent(frame, encoded[frame], keyframe.masks, among=len(group))
        for frame, keyframe in enumerate(group)
    ]
    states = [network.update_state(frame, encoded[frame], keyframe.masks, None) for frame, keyframe in enumerate(group)]
    single = len(group) == 1

    def make_example(
        memory_frames: Sequence[int], image: Tensor, masks: Tensor, fold: int, *, held_out: bool, carried: bool
    ) -> Example:
        bank = MemoryBank([Permanent()], interval=1)
        for frame in memory_frames:
            bank.write(entries[frame].as_pinned())
        state = states[memory_frames[augmenter.random_integer(0, len(memory_frames) - 1)]]
        before, masks_before = augmenter.copy(image, masks, _STEP)
        features = network.encode(before)
        if not carried:
            found = network.decode(features, bank.view(), state)
            masks_before = joint_logits(found.logits.sigmoid()).softmax(0)[1:]
        state = network.update_state(-1, features, masks_before, state)
        inputs = network.decoder_inputs(network.encode(image), bank.view(), state)
        return Example(inputs, labels_from_masks(masks), len(masks), fold, held_out, carried)

    all_frames = range(len(group))
    for index, keyframe in enumerate(group):
        others = [frame for frame in all_frames if frame != index or single]
        if not single:
            for carried in _CARRIED:
                image, masks = keyframe.image, keyframe.masks
                yield make_example(others, image, masks, index % _FOLDS, held_out=True, carried=carried)
        for draw in range(draws + _HELD_OUT_COPIES * single):
            image, masks = augmenter.copy(keyframe.image, keyframe.masks, _POSE)
            held_out = draw >= draws
            fold = (draw if single else index) % _FOLDS
            # In every third example memory holds the keyframe itself too, as it does in propagation.
            choices = (others, False), (others, True), (all_frames, False)
            memory_frames, carried = choices[(draw // _FOLDS if single else draw + index) % len(choices)]
            yield make_example(memory_frames, image, masks, fold, held_out=held_out, carried=carried)


def train(decoder: nn.Module, examples: Sequence[Example], steps: int, augmenter: Augmenter) -> Iterator[int]:
    """Train the decoder in place for `steps` steps on random crops of `examples`; yield each step number from 1."""
    weights = [weight for name, weight in decoder.named_parameters() if not name.startswith("quality.")]
    for weight in weights:
        weight.requires_grad_(True)
    optimiser = torch.optim.Adam(weights, lr=_LEARNING_RATE)
    for step in range(1, steps + 1):
        example = _random_crop(examples[augmenter.random_integer(0, len(examples) - 1)], augmenter)
        with torch.enable_grad():
            example_loss(decoder, example).backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        yield step
    decoder.requires_grad_(False)


def example_loss(decoder: nn.Module, example: Example) -> Tensor:
    """Compute the training loss (a scalar) of one example."""
    return frame_loss(_predict(decoder, example), share=_HARDEST_SHARE)


@torch.no_grad()
def _scores(decoder: nn.Module, examples: Iterable[Example]) -> list[float]:
    """Compute J in percent of the decoder's masks for each example, averaged over the example's objects."""
    ious = (iou(_predict(decoder, item).logits.argmax(0), item.labels, item.objects) for item in examples)
    return [100 * float(values.mean()) for values in ious]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / max(len(numbers), 1)


def _predict(decoder: nn.Module, example: Example) -> FramePrediction:
    found = decoder(*example.inputs)
    return FramePrediction(joint_logits(found.logits.sigmoid()), found.quality, found.presence_logits, example.labels)


def _random_crop(example: Example, augmenter: Augmenter) -> Example:
    """Crop an example to a random window; with a probability of 3/4 the window is centred on an object pixel."""
    h, w = (side // _STRIDE for side in example.labels.shape)
    area = _CROP_CELLS / max(example.objects, 1)
    rows = min(h, max(round(area**0.5), 4))
    columns = min(w, max(round(area / rows), 4))
    top, left = augmenter.random_integer(0, h - rows), augmenter.random_integer(0, w - columns)
    inside = (example.labels > 0).nonzero()
    if len(inside) and augmenter.random_integer(0, 3):
        y, x = (inside[augmenter.random_integer(0, len(inside) - 1)] // _STRIDE).tolist()
        centres = ((y, rows, h), (x, columns, w))
        top, left = (min(max(at - size // 2, 0), side - size) for at, size, side in centres)

    window = Window(top, top + rows, left, left + columns)

    def crop(maps: Any) -> Any:  # a map, or a dict of maps, of any stride
        if isinstance(maps, dict):
            return {name: crop(part) for name, part in maps.items()}
        return window.crop(maps, maps.shape[-1] // w)

    return replace(example, inputs=DecoderInputs(*map(crop, example.inputs)), labels=crop(example.labels))
