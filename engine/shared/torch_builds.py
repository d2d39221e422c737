"""Builds of PyTorch: where each is downloaded from, what it needs, how large it is, and which one suits a machine."""

from __future__ import annotations

from dataclasses import dataclass

from .hardware import Hardware, Maker, version_numbers

AUTOMATIC = "auto"
INDEX = "https://download.pytorch.org/whl/"
PACKAGES = ("torch", "torchvision")  # come from a build's index; all others come from the default one


@dataclass(frozen=True)
class TorchBuild:
    """A build of PyTorch; sizes are of the engine with all its packages, in GB and rounded up."""

    key: str  # also what PyTorch calls it in versions, such as 2.14.1+cu130
    label: str
    note: str
    folder: str = ""  # of PyTorch's own index; empty: pip's default index
    download: float = 0.4
    disk: float = 1.5

    @property
    def index(self) -> str:
        """Return the address of the index that has this build; empty for pip's default one."""
        return f"{INDEX}{self.folder}" if self.folder else ""

    @property
    def size_in_words(self) -> str:
        """Return how much is downloaded, and how much it takes on the disk."""
        return f"about {_gigabytes(self.download)} to download, {_gigabytes(self.disk)} on disk"


@dataclass(frozen=True)
class Choice:
    """The build that suits a machine, why, and what the user could do to get a faster one (may be empty)."""

    build: TorchBuild
    reason: str
    advice: str = ""


# Which builds exist for torch >=2.6,<2.15 with Python 3.11 and 3.13, and for which chips they are compiled: the tables
# in RELEASE.md of pytorch/pytorch and its issues 190355 and 190385 (2.14 has 12.6, 13.0 and 13.2; 2.15 has no 12.6).
# Least drivers: table 2 of NVIDIA's "CUDA Toolkit Release Notes" and table 1 of its "CUDA Compatibility"; the latter
# gives 580 for CUDA 13 without naming a system, the former says nothing of Windows there.
# Sizes: wheels of torch 2.14 and what it depends on; on Windows and with ROCm the disk's are estimates.
_CUDA_CHIPS = {"cu130": ((7, 5), (99, 0)), "cu126": ((5, 0), (9, 99))}  # least and greatest compute capability
_CUDA_DRIVERS = {"cu130": {"linux": "580", "win32": "580"}, "cu126": {"linux": "525.60.13", "win32": "528.33"}}
# The chips for which the wheels of ROCm 7.2 are compiled, as uv's table of PyTorch's indexes lists them.
_ROCM_CHIPS = (
    *("gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102"),
    *("gfx1150", "gfx1151", "gfx1200", "gfx1201"),
)


def builds_for(system: str, machine: str) -> tuple[TorchBuild, ...]:
    """Return the builds that PyTorch offers for a system and processor; the first one computes on the processor."""
    if system == "darwin":
        return (TorchBuild("standard", "Apple GPU or Processor", "PyTorch's package for macOS", "", 0.3, 1.2),)
    if machine not in ("x86_64", "amd64"):
        return (TorchBuild("standard", "Processor", "PyTorch's usual package for this computer", "", 3.5, 7.0),)
    if system == "win32":
        return (
            TorchBuild("standard", "Processor", "PyTorch's usual package for Windows: without GPU", "", 0.4, 1.5),
            TorchBuild("cu130", "NVIDIA (CUDA 13.0)", "GeForce 16 and 20 or newer, driver 580", "cu130", 2.3, 5.0),
            TorchBuild("cu126", "NVIDIA (CUDA 12.6)", "Older cards or drivers, from 528.33", "cu126", 2.9, 6.5),
        )
    return (
        TorchBuild("cpu", "Processor", "Without GPU: the smallest download", "cpu", 0.5, 1.6),
        TorchBuild("cu130", "NVIDIA (CUDA 13.0)", "GeForce 16 and 20 or newer, driver 580", "cu130", 3.2, 6.5),
        TorchBuild("cu126", "NVIDIA (CUDA 12.6)", "Older cards or drivers, from 525.60", "cu126", 3.6, 7.5),
        TorchBuild("rocm7.2", "AMD (ROCm 7.2)", "Radeon RX 6800 or newer, Linux only", "rocm7.2", 6.0, 20.0),
        TorchBuild("standard", "Standard Package", "PyTorch's usual package, with CUDA 13", "", 3.2, 6.5),
    )


def find_build(key: str, hardware: Hardware) -> Choice:
    """Return the build called `key`, or the one that suits the machine if it is AUTOMATIC or not offered here."""
    for build in builds_for(hardware.system, hardware.machine):
        if build.key == key:
            return Choice(build, "chosen by you")
    return choose(hardware)


def choose(hardware: Hardware) -> Choice:
    """Return the build that suits a machine best."""
    offered = {build.key: build for build in builds_for(hardware.system, hardware.machine)}
    processor = next(iter(offered.values()))
    gpu = hardware.gpu
    if gpu is None:
        return Choice(processor, "no GPU was found")
    if gpu.maker is Maker.APPLE:
        return Choice(processor, "suits this Mac")
    if gpu.maker is Maker.NVIDIA and "cu130" in offered:
        return _for_nvidia(hardware, offered, processor)
    if gpu.maker is Maker.AMD and gpu.chip in _ROCM_CHIPS and "rocm7.2" in offered:
        return Choice(offered["rocm7.2"], "suits this card")
    return Choice(processor, _unusable(hardware))


def _for_nvidia(hardware: Hardware, offered: dict[str, TorchBuild], processor: TorchBuild) -> Choice:
    """Return the newest CUDA build that card and driver can run; else the processor's, with advice."""
    gpu = hardware.gpu
    assert gpu is not None, "only asked for a machine with an NVIDIA GPU"
    if not gpu.driver:
        advice = "Install NVIDIA's own driver, then click Install Engine again"
        return Choice(processor, f"{gpu.name} found, but not NVIDIA's driver", advice)
    chip = version_numbers(gpu.chip)
    fitting = [key for key in _CUDA_DRIVERS if not chip or _CUDA_CHIPS[key][0] <= chip <= _CUDA_CHIPS[key][1]]
    if not fitting:
        return Choice(processor, f"{gpu.name} is too old for PyTorch")
    for key in fitting:
        if version_numbers(gpu.driver) >= version_numbers(_CUDA_DRIVERS[key][hardware.system]):
            return Choice(offered[key], "suits this card and its driver")
    least = min((_CUDA_DRIVERS[key][hardware.system] for key in fitting), key=version_numbers)
    advice = f"Update NVIDIA's driver to {least} or newer, then click Install Engine again"
    return Choice(processor, f"{gpu.name}: its driver {gpu.driver} is too old for PyTorch", advice)


def _unusable(hardware: Hardware) -> str:
    """Return why PyTorch cannot use the GPU of a machine."""
    gpu = hardware.gpu
    assert gpu is not None, "only asked for a machine with a GPU"
    if gpu.maker is Maker.AMD and hardware.system == "win32":
        return f"{gpu.name}: AMD's cards are used on Linux only"
    if gpu.maker is Maker.AMD and gpu.chip:
        return f"{gpu.name}: PyTorch has no build for this chip"
    if gpu.maker is Maker.AMD and hardware.system == "linux":
        return f"{gpu.name}: its driver for computing (amdgpu with /dev/kfd) is not there"
    return f"{gpu.name}: PyTorch's builds here do not use it"


def _gigabytes(size: float) -> str:
    return f"{size:.1f} GB" if size < 10 else f"{size:.0f} GB"
