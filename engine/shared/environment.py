"""Python environments made for a purpose: created, resumed, checked; standard library only."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .errors import DiskFull, EngineError, EnvironmentFailed, FolderTaken

Report = Callable[[str], None]

_MARKER = "keymatte-environment.json"
_ROOM_GB = {"torch": 2.5, "bpy": 2.0}  # while installing: the unpacked package and what was fetched of it
_GPU_LIBRARIES_GB = 8.0  # what PyTorch's wheel for Linux brings along from the public registry
_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectionError|NameResolutionError|Max retries exceeded|name resolution|timed out"
    r"|getaddrinfo failed|Connection (?:reset|refused|broken|aborted)|ProxyError|SSLError|IncompleteRead"
    r"|Network is unreachable|ReadTimeout|ProtocolError"
)
_NO_SPACE = re.compile(r"No space left on device|Errno 28\b|not enough space on the disk|Disk quota exceeded")
_NO_MATCH = re.compile(r"No matching distribution found for ([^\s;(]+)")

_children: set[subprocess.Popen] = set()  # what must end when we are told to end
_spawning = threading.RLock()
_stopping = threading.Event()
_STOPPED = 143  # exit status, as after SIGTERM


def python_in(folder: Path) -> Path:
    """The interpreter of the environment in `folder`, whether it is there or not."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirements(pyproject: Path, *, extras: Sequence[str] = ()) -> list[str]:
    """What the project needs, as pip is told, with the optional groups named in `extras`."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def is_complete(folder: Path, requirements: Sequence[str]) -> bool:
    """Whether the environment in `folder` was finished with exactly these requirements."""
    told = _read_marker(folder)
    return (
        told.get("complete") is True and told.get("requirements") == list(requirements) and python_in(folder).exists()
    )


def create(folder: Path, requirements: Sequence[str], *, python: Path, report: Report) -> Path:
    """Make the environment in `folder` with `python`, or find it made; the interpreter in it.

    One that is finished is left as it is. One that is half made, or made for other requirements, is made
    again: what pip had fetched by then is not fetched twice. `report` is given a line of progress at a time.

    Raises FolderTaken if `folder` holds anything else, DiskFull, and EnvironmentFailed for what pip may meet.
    """
    if is_complete(folder, requirements):
        return python_in(folder)
    try:
        _clear(folder)
        _check_room(folder, requirements, report)
        _write_marker(folder, requirements, complete=False)
        report(f"Making an environment in {folder}")
        _make_venv(folder, python)
        _install(folder, requirements, report)
        _write_marker(folder, requirements, complete=True)
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise DiskFull(f"no space is left to make an environment in {folder}") from error
        raise EnvironmentFailed(
            f"the environment in {folder} cannot be written: {error}",
            remedy="End the programs that still use it, check the folder's permissions, and run again.",
        ) from error
    report(f"The environment in {folder} is ready")
    return python_in(folder)


# -- the folder ----------------------------------------------------------------------------------------------
def _read_marker(folder: Path) -> dict:
    try:
        return json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_marker(folder: Path, requirements: Sequence[str], *, complete: bool) -> None:
    told = {"requirements": list(requirements), "complete": complete}
    part = folder / f"{_MARKER}.part"
    part.write_text(json.dumps(told, indent=1), encoding="utf-8")
    part.replace(folder / _MARKER)


def _clear(folder: Path) -> None:
    """Empty a folder of ours, the marker last; a folder that holds strangers' files is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = [path for path in folder.iterdir() if not path.name.startswith(_MARKER)]
    strangers = [path.name for path in inside if not path.name.startswith(".")]  # the system's own begin so
    if strangers and not (folder / _MARKER).exists():
        raise FolderTaken(f"{folder} holds files that are not an environment of Keymatte's ({strangers[0]})")
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _check_room(folder: Path, requirements: Sequence[str], report: Report) -> None:
    names = {re.split(r"[^\w-]", line.strip(), maxsplit=1)[0].lower() for line in requirements}
    needed = 0.3 + sum(room for name, room in _ROOM_GB.items() if name in names)
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed:
        raise DiskFull(f"the environment needs about {needed:.1f} GB in {folder}, and {free:.1f} GB are free")
    if sys.platform == "linux" and "torch" in names and free < needed + _GPU_LIBRARIES_GB:
        report(
            f"{free:.1f} GB are free: enough for PyTorch for the CPU, but its usual package for Linux "
            f"brings GPU libraries and needs about {needed + _GPU_LIBRARIES_GB:.0f} GB"
        )


