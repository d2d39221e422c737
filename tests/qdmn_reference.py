"""QDMN written a second time, in the order of its paper and without regard to speed, to check the engine against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as f

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
STAGES = (3, 4, 6)


@dataclass
class Config:
    """Settings of a run, under their names in the authors' programs."""

    mem_freq: int = 5
    memory_thr: int = 20
    score_threshold: float = 0.8
    top_k: int = 50
    km: float | None = None
    height: int | None = None  # of the frames that the network sees; None: that of the clip
    youtube: bool = False
    published_slots: bool = False


@dataclass
class Result:
    """Probabilities (T, 1 + O, H, W), background first, and what the memory did."""

    prob: Tensor
    scores: dict[int, list[float]] = field(default_factory=dict)  # frame -> score of each object
    slots: dict[int, list[int]] = field(default_factory=dict)  # frame -> frames in the memory of the first object


class Reference:
    """The network, by its published tensor names."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def conv(self, name: str, x: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
        weight = self.tensors[f"{name}.weight"]
        padding = dilation * (weight.shape[2] // 2)
        return f.conv2d(x, weight, self.tensors.get(f"{name}.bias"), stride, padding, dilation)

    def norm(self, name: str, x: Tensor) -> Tensor:
        mean, variance, gain, shift = (
            self.tensors[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")
        )
        return f.batch_norm(x, mean, variance, gain, shift, False, 0.0, 1e-5)

    def resnet(self, prefix: str, first: str, x: Tensor) -> list[Tensor]:
        """Return the maps at strides 4, 8 and 16."""
        x = f.max_pool2d(f.relu(self.norm(f"{prefix}.bn1", self.conv(f"{prefix}.conv1", x, stride=2))), 3, 2, 1)
        maps = []
        for stage, (name, count) in enumerate(zip((first, "layer2", "layer3"), STAGES)):
            for block in range(count):
                at, stride = f"{prefix}.{name}.{block}", 2 if stage and not block else 1
                y = f.relu(self.norm(f"{at}.bn1", self.conv(f"{at}.conv1", x)))
                y = f.relu(self.norm(f"{at}.bn2", self.conv(f"{at}.conv2", y, stride=stride)))
                y = self.norm(f"{at}.bn3", self.conv(f"{at}.conv3", y))
                if not block:
                    x = self.norm(f"{at}.downsample.1", self.conv(f"{at}.downsample.0", x, stride=stride))
                x = f.relu(x + y)
            maps.append(x)
        return maps

    def residual(self, name: str, x: Tensor) -> Tensor:
        y = self.conv(f"{name}.conv2", f.relu(self.conv(f"{name}.conv1", f.relu(x))))
        return y + (self.conv(f"{name}.downsample", x) if f"{name}.downsample.weight" in self.tensors else x)

    def query(self, image: Tensor, prior: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return key and value of the gated features of an image (1, 3, H, W), and the maps of the image."""
        maps = self.resnet("rgb_encoder", "res2", image)
        prior = f.interpolate(prior[None, None], size=maps[2].shape[2:], mode="bilinear", align_corners=False)
        gated = maps[2] * torch.sigmoid(self.conv("concat_conv", torch.cat([maps[2], prior], 1)))
        return self.conv("kv_q_f16.key_proj", gated), self.conv("kv_q_f16.val_proj", gated), maps

    def memory(self, image: Tensor, masks: Tensor, index: int) -> tuple[Tensor, Tensor, float]:
        """Return key, value and quality score of one object of masks (O, H, W)."""
        others = sum((masks[i] for i in range(len(masks)) if i != index), torch.zeros_like(masks[0]))
        x = torch.cat([image, masks[index][None, None], others[None, None]], 1)
        x = self.resnet("mask_rgb_encoder", "layer1", x)[2]
        y = f.interpolate(x, size=(24, 24), mode="bilinear", align_corners=False)
        for number, stride in ((1, 1), (2, 1), (3, 1), (4, 2)):
            y = f.relu(self.conv(f"score.conv{number}", y, stride=stride))
        for name in ("score.fc1", "score.fc2"):
            y = f.relu(f.linear(y.flatten(1), self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]))
        return self.conv("kv_m_f16.key_proj", x), self.conv("kv_m_f16.val_proj", x), float(y)

    def decode(self, read: Tensor, value: Tensor, maps: list[Tensor]) -> Tensor:
        """Return the probability (H, W) of one object."""
        x = torch.cat([read, value], 1)
        parts = [
            f.relu(self.norm(f"aspp.aspp{n}.bn", self.conv(f"aspp.aspp{n}.atrous_conv", x, dilation=dilation)))
            for n, dilation in ((1, 1), (2, 6), (3, 12), (4, 18))
        ]
        mean = f.relu(self.norm("aspp.global_avg_pool.2", self.conv("aspp.global_avg_pool.1", x.mean((2, 3), True))))
        parts.append(mean.expand_as(parts[0]))
        x = f.relu(self.norm("aspp.bn1", self.conv("aspp.conv1", torch.cat(parts, 1))))
        x = self.residual("decoder.compress", x)
        for name, skip in (("up_16_8", maps[1]), ("up_8_4", maps[0])):
            skip = self.residual(f"decoder.{name}.skip_conv2", self.conv(f"decoder.{name}.skip_conv1", skip))
            x = f.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self.residual(f"decoder.{name}.out_conv", x + skip)
        logits = self.conv("decoder.pred", f.relu(x))
        return torch.sigmoid(f.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False))[0, 0]


def working_size(height: int, width: int, config: Config) -> tuple[int, int]:
    """Return the size to which frames are scaled."""
    if config.height is None:
        return height, width
    return tuple(int(config.height * side / min(height, width)) for side in (height, width))


