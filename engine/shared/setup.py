"""Program that installs or removes the engine's packages, downloads them into a folder, or prints pip's commands."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .environment import create, requirements
from .environment_folder import downloads_of, log_of, remove, remove_downloads
from .errors import DiskFull, EngineError, EnvironmentFailed
from .hardware import find_hardware
from .pip_commands import Source, as_text, download_steps, install_steps
from .pip_output import ProgressFilter, failure
from .pip_runs import STOPPED, Log, is_stopping, run, stop
from .text import without_passwords
from .torch_builds import AUTOMATIC, TorchBuild, builds_for, find_build

_COMPUTERS = (("linux", "x86_64"), ("win32", "amd64"), ("darwin", "arm64"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and print progress; return 0, or 2 after printing an error."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: stop())
    if options.end_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    try:
        _run(options)
    except EngineError as error:
        if is_stopping():
            return STOPPED  # pip failed because it was killed
        _tell(error, as_json=options.end_with_stdin)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.shared.setup", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--install", type=Path, metavar="FOLDER", help="create the engine's environment in a folder")
    what.add_argument("--remove", type=Path, nargs="+", metavar="FOLDER", help="remove environments of the engine")
    what.add_argument("--download-to", type=Path, metavar="FOLDER", help="download all packages for this system")
    what.add_argument("--print-commands", action="store_true", help="print the commands of pip for each build")
    parser.add_argument("--build", help="build of PyTorch, such as cu130; auto chooses the one for this computer")
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install from, without a network")
    parser.add_argument("--again", action="store_true", help="make a complete environment again")
    parser.add_argument("--log", type=Path, help="file for all output")
    parser.add_argument("--replaces", type=Path, help="folder of an environment that is removed at the end")
    parser.add_argument("--pyproject", type=Path, default=Path(__file__).parents[2] / "pyproject.toml")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop when standard input is closed")
    return parser


def _run(options: argparse.Namespace) -> None:
    build = find_build(options.build, find_hardware()).build if options.build else None
    packages = requirements(options.pyproject)
    if options.print_commands:
        _print_commands(packages)
    elif options.remove:
        freed = sum(_removed(folder.absolute()) for folder in options.remove)
        _say(f"{freed / 1e9:.1f} GB were freed" if freed else "There was nothing to remove")
    elif options.download_to:
        _download(packages, build or find_build(AUTOMATIC, find_hardware()).build, options.download_to.absolute())
    else:
        folder = options.install.absolute()
        # Kept until all is installed, so that an installation goes on; pip's usual cache would keep gigabytes for good.
        os.environ.setdefault("PIP_CACHE_DIR", str(downloads_of(folder)))
        create(
            folder,
            packages,
            python=Path(sys.executable),
            report=_say,
            source=Source(build, options.wheels.absolute() if options.wheels else None),
            log=options.log,
            again=options.again,
        )
        with suppress(OSError):
            remove_downloads(folder)
        if options.replaces:
            with suppress(EngineError):  # it is of no use any longer, but does no harm
                _removed(options.replaces.absolute())


def _removed(folder: Path) -> int:
    """Remove an environment; return the bytes that it took. Raises EnvironmentFailed and what `remove` does."""
    _say(f"Removing {folder}")
    try:
        size = remove(folder) + remove_downloads(folder)
        log_of(folder).unlink(missing_ok=True)
        return size
    except OSError as error:
        raise EnvironmentFailed(
            f"{folder} cannot be removed: {error.strerror or error}",
            remedy="Close the programs that use it, such as another Blender, and try again.",
        ) from error


def _download(packages: Sequence[str], build: TorchBuild, folder: Path) -> None:
    """Download all packages with a build of PyTorch into a folder, to install from on a computer without a network."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for step in download_steps(packages, Source(build), folder):
            command = [sys.executable, "-I", "-u", "-m", "pip", *step.arguments]
            status, tail = run(command, ProgressFilter(_say, build.download).line, folder, Log(None))
            if status:
                raise failure("\n".join(tail), status, from_pytorch=step.from_pytorch)
    except OSError as error:
        if error.errno in (28, 122):
            raise DiskFull(f"no space is left in {folder}") from error
        raise EnvironmentFailed(f"{folder} cannot be written: {error}", remedy="Choose another folder.") from error
    _say(f"{folder} holds the engine's packages with PyTorch for {build.label}, for Python {sys.version_info[1]}")


def _print_commands(packages: Sequence[str]) -> None:
    for system, machine in _COMPUTERS:
        for build in builds_for(system, machine):
            _say(f"# {system}, {build.label}: {build.size_in_words}")
            for step in install_steps(packages, Source(build)):
                _say(as_text(step))


def _tell(error: EngineError, *, as_json: bool) -> None:
    """Write an error to stderr: as a sentence, or as a line that another program reads."""
    text = json.dumps([error.code, error.message, error.remedy]) if as_json else error.sentence()
    sys.stderr.write(f"{without_passwords(text)}\n")


def _say(line: str) -> None:
    sys.stdout.write(f"{without_passwords(line)}\n")
    sys.stdout.flush()


def _stop_with_stdin() -> None:
    while os.read(0, 1024):  # not sys.stdin: Python aborts at exit if a thread holds its lock
        pass
    stop()


if __name__ == "__main__":
    sys.exit(main())
