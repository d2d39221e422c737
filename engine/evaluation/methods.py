"""Methods that the study compares: recipes and baselines. Each writes its results for a case to a folder."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch

from ..checkpoints import loading
from ..checkpoints.download import sha256_of
from ..inference.framing import Framing
from ..inference.mattes import Matte
from ..inference.sweeps import ObjectGroup, group_by_keyframes
from ..jobs.propagate import run as propagate
from ..layers.backbones import EfficientNetLite0
from ..media.frames import FrameReader
from ..media.label_images import read_labels
from ..methods.recipe import Recipe, for_inference
from ..methods.registry import find_recipe
from ..output.mattes import MatteWriter
from ..runtime.device import pick_device
from ..shared.errors import WeightsMissing
from ..shared.folder_claim import FolderClaim, claim
from ..shared.matte_folder import MatteFolder
from ..shared.protocol import Answer, Finished, MatteReady
from ..shared.types import Direction, PropagationJob, Settings
from .baselines import CopyBaseline, FlowBaseline, KeyframeMasks, MaskPropagator, ReadImage, by_nearest_keyframe
from .clips import Case, Unlabelled
from .neighbour import STRIDE, FeatureBaseline

_STRIDE = 32  # pixels; the sides of an encoder's input are multiples
_BASELINE_VERSION = 1  # results of another version are not reused

ReportFrames = Callable[[int, int], None]  # (frames done, frames in all)


class Method(Protocol):
    """Method under study, which predicts the masks that a case asks for."""

    @property
    def name(self) -> str:
        """Return the name of the method for tables."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return all that results depend on, apart from the case; stored results are reused if it is unchanged."""
        ...

    def run(self, case: Case, folder: Path, report: ReportFrames) -> float:
        """Run the method on a case and write label images and mattes to `folder`; return the seconds per frame."""
        ...


@dataclass(frozen=True)
class RecipeMethod:
    """Method under study that runs a recipe as a propagation job."""

    name: str
    recipe: Recipe
    weights: Path | None
    settings: Settings
    unlabelled: Unlabelled
    direction: Direction | None = None  # None: the recipe's

    def identity(self) -> dict[str, Any]:
        weights = self.weights or self.recipe.settings.weights_file()
        return {
            "recipe": self.recipe.name,
            "weights": _hash_of(weights) if weights else None,
            "settings": asdict(self.settings),
            "numbers": self.recipe.with_settings(self.settings.overrides)[1],
            "unlabelled": self.unlabelled,
            **({"direction": self.direction} if self.direction else {}),  # absent from results of earlier versions
        }

    def job(self, case: Case, folder: Path) -> PropagationJob:
        """Return the job that makes the mattes of a case in a folder."""
        return PropagationJob(
            job_id=uuid.uuid4().hex,
            clip=case.clip.clip,
            frames=case.span,
            keyframes=case.keyframes(self.unlabelled),
            folder=folder,
            recipe=self.recipe.name,
            weights=self.weights,
            direction=self.direction or self.recipe.direction,
            settings=self.settings,
        )

    def run(self, case: Case, folder: Path, report: ReportFrames) -> float:
        steps = frames_per_second = 0.0

        def on_answer(answer: Answer) -> None:
            nonlocal steps, frames_per_second
            match answer:
                case MatteReady(done=done, total=total):
                    steps = done
                    report(done, total)
                case Finished():
                    frames_per_second = answer.frames_per_second

        propagate(self.job(case, folder), on_answer, lambda: False)
        return steps / max(frames_per_second, 1e-3) / len(case.span)  # a step is a frame of a sweep; there may be two