# -- venv and pip --------------------------------------------------------------------------------------------
def _make_venv(folder: Path, python: Path) -> None:
    status, tail = _run([python, "-I", "-m", "venv", folder], lambda _line: None, folder)
    text = "\n".join(tail)
    if status and ("ensurepip" in text or "No module named venv" in text):
        asked = re.search(r"apt install (\S+)", text)
        raise EnvironmentFailed(
            f"the Python at {python} cannot make environments: its modules venv and ensurepip are missing",
            remedy=f"On Debian and Ubuntu: sudo apt install {asked[1] if asked else 'python3-venv'}. "
            "Elsewhere use the Python from python.org. Then run again.",
        )
    if status:
        raise EnvironmentFailed(f"making an environment failed: {tail[-1] if tail else f'status {status}'}")


def _install(folder: Path, requirements: Sequence[str], report: Report) -> None:
    if not requirements:
        return
    python = [python_in(folder), "-I", "-u", "-X", "utf8"]
    pip = [*python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # Only newer pips tell how far a download is; without one we go on, with fewer lines.
    status, _ = _run([*pip, "--quiet", "--upgrade", "pip>=24.1"], lambda _line: None, folder)
    bar = "off" if status else "raw"
    report(f"Getting {', '.join(requirements)}")
    wanted = ["--progress-bar", bar, "--only-binary", ":all:", "--no-compile", *requirements]
    status, tail = _run([*pip, *wanted], _Condensed(report).line, folder)
    if status:
        raise _failure("\n".join(tail), status)


def _failure(text: str, status: int) -> EngineError:
    """What pip's last lines mean for the user."""
    if _NO_SPACE.search(text):
        return DiskFull("no space is left to install the packages")
    if _NO_NETWORK.search(text):
        return EnvironmentFailed(
            "the packages could not be fetched: the package registry was not reached",
            remedy="Check the network and run the same again: whole files already fetched are kept.",
        )
    missing = _NO_MATCH.search(text)
    if missing:
        return EnvironmentFailed(
            f"there is no package {missing[1]} for this Python and this system",
            remedy="Use Python 3.11 or 3.13 on Linux or Windows (64-bit, x86-64) or macOS (Apple silicon).",
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()[-1:]
    return EnvironmentFailed(f"pip ended with status {status}: {' '.join(errors[-2:]) or 'it said nothing'}")


class _Condensed:
    """Turns pip's many lines into a few that tell a person how far it is."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._name = ""
        self._tenths = 0

    def line(self, line: str) -> None:
        words = line.split()
        match words:
            case ["Downloading" | "Using" | "Processing", *_] if ".whl" in line:
                file = next(word for word in words if ".whl" in word)
                name, version, *_ = Path(file).name.split("-")
                self._name, self._tenths = name, 0
                if not file.endswith(".metadata"):
                    verb = "Downloading" if words[0] == "Downloading" else "Already here:"
                    size = re.search(r"\([\d.]+ [kMG]B\)", line)
                    self._report(" ".join([verb, name, version, *([size[0]] if size else [])]))
            case ["Progress", done, "of", total] if total.isdigit() and int(total) > 20_000_000:
                tenths = 10 * int(done) // int(total)
                if tenths > self._tenths:
                    self._tenths = tenths
                    self._report(f"  {self._name}: {10 * tenths} % of {int(total) / 1e6:.0f} MB")
            case ["Installing", "collected", "packages:", *names]:
                self._report(f"Unpacking {len(names)} packages: this takes a minute or more")
            case ["WARNING:", "Retrying", *_]:
                self._report("The package registry does not answer; trying again")


def _run(command: Sequence[object], line: Report, folder: Path) -> tuple[int, list[str]]:
    """Run a command to its end, giving its lines to `line`; its status and its last lines."""
    temporary = folder / "tmp"  # a system's own is often small, and the packages are not
    temporary.mkdir(exist_ok=True)
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables.update(TMPDIR=str(temporary), NO_COLOR="1")
    tail: deque[str] = deque(maxlen=60)
    with _spawning:  # whoever stops us sees every child
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


def _lines(process: subprocess.Popen) -> Iterator[str]:
    for text in process.stdout:
        if text.strip():
            yield text.strip()


# -- run as a program: a child that Blender can end ----------------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m engine.shared.environment FOLDER`: progress on standard output; 0, or 2 and a sentence."""
    parser = argparse.ArgumentParser(prog="engine.shared.environment", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the engine's environment is to be")
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
            return _STOPPED  # pip was ended by us: that is no failure to tell
        sys.stderr.write(f"{error.sentence()}\n")
        return 2
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _stop_with_stdin() -> None:
    while os.read(0, 1024):  # not sys.stdin: a thread that holds its lock makes Python abort at its own end
        pass
    _stop()


def _stop() -> None:
    with _spawning:
        _stopping.set()
    for child in list(_children):
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)  # so that nothing writes into the folder after us
    os._exit(_STOPPED)


if __name__ == "__main__":
    sys.exit(main())
