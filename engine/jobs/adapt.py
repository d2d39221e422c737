"""Adaptation to a shot, as a step of a job; the result is stored in the matte folder and reused."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from ..adaptation.finetune import Outcome, fit
from ..adaptation.validation import AnnotatedFrame
from ..checkpoints import loading
from ..checkpoints.download import sha256_of
from ..inference.keyframe_memory import Labels
from ..inference.sweeps import ObjectGroup
from ..layers.aggregate import aggregate
from ..methods.options import STEPS
from ..networks.keymatte import Keymatte
from ..networks.precision import AutocastNetwork
from ..shared.errors import WeightsDamaged, WeightsMissing
from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from .setup import JobContext

_log = logging.getLogger(__name__)
_PROCEDURE_VERSION = 7  # raised when adapting changes, so that older results are not reused
_PREFIX = "decoder."  # of the names of the adapted tensors
# Prefixes of the recipe's numbers on which adapting, or the input of the decoder, depends.
_RELEVANT_NUMBERS = ("adapt.", "keyframes.", "previous.", "read.")
_STEPS_PER_REPORT = 5

ReportStage = Callable[[str, int, int], None]  # (what is being done, steps done, total steps)


def adapt(
    context: JobContext, folder: MatteFolder, truth: Labels, groups: Sequence[ObjectGroup], report: ReportStage
) -> None:
    """Adapt the loaded network to this shot: load the result stored in `folder`, or fine-tune on the keyframes `truth`.

    The weights file is not changed. If fine-tuning does not help on held-out keyframes, the network keeps its shipped
    weights, and this outcome is stored too.

    Raises Cancelled, FolderNotWritable, DiskFull.
    """
    network = context.network.network if isinstance(context.network, AutocastNetwork) else context.network
    assert isinstance(network, Keymatte), "only recipes of this network declare that they can adapt"
    pixels = {frame: image for frame in sorted(truth) if (image := context.source.read(frame)) is not None}
    identity = json.dumps(_identity(context, truth, groups, pixels), sort_keys=True)
    message = _load_outcome(network, folder, identity)
    if message is None and pixels:
        annotated = [_annotated_frames(context, group, truth, pixels) for group in groups]

        def report_step(done: int, total: int) -> None:
            context.source.check()
            if done % _STEPS_PER_REPORT == 0:
                report("Adapting to the shot", done, total)

        def read_image(frame: int) -> torch.Tensor | None:
            image = context.source.read(frame)
            return None if image is None else context.framing.apply(image, context.device)

        steps = context.numbers[STEPS.name]
        groups_read = [frames for frames in annotated if frames]
        outcome = fit(network, groups_read, steps=steps, report=report_step, read_image=read_image)
        message = _outcome_message(outcome)
        _save_outcome(outcome, folder, {"identity": identity, "told": message})
        if outcome.weights:
            network.decoder.load_state_dict(outcome.weights)
    if message:
        _log.info("%s", message)
        report(message, 0, 0)


def _outcome_message(outcome: Outcome) -> str:
    """Describe the outcome in a sentence for the user."""
    if outcome.weights is None:
        return "Adapting did not help: the network is used as shipped"
    return f"Adapted: held-out J {outcome.before:.1f} -> {outcome.after:.1f}"


def _identity(
    context: JobContext,
    truth: Labels,
    groups: Sequence[ObjectGroup],
    pixels: Mapping[int, NDArray[np.uint8]],
) -> dict[str, Any]:
    """Return everything that the outcome of fine-tuning depends on; a stored outcome is reused if this is the same."""
    assert context.weights is not None, "the network was loaded from a file"
    keyframes = hashlib.sha256(repr([(group.objects, group.keyframes) for group in groups]).encode())
    for frame, image in pixels.items():
        for part in (str(frame).encode(), truth[frame], image):
            keyframes.update(np.ascontiguousarray(part).data if isinstance(part, np.ndarray) else part)
    return {
        "edition": _PROCEDURE_VERSION,
        "weights": sha256_of(context.weights),
        "keyframes": keyframes.hexdigest(),
        "size": [context.framing.work_height, context.framing.work_width],
        "precision": str(context.precision),
        "numbers": {name: value for name, value in context.numbers.items() if name.startswith(_RELEVANT_NUMBERS)},
    }


def _annotated_frames(
    context: JobContext, group: ObjectGroup, truth: Labels, pixels: Mapping[int, NDArray[np.uint8]]
) -> list[AnnotatedFrame]:
    """Return the readable keyframes of a group, with image and masks as the network gets them in propagation."""
    annotated = []
    for frame in group.keyframes:
        if frame in pixels:
            masks = torch.stack([torch.from_numpy(truth[frame] == number) for number in group.objects]).float()
            image = context.framing.apply(pixels[frame], context.device)
            annotated.append(
                AnnotatedFrame(frame, image, aggregate(context.framing.apply_masks(masks.to(context.device))))
            )
    return annotated


def _load_outcome(network: Keymatte, folder: MatteFolder, identity: str) -> str | None:
    """Load the stored outcome into the network if it has this `identity`; return its message.

    Returns None if there is no such outcome, or if it is damaged.
    """
    try:
        metadata = loading.metadata(folder.adapted) if folder.adapted.is_file() else {}
        if metadata.get("identity") != identity:
            return None
        tensors = {name.removeprefix(_PREFIX): tensor for name, tensor in loading.read(folder.adapted).items()}
        if tensors:
            loading.fill(network.decoder, tensors, source=folder.adapted)
    except (WeightsDamaged, WeightsMissing) as error:
        _log.warning("%s", error.message)
        return None
    return metadata["told"]


def _save_outcome(outcome: Outcome, folder: MatteFolder, metadata: dict[str, str]) -> None:
    """Store the outcome and `metadata` in the matte folder. Raises FolderNotWritable, DiskFull."""
    tensors = {f"{_PREFIX}{name}": tensor.cpu().contiguous() for name, tensor in (outcome.weights or {}).items()}
    with atomic_write(folder.adapted) as part:
        part.write_bytes(safetensors.torch.save(tensors, metadata={**metadata, "network": "keymatte"}))
