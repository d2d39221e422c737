"""Command line `doctor`: checks whether the engine works on this computer, and says how to fix problems."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..shared.catalogue import published_for
from ..shared.errors import EngineError, WeightsMissing
from .console import print_line

_MIN_FREE_BYTES = 2 * 2**30  # for the mattes of a long shot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    parser.set_defaults(command=doctor)


def doctor(_options: argparse.Namespace) -> int:
    """Print the result of each check. Returns 0, or 2 if a check failed."""
    findings = examine()
    for finding in findings:
        print_line(
            f"[{'ok' if finding.good else '!!'}] {finding.text}{f' -> {finding.remedy}' if finding.remedy else ''}"
        )
    return 0 if all(finding.good for finding in findings) else 2


@dataclass(frozen=True)
class Finding:
    """Result of one check: whether it passed, what was found, and what to do if it failed."""

    good: bool
    text: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Check Python, the libraries, the disk, the device and every recipe; problems are returned, not raised."""
    findings = [_python(), _libraries(), _disk()]
    try:
        import torch  # noqa: F401 (to see whether it can be loaded)
    except (ImportError, OSError) as error:
        return [*findings, Finding(False, f"PyTorch cannot be loaded: {error}", "Install the engine again.")]
    return [*findings, _device(), *_recipes()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding(good, f"Python {version}", "" if good else "Install the engine with Python 3.11 or newer.")


def _libraries() -> Finding:
    names = ("torch", "numpy", "opencv-python-headless", "pillow", "safetensors")
    versions, missing = [], []
    for name in names:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    remedy = f"Install the engine again: {', '.join(missing)} is missing." if missing else ""
    return Finding(not missing, ", ".join(versions), remedy)


def _device() -> Finding:
    from ..runtime.device import describe, pick_device
    from ..runtime.unused_gpu import why_processor

    device = pick_device("auto")
    remedy = why_processor(device)
    if device.type == "cpu" and not remedy:
        remedy = (
            "PyTorch found no GPU that it can use. The CPU works too, but is slower; a GPU needs its maker's driver."
        )
    return Finding(True, f"computes on {describe(device)}", remedy)


def _recipes() -> list[Finding]:
    import torch

    from ..methods.registry import RECIPES
    from ..runtime.device import pick_device

    findings = []
    for recipe in RECIPES.values():
        device = pick_device("auto")
        published = published_for(recipe.name)
        if published and not recipe.settings.available_weights():
            remedy = f"To use it, install them: models download {published[0].name}."
            findings.append(Finding(True, f"recipe {recipe.name}: its authors' weights are not installed", remedy))
            continue
        try:
            network = recipe.network(recipe.numbers({}), weights=None, device=device)
            image = torch.rand(1, 3, 96, 160, device=device)
            began = time.perf_counter()
            with torch.inference_mode():
                network.encode(image)
            seconds = time.perf_counter() - began
            findings.append(Finding(True, f"recipe {recipe.name} runs ({1000 * seconds:.0f} ms for a small image)"))
        except WeightsMissing as error:
            findings.append(
                Finding(recipe.settings.bundled is None, f"recipe {recipe.name}: {error.message}", error.remedy)
            )
        except EngineError as error:
            findings.append(Finding(False, f"recipe {recipe.name}: {error.message}", error.remedy))
        except RuntimeError as error:  # PyTorch's errors, such as those of a GPU
            remedy = "Update the GPU's driver, or choose the CPU: --device cpu."
            findings.append(Finding(False, f"recipe {recipe.name} fails on {device}: {error}", remedy))
    return findings


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    good = free >= _MIN_FREE_BYTES
    return Finding(good, f"{free / 2**30:.0f} GB free here", "" if good else "Free some space for the mattes.")
