"""Weights are loaded strictly, and errors name what is wrong with the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.checkpoints.loading import Layer, fill, load
from engine.shared.errors import WeightsDamaged, WeightsMissing


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 1, 1))


def saved(path: Path, change=lambda tensors: None) -> Path:
    tensors = network().state_dict()
    change(tensors)
    save_file(tensors, path)
    return path


def test_saved_weights_are_loaded_unchanged(tmp_path: Path):
    source, target = network(), network()
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    load(target, tmp_path / "w.safetensors")
    image = torch.rand(1, 3, 5, 5)
    assert torch.equal(source(image), target(image))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(WeightsMissing, match=r"none\.safetensors"):
        load(network(), tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("1.weight"), "lacks '1.weight'"),
        (lambda t: t.update(other=torch.zeros(1)), "unknown tensor 'other'"),
        (lambda t: t.update({"0.bias": torch.zeros(5)}), r"'0.bias' is \(5,\), but this network needs \(4,\)"),
        (lambda t: t["0.weight"].fill_(float("nan")), "'0.weight' contains values that are not finite"),
    ],
)
def test_wrong_tensors_are_named(tmp_path: Path, change, words: str):
    with pytest.raises(WeightsDamaged, match=words):
        load(network(), saved(tmp_path / "w.safetensors", change))


@pytest.mark.parametrize("keep", [0, 7, 200])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int):
    path = saved(tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsDamaged, match="not a complete safetensors file"):
        load(network(), path)


def test_pytorch_file_is_loaded(tmp_path: Path):
    source, target = network(), network()
    torch.save(source.state_dict(), tmp_path / "w.pth")
    load(target, tmp_path / "w.pth")
    image = torch.rand(1, 3, 5, 5)
    assert torch.equal(source(image), target(image))


class Normed(nn.Module):
    """Two convolutions as a published network has them: the first with batch norm, the second with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.bn1(self.conv1(image)))


class Folded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 2, 1)


LAYERS = (Layer("first", "conv1", "bn1"), Layer("second", "head"))


def published() -> Normed:
    network = Normed().eval()
    for tensor in (network.bn1.running_mean, network.bn1.weight, network.bn1.bias):
        nn.init.normal_(tensor)
    nn.init.uniform_(network.bn1.running_var, 0.5, 2)
    return network


def test_published_names_are_mapped_and_batch_norm_is_folded_into_the_convolution():
    theirs, ours = published(), Folded()
    fill(ours, theirs.state_dict(), source=Path("theirs.pth"), names=LAYERS)
    image = torch.rand(1, 3, 9, 9)
    assert torch.allclose(ours.second(ours.first(image)), theirs(image), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("bn1.running_var"), "lacks 'bn1.running_var'"),
        (lambda t: t.update(extra=torch.zeros(1)), "unknown tensor 'extra'"),
        (lambda t: t.update({"bn1.bias": torch.zeros(5)}), r"'bn1.bias' is \(5,\), but this network needs \(4,\)"),
        (lambda t: t["bn1.running_var"].fill_(-1), "'first.weight' contains values that are not finite"),
        (lambda t: t["head.bias"].fill_(float("inf")), "'head.bias' contains values that are not finite"),
    ],
)
def test_wrong_published_tensors_are_named_as_their_authors_name_them(change, words: str):
    tensors = published().state_dict()
    change(tensors)
    with pytest.raises(WeightsDamaged, match=words):
        fill(Folded(), tensors, source=Path("theirs.pth"), names=LAYERS)


def test_the_weights_of_another_method_are_refused():
    with pytest.raises(WeightsDamaged, match=r"lacks 'bn1\.bias'"):
        fill(Folded(), {"encoder.weight": torch.zeros(1)}, source=Path("other.pth"), names=LAYERS)
