"""Training: losses, optimiser steps, resuming, mixed precision and start weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.adaptation.losses import bootstrapped_mean, clip_loss, dice, iou, outline_band
from engine.layers.convolution import Conv
from engine.training.dataset import TrainConfig
from engine.training.loop import Trainer
from engine.training.unroll import Sample, make_sample, unroll

CONFIG = TrainConfig(steps=20, batch=1, frames=4, size=64, learning_rate=1e-3, warm_up=1)


def sample(frames: int = 4) -> Sample:
    """Make a sample of two squares that drift over noise."""
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(0, 80, (1, 64, 64, 3), np.uint8), frames, 0)
    labels = np.zeros((frames, 64, 64), np.uint8)
    for frame in range(frames):
        for number, (y, x, colour) in enumerate(((8, 6 + 4 * frame, 250), (36, 34 - 4 * frame, 160)), 1):
            images[frame, y : y + 20, x : x + 20] = colour
            labels[frame, y : y + 20, x : x + 20] = number
    return replace(make_sample(images, labels, rng), keyframes=(0,), interval=1)


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


def test_dice_and_iou_separate_right_from_wrong():
    labels = torch.tensor([[1, 1, 0, 0]])
    truth = torch.tensor([[[1.0, 1, 0, 0]]])
    assert dice(truth, truth) < 0.01 < 0.7 < dice(1 - truth, truth)
    found = torch.tensor([[1, 0, 1, 0]])
    assert iou(found, labels, 2).tolist() == [pytest.approx(1 / 3), 1.0]  # the second is absent from both


def test_every_trainable_parameter_gets_a_gradient(tmp_path: Path):
    trainer = Trainer(tmp_path, CONFIG, pretrained=None)
    fold, decoder = trainer.network.fold, trainer.network.decoder
    for part in (fold.out, fold.narrow, decoder.edges.correct, decoder.edges.moved, decoder.moved_8):
        torch.nn.init.normal_(part.weight, std=0.02)  # zero at first, which stops gradients to earlier layers
    predictions = unroll(trainer.network, sample(5))
    clip_loss(predictions, share=1.0).backward()
    untouched = [
        name
        for name, weight in trainer.network.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.abs().sum())
    ]
    assert untouched == []


def test_steps_reduce_the_loss_and_a_resumed_run_continues_identically(tmp_path: Path):
    trainer, samples = Trainer(tmp_path, CONFIG, pretrained=None), [sample()]
    losses = [trainer.train_step(samples) for _ in range(6)]
    assert losses[-1] < losses[0]
    trainer.save()
    resumed = Trainer(tmp_path, CONFIG, pretrained=None)
    resumed.restore()
    assert resumed.step == 6
    rates = [[group["lr"] for group in each.optimiser.param_groups] for each in (trainer, resumed)]
    assert rates[0] == rates[1]
    assert resumed.train_step(samples) == pytest.approx(trainer.train_step(samples), rel=1e-4)


def test_in_bfloat16_a_step_is_nearly_the_same_and_depthwise_convolutions_stay_in_float32(tmp_path: Path):
    exact, mixed = (Trainer(tmp_path, replace(CONFIG, mixed=half), pretrained=None) for half in (False, True))
    depthwise = next(
        part
        for part in mixed.network.encoder.modules()
        if isinstance(part, Conv) and part.groups > 1 and part.weight.requires_grad
    )
    dtypes = set()
    depthwise.register_forward_hook(lambda _, inputs, output: dtypes.add(output.dtype))
    losses = [trainer.train_step([sample()]) for trainer in (exact, mixed)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert dtypes == {torch.float32}


@pytest.mark.parametrize("mixed", [False, True])
def test_confident_errors_have_a_gradient(tmp_path: Path, mixed: bool):
    network = Trainer(tmp_path, CONFIG, pretrained=None).network
    torch.nn.init.constant_(network.decoder.logit.bias, 8.0)  # predicts objects everywhere
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        predictions = unroll(network, sample())
    clip_loss(predictions, share=0.25).backward()
    assert network.decoder.logit.bias.grad.item() > 0.01


def test_the_quality_head_learns_without_moving_the_masks(tmp_path: Path):
    network = Trainer(tmp_path, CONFIG, pretrained=None).network
    predictions = unroll(network, sample())
    torch.stack([prediction.quality.sum() for prediction in predictions]).sum().backward()
    moved = {name.rsplit(".", 2)[0] for name, weight in network.named_parameters() if weight.grad is not None}
    assert moved == {"decoder.quality"}


def test_start_weights_may_lack_tensors_but_not_have_unknown_ones(tmp_path: Path):
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
