"""Weights are loaded strictly, and whatever is wrong with a file is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.checkpoints import load
from engine.errors import WeightsDamaged, WeightsMissing


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 1, 1))


def saved(path: Path, change=lambda tensors: None) -> Path:
    tensors = network().state_dict()
    change(tensors)
    save_file(tensors, path)
    return path


def test_what_was_saved_is_what_is_loaded(tmp_path: Path):
    one, other = network(), network()
    save_file(one.state_dict(), tmp_path / "w.safetensors")
    load(other, tmp_path / "w.safetensors")
    image = torch.rand(1, 3, 5, 5)
    assert torch.equal(one(image), other(image))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(WeightsMissing, match=r"none\.safetensors"):
        load(network(), tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("1.weight"), "lacks '1.weight'"),
        (lambda t: t.update(other=torch.zeros(1)), "foreign tensor 'other'"),
        (lambda t: t.update({"0.bias": torch.zeros(5)}), r"'0.bias' is \(5,\), this network needs \(4,\)"),
        (lambda t: t["0.weight"].fill_(float("nan")), "'0.weight' holds values that are not numbers"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change, words: str):
    with pytest.raises(WeightsDamaged, match=words):
        load(network(), saved(tmp_path / "w.safetensors", change))


@pytest.mark.parametrize("keep", [0, 7, 200])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int):
    path = saved(tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsDamaged, match="not a whole safetensors file"):
        load(network(), path)


def test_a_pickle_is_refused_unread(tmp_path: Path):
    path = tmp_path / "w.pth"
    torch.save(network().state_dict(), path)
    with pytest.raises(WeightsDamaged, match="not a whole safetensors file"):
        load(network(), path)
