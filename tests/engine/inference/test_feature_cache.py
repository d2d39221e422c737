"""FeatureCache: what is kept in memory and on disk, and what is removed first."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from engine.inference import feature_cache
from engine.inference.feature_cache import FeatureCache

NAME, OTHER = "a" * 32, "b" * 32
SIZE = 4096  # bytes of a frame's tensors, without the header of the file


def tensors(value: int) -> dict[str, torch.Tensor]:
    return {"key": torch.full((SIZE // 4,), float(value))}


def open_cache(root: Path, name: str = NAME, *, disk_bytes: int = 1 << 20, version: str = "0" * 8) -> FeatureCache:
    return FeatureCache(root, name, lambda frame: f"{frame:06d}-{version}", disk_bytes=disk_bytes)


def fill(cache: FeatureCache, frames: range) -> None:
    """Put frames one after another, so that none waits."""
    for frame in frames:
        cache.put(frame, tensors(frame))
        while cache._pending:
            pass
    cache.close()


def kept(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix()[31:39] for path in root.rglob("*.safetensors"))


def test_tensors_are_there_in_a_later_run_and_equal(tmp_path):
    fill(open_cache(tmp_path), range(3))
    found = open_cache(tmp_path).get(1)
    assert found is not None
    assert torch.equal(found["key"], tensors(1)["key"])
    assert open_cache(tmp_path).get(7) is None
    assert open_cache(tmp_path, OTHER).get(1) is None
    assert open_cache(tmp_path, version="1" * 8).get(1) is None, "the picture has changed"


def test_tensors_keep_their_order_in_memory(tmp_path):
    """Rounding depends on it, and so would the bits of mattes."""
    given = {
        "channels_last": torch.rand(1, 3, 4, 5).to(memory_format=torch.channels_last),
        "transposed": torch.rand(6, 4).T,
        "expanded": torch.rand(4, 1).expand(4, 6),
        "bytes": torch.arange(6, dtype=torch.uint8).view(2, 3),
    }
    cache = open_cache(tmp_path)
    cache.put(1, given)
    cache.close()
    found = open_cache(tmp_path).get(1)
    assert found is not None
    for name, tensor in given.items():
        assert torch.equal(found[name], tensor)
        assert [found[name].stride(d) for d in range(tensor.ndim) if tensor.size(d) > 1] == [
            tensor.stride(d) for d in range(tensor.ndim) if tensor.size(d) > 1
        ]


def test_nothing_is_kept_if_none_may_be(tmp_path):
    cache = open_cache(tmp_path, disk_bytes=0)
    fill(cache, range(2))
    assert cache.get(1) is None
    assert not list(tmp_path.iterdir())


def test_memory_holds_the_frames_used_last(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "MEMORY_BYTES", 3 * SIZE)
    cache = open_cache(tmp_path / "file")
    (tmp_path / "file").write_text("no folder, so that nothing is kept on disk")
    for frame in (0, 1, 2):
        cache.put(frame, tensors(frame))
    cache.get(0)
    cache.put(3, tensors(3))
    assert [frame for frame in range(4) if cache.get(frame)] == [0, 2, 3]


def test_files_that_were_not_used_for_the_longest_time_go_first(tmp_path):
    fill(open_cache(tmp_path), range(4))
    for place, frame in enumerate([2, 0, 3, 1]):
        os.utime(tmp_path / NAME / f"{frame:06d}-00000000.safetensors", (place + 1, place + 1))
    foreign = tmp_path / NAME / "notes.txt"
    foreign.write_text("mine")
    fill(open_cache(tmp_path, OTHER, disk_bytes=4 * SIZE + 1000), range(4, 5))
    assert kept(tmp_path) == ["a/000001", "a/000003", "b/000004"]
    assert foreign.read_text() == "mine"


def test_a_damaged_file_is_made_again(tmp_path):
    fill(open_cache(tmp_path), range(1))
    file = tmp_path / NAME / "000000-00000000.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    cache = open_cache(tmp_path)
    assert cache.get(0) is None
    fill(cache, range(1))
    assert open_cache(tmp_path).get(0) is not None


def test_a_folder_that_cannot_be_written_is_no_harm(tmp_path):
    root = tmp_path / "file"
    root.write_text("not a folder")
    cache = open_cache(root)
    fill(cache, range(2))
    assert cache.get(1) is not None
