"""Training: what it minimises, and that a step of it learns, is resumed, and grows a smaller network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.adaptation.losses import bootstrapped_mean, clip_loss, dice, iou, outline_band
from engine.layers.convolution import Conv
from engine.training.loop import Trainer
from engine.training.material import TrainConfig
from engine.training.unroll import Sample, plan, unroll

CONFIG = TrainConfig(steps=20, batch=1, frames=4, size=64, learning_rate=1e-3, warm_up=1)


def sample(frames: int = 4) -> Sample:
    """Two squares that drift over noise."""
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(0, 80, (1, 64, 64, 3), np.uint8), frames, 0)
    labels = np.zeros((frames, 64, 64), np.uint8)
    for frame in range(frames):
        for number, (y, x, colour) in enumerate(((8, 6 + 4 * frame, 250), (36, 34 - 4 * frame, 160)), 1):
            images[frame, y : y + 20, x : x + 20] = colour
            labels[frame, y : y + 20, x : x + 20] = number
    return replace(plan(images, labels, rng), keyframes=(0,), interval=1)


def test_only_the_hardest_pixels_count():
    losses = torch.arange(8.0).reshape(2, 4)
    assert bootstrapped_mean(losses, share=1.0) == 3.5
    assert bootstrapped_mean(losses, share=0.25) == 6.5


def test_the_band_lies_along_outlines_and_nowhere_else():
    labels = torch.zeros(20, 20, dtype=torch.long)
    labels[:, 10:] = 2
    band = outline_band(labels)
    assert band[5].tolist() == [0.0] * 8 + [1.0] * 4 + [0.0] * 8
    assert outline_band(torch.ones(8, 8, dtype=torch.long)).sum() == 0


def test_dice_and_overlaps_tell_right_from_wrong():
    labels = torch.tensor([[1, 1, 0, 0]])
    truth = torch.tensor([[[1.0, 1, 0, 0]]])
    assert dice(truth, truth) < 0.01 < 0.7 < dice(1 - truth, truth)
    found = torch.tensor([[1, 0, 1, 0]])
    assert iou(found, labels, 2).tolist() == [pytest.approx(1 / 3), 1.0]  # the second is nowhere, and not found


def test_every_learned_part_is_reached_by_some_lesson(tmp_path: Path):
    trainer = Trainer(tmp_path, CONFIG, pretrained=None)
    fold, decoder = trainer.network.fold, trainer.network.decoder
    for part in (fold.out, fold.narrow, decoder.edges.correct, decoder.edges.moved, decoder.moved_8):
        torch.nn.init.normal_(part.weight, std=0.02)  # they begin at zero, which hides what lies behind them
    shown = unroll(trainer.network, sample(5))
    clip_loss(shown, share=1.0).backward()
    untouched = [
        name
        for name, weight in trainer.network.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.abs().sum())
    ]
    assert untouched == []


def test_steps_learn_and_a_resumed_training_goes_on_the_same(tmp_path: Path):
    one, samples = Trainer(tmp_path, CONFIG, pretrained=None), [sample()]
    losses = [one.learn(samples) for _ in range(6)]
    assert losses[-1] < losses[0]
    one.save()
    other = Trainer(tmp_path, CONFIG, pretrained=None)
    other.restore()
    assert other.step == 6
    paces = [[group["lr"] for group in each.optimiser.param_groups] for each in (one, other)]
    assert paces[0] == paces[1]
    assert other.learn(samples) == pytest.approx(one.learn(samples), rel=1e-4)


def test_in_bfloat16_a_step_is_nearly_the_same_and_channels_by_themselves_stay_exact(tmp_path: Path):
    exact, mixed = (Trainer(tmp_path, replace(CONFIG, mixed=half), pretrained=None) for half in (False, True))
    by_itself = next(
        part
        for part in mixed.network.encoder.modules()
        if isinstance(part, Conv) and part.groups > 1 and part.weight.requires_grad
    )
    kinds = set()
    by_itself.register_forward_hook(lambda _, given, found: kinds.add(found.dtype))
    losses = [trainer.learn([sample()]) for trainer in (exact, mixed)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert kinds == {torch.float32}


@pytest.mark.parametrize("mixed", [False, True])
def test_what_is_surely_wrong_is_learned_from(tmp_path: Path, mixed: bool):
    network = Trainer(tmp_path, CONFIG, pretrained=None).network
    torch.nn.init.constant_(network.decoder.logit.bias, 8.0)  # sees objects everywhere
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        shown = unroll(network, sample())
    clip_loss(shown, share=0.25).backward()
    assert network.decoder.logit.bias.grad.item() > 0.01


def test_the_quality_head_learns_without_moving_the_masks(tmp_path: Path):
    network = Trainer(tmp_path, CONFIG, pretrained=None).network
    shown = unroll(network, sample())
    torch.stack([one.quality.sum() for one in shown]).sum().backward()
    moved = {name.rsplit(".", 2)[0] for name, weight in network.named_parameters() if weight.grad is not None}
    assert moved == {"decoder.quality"}


def test_smaller_weights_are_grown_and_foreign_ones_refused(tmp_path: Path):
    trainer = Trainer(tmp_path, CONFIG, pretrained=None)
    trainer.export(tmp_path / "whole.safetensors")
    tensors = load_file(tmp_path / "whole.safetensors")
    save_file({n: t for n, t in tensors.items() if not n.startswith("fold.")}, tmp_path / "smaller.safetensors")
    grown = Trainer(tmp_path, CONFIG, pretrained=None, start=tmp_path / "smaller.safetensors").network
    assert torch.equal(grown.key.weight, tensors["key.weight"])
    assert grown.fold.out.weight.abs().sum() == 0
    save_file({**tensors, "stranger": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match="stranger"):
        Trainer(tmp_path, CONFIG, pretrained=None, start=tmp_path / "foreign.safetensors")
