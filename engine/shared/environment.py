"""Creates, completes and checks Python environments for the engine, with PyTorch for its machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from .environment_folder import (
    CONSTRAINTS,
    Marker,
    State,
    empty,
    forget_half_unpacked,
    prepare,
    python_in,
    read_marker,
    site_packages,
    size_of,
    state_of,
    write_marker,
)
from .errors import DiskFull, EnvironmentFailed, FolderInUse
from .folder_lock import locked
from .pip_commands import Source, install_steps, package_name
from .pip_output import ProgressFilter, Report, failure
from .pip_runs import Log, run
from .torch_builds import PACKAGES

_ANYWHERE = Source()  # pip's default index
_ROOM_GB = {"torch": 2.5, "bpy": 2.0}  # needed while installing, where the build of PyTorch is not chosen
_GPU_LIBRARIES_GB = 8.0  # further packages that PyTorch's wheel for Linux requires


def requirements(pyproject: Path, *, extras: Sequence[str] = ()) -> list[str]:
    """Return the dependencies in a pyproject.toml in pip's format, with those of the optional groups `extras`."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def read_constraints(path: Path) -> list[str]:
    """Return the lines of a pip constraints file, without comments and blank lines."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def is_complete(folder: Path, requirements: Sequence[str], constraints: Sequence[str] = ()) -> bool:
    """Return whether the environment in `folder` was completed with exactly these requirements and constraints."""
    return state_of(folder, requirements, constraints) is State.READY


def create(
    folder: Path,
    requirements: Sequence[str],
    *,
    python: Path,
    report: Report,
    constraints: Sequence[str] = (),
    source: Source = _ANYWHERE,
    log: Path | None = None,
    again: bool = False,
) -> Path:
    """Create an environment in `folder` with the interpreter `python`; return the path of its own interpreter.

    `constraints` are lines of a pip constraints file, which fix the versions of direct and indirect dependencies;
    `source` is where packages come from. A complete environment is left as it is, unless `again` is set. One whose
    installation was broken off is completed; one that was made for other requirements is made again. In any case pip
    reuses what it has downloaded. `report` is called with each line of progress; all output goes to the file `log`.

    Raises FolderTaken if `folder` holds anything else, FolderInUse if another process installs into it, DiskFull, and
    other errors if venv or pip fails.
    """
    made_of = Marker(tuple(requirements), tuple(constraints), source.build.key if source.build else "")
    if not again and is_complete(folder, requirements, constraints) and _has_build(folder, made_of.build):
        return python_in(folder)
    try:
        prepare(folder)
        with _sole(folder), Log(log) as output:
            found = read_marker(folder)
            anew = again or found is None or replace(found, complete=False) != made_of or not _goes_on(folder, python)
            _check_room(folder, requirements, source, report, frees=size_of(folder) if anew else 0)
            if anew:
                empty(folder)
            else:
                report("Going on with the installation that was broken off")
                forget_half_unpacked(folder)
            write_marker(folder, made_of)
            report(f"Creating an environment in {folder}")
            _make_venv(folder, python, output)
            _install(folder, requirements, constraints, source, report, output)
            write_marker(folder, replace(made_of, complete=True))
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise DiskFull(f"no space is left to create an environment in {folder}") from error
        raise EnvironmentFailed(
            f"the environment in {folder} cannot be written: {error}",
            remedy="Close the programs that use it, check the folder's permissions, and run again.",
        ) from error
    report(f"The environment in {folder} is ready")
    return python_in(folder)


@contextmanager
def _sole(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises FolderInUse if another process installs into it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder))
        except FolderInUse as error:
            remedy = "Wait until it has ended; the engine then serves both."
            raise FolderInUse(f"another Blender is installing the engine in {folder}", remedy=remedy) from error
        yield


def _has_build(folder: Path, build: str) -> bool:
    """Return whether an environment was made with a build of PyTorch, if one is asked for."""
    marker = read_marker(folder)
    return not build or (marker is not None and marker.build == build)


def _goes_on(folder: Path, python: Path) -> bool:
    """Return whether what is in the folder of a broken-off installation can be used: pip, for the same Python."""
    packages = site_packages(folder)
    if packages is None or not (packages / "pip").is_dir():
        return False
    ask = [str(python), "-I", "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
    with suppress(OSError, subprocess.SubprocessError):
        name = subprocess.run(ask, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL).stdout.strip()
        return python_in(folder).parent.name == "Scripts" or packages.parent.name == name
    return False


def _check_room(folder: Path, requirements: Sequence[str], source: Source, report: Report, *, frees: int) -> None:
    """Raise DiskFull if there is too little room, of which `frees` bytes are there once the folder is emptied."""
    names = {package_name(line) for line in requirements}
    needed = 0.3 + sum(room for name, room in _ROOM_GB.items() if name in names)
    if source.build and "torch" in names:
        needed = source.build.disk
        if source.wheels is None:  # what is downloaded is there twice: in pip's cache, and until it is unpacked
            needed += 2 * source.build.download
    free = (shutil.disk_usage(folder).free + frees) / 1e9
    if free < needed:
        raise DiskFull(f"the installation needs about {needed:.1f} GB in {folder}, but only {free:.1f} GB are free")
    if source.build is None and sys.platform == "linux" and "torch" in names and free < needed + _GPU_LIBRARIES_GB:
        report(
            f"{free:.1f} GB are free: enough for PyTorch for the CPU, but its usual package for Linux "
            f"includes GPU libraries and needs about {needed + _GPU_LIBRARIES_GB:.0f} GB"
        )


# -- venv and pip ------------------------------------------------------------------------------------------------------
def _make_venv(folder: Path, python: Path, output: Log) -> None:
    status, tail = run([python, "-I", "-m", "venv", folder], lambda _line: None, folder, output)
    text = "\n".join(tail)
    if status and ("ensurepip" in text or re.search(r"No module named '?venv", text)):
        asked = re.search(r"apt install (\S+)", text)
        raise EnvironmentFailed(
            f"the Python at {python} cannot create environments: its modules venv or ensurepip are missing",
            remedy=f"On Debian and Ubuntu: sudo apt install {asked[1] if asked else 'python3-venv'}. "
            "On other systems, use the Python from python.org. Then run again.",
        )
    if status:
        raise EnvironmentFailed(f"creating an environment failed: {tail[-1] if tail else f'status {status}'}")


def _install(
    folder: Path, requirements: Sequence[str], constraints: Sequence[str], source: Source, report: Report, output: Log
) -> None:
    if not requirements:
        return
    pip = [python_in(folder), "-I", "-u", "-X", "utf8", "-m", "pip"]
    bar = "off" if source.wheels else _newer_pip(pip, folder, output)
    progress = ProgressFilter(report, source.build.download if source.build and not source.wheels else 0.0)
    lines = list(constraints)
    for step in install_steps(requirements, source, ("--progress-bar", bar)):
        report(f"Installing {', '.join(map(package_name, step.packages))}")
        limits: list[str] = []
        if lines:
            (folder / CONSTRAINTS).write_text("\n".join(lines) + "\n", encoding="utf-8")
            limits = ["--constraint", str(folder / CONSTRAINTS)]
        status, tail = run(
            [*pip, *step.arguments, *limits], progress.line, folder, output, plain=source.wheels is not None
        )
        if status:
            raise failure("\n".join(tail), status, from_pytorch=step.from_pytorch, wheels=source.wheels)
        if step.from_pytorch:
            lines += _installed_pytorch(folder, source)  # so that nothing replaces it by another build


def _newer_pip(pip: Sequence[object], folder: Path, output: Log) -> str:
    """Upgrade pip; return the kind of progress bar that it has: only newer releases report how far a download is."""
    options = ("install", "--disable-pip-version-check", "--no-input", "--quiet", "--upgrade", "pip>=24.1")
    status, _ = run([*pip, *options], lambda _line: None, folder, output)
    return "off" if status else "raw"


def _installed_pytorch(folder: Path, source: Source) -> list[str]:
    """Return PyTorch's packages with their exact versions. Raises EnvironmentFailed if they are not of the build."""
    packages = site_packages(folder)
    versions = {}
    for name in PACKAGES:
        for path in packages.glob(f"{name}-*.dist-info") if packages else ():
            versions[name] = path.name.removeprefix(f"{name}-").removesuffix(".dist-info")
    wanted = source.build.folder if source.build else ""
    found = versions.get("torch", "")
    if wanted and not found.endswith(f"+{wanted}"):  # pip's settings can name further indexes
        raise EnvironmentFailed(
            f"PyTorch {found or 'of an unknown version'} was installed, not the build {wanted} that was chosen",
            remedy="Remove extra indexes from pip's settings, or choose Standard Package as PyTorch.",
        )
    return [f"{name}=={version}" for name, version in versions.items()]
