"""Commands of pip that install or download the engine's packages, with PyTorch from its own index or from a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .torch_builds import PACKAGES, TorchBuild

_COMMON = ("--disable-pip-version-check", "--no-input")
_WHEELS_ONLY = ("--only-binary", ":all:")


@dataclass(frozen=True)
class Source:
    """Where packages come from: pip's default index, PyTorch's own for PyTorch alone, or a folder of wheels alone."""

    build: TorchBuild | None = None
    wheels: Path | None = None


@dataclass(frozen=True)
class Step:
    """One run of pip: its arguments, what it installs in words, and whether it is PyTorch's own index that is asked."""

    arguments: tuple[str, ...]
    packages: tuple[str, ...]
    from_pytorch: bool = False


def install_steps(requirements: Sequence[str], source: Source, options: Sequence[str] = ()) -> list[Step]:
    """Return the runs of `pip install` that make an environment, in their order."""
    begin = ("install", *_COMMON, *_WHEELS_ONLY, "--no-compile", *options)
    return _steps(begin, requirements, source)


def download_steps(requirements: Sequence[str], source: Source, folder: Path) -> list[Step]:
    """Return the runs of `pip download` that fill a folder of wheels for this system and this Python."""
    begin = ("download", *_COMMON, *_WHEELS_ONLY, "--dest", str(folder))
    return _steps(begin, requirements, source)


def _steps(begin: tuple[str, ...], requirements: Sequence[str], source: Source) -> list[Step]:
    packages = tuple(requirements)
    if source.wheels:
        return [Step((*begin, "--no-index", "--find-links", str(source.wheels), *packages), packages)]
    if not source.build or not source.build.index:
        return [Step((*begin, *packages), packages)]
    own = tuple(line for line in packages if package_name(line) in PACKAGES)
    others = tuple(line for line in packages if line not in own)
    steps = [Step((*begin, "--index-url", source.build.index, *own), own, from_pytorch=True)]
    return [*steps, Step((*begin, *others), others)] if others else steps


def package_name(line: str) -> str:
    """Return the name of the package that a line in pip's format requires, in lower case."""
    return re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0].lower()


def as_text(step: Step) -> str:
    """Return a step as a command to type; arguments that shells would take apart are quoted."""
    parts = ("python", "-m", "pip", *step.arguments)
    return " ".join(f'"{part}"' if re.search(r"[^\w./:=-]", part) else part for part in parts)
