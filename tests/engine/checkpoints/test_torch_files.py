"""PyTorch files are read for their tensors only; other files are refused, and no code in them runs."""

from __future__ import annotations

import collections
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.checkpoints.torch_files import read_torch_file
from engine.shared.errors import WeightsDamaged, WeightsMissing, WeightsUnsafe

TENSORS = {"key.weight": torch.arange(6.0).reshape(2, 3), "norm.count": torch.tensor(7)}
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=("zip", "older format"))


class Trap:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self._folder),)


def saved(folder: Path, held: object, *, zipped: bool = True) -> Path:
    path = folder / "weights für 影.pth"
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    return path


def is_the_same(found: dict[str, torch.Tensor]) -> bool:
    return list(found) == list(TENSORS) and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


# -- what is read ------------------------------------------------------------------------------------------------------
@FORMATS
@pytest.mark.parametrize(
    "held",
    [
        TENSORS,
        collections.OrderedDict(TENSORS),
        {f"module.{name}": tensor for name, tensor in TENSORS.items()},
        {"state_dict": TENSORS, "epoch": 3, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}},
        {"network": {f"module.{name}": tensor for name, tensor in TENSORS.items()}, "it": 110000},
        {"model": {"state_dict": TENSORS}},
        {
            name: torch.nn.Parameter(tensor) if tensor.is_floating_point() else tensor
            for name, tensor in TENSORS.items()
        },
    ],
    ids=("plain", "ordered", "parallel", "state_dict", "network, parallel", "nested twice", "parameters"),
)
def test_tensors_are_read_by_name_from_every_known_wrapper(tmp_path, held, zipped):
    assert is_the_same(read_torch_file(saved(tmp_path, held, zipped=zipped)))


def test_module_prefix_is_kept_unless_all_names_have_it(tmp_path):
    held = {"module.weight": torch.zeros(1), "bias": torch.zeros(1)}
    assert read_torch_file(saved(tmp_path, held)).keys() == held.keys()


def test_file_without_checksums_is_read(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tmp_path, TENSORS)
    finally:
        torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip()
    assert is_the_same(read_torch_file(path))


# -- code --------------------------------------------------------------------------------------------------------------
@FORMATS
def test_a_file_with_code_is_refused_and_the_code_does_not_run(tmp_path, zipped):
    path = saved(tmp_path, {"state_dict": TENSORS, "extra": Trap(tmp_path / "sprung")}, zipped=zipped)
    with pytest.raises(WeightsUnsafe, match=r"would run \w+\.mkdir\. It was not opened") as refusal:
        read_torch_file(path)
    assert not (tmp_path / "sprung").exists()
    assert refusal.value.remedy
    assert "weights_only" not in refusal.value.sentence()  # PyTorch's own message advises to load it anyway


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_bare_pickle_with_code_is_refused_and_the_code_does_not_run(tmp_path, protocol):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"a": TENSORS["norm.count"].item(), "b": Trap(tmp_path / "sprung")}, protocol))
    with pytest.raises(WeightsUnsafe, match="mkdir"):
        read_torch_file(path)
    assert not (tmp_path / "sprung").exists()


def test_trap_runs_code_when_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


def test_code_in_a_damaged_pickle_does_not_run(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"\x80\x02" + pickle.dumps(Trap(tmp_path / "sprung"), 0)[:-1] + b"\xff" * 50)
    with pytest.raises((WeightsUnsafe, WeightsDamaged)):
        read_torch_file(path)
    assert not (tmp_path / "sprung").exists()


@FORMATS
def test_pickled_module_or_array_is_refused_by_name(tmp_path, zipped):
    with pytest.raises(WeightsUnsafe, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_torch_file(saved(tmp_path, torch.nn.Linear(2, 2), zipped=zipped))
    with pytest.raises(WeightsUnsafe, match="numpy"):
        read_torch_file(saved(tmp_path, {"a": np.zeros(3)}, zipped=zipped))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TorchScript is deprecated, but such files exist
def test_a_torchscript_program_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(WeightsUnsafe, match="a program for PyTorch"):
        read_torch_file(path)


# -- damage ------------------------------------------------------------------------------------------------------------
@FORMATS
@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.05])
def test_a_truncated_file_is_refused(tmp_path, kept, zipped):
    path = saved(tmp_path, {f"layer.{i}": torch.rand(100, 100) for i in range(20)}, zipped=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(WeightsDamaged, match=r"incomplete|not a complete"):
        read_torch_file(path)


def test_flipped_bit_in_a_tensor_is_noticed(tmp_path):
    path = saved(tmp_path, {"a": torch.full((1000,), 0.5)})
    whole = bytearray(path.read_bytes())
    place = whole.index(torch.full((4,), 0.5).numpy().tobytes())
    whole[place + 2000] ^= 1
    path.write_bytes(whole)
    with pytest.raises(WeightsDamaged, match="damaged"):
        read_torch_file(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pickletools may warn about random bytes
def test_random_bytes_are_refused(tmp_path):
    generator = np.random.default_rng(0)
    path = tmp_path / "weights.pth"
    for _ in range(200):
        path.write_bytes(b"\x80\x02" + generator.bytes(int(generator.integers(1, 400))))
        with pytest.raises(WeightsDamaged):
            read_torch_file(path)


def test_tensor_with_a_false_size_is_refused(tmp_path):
    path = saved(tmp_path, {"a": torch.zeros(1000)}, zipped=False)
    path.write_bytes(path.read_bytes().replace(b"M\xe8\x03", b"J\xff\xff\xff\x7f"))
    with pytest.raises(WeightsDamaged):
        read_torch_file(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b'<?xml version="1.0"?><Error>NoSuchKey</Error>', "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a PyTorch file"),
        (b"PK\x05\x06" + bytes(18), "is a zip archive, but not a PyTorch file"),
    ],
)
def test_file_of_another_kind_is_recognized(tmp_path, content, words):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsDamaged, match=words):
        read_torch_file(path)


def test_compressed_archive_is_refused(tmp_path):
    path = saved(tmp_path, TENSORS)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(WeightsDamaged, match="not written by PyTorch"):
        read_torch_file(path)


def test_archive_with_an_entry_marked_as_encrypted_is_refused(tmp_path):
    path = saved(tmp_path, TENSORS)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(WeightsDamaged, match="incomplete or damaged"):
        read_torch_file(path)


@pytest.mark.parametrize("held", [{}, [], 3, {"a": 1}, {"model": {"lr": 0.1}}, [torch.zeros(1)], {0: torch.zeros(1)}])
def test_a_file_without_named_tensors_is_refused(tmp_path, held):
    with pytest.raises(WeightsDamaged, match="contains no named tensors"):
        read_torch_file(saved(tmp_path, held))


def test_sparse_tensor_is_refused_by_name(tmp_path):
    with pytest.raises(WeightsDamaged, match="'a' is not a plain tensor"):
        read_torch_file(saved(tmp_path, {"a": torch.eye(3).to_sparse()}))


@pytest.mark.parametrize("name", ["none.pth", "."])
def test_missing_file_is_named(tmp_path, name):
    with pytest.raises(WeightsMissing, match="does not exist"):
        read_torch_file(tmp_path / name)
