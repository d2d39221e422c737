"""Creates, resumes and checks Python environments for the engine; uses the standard library only."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .environment_folder import CONSTRAINTS, Marker, State, empty, prepare, python_in, state_of, write_marker
from .errors import DiskFull, EngineError, EnvironmentFailed
from .pip_output import ProgressFilter, Report, failure

_ROOM_GB = {"torch": 2.5, "bpy": 2.0}  # needed while installing: the downloaded and the unpacked package
_GPU_LIBRARIES_GB = 8.0  # further packages that PyTorch's wheel for Linux requires

_children: set[subprocess.Popen[str]] = set()  # processes to kill when this one is told to end
_spawning = threading.RLock()
_stopping = threading.Event()
_STOPPED = 143  # exit status, as after SIGTERM


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
    folder: Path, requirements: Sequence[str], *, python: Path, report: Report, constraints: Sequence[str] = ()
) -> Path:
    """Create an environment in `folder` with the interpreter `python`; return the path of its own interpreter.

    `constraints` are lines of a pip constraints file, which fix the versions of direct and indirect dependencies. A
    complete environment is left as it is. An environment that is incomplete, or made for other requirements or
    constraints, is made again; pip reuses what it has downloaded. `report` is called with each line of progress.

    Raises FolderTaken if `folder` holds anything else, DiskFull, and EnvironmentFailed if venv or pip fails.
    """
    if is_complete(folder, requirements, constraints):
        return python_in(folder)
    try:
        prepare(folder)
        empty(folder)
        _check_room(folder, requirements, report)
        made_of = Marker(tuple(requirements), tuple(constraints))
        write_marker(folder, made_of)
        report(f"Creating an environment in {folder}")
        _make_venv(folder, python)
        _install(folder, requirements, constraints, report)
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


# -- room on the disk --------------------------------------------------------------------------------------------------
def _check_room(folder: Path, requirements: Sequence[str], report: Report) -> None:
    names = {re.split(r"[^\w-]", line.strip(), maxsplit=1)[0].lower() for line in requirements}
    needed = 0.3 + sum(room for name, room in _ROOM_GB.items() if name in names)
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed:
        raise DiskFull(f"the environment needs about {needed:.1f} GB in {folder}, but only {free:.1f} GB are free")
    if sys.platform == "linux" and "torch" in names and free < needed + _GPU_LIBRARIES_GB:
        report(
            f"{free:.1f} GB are free: enough for PyTorch for the CPU, but its usual package for Linux "
            f"includes GPU libraries and needs about {needed + _GPU_LIBRARIES_GB:.0f} GB"
        )


# -- venv and pip --------------------------------------------------------------------------------------------
def _make_venv(folder: Path, python: Path) -> None:
    status, tail = _run([python, "-I", "-m", "venv", folder], lambda _line: None, folder)
    text = "\n".join(tail)
    if status and ("ensurepip" in text or "No module named venv" in text):
        asked = re.search(r"apt install (\S+)", text)
        raise EnvironmentFailed(
            f"the Python at {python} cannot create environments: its modules venv or ensurepip are missing",
            remedy=f"On Debian and Ubuntu: sudo apt install {asked[1] if asked else 'python3-venv'}. "
            "On other systems, use the Python from python.org. Then run again.",
        )
    if status:
        raise EnvironmentFailed(f"creating an environment failed: {tail[-1] if tail else f'status {status}'}")


def _install(folder: Path, requirements: Sequence[str], constraints: Sequence[str], report: Report) -> None:
    if not requirements:
        return
    python = [python_in(folder), "-I", "-u", "-X", "utf8"]
    pip = [*python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # Only newer releases of pip report how far a download is; an older one does, with fewer lines.
    status, _ = _run([*pip, "--quiet", "--upgrade", "pip>=24.1"], lambda _line: None, folder)
    bar = "off" if status else "raw"
    report(f"Installing {', '.join(requirements)}")
    options = ["--progress-bar", bar, "--only-binary", ":all:", "--no-compile"]
    if constraints:
        file = folder / CONSTRAINTS
        file.write_text("\n".join(constraints) + "\n", encoding="utf-8")
        options += ["--constraint", str(file)]
    status, tail = _run([*pip, *options, *requirements], ProgressFilter(report).line, folder)
    if status:
        raise failure("\n".join(tail), status)


def _run(command: Sequence[object], line: Report, folder: Path) -> tuple[int, list[str]]:
    """Run a command and call `line` with each line of output; return the exit status and the last lines of output."""
    temporary = folder / "tmp"  # the system's is often too small for the packages
    temporary.mkdir(exist_ok=True)
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables.update(TMPDIR=str(temporary), NO_COLOR="1")
    tail: deque[str] = deque(maxlen=60)
    with _spawning:  # so that `_stop` knows every child
        if _stopping.is_set():
            sys.exit(_STOPPED)
        process = subprocess.Popen(
            [str(part) for part in command],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        _children.add(process)
    with process:
        try:
            for text in _lines(process):
                if not text.startswith("Progress "):
                    tail.append(text)
                line(text)
        except BaseException:
            process.kill()
            raise
        finally:
            _children.discard(process)
    shutil.rmtree(temporary, ignore_errors=True)
    return process.returncode, list(tail)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None, "the process was started with a pipe"
    for text in process.stdout:
        if text.strip():
            yield text.strip()


# -- run as a program: a child process that Blender can end ---------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    """Create the engine's environment and print progress; return 0, or 2 after printing an error."""
    parser = argparse.ArgumentParser(prog="engine.shared.environment", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to create the engine's environment in")
    parser.add_argument("--pyproject", type=Path, default=Path(__file__).parents[2] / "pyproject.toml")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop when standard input is closed")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: _stop())
    if options.end_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    try:
        create(
            options.folder.absolute(),
            requirements(options.pyproject),
            python=Path(sys.executable),
            report=_say,
        )
    except EngineError as error:
        if _stopping.is_set():
            return _STOPPED  # pip failed because it was killed
        sys.stderr.write(f"{error.sentence()}\n")
        return 2
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _stop_with_stdin() -> None:
    while os.read(0, 1024):  # not sys.stdin: Python aborts at exit if a thread holds its lock
        pass
    _stop()


def _stop() -> None:
    with _spawning:
        _stopping.set()
    for child in list(_children):
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)  # nothing may write into the folder from now on
    os._exit(_STOPPED)


if __name__ == "__main__":
    sys.exit(main())
