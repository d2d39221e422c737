"""Methods under study: each takes a case and leaves its results in a folder, in the same files."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from ..checkpoints import loading
from ..checkpoints.download import sha256_of
from ..inference.framing import Framing
from ..inference.propagate import Matte
from ..inference.sweeps import ObjectGroup, group_by_keyframes
from ..jobs.propagate import run
from ..layers.backbones import EfficientNetLite0
from ..media.frames import FrameReader
from ..media.label_images import read_labels
from ..methods.recipe import Recipe
from ..methods.registry import find_recipe
from ..output.mattes import MatteWriter
from ..runtime.device import pick_device
from ..shared.errors import WeightsMissing
from ..shared.matte_folder import MatteFolder
from ..shared.protocol import Answer, Finished, MatteReady
from ..shared.types import PropagationJob, Settings
from .baselines import Carrier, Copied, Flow, Given, Look, chains
from .clips import Case, Unlabelled
from .neighbour import STRIDE, Neighbour

_STRIDE = 32  # pixels: sides of frames that an encoder sees are multiples of it
_EDITION = 1  # of the baselines: results of another one are not kept

Tell = Callable[[int, int], None]  # how many frames of how many are done


class Method(Protocol):
    """Finds the wanted masks of a case."""

    name: str

    def identity(self) -> dict:
        """All that its results depend on, beside the case."""
        ...

    def follow(self, case: Case, folder: Path, tell: Tell) -> float:
        """Write labels and mattes into `folder`; the seconds that a frame took."""
        ...


@dataclass(frozen=True)
class Followed:
    """A recipe, run as any job is."""

    name: str
    recipe: Recipe
    weights: Path | None
    settings: Settings
    unlabelled: Unlabelled

    def identity(self) -> dict:
        weights = self.weights or self.recipe.weights_file()
        return {
            "recipe": self.recipe.name,
            "weights": _hash_of(weights) if weights else None,
            "settings": asdict(self.settings),
            "numbers": self.recipe.set_to(self.settings.overrides)[1],
            "unlabelled": self.unlabelled,
        }

    def follow(self, case: Case, folder: Path, tell: Tell) -> float:
        job = PropagationJob(
            job_id=uuid.uuid4().hex,
            clip=case.clip.clip,
            frames=case.span,
            keyframes=case.keyframes(self.unlabelled),
            folder=folder,
            recipe=self.recipe.name,
            weights=self.weights,
            direction=self.recipe.direction,
            settings=self.settings,
        )
        steps = pace = 0.0

        def hear(answer: Answer) -> None:
            nonlocal steps, pace
            match answer:
                case MatteReady(done=done, total=total):
                    steps = done
                    tell(done, total)
                case Finished(frames_per_second=frames_per_second):
                    pace = frames_per_second

        run(job, hear, lambda: False)
        return steps / max(pace, 1e-3) / len(case.span)  # a step is a frame of one sweep; there may be two


@dataclass(frozen=True)
class Baseline:
    """A plain way of carrying masks, at the working height of the recipe."""

    name: str
    make: Callable[[Look, Given], Carrier]
    stride: int
    settings: Settings
    unlabelled: Unlabelled
    depends: str = ""  # on what else

    def identity(self) -> dict:
        about = {"baseline": self.name, "edition": _EDITION, "height": self.settings.height}
        return {**about, "unlabelled": self.unlabelled, "depends": self.depends}

    def follow(self, case: Case, folder: Path, tell: Tell) -> float:
        results = MatteFolder(folder)
        results.claim(self.identity())
        keyframes = case.keyframes(self.unlabelled)
        groups = group_by_keyframes(((keyframe.frame, keyframe.objects) for keyframe in keyframes), max_objects=None)
        clip, done, began = case.clip.clip, 0, perf_counter()
        framing = Framing.fit(clip.height, clip.width, working_height=self.settings.height, stride=self.stride)
        writer = MatteWriter(results, case.clip.numbers, list(case.objects), case.span)
        with FrameReader.open(clip.path) as reader:
            look = partial(_look, reader, framing)
            for group in groups:
                carrier = self.make(look, _given(case, group, framing))
                for keyframe, frames in chains(group.keyframes, case.span):
                    for frame, masks in zip(frames, carrier.carry(keyframe, frames), strict=True):
                        if frame in case.span:
                            alpha = framing.restore(masks).numpy()
                            shares = (1.0,) * len(group.objects)
                            writer.put(Matte(frame, group.objects, alpha, shares, alpha[:0]))
                            done += 1
                            tell(done, len(groups) * len(case.span))
        return (perf_counter() - began) / len(case.span)


def baseline(name: str, settings: Settings, unlabelled: Unlabelled) -> Baseline:
    """`copied`, `flow` or `neighbour`. Raises WeightsMissing and its kin."""
    if name == "neighbour":
        device = pick_device(settings.device)
        encoder, depends = _shipped_encoder()
        encoder = encoder.to(device=device, memory_format=torch.channels_last)

        def encode(image: torch.Tensor) -> torch.Tensor:
            return encoder(image.to(device))[STRIDE]

        return Baseline(name, partial(Neighbour, encode), _STRIDE, settings, unlabelled, depends)
    return Baseline(name, {"copied": Copied, "flow": Flow}[name], 1, settings, unlabelled)


def _shipped_encoder() -> tuple[EfficientNetLite0, str]:
    """The image encoder of the shipped network by itself, and the SHA-256 of its weights."""
    source = find_recipe("keymatte").weights_file()
    tensors = {
        name.removeprefix("encoder."): tensor
        for name, tensor in sorted(loading.read(source).items())
        if name.startswith("encoder.")
    }
    encoder = EfficientNetLite0()
    loading.fill(encoder, tensors, source=source)
    digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors.values()))
    return encoder.eval().requires_grad_(False), digest.hexdigest()


def _hash_of(weights: Path) -> str:
    if not weights.is_file():
        raise WeightsMissing(f"the weights file {weights} is not there")
    return sha256_of(weights)


def _look(reader: FrameReader, framing: Framing, frame: int) -> torch.Tensor:
    return framing.apply(reader.read(frame), torch.device("cpu"))


def _given(case: Case, group: ObjectGroup, framing: Framing) -> dict[int, torch.Tensor]:
    """The keyframes of a group as masks (O, H', W') at working size."""
    size = case.clip.clip.height, case.clip.clip.width
    given = {}
    for frame in group.keyframes:
        labels = read_labels(case.clip.masks[frame], size=size)
        masks = np.stack([labels == number for number in group.objects]).astype(np.float32)
        given[frame] = framing.apply_masks(torch.from_numpy(masks))
    return given
