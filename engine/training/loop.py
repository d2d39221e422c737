"""Training loop: optimises, validates, saves and resumes."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..adaptation.losses import clip_loss, iou
from ..checkpoints.loading import read, write
from ..layers.backbones import convert_lite0
from ..methods.options import ENLARGED
from ..networks.keymatte import Keymatte
from ..shared.files import atomic_write
from .curve import draw_curve
from .dataset import ClipDataset, SampleGenerator, TrainConfig
from .distributed import DistributedContext
from .unroll import Sample, unroll

_log = logging.getLogger(__name__)
_ENCODER_LR_SCALE = 0.2  # learning rate of the pretrained encoder, relative to that of other parameters
# Name prefixes of parameters that may be less trained than the rest; `young_pace` multiplies their learning rate.
_NEW_PARAMETERS = (
    *("fold.", "decoder.moved_8.", "decoder.edges.", "decoder.quality.", "decoder.near."),
    *("key.", "key_context.", "selection.", "shrinkage.", "log_"),
)
_EMA_DECAY = 0.998
_VALIDATION_CLIPS, _VALIDATION_FRAMES = 24, 6


class Trainer:
    """Training state: network, moving average of its weights, optimiser, schedule and step."""

    def __init__(
        self, folder: Path, config: TrainConfig, *, pretrained: Path | None, start: Path | None = None
    ) -> None:
        """Build the network; load weights into its encoder (`pretrained`) or into all of it (`start`); see `train`."""
        self.folder = folder
        self.config = config
        self.distributed, self.device = DistributedContext.from_environment(config.device)
        torch.manual_seed(config.seed)  # every process starts from the same weights
        self.network = Keymatte(enlarged=ENLARGED.default / 100)
        if pretrained is not None:
            self.network.encoder.load_state_dict(convert_lite0(read(pretrained)))
        if start is not None:
            self._load_start(start)
        for part in self.network.encoder.modules_up_to(8):
            part.requires_grad_(False)
        self.network.to(self.device)
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_EMA_DECAY))
        self.optimiser = torch.optim.AdamW(self._parameter_groups(), weight_decay=1e-3)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._lr_scale)
        self.step = 0
        # Number of held-out rendered scenes, and J. J is comparable for equal numbers only; scenes may be added later.
        self.best = (0, 0.0)
        self.seconds = 0.0

    def _load_start(self, path: Path) -> None:
        """Load network weights from `path`; parameters that are not in the file keep their initial values.

        Raises ValueError if the file has tensors that the network does not have.
        """
        tensors = read(path)
        missing, unexpected = self.network.load_state_dict(tensors, strict=False)
        if unexpected:
            raise ValueError(f"{path} has tensors that this network does not have, such as {unexpected[0]}")
        if missing:
            _log.info("%d tensors start untrained, such as %s", len(missing), missing[0])

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Return the trainable parameters in groups with their own learning rates: encoder, others, newly added."""
        named = [(name, weight) for name, weight in self.network.named_parameters() if weight.requires_grad]
        encoder = [weight for name, weight in named if name.startswith("encoder.")]
        new = [weight for name, weight in named if name.startswith(_NEW_PARAMETERS)]
        others = [weight for name, weight in named if not name.startswith(("encoder.", *_NEW_PARAMETERS))]
        scales = ((encoder, _ENCODER_LR_SCALE), (others, 1.0), (new, self.config.young_pace))
        return [{"params": weights, "lr": self.config.learning_rate * scale} for weights, scale in scales]

    def _lr_scale(self, step: int) -> float:
        """Return the factor that scales all learning rates at `step`: a linear warm-up times a cosine decay to 2 %."""
        warm_up = min((step + 1) / self.config.warm_up, 1.0)
        return float(warm_up * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(step / self.config.steps, 1.0)))))

    def bootstrap_share(self) -> float:
        """Return the share of pixels, those with the highest loss, that the bootstrapped loss averages.

        It is 1 in the first tenth of training, falls linearly, and is 1/4 in the second half.
        """
        progress = self.step / self.config.steps
        return float(np.interp(progress, [0.1, 0.5], [1.0, 0.25]))

    def train_step(self, samples: list[Sample]) -> float:
        """Take one optimiser step on a batch of samples and return their mean loss."""
        self.network.train()
        total = 0.0
        for sample in samples:
            mixed = self.config.mixed or self.device.type == "cuda"
            with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
                predictions = unroll(self.network, sample.to(self.device))
            loss = clip_loss(predictions, share=self.bootstrap_share()) / len(samples)
            loss.backward()
            total += loss.item()
        self.distributed.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        self.step += 1
        return total

    def save(self) -> None:
        """Write the training state to `state.pt` and the averaged weights to `last.safetensors`."""
        with atomic_write(self.folder / "state.pt") as part:
            torch.save(
                {
                    "network": self.network.state_dict(),
                    "average": self.average.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "schedule": {"last_epoch": self.schedule.last_epoch},
                    "step": self.step,
                    "best": self.best,
                    "seconds": self.seconds,
                },
                part,
            )
        self.export(self.folder / "last.safetensors")

    def restore(self) -> None:
        """Load the training state that `save` wrote, if there is one."""
        path = self.folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location=self.device)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.last_epoch = state["schedule"]["last_epoch"]
        self.step, self.best, self.seconds = state["step"], state["best"], state["seconds"]

    def export(self, path: Path) -> None:
        """Write the averaged weights as safetensors, with licence, step and configuration as metadata."""
        about = {"network": "keymatte", "licence": "GPL-3.0-or-later", "step": str(self.step)}
        write(path, self.average.module.state_dict(), {**about, "course": json.dumps(asdict(self.config))})

    @torch.inference_mode()
    def validate(self, samples: list[Sample]) -> dict[str, float]:
        """Score the network with averaged weights on held-out samples.

        Returns `J`, the mean IoU over objects and predicted frames (0..100), and `quality_error`, the mean absolute
        error of the predicted quality (0..1).
        """
        scores, errors = [], []
        network = self.average.module
        assert isinstance(network, Keymatte)  # AveragedModel declares it as any module
        for sample in samples:
            for prediction in unroll(network, sample.to(self.device)):
                true_iou = iou(prediction.logits.argmax(0), prediction.labels, sample.objects)
                scores += true_iou.tolist()
                errors += (prediction.quality.sigmoid() - true_iou).abs().tolist()
        return {"J": 100 * float(np.mean(scores)), "quality_error": float(np.mean(errors))}


