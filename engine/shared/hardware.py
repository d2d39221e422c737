"""What computes in this machine: its GPU with name and driver, found without PyTorch; else the processor."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .text import printable

_SECONDS = 4.0  # for nvidia-smi, which hangs if a driver is broken
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}  # PCI vendor numbers
# The key under which Windows lists display adapters, and the places of NVIDIA's program on it
_ADAPTERS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
_ADAPTER_VALUES = ("DriverDesc", "DriverVersion")
_WINDOWS_TOOLS = (
    ("SystemRoot", "System32/nvidia-smi.exe"),
    ("ProgramFiles", "NVIDIA Corporation/NVSMI/nvidia-smi.exe"),  # of drivers before 2019
)
_WSL_TOOL = "usr/lib/wsl/lib/nvidia-smi"


class Maker(StrEnum):
    """Maker of a GPU."""

    NVIDIA = "NVIDIA"
    AMD = "AMD"
    INTEL = "Intel"
    APPLE = "Apple"


@dataclass(frozen=True)
class Gpu:
    """A GPU: its maker, its name, and what is known of its driver and its chip."""

    maker: Maker
    name: str
    driver: str = ""  # version; empty if it is unknown or, for NVIDIA, if NVIDIA's own driver is not installed
    chip: str = ""  # NVIDIA: compute capability, such as "8.6"; AMD on Linux: architecture, such as "gfx1100"


@dataclass(frozen=True)
class Hardware:
    """The system, and its best GPU, if it has one that is known."""

    system: str  # as `sys.platform` names it
    machine: str  # processor architecture, in lower case
    gpu: Gpu | None = None

    @property
    def gpu_in_words(self) -> str:
        """Return the GPU for display, such as "NVIDIA GeForce RTX 3060, driver 551.86"."""
        if self.gpu is None:
            return "No GPU found"
        return f"{self.gpu.name}, driver {self.gpu.driver}" if self.gpu.driver else self.gpu.name


def processor_kind() -> str:
    """Return the architecture of this computer's processor in lower case, such as "x86_64" or, on Windows, "amd64"."""
    if sys.platform == "win32":  # there `platform` asks a service of Windows, which can hang
        names = (os.environ.get(name) for name in ("PROCESSOR_ARCHITEW6432", "PROCESSOR_ARCHITECTURE"))
        return next(filter(None, names), "amd64").lower()
    return platform.machine().lower()


def find_hardware(root: Path = Path("/"), *, system: str = sys.platform, machine: str = "") -> Hardware:
    """Return what is in this machine; takes up to a few seconds, as NVIDIA's own program is asked.

    `root` is where the folders proc and sys are; `system` and `machine` are those of this computer unless tests say
    otherwise.
    """
    machine = machine.lower() or processor_kind()
    gpu: Gpu | None = None
    if system == "darwin":
        gpu = Gpu(Maker.APPLE, "Apple GPU") if machine == "arm64" else None
    else:
        gpu = _ask_nvidia(root, system) or next(_listed(root, system), None)
    return Hardware(system, machine, gpu)


# -- NVIDIA ------------------------------------------------------------------------------------------------------------
def _ask_nvidia(root: Path, system: str) -> Gpu | None:
    """Return the NVIDIA GPU with the newest chip, or None if NVIDIA's program is not there or does not answer."""
    tool = _nvidia_tool(root, system)
    if not tool:
        return None
    for query in ("name,driver_version,compute_cap", "name,driver_version"):  # old drivers do not know the last
        if gpus := [gpu for line in _run(tool, query) if (gpu := _nvidia_from(line))]:
            return max(gpus, key=lambda gpu: version_numbers(gpu.chip))
    return None


def _nvidia_tool(root: Path, system: str) -> str | None:
    if found := shutil.which("nvidia-smi"):
        return found
    if system == "win32":
        places = [Path(os.environ[name]) / place for name, place in _WINDOWS_TOOLS if os.environ.get(name)]
    else:
        places = [root / _WSL_TOOL]
    return next((str(path) for path in places if path.is_file()), None)


