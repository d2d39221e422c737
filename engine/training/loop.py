"""The training loop: samples in, weights out; resumable at any step."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..adaptation.losses import clip_loss, iou
from ..checkpoints.loading import read, write
from ..layers.backbones import folded_lite0
from ..methods.own import ENLARGED
from ..networks.keymatte import Keymatte
from ..shared.files import atomic_write
from .curve import draw_curve
from .material import ClipDataset, Material, TrainConfig
from .team import Team
from .unroll import Sample, unroll

_log = logging.getLogger(__name__)
_TRUNK_PACE = 0.2  # learning rate of the pretrained trunk, as a share of the others'
# Parts that begin at zero, or at what the trunk gives, however old the rest: they learn at `young_pace` times the rate.
_YOUNG = (
    *("fold.", "decoder.moved_8.", "decoder.edges.", "decoder.quality.", "decoder.near."),
    *("key.", "key_context.", "selection.", "shrinkage.", "log_"),
)
_EMA_DECAY = 0.998
_VALIDATION_CLIPS = 24


class Trainer:
    """Network, its average, optimiser and step; saved and restored as one."""

    def __init__(
        self, folder: Path, config: TrainConfig, *, pretrained: Path | None, start: Path | None = None
    ) -> None:
        self.folder = folder
        self.config = config
        self.team, self.device = Team.gather(config.device)
        torch.manual_seed(config.seed)  # every process begins with the same weights
        self.network = Keymatte(enlarged=ENLARGED.default / 100)
        if pretrained is not None:
            self.network.encoder.load_state_dict(folded_lite0(read(pretrained)))
        if start is not None:
            self._grow_from(start)
        for part in self.network.encoder.parts_before(8):
            part.requires_grad_(False)
        self.network.to(self.device)
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(_EMA_DECAY))
        named = [(name, weight) for name, weight in self.network.named_parameters() if weight.requires_grad]
        trunk = [weight for name, weight in named if name.startswith("encoder.")]
        young = [weight for name, weight in named if name.startswith(_YOUNG)]
        others = [weight for name, weight in named if not name.startswith(("encoder.", *_YOUNG))]
        rate = config.learning_rate
        paces = ((trunk, _TRUNK_PACE), (others, 1.0), (young, config.young_pace))
        self.optimiser = torch.optim.AdamW(
            [{"params": weights, "lr": rate * pace} for weights, pace in paces], weight_decay=1e-3
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._pace)
        self.step = 0
        self.best = (0, 0.0)  # rendered scenes of the exam, which get more while they are rendered, and J on it
        self.seconds = 0.0

    def _grow_from(self, path: Path) -> None:
        """Take over the weights at `path`. Parts that those have not keep what they begin with."""
        tensors = read(path)
        missing, foreign = self.network.load_state_dict(tensors, strict=False)
        if foreign:
            raise ValueError(f"{path} holds tensors that this network has not, such as {foreign[0]}")
        if missing:
            _log.info("%d tensors begin untrained, such as %s", len(missing), missing[0])

    def _pace(self, step: int) -> float:
        """Linear warm-up, then cosine down to 2 %."""
        warm_up = min((step + 1) / self.config.warm_up, 1.0)
        return float(warm_up * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(step / self.config.steps, 1.0)))))

    def share(self) -> float:
        """Share of pixels that count: all in the first tenth, then falling to a quarter at half time."""
        progress = self.step / self.config.steps
        return float(np.interp(progress, [0.1, 0.5], [1.0, 0.25]))

    def learn(self, samples: list[Sample]) -> float:
        """One step on a batch; returns its loss."""
        self.network.train()
        total = 0.0
        for one in samples:
            mixed = self.config.mixed or self.device.type == "cuda"
            with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
                shown = unroll(self.network, one.to(self.device))
            loss = clip_loss(shown, share=self.share()) / len(samples)
            loss.backward()
            total += loss.item()
        self.team.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        self.step += 1
        return total

    def save(self) -> None:
        """Everything needed to go on, and the averaged weights for use."""
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
        """Go on from where `save` was last called, if it was."""
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
        """The averaged weights as safetensors, with where they come from."""
        about = {"network": "keymatte", "licence": "GPL-3.0-or-later", "step": str(self.step)}
        write(path, self.average.module.state_dict(), {**about, "course": json.dumps(asdict(self.config))})

    @torch.inference_mode()
    def validate(self, samples: list[Sample]) -> dict[str, float]:
        """Score the averaged network on held-out samples.

        Returns `J`, the mean IoU over objects and predicted frames (0..100), and `quality_error`, the mean absolute
        error of the predicted quality (0..1).
        """
        scores, errors = [], []
        for one in samples:
            for shown in unroll(self.average.module, one.to(self.device)):
                true = iou(shown.logits.argmax(0), shown.labels, one.objects)
                scores += true.tolist()
                errors += (shown.quality.sigmoid() - true).abs().tolist()
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
    """Train for `config.steps` steps or `minutes`, whichever ends first.

    `folder` gets state, weights, log.jsonl and curve.png.

    `pretrained` fills the encoder (published EfficientNet-Lite0), `start` the whole network (weights of ours);
    `rendered` is a folder of rendered scenes to learn from beside the composed clips.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(folder, config, pretrained=pretrained, start=start)
    trainer.restore()
    team = trainer.team
    held_out = Material.open(prepared, rendered, held_out=True)
    kinds = [False] * _VALIDATION_CLIPS
    if held_out.scenes and config.rendered:
        kinds[::2] = [True] * len(kinds[::2])
    asked, scenes = replace(config, corrupt_prob=0, united=0), len(held_out.scenes or ())
    exam = [held_out.sample(asked, index, frames=6, rendered=kind) for index, kind in enumerate(kinds)]
    loader = DataLoader(
        ClipDataset(
            (prepared, rendered), config, start=trainer.step * config.batch * team.size + team.rank, stride=team.size
        ),
        batch_size=config.batch,
        collate_fn=list,
        num_workers=config.workers,
        prefetch_factor=2,
    )
    began, losses = time.monotonic(), []
    with (
        (folder / "log.jsonl").open("a", encoding="utf-8") as log,
        tqdm(total=config.steps, initial=trainer.step, disable=not team.is_main_process) as bar,
    ):
        for samples in loader:
            before = time.monotonic()
            losses.append(trainer.learn(samples))
            trainer.seconds += time.monotonic() - before
            bar.update()
            over = minutes is not None and time.monotonic() - began > minutes * 60
            last = team.any(trainer.step >= config.steps or over, trainer.device)
            if team.is_main_process and (last or trainer.step % config.validate_every == 0):
                scores = trainer.validate(exam)
                row = {"step": trainer.step, "loss": float(np.mean(losses)), **scores, "seconds": trainer.seconds}
                log.write(json.dumps(row) + "\n")
                log.flush()
                losses = []
                bar.set_postfix(J=f"{scores['J']:.1f}", loss=f"{row['loss']:.3f}")
                draw_curve(folder / "log.jsonl", folder / "curve.png")
                grade = (scenes, scores["J"])
                if grade > trainer.best:
                    trainer.best = grade
                    trainer.export(folder / "best.safetensors")
            if team.is_main_process and (last or trainer.step % config.save_every == 0):
                trainer.save()
            if last:
                team.wait()
                return
