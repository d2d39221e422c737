"""What is in a machine, told from small copies of what systems list, and from a program that answers as NVIDIA's."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from engine.shared import hardware
from engine.shared.hardware import Gpu, Hardware, Maker, find_hardware, version_numbers, windows_gpu

posix = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")


@pytest.fixture(autouse=True)
def _no_programs(monkeypatch, tmp_path):
    """Let no program of this computer be found."""
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_program(tmp_path: Path, body: str) -> Path:
    """Write a shell script called nvidia-smi, which is found on the path."""
    path = tmp_path / "programs" / "nvidia-smi"
    write(path, f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@posix
def test_nvidias_program_is_asked_and_the_newest_chip_of_several_is_taken(tmp_path):
    answer = "NVIDIA GeForce GT 710, 551.86, 3.5\\nNVIDIA GeForce RTX 3060, 551.86, 8.6\\n"
    write_program(tmp_path, f'[ "$1" = --query-gpu=name,driver_version,compute_cap ] && printf "{answer}"')
    found = find_hardware(tmp_path, system="linux", machine="x86_64")
    assert found.gpu == Gpu(Maker.NVIDIA, "NVIDIA GeForce RTX 3060", "551.86", "8.6")
    assert found.gpu_in_words == "NVIDIA GeForce RTX 3060, driver 551.86"


@posix
def test_an_old_program_that_does_not_know_the_chip_is_asked_without_it(tmp_path):
    write_program(tmp_path, '[ "$1" = --query-gpu=name,driver_version ] || exit 2; echo "GeForce GTX 970, 384.130"')
    gpu = find_hardware(tmp_path, system="linux", machine="x86_64").gpu
    assert gpu == Gpu(Maker.NVIDIA, "NVIDIA GeForce GTX 970", "384.130")


@posix
@pytest.mark.parametrize("body", ["exit 9", "echo 'NVIDIA-SMI has failed because it could not talk to the driver'"])
def test_a_program_without_a_driver_is_as_none(tmp_path, body):
    write_program(tmp_path, body)
    assert find_hardware(tmp_path, system="linux", machine="x86_64").gpu is None


@posix
def test_a_program_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "_SECONDS", 0.3)
    write_program(tmp_path, "exec /bin/sleep 60")
    began = time.monotonic()
    assert find_hardware(tmp_path, system="linux", machine="x86_64").gpu is None
    assert time.monotonic() - began < 10


@posix
def test_windows_finds_the_program_in_its_system_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SystemRoot", str(tmp_path / "Windows"))
    program = tmp_path / "Windows" / "System32" / "nvidia-smi.exe"
    write(program, '#!/bin/sh\necho "NVIDIA RTX A2000, 528.89, 8.6"\n')
    program.chmod(0o755)
    gpu = find_hardware(tmp_path, system="win32", machine="AMD64").gpu
    assert gpu == Gpu(Maker.NVIDIA, "NVIDIA RTX A2000", "528.89", "8.6")


@pytest.mark.parametrize(
    ("name", "version", "gpu"),
    [
        ("NVIDIA GeForce RTX 4060", "32.0.15.6094", Gpu(Maker.NVIDIA, "NVIDIA GeForce RTX 4060", "560.94")),
        ("NVIDIA Quadro K600", "9.18", Gpu(Maker.NVIDIA, "NVIDIA Quadro K600", "")),
        ("AMD Radeon RX 7900 XT", "32.0.11", Gpu(Maker.AMD, "AMD Radeon RX 7900 XT", "32.0.11")),
        ("Radeon RX 580 Series", "31.0", Gpu(Maker.AMD, "Radeon RX 580 Series", "31.0")),
        ("Intel(R) UHD Graphics 770", "31.0.101", Gpu(Maker.INTEL, "Intel(R) UHD Graphics 770", "31.0.101")),
        ("Microsoft Basic Display Adapter", "10.0", None),
    ],
)
def test_a_display_adapter_of_windows_is_told_by_its_name(name, version, gpu):
    assert windows_gpu(name, version) == gpu


def test_windows_lists_the_gpu_that_pytorch_could_use_first(tmp_path, monkeypatch):
    monkeypatch.delenv("SystemRoot", raising=False)
    adapters = [("Intel(R) UHD Graphics 770", "31.0.101"), ("NVIDIA GeForce RTX 4060", "32.0.15.6094")]
    monkeypatch.setattr(hardware, "_windows_adapters", lambda: adapters)
    assert find_hardware(tmp_path, system="win32", machine="AMD64").gpu.driver == "560.94"


def test_linux_tells_nvidias_driver_by_its_kernel_module(tmp_path):
    write(
        tmp_path / "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27 21:21:55 UTC 2021\nGCC version: 9.3.0\n",
    )
    write(tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t Quadro P2000\nIRQ:   16\n")
    gpu = find_hardware(tmp_path, system="linux", machine="x86_64").gpu
    assert gpu == Gpu(Maker.NVIDIA, "NVIDIA Quadro P2000", "470.82.01")


def test_the_open_kernel_module_of_nvidia_is_read_too(tmp_path):
    write(
        tmp_path / "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n",
    )
    assert find_hardware(tmp_path, system="linux", machine="x86_64").gpu.driver == "580.65.06"


def test_an_nvidia_card_without_nvidias_driver_has_no_driver_version(tmp_path):
    write(tmp_path / "sys/class/drm/card1/device/vendor", "0x10de\n")
    assert find_hardware(tmp_path, system="linux", machine="x86_64").gpu == Gpu(Maker.NVIDIA, "NVIDIA GPU")


def test_an_amd_card_on_linux_is_told_by_its_chip_and_goes_before_the_one_in_the_processor(tmp_path):
    nodes = tmp_path / "sys/class/kfd/kfd/topology/nodes"
    write(nodes / "0/properties", "cpu_cores_count 16\ngfx_target_version 0\n")
    write(nodes / "1/properties", "simd_count 4\ngfx_target_version 100306\n")
    write(nodes / "2/properties", "simd_count 120\ngfx_target_version 110000\n")
    write(tmp_path / "sys/class/drm/card0/device/vendor", "0x1002\n")
    gpu = find_hardware(tmp_path, system="linux", machine="x86_64").gpu
    assert gpu == Gpu(Maker.AMD, "AMD GPU (gfx1100)", chip="gfx1100")


def test_a_chip_with_letters_is_written_as_amd_does(tmp_path):
    write(tmp_path / "sys/class/kfd/kfd/topology/nodes/1/properties", "gfx_target_version 90010\n")
    assert find_hardware(tmp_path, system="linux", machine="x86_64").gpu.chip == "gfx90a"


def test_macs_have_apples_gpu_or_none(tmp_path):
    assert find_hardware(tmp_path, system="darwin", machine="arm64").gpu == Gpu(Maker.APPLE, "Apple GPU")
    assert find_hardware(tmp_path, system="darwin", machine="x86_64").gpu is None


def test_a_machine_without_a_gpu_says_so(tmp_path):
    found = find_hardware(tmp_path, system="linux", machine="x86_64")
    assert found == Hardware("linux", "x86_64") and found.gpu_in_words == "No GPU found"


def test_this_machine_can_be_looked_at_quickly():
    began = time.monotonic()
    assert find_hardware().system == sys.platform
    assert time.monotonic() - began < 10


def test_versions_are_compared_as_numbers():
    assert version_numbers("525.60.13") < version_numbers("525.105.17") < version_numbers("580")
    assert version_numbers("") == ()
