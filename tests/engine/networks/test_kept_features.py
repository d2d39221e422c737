"""Features that are read back from the disk are those that the encoder made, to the bit, whatever the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.inference.feature_cache import FeatureCache
from engine.methods.registry import find_recipe
from engine.networks.network import Features, KeepsPyramid
from engine.networks.qdmn import Qdmn
from engine.networks.xmem import XMem, XMemSizes


def aot(recipe: str) -> nn.Module:
    network = find_recipe(recipe).build({}, {})
    assert isinstance(network, nn.Module)
    return network


@pytest.mark.parametrize(
    "build",
    [lambda: XMem(XMemSizes()), Qdmn, lambda: aot("aot-l-mbv2"), lambda: aot("mavos")],
    ids=["xmem", "qdmn", "aot", "mavos"],
)
def test_features_read_back_are_those_that_were_kept(tmp_path: Path, build: Callable[[], nn.Module]):
    torch.manual_seed(0)
    network, image = build().eval(), torch.rand(1, 3, 64, 96)
    assert isinstance(network, KeepsPyramid)

    def open_cache() -> FeatureCache:
        return FeatureCache(tmp_path, "a" * 32, lambda frame: f"{frame:06d}-{'0' * 8}", disk_bytes=1 << 30)

    with torch.inference_mode():
        made = network.encode(image)
        cache = open_cache()
        cache.put(3, network.tensors_of(made))
        cache.close()
        kept = open_cache().get(3)
        assert kept is not None
        found = network.features_from(image, kept)
    assert found.grid == made.grid
    assert everything(found).keys() == everything(made).keys()
    for name, tensor in everything(made).items():
        assert torch.equal(everything(found)[name], tensor), name
        assert strides(everything(found)[name]) == strides(tensor), "rounding depends on the order in memory"


def everything(features: Features) -> dict[str, torch.Tensor]:
    levels = {f"level {stride}": level for stride, level in features.pyramid.items()}
    return {"image": features.image, **levels, **features.query.planes}


def strides(tensor: torch.Tensor) -> list[int]:
    """Return the strides of the dimensions that have any."""
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]