def _run(tool: str, query: str) -> list[str]:
    """Return the lines that nvidia-smi answers to a query; none if it fails or takes too long."""
    with suppress(OSError, subprocess.SubprocessError):
        result = subprocess.run(
            [tool, f"--query-gpu={query}", "--format=csv,noheader"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            creationflags=_NO_WINDOW,
        )
        if result.returncode == 0:
            return result.stdout.splitlines()
    return []


def _nvidia_from(line: str) -> Gpu | None:
    """Return the GPU that a line of nvidia-smi's answer is about."""
    name, driver, *chip = (*(part.strip() for part in line.split(",")), "")[:4]
    if not re.fullmatch(r"\d+(\.\d+)+", driver):
        return None
    name = name if name.startswith("NVIDIA") else f"NVIDIA {name}"
    known = chip and re.fullmatch(r"\d+\.\d+", chip[0])
    return Gpu(Maker.NVIDIA, printable(name, 60), driver, chip[0] if known else "")


def version_numbers(text: str) -> tuple[int, ...]:
    """Return a version such as "551.86" as numbers that can be compared; () for an empty one."""
    return tuple(int(number) for number in re.findall(r"\d+", text))


# -- what the system lists ---------------------------------------------------------------------------------------------
def _listed(root: Path, system: str) -> Iterator[Gpu]:
    """Yield the GPUs that the system lists, those first that PyTorch could use."""
    if system == "win32":
        found = [gpu for text in _windows_adapters() if (gpu := windows_gpu(*text))]
    else:
        found = [*_nvidia_kernel_module(root), *_amd_compute(root), *_display_adapters(root)]
    yield from sorted(found, key=lambda gpu: list(Maker).index(gpu.maker))


def _nvidia_kernel_module(root: Path) -> Iterator[Gpu]:
    """Yield the GPU of NVIDIA's kernel module on Linux, where its program is not installed."""
    text = _read(root / "proc/driver/nvidia/version")
    if driver := re.search(r"Kernel Module.*?\b(\d+\.\d+(?:\.\d+)*)", text):
        models = [_read(path) for path in sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))]
        model = next((found[1].strip() for text in models if (found := re.search(r"Model:\s*(.+)", text))), "GPU")
        yield Gpu(Maker.NVIDIA, model if model.startswith("NVIDIA") else f"NVIDIA {model}", driver[1])


def _amd_compute(root: Path) -> Iterator[Gpu]:
    """Yield the AMD GPUs that Linux offers for computing, largest architecture first."""
    chips = []
    for path in (root / "sys/class/kfd/kfd/topology/nodes").glob("*/properties"):
        if found := re.search(r"gfx_target_version (\d+)", _read(path)):
            number = int(found[1])  # such as 110001: 11.0.1
            if number:  # 0 for processors
                chips.append((number, f"gfx{number // 10000}{number // 100 % 100:x}{number % 100:x}"))
    for _, chip in sorted(chips, reverse=True):
        yield Gpu(Maker.AMD, f"AMD GPU ({chip})", chip=chip)


def _display_adapters(root: Path) -> Iterator[Gpu]:
    """Yield the GPUs that Linux has for displays, of which only the maker is known."""
    for path in sorted((root / "sys/class/drm").glob("card*/device/vendor")):
        if vendor := _VENDORS.get(_read(path).strip().lower()):
            yield Gpu(Maker(vendor), f"{vendor} GPU")


def _read(path: Path) -> str:
    """Return the text of a small file of the system; empty if it is not there or not readable."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _windows_adapters() -> list[tuple[str, str]]:
    """Return the name and the driver's version of each display adapter in Windows' registry."""
    found: list[tuple[str, str]] = []
    if sys.platform == "win32":
        import winreg

        with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _ADAPTERS) as adapters:
            for index in range(100):
                key = winreg.EnumKey(adapters, index)  # ends with an OSError
                with suppress(OSError), winreg.OpenKey(adapters, key) as adapter:
                    name, driver = (str(winreg.QueryValueEx(adapter, key)[0]) for key in _ADAPTER_VALUES)
                    found.append((name, driver))
    return found


def windows_gpu(name: str, driver: str) -> Gpu | None:
    """Return the GPU that Windows lists under a name with its driver's version; None if its maker is not known.

    Of "32.0.15.6094" the last five digits are what NVIDIA calls 560.94.
    """
    maker = next((maker for maker in Maker if re.search(rf"\b{maker}\b", name, re.IGNORECASE)), None)
    if maker is None and re.search(r"\b(Radeon|ATI)\b", name, re.IGNORECASE):
        maker = Maker.AMD
    if maker is None:
        return None
    if maker is Maker.NVIDIA:
        digits = "".join(re.findall(r"\d", driver))[-5:]
        driver = f"{int(digits[:3])}.{digits[3:]}" if len(digits) == 5 else ""
    return Gpu(maker, printable(name, 60), driver)
