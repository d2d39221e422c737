"""What a network learned from one shot's keyframes, kept beside its mattes for as long as nothing has changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import safetensors.torch
import torch

from ..adaptation.finetune import Outcome, fit
from ..adaptation.validation import AnnotatedFrame
from ..checkpoints import loading
from ..checkpoints.download import sha256_of
from ..inference.sweeps import ObjectGroup
from ..layers.aggregate import aggregate
from ..methods.recipe import STEPS
from ..networks.keymatte import Keymatte
from ..networks.precision import AutocastNetwork
from ..shared.errors import WeightsDamaged, WeightsMissing
from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from .setup import JobContext

_log = logging.getLogger(__name__)
_EDITION = 7  # of the way it is learned: what another one left is not reused
_PART = "decoder."  # of the network's tensors
_TELLING = (
    "adapt.",
    "keyframes.",
    "previous.",
    "read.",
)  # numbers that change what is learned, or what the decoder is told
_TOLD_EVERY = 5  # steps

Tell = Callable[[str, int, int], None]  # what is done, steps done, steps in all


def adapt(
    context: JobContext, folder: MatteFolder, truth: Mapping[int, np.ndarray], groups: Sequence[ObjectGroup], tell: Tell
) -> None:
    """Have the network know this shot: as `folder` keeps it, or learned now from the keyframes `truth` and kept there.

    The weights that it was loaded from are not touched. If learning does not help on keyframes held out, it stays as
    it was, which is kept too. Raises Stopped, FolderNotWritable, DiskFull.
    """
    network = context.network.network if isinstance(context.network, AutocastNetwork) else context.network
    pixels = {frame: image for frame in sorted(truth) if (image := context.source.read(frame)) is not None}
    identity = json.dumps(_identity(context, truth, groups, pixels), sort_keys=True)
    told = _restore(network, folder, identity)
    if told is None and pixels:
        marked = [_marked(context, group, truth, pixels) for group in groups]

        def count(done: int, total: int) -> None:
            context.source.check()
            if done % _TOLD_EVERY == 0:
                tell("Adapting to the shot", done, total)

        def show(frame: int) -> torch.Tensor | None:
            image = context.source.read(frame)
            return None if image is None else context.framing.apply(image, context.device)

        steps = context.numbers[STEPS.name]
        outcome = fit(network, [group for group in marked if group], steps=steps, tell=count, show=show)
        told = _in_words(outcome)
        _keep(outcome, folder, {"identity": identity, "told": told})
        if outcome.weights:
            network.decoder.load_state_dict(outcome.weights)
    if told:
        _log.info("%s", told)
        tell(told, 0, 0)


def _in_words(outcome: Outcome) -> str:
    if outcome.weights is None:
        return "Kept as shipped: adapting did not help"
    return f"Adapted: held-out J {outcome.before:.1f} -> {outcome.after:.1f}"


def _identity(
    context: JobContext,
    truth: Mapping[int, np.ndarray],
    groups: Sequence[ObjectGroup],
    pixels: Mapping[int, np.ndarray],
) -> dict:
    """All that the outcome depends on."""
    keyframes = hashlib.sha256(repr([(group.objects, group.keyframes) for group in groups]).encode())
    for frame, image in pixels.items():
        for part in (str(frame).encode(), truth[frame], image):
            keyframes.update(np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part)
    return {
        "edition": _EDITION,
        "weights": sha256_of(context.weights),
        "keyframes": keyframes.hexdigest(),
        "size": [context.framing.work_height, context.framing.work_width],
        "precision": str(context.precision),
        "numbers": {name: value for name, value in context.numbers.items() if name.startswith(_TELLING)},
    }


def _marked(
    context: JobContext, group: ObjectGroup, truth: Mapping[int, np.ndarray], pixels: Mapping[int, np.ndarray]
) -> list[AnnotatedFrame]:
    """The keyframes of a group as the walk gives them to the network."""
    marked = []
    for frame in group.keyframes:
        if frame in pixels:
            masks = torch.stack([torch.from_numpy(truth[frame] == number) for number in group.objects]).float()
            image = context.framing.apply(pixels[frame], context.device)
            marked.append(
                AnnotatedFrame(frame, image, aggregate(context.framing.apply_masks(masks.to(context.device))))
            )
    return marked


def _restore(network: Keymatte, folder: MatteFolder, identity: str) -> str | None:
    """Take over what is kept, if it was learned from the same; what is to be said of it."""
    try:
        about = loading.metadata(folder.adapted) if folder.adapted.is_file() else {}
        if about.get("identity") != identity:
            return None
        tensors = {name.removeprefix(_PART): tensor for name, tensor in loading.read(folder.adapted).items()}
        if tensors:
            loading.fill(network.decoder, tensors, source=folder.adapted)
    except (WeightsDamaged, WeightsMissing) as error:
        _log.warning("%s", error.message)
        return None
    return about["told"]


def _keep(outcome: Outcome, folder: MatteFolder, about: dict[str, str]) -> None:
    tensors = {f"{_PART}{name}": tensor.cpu().contiguous() for name, tensor in (outcome.weights or {}).items()}
    with atomic_write(folder.adapted) as part:
        part.write_bytes(safetensors.torch.save(tensors, metadata={**about, "network": "keymatte"}))
