"""The build of PyTorch that is chosen for a machine, and what is said of it."""

from __future__ import annotations

import pytest

from engine.shared.hardware import Gpu, Hardware, Maker
from engine.shared.torch_builds import AUTOMATIC, builds_for, choose, find_build

WINDOWS, LINUX, MAC = ("win32", "amd64"), ("linux", "x86_64"), ("darwin", "arm64")


def nvidia(driver: str, chip: str = "8.6") -> Gpu:
    return Gpu(Maker.NVIDIA, "NVIDIA GeForce", driver, chip)


@pytest.mark.parametrize(
    ("computer", "gpu", "key"),
    [
        (LINUX, None, "cpu"),
        (WINDOWS, None, "standard"),
        (MAC, Gpu(Maker.APPLE, "Apple GPU"), "standard"),
        (LINUX, nvidia("580.65.06"), "cu130"),
        (WINDOWS, nvidia("581.15"), "cu130"),
        (WINDOWS, nvidia("551.86"), "cu126"),  # the driver is older than CUDA 13
        (LINUX, nvidia("525.60.13"), "cu126"),
        (LINUX, nvidia("525.60.12"), "cpu"),
        (WINDOWS, nvidia("528.24"), "standard"),
        (LINUX, nvidia("580.65.06", "6.1"), "cu126"),  # Pascal is not in CUDA 13
        (WINDOWS, nvidia("572.16", "12.0"), "standard"),  # Blackwell is not in CUDA 12.6
        (LINUX, nvidia("600.1", "12.0"), "cu130"),
        (LINUX, nvidia("470.82", "3.5"), "cpu"),
        (LINUX, nvidia("581.1", ""), "cu130"),  # an unknown chip is taken for a usual one
        (LINUX, nvidia("", ""), "cpu"),
        (LINUX, Gpu(Maker.AMD, "AMD GPU (gfx1100)", chip="gfx1100"), "rocm7.2"),
        (LINUX, Gpu(Maker.AMD, "AMD GPU (gfx1036)", chip="gfx1036"), "cpu"),  # would crash, not compute
        (LINUX, Gpu(Maker.AMD, "AMD GPU"), "cpu"),
        (WINDOWS, Gpu(Maker.AMD, "AMD Radeon RX 7900"), "standard"),
        (LINUX, Gpu(Maker.INTEL, "Intel GPU"), "cpu"),
        (("linux", "aarch64"), nvidia("580.65"), "standard"),
    ],
)
def test_automatic_takes_the_build_that_the_machine_can_run(computer, gpu, key):
    assert choose(Hardware(*computer, gpu)).build.key == key


@pytest.mark.parametrize(
    ("computer", "gpu", "reason", "advice"),
    [
        (
            WINDOWS,
            nvidia("472.12"),
            "driver 472.12 is too old",
            "Update NVIDIA's driver to 528.33 or newer, then click",
        ),
        (WINDOWS, nvidia("572.16", "12.0"), "is too old", "Update NVIDIA's driver to 580 or newer"),
        (LINUX, nvidia("", ""), "not NVIDIA's driver", "Install NVIDIA's own driver, then click Install Engine"),
        (LINUX, nvidia("470.82", "3.5"), "is too old for PyTorch", ""),
        (WINDOWS, Gpu(Maker.AMD, "AMD Radeon RX 7900"), "AMD's cards are used on Linux only", ""),
        (LINUX, Gpu(Maker.AMD, "AMD GPU (gfx1036)", chip="gfx1036"), "no build for this chip", ""),
        (LINUX, Gpu(Maker.AMD, "AMD GPU"), "/dev/kfd", ""),
        (WINDOWS, Gpu(Maker.INTEL, "Intel UHD"), "Intel UHD", ""),
        (LINUX, None, "no GPU was found", ""),
    ],
)
def test_why_the_processor_is_taken_is_said_with_the_next_step(computer, gpu, reason, advice):
    chosen = choose(Hardware(*computer, gpu))
    assert reason in chosen.reason and advice in chosen.advice
    assert bool(advice) == bool(chosen.advice)


def test_the_user_can_choose_another_build_but_only_one_that_is_offered_for_the_system():
    machine = Hardware(*LINUX, nvidia("580.65"))
    assert find_build("cpu", machine).build.key == "cpu"
    assert find_build(AUTOMATIC, machine).build.key == "cu130"
    assert find_build("rocm7.2", Hardware(*WINDOWS)).build.key == "standard"


@pytest.mark.parametrize("computer", [WINDOWS, LINUX, MAC])
def test_every_build_has_an_index_of_its_own_or_is_the_standard_one(computer):
    builds = builds_for(*computer)
    assert len({build.key for build in builds}) == len(builds)
    for build in builds:
        assert bool(build.index) == (build.key != "standard")
        assert build.index in ("", f"https://download.pytorch.org/whl/{build.key}")
        assert 0 < build.download < build.disk
        assert "to download" in build.size_in_words