@dataclass(frozen=True)
class BaselineMethod:
    """Method under study that runs a baseline, at the same working height as the recipe."""

    name: str
    make: Callable[[ReadImage, KeyframeMasks], MaskPropagator]
    stride: int
    settings: Settings
    unlabelled: Unlabelled
    depends: str = ""  # checksum of weights, if it has any

    def identity(self) -> dict[str, Any]:
        identity = {"baseline": self.name, "edition": _BASELINE_VERSION, "height": self.settings.height}
        return {**identity, "unlabelled": self.unlabelled, "depends": self.depends}

    def run(self, case: Case, folder: Path, report: ReportFrames) -> float:
        results = MatteFolder(folder)
        with claim(results) as claimed:
            claimed.mark(self.identity())
            return self._run(case, claimed, report)

    def _run(self, case: Case, claimed: FolderClaim, report: ReportFrames) -> float:
        keyframes = case.keyframes(self.unlabelled)
        groups = group_by_keyframes(((keyframe.frame, keyframe.objects) for keyframe in keyframes), max_objects=None)
        clip, done, start = case.clip.clip, 0, perf_counter()
        framing = Framing.fit(clip.height, clip.width, working_height=self.settings.height, stride=self.stride)
        writer = MatteWriter(claimed.folder, claimed.written, case.clip.numbers, list(case.objects), case.span)
        with FrameReader.open(clip.path) as reader:
            read_image = partial(_read_image, reader, framing)
            for group in groups:
                propagator = self.make(read_image, _keyframe_masks(case, group, framing))
                for keyframe, frames in by_nearest_keyframe(group.keyframes, case.span):
                    for frame, masks in zip(frames, propagator.propagate(keyframe, frames), strict=True):
                        if frame in case.span:
                            alpha = framing.restore(masks).numpy()
                            blend_weights = (1.0,) * len(group.objects)
                            writer.write(Matte(frame, group.objects, alpha, blend_weights, alpha[:0]))
                            done += 1
                            report(done, len(groups) * len(case.span))
        return (perf_counter() - start) / len(case.span)


def find_baseline(name: str, settings: Settings, unlabelled: Unlabelled) -> BaselineMethod:
    """Return the baseline `copied`, `flow` or `neighbour`. Raises WeightsMissing, WeightsDamaged."""
    if name == "neighbour":
        device = pick_device(settings.device)
        encoder, depends = _bundled_encoder()
        encoder = for_inference(encoder, device)

        def encode(image: torch.Tensor) -> torch.Tensor:
            return encoder(image.to(device))[STRIDE]

        return BaselineMethod(name, partial(FeatureBaseline, encode), _STRIDE, settings, unlabelled, depends)
    makers: dict[str, Callable[[ReadImage, KeyframeMasks], MaskPropagator]]
    makers = {"copied": CopyBaseline, "flow": FlowBaseline}
    return BaselineMethod(name, makers[name], 1, settings, unlabelled)


def _bundled_encoder() -> tuple[EfficientNetLite0, str]:
    """Return the image encoder of the bundled network, and the SHA-256 of its weights."""
    source = find_recipe("keymatte").settings.weights_file()
    assert source is not None, "the recipe keymatte comes with weights"
    tensors = {
        name.removeprefix("encoder."): tensor
        for name, tensor in sorted(loading.read(source).items())
        if name.startswith("encoder.")
    }
    encoder = EfficientNetLite0()
    loading.fill(encoder, tensors, source=source)
    digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors.values()))
    return encoder, digest.hexdigest()


def _hash_of(weights: Path) -> str:
    """Return the SHA-256 of a weights file. Raises WeightsMissing."""
    if not weights.is_file():
        raise WeightsMissing(f"the weights file {weights} does not exist")
    return sha256_of(weights)


def _read_image(reader: FrameReader, framing: Framing, frame: int) -> torch.Tensor:
    """Read a frame as an image (1, 3, H', W') RGB 0..1 at working size."""
    return framing.apply(reader.read(frame), torch.device("cpu"))


def _keyframe_masks(case: Case, group: ObjectGroup, framing: Framing) -> dict[int, torch.Tensor]:
    """Read the keyframes of a group as masks (O, H', W') at working size, by media frame."""
    size = case.clip.clip.height, case.clip.clip.width
    keyframe_masks = {}
    for frame in group.keyframes:
        labels = read_labels(case.clip.masks[frame], size=size)
        masks = np.stack([labels == number for number in group.objects]).astype(np.float32)
        keyframe_masks[frame] = framing.apply_masks(torch.from_numpy(masks))
    return keyframe_masks