def pad(x: Tensor) -> Tensor:
    """Pad maps with zeros to multiples of 16; an odd line goes to the bottom or the right."""
    rows, columns = -x.shape[-2] % 16, -x.shape[-1] % 16
    return f.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))


def fit_image(pixels: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Normalise, scale and pad a frame (H, W, 3): (3, H', W')."""
    x = (torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 - MEAN) / STD
    if x.shape[1:] != size:
        x = f.interpolate(x[None], size=size, mode="bicubic", align_corners=False)[0]
    return pad(x)


def fit_labels(labels: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Scale and pad the labels (H, W) of a mask: (H', W')."""
    x = f.interpolate(torch.from_numpy(labels)[None, None].float(), size=size, mode="nearest")[0, 0]
    return pad(x).long()


def read_memory(keys: Tensor, values: Tensor, query: Tensor, config: Config) -> Tensor:
    """Read keys (128, N) and values (512, N) with a query (1, 128, h, w): (1, 512, h, w)."""
    h, w = query.shape[2:]
    affinity = (keys.T @ query[0].flatten(1)) / math.sqrt(128)  # memory cells x query cells
    weight = torch.exp(affinity - affinity.max(0, keepdim=True)[0])
    if config.km is not None:
        best = affinity.argmax(1)
        y, x = torch.arange(h * w) // w, torch.arange(h * w) % w
        squared = (y[None] - (best // w)[:, None]) ** 2 + (x[None] - (best % w)[:, None]) ** 2
        weight = weight * torch.exp(-squared / (2 * config.km**2))
    top, index = weight.topk(min(config.top_k, len(weight)), dim=0)
    dense = torch.zeros_like(weight).scatter_(0, index, top / top.sum(0, keepdim=True))
    return (values @ dense).reshape(1, 512, h, w)


def aggregate(prob: Tensor) -> Tensor:
    """Aggregate the probabilities (O, H, W) of objects to (1 + O, H, W)."""
    clamped = torch.cat([(1 - prob).prod(0, keepdim=True), prob]).clamp(1e-7, 1 - 1e-7)
    return torch.log(clamped / (1 - clamped)).softmax(0)


@torch.inference_mode()
def run(network: Reference, frames: np.ndarray, given: Mapping[int, np.ndarray], config: Config) -> Result:
    """Run one of the authors' programs on frames (T, H, W, 3) uint8 with the masks (H, W) of some frames.

    An object starts on the first frame whose mask shows it. Without `youtube`, only the first frame may have a mask.
    """
    count = max(int(mask.max()) for mask in given.values())
    size = working_size(*frames.shape[1:3], config)
    images = torch.stack([fit_image(pixels, size) for pixels in frames])
    prob = torch.zeros(len(frames), count + 1, *images.shape[-2:])
    slots: dict[int, list[tuple[int, Tensor, Tensor]]] = {}
    enabled: list[int] = []
    result, kept, written, last = Result(prob), [], 0, 0
    reference: float | None = None
    pending: dict[int, tuple[int, Tensor, Tensor]] = {}
    for t in range(len(frames)):
        image = images[t][None]
        if t > 0:
            before = prob[t - 1].softmax(0) if config.youtube else prob[t - 1]
            key, value, maps = network.query(image, before[1:].amax(0))
            found = []
            result.slots[t] = [slot[0] for slot in slots[1]]
            for i in enabled:
                tokens = [*slots[i], *([pending[i]] if pending else [])]
                keys, values = (torch.cat([slot[part][0].flatten(1) for slot in tokens], 1) for part in (1, 2))
                found.append(network.decode(read_memory(keys, values, key, config), value, maps))
            merged = aggregate(torch.stack(found))
            prob[t, 0] = merged[0]
            for row, i in enumerate(enabled, 1):
                prob[t, i] = merged[row]
        if t in given:
            labels = fit_labels(given[t], size)
            new = [i for i in range(1, count + 1) if (labels == i).any() and i not in enabled]
            enabled += new
            prob[t, :, torch.isin(labels, torch.tensor(new))] = 0
            for i in new:
                prob[t, i] = (labels == i).float()
            prob[t] = aggregate(prob[t, 1:])
        if t == len(frames) - 1:
            break
        masks = prob[t, 1:]
        encoded = {i: network.memory(image, masks, i - 1) for i in enabled}
        scores = [encoded[i][2] for i in enabled]
        entry = {i: (t, encoded[i][0], encoded[i][1]) for i in enabled}
        known = [score for score in scores if score > 0]
        known_mean = sum(known) / len(known) if known else math.nan
        if t in given:
            reference, last, pending = (None if config.youtube else known_mean), t, {}
            kept = [] if config.youtube else kept
            for i in enabled:
                slots.setdefault(i, []).append(entry[i])
            continue
        result.scores[t] = scores
        reference = known_mean if reference is None else reference
        quality = (known_mean if config.youtube else sum(scores) / len(scores)) / reference
        if not (t - last >= config.mem_freq and quality > config.score_threshold):
            pending = entry
            continue
        written, last, pending = written + 1, t, {}
        if len(kept) > config.memory_thr:
            worth = [math.exp(number - written) + q for number, _, q in kept]
            place = worth.index(min(worth))
            _, frame, _ = kept.pop(place)
            for i in enabled:
                if config.published_slots:
                    slots[i].pop(place)
                else:
                    slots[i] = [slot for slot in slots[i] if slot[0] != frame]
        kept.append((written, t, quality))
        for i in enabled:
            slots[i].append(entry[i])
    top, left = (-size[0] % 16) // 2, (-size[1] % 16) // 2
    inner = prob[:, :, top : top + size[0], left : left + size[1]]
    result.prob = f.interpolate(inner, size=frames.shape[1:3], mode="bilinear", align_corners=False)
    return result