def train(
    folder: Path,
    prepared: Path,
    config: TrainConfig,
    *,
    pretrained: Path | None = None,
    start: Path | None = None,
    rendered: Path | None = None,
    minutes: float | None = None,
) -> None:
    """Train for `config.steps` steps or `minutes`, whichever ends first; resume the run in `folder` if there is one.

    State, weights, log.jsonl and curve.png are written to `folder`. Clips are composed of the pictures in `prepared`
    and cropped from the rendered scenes in `rendered`. `pretrained` holds published EfficientNet-Lite0 weights for the
    encoder, `start` Keymatte weights for the whole network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(folder, config, pretrained=pretrained, start=start)
    trainer.restore()
    processes = trainer.distributed
    samples, scenes = _validation_samples(prepared, rendered, config)
    first = trainer.step * config.batch * processes.world_size + processes.rank
    loader = DataLoader(
        ClipDataset((prepared, rendered), config, start=first, stride=processes.world_size),
        batch_size=config.batch,
        collate_fn=list,
        num_workers=config.workers,
        prefetch_factor=2,
    )
    began, losses = time.monotonic(), []
    with (
        (folder / "log.jsonl").open("a", encoding="utf-8") as log,
        tqdm(total=config.steps, initial=trainer.step, disable=not processes.is_main_process) as bar,
    ):
        for batch in loader:
            before = time.monotonic()
            losses.append(trainer.train_step(batch))
            trainer.seconds += time.monotonic() - before
            bar.update()
            out_of_time = minutes is not None and time.monotonic() - began > minutes * 60
            last = processes.any_process(trainer.step >= config.steps or out_of_time, trainer.device)
            if processes.is_main_process and (last or trainer.step % config.validate_every == 0):
                row = _validate(trainer, samples, scenes, losses, log)
                losses = []
                bar.set_postfix(J=f"{row['J']:.1f}", loss=f"{row['loss']:.3f}")
            if processes.is_main_process and (last or trainer.step % config.save_every == 0):
                trainer.save()
            if last:
                processes.barrier()
                return


def _validation_samples(prepared: Path, rendered: Path | None, config: TrainConfig) -> tuple[list[Sample], int]:
    """Return held-out samples, and the number of held-out rendered scenes.

    Every second sample is cropped from a rendered scene, if there are any.
    """
    generator = SampleGenerator.open(prepared, rendered, held_out=True)
    from_rendered = [False] * _VALIDATION_CLIPS
    if generator.scenes and config.rendered:
        from_rendered[::2] = [True] * len(from_rendered[::2])
    clean, scenes = replace(config, corrupt_prob=0, united=0), len(generator.scenes or ())
    samples = [
        generator.sample(clean, index, frames=_VALIDATION_FRAMES, rendered=is_rendered)
        for index, is_rendered in enumerate(from_rendered)
    ]
    return samples, scenes


def _validate(
    trainer: Trainer, samples: list[Sample], scenes: int, losses: list[float], log: TextIO
) -> dict[str, float]:
    """Validate the averaged weights, log the scores, draw the curve, and save the weights if they are the best so far.

    Returns the row added to the log: step, mean of the training `losses`, scores, and seconds of training.
    """
    scores = trainer.validate(samples)
    row = {"step": trainer.step, "loss": float(np.mean(losses)), **scores, "seconds": trainer.seconds}
    log.write(json.dumps(row) + "\n")
    log.flush()
    draw_curve(trainer.folder / "log.jsonl", trainer.folder / "curve.png")
    score = (scenes, scores["J"])
    if score > trainer.best:
        trainer.best = score
        trainer.export(trainer.folder / "best.safetensors")
    return row
