"""Qdmn: the network of QDMN (Liu et al., ECCV 2022), which estimates how good its masks are."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import TopK, attention_mass, dot_similarity, gaussian_kernels, select_top_k, values_as_rows
from ..layers.aggregate import image_with_masks
from ..layers.aspp import Aspp
from ..layers.convolution import Conv
from ..layers.decoders import UpsamplingDecoder
from ..layers.fusion import ResidualBlock
from ..layers.quality import QualityAssessment
from ..layers.resnet import resnet50
from ..memory.bank import MemoryView, TokenGroup
from ..memory.entry import Entry
from ..memory.tokens import OBJECT_KEY, VALUE, Tokens
from .network import CountsObjects, EstimatesQuality, Features, KeepsPyramid, ReadsTopK, register_imagenet_statistics

_KEY, _VALUE = 128, 512  # channels
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QdmnState:
    """State of `Qdmn`: where objects were on the previous frame, and the quality scores of the masks.

    A score estimates the IoU of a mask with the truth; it is at least 0 and may exceed 1.
    """

    prior: Tensor | None = None  # (1, 1, h, w) 0..1, where any object is on the previous frame
    scores: tuple[float, ...] | None = None  # per object, of the last frame segmented; None: it is not yet memorized
    reference: float | None = None  # mean score that others are compared with; None: that of the next frame
    objects: int = 0  # of the group, including those of later keyframes

    def relative_scores(self) -> tuple[float, ...] | None:
        """Return the score of each object divided by the reference; zeros if that is 0, None if it is unknown."""
        if self.scores is None or self.reference is None:
            return None
        return tuple(score / self.reference if self.reference else 0.0 for score in self.scores)


class Qdmn(nn.Module, CountsObjects, EstimatesQuality, KeepsPyramid, ReadsTopK):
    """QDMN: a memory with keys of its own for each object, and a query that the previous masks gate.

    Every frame that is memorized gets a quality: the mean score of its masks, relative to that of a reference frame.
    This is the last keyframe, in the authors' YouTube-VOS program (`youtube`) the first frame predicted after it; there
    objects without a score do not count either, and the prior is a softmax of the probabilities. `kernel` is the
    standard deviation, in cells, of Gaussian kernels around the best matches of memory (KMN); 0: none.
    """

    stride = 16
    max_objects = None
    mean: Tensor
    std: Tensor

    def __init__(self, *, top_k: int = 50, kernel: float = 0.0, youtube: bool = False) -> None:
        super().__init__()
        register_imagenet_statistics(self)
        self.top_k = top_k
        self.select_top_k = select_top_k
        self.kernel = kernel
        self.youtube = youtube
        self.encoder = resnet50()
        channels = self.encoder.channels
        deep = channels[16]
        self.gate = nn.Conv2d(deep + 1, 1, 3, padding=1)
        self.query_key, self.query_value = Conv(deep, _KEY, 3), Conv(deep, _VALUE, 3)
        self.memory_encoder = resnet50(channels_in=5)
        self.memory_key, self.memory_value = Conv(deep, _KEY, 3), Conv(deep, _VALUE, 3)
        self.quality = QualityAssessment(deep)
        self.context = Aspp(2 * _VALUE)
        self.compress = ResidualBlock(2 * _VALUE, 512)
        self.decoder = UpsamplingDecoder(channels, refined=True)

    def first_state(self, objects: int) -> QdmnState:
        """Return the state before the first frame, for a group of so many objects."""
        return QdmnState(objects=objects)

    def encode(self, image: Tensor) -> Features:
        """Encode an image (1, 3, H, W) RGB 0..1, sides multiples of 16, to a pyramid and a key that no mask gates."""
        image = (image - self.mean) / self.std
        pyramid = self.encoder(image)
        deep = pyramid[16]
        key = self.query_key(deep)[0].flatten(1).float()
        query = Tokens({"key": key, "selection": torch.ones_like(key), "shrinkage": torch.ones_like(key[:1])})
        return Features(image=image, pyramid=pyramid, query=query, grid=(deep.shape[-2], deep.shape[-1]))

    def segment(self, features: Features, memory: MemoryView, state: QdmnState | None) -> tuple[Tensor, QdmnState]:
        """Segment a frame: return independent probabilities (O, H, W); their scores are not known yet."""
        state = state or QdmnState()
        deep = self._gated(features, state.prior)
        readout = self._read(self.query_key(deep)[0].flatten(1).float(), features, memory)  # (O, CV, h, w)
        value = self.query_value(deep).expand(len(readout), -1, -1, -1)
        context = self.context(torch.cat([readout.to(value), value], 1))
        decoded = self.decoder(self.compress(context), features.pyramid)
        return decoded.full_size().sigmoid(), replace(state, scores=None)

    def memorize_keyframe(
        self, frame: int, features: Features, masks: Tensor, state: QdmnState | None
    ) -> tuple[Entry, QdmnState]:
        """Encode a keyframe and the user's masks: return a memory entry, and the state with a new reference."""
        entry, scores = self._entry(frame, features, masks)
        reference = None if self.youtube else _reference(scores)
        return entry, replace(state or QdmnState(), scores=scores, reference=reference)

    def memorize(
        self, frame: int, features: Features, masks: Tensor, state: QdmnState | None
    ) -> tuple[Entry, QdmnState]:
        """Encode a frame and its merged masks: return a memory entry with its quality, and the state with the scores.

        If all scores of the reference frame are 0, the quality is 0, where the authors' code gets NaN.
        """
        state = state or QdmnState()
        entry, scores = self._entry(frame, features, masks)
        reference = _reference(scores) if state.reference is None else state.reference
        mean = _mean_known(scores) if self.youtube else fmean(scores)
        quality = mean / reference if reference else 0.0
        return replace(entry, quality=quality), replace(state, scores=scores, reference=reference)

    def update_state(self, frame: int, features: Features, masks: Tensor, state: QdmnState | None) -> QdmnState:
        """Return the state in which the masks (O, H, W) of this frame are the prior of the next."""
        state = state or QdmnState()
        if self.youtube:  # objects of later keyframes take part, with probability 0
            later = masks.new_zeros(max(state.objects - len(masks), 0), *masks.shape[1:])
            masks = torch.cat([1 - masks.sum(0, keepdim=True), masks, later]).softmax(0)[1:]
        prior = masks.amax(0)[None, None]
        prior = functional.interpolate(prior, size=features.grid, mode="bilinear", align_corners=False)
        return replace(state, prior=prior)

    def estimate_quality(self, state: QdmnState | None) -> Tensor | None:
        """Return the estimated IoU, 0..1, of each mask (O,) of the last frame; None until that is memorized."""
        return None if state is None or state.scores is None else torch.tensor(state.scores).clamp(max=1)

    def _gated(self, features: Features, prior: Tensor | None) -> Tensor:
        """Return the deep features (1, 1024, h, w) of a frame, weighted by where objects may be."""
        deep = features.pyramid[16]
        prior = deep.new_zeros(1, 1, *features.grid) if prior is None else prior.to(deep)
        return deep * self.gate(torch.cat([deep, prior], 1)).sigmoid()

    def _entry(self, frame: int, features: Features, masks: Tensor) -> tuple[Entry, tuple[float, ...]]:
        """Encode a frame and its masks (O, H, W): return a memory entry and the score of each mask."""
        deep = self.memory_encoder(image_with_masks(features.image, masks))[16]  # (O, 1024, h, w)
        planes = {OBJECT_KEY: self.memory_key(deep), VALUE: self.memory_value(deep)}
        tokens = Tokens({name: plane.flatten(2).float() for name, plane in planes.items()})
        entry = Entry(frame, (tokens,), objects=tuple(range(len(masks))), grid=features.grid)
        return entry, tuple(self.quality(deep).tolist())

    def _read(self, query: Tensor, features: Features, memory: MemoryView) -> Tensor:
        """Read the memory of each object with the query's keys (CK, N): return the readout (O, CV, h, w)."""
        rows: dict[int, Tensor] = {}
        for number, group in enumerate(memory.groups):
            selected = []
            for row, index in enumerate(group.objects):
                rows[index], found = self._read_object(query, features, group, row)
                selected.append(found)
            if number == 0 and memory.tracks_usage:
                masses = [attention_mass(found, len(group.layers[0])) for found in selected]
                memory.report_attention(torch.stack(masses).mean(0))
        return torch.cat([rows[index] for index in sorted(rows)]).unflatten(-1, features.grid)

    def _read_object(self, query: Tensor, features: Features, group: TokenGroup, row: int) -> tuple[Tensor, TopK]:
        """Read the memory of one object: return the readout (1, CV, N), and the tokens that were read."""
        tokens = group.layers[0]
        value = tokens[VALUE][row][None]
        scores = dot_similarity(tokens[OBJECT_KEY][row], query)
        if self.kernel:
            scores = scores + gaussian_kernels(scores, features.grid, sigma=self.kernel)
        selected = self.select_top_k(scores, top_k=self.top_k)
        value_rows = group.cached(f"rows {row}", partial(values_as_rows, value))
        return selected.read(value, value_rows), selected


def _reference(scores: tuple[float, ...]) -> float:
    """Return the score with which those of later frames are compared; warn if it is 0, where none can be remembered."""
    reference = _mean_known(scores)
    if not reference:
        _log.warning(
            "the network scores the masks of a reference frame as 0: it remembers no frame until the next keyframe"
        )
    return reference


def _mean_known(scores: tuple[float, ...]) -> float:
    """Return the mean of the scores above 0, as 0 says that the network cannot tell; 0 if there are none."""
    known = [score for score in scores if score > 0]
    return fmean(known) if known else 0.0
