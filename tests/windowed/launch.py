"""Runs the scripts beside this module in a Blender with windows, where one is found.

Blender is found on the path together with Xvfb and xdotool; or the environment variable KEYMATTE_WINDOWED gives the
command that runs a script in it: with {script}, {out} (a folder to which it may write) and {args} in their places.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
SCREEN = "1600x900"
TIMEOUT = 560.0  # seconds of a script
NEEDED = ("blender", "Xvfb", "xdotool")
COMMAND = os.environ.get("KEYMATTE_WINDOWED", "")


def is_found() -> bool:
    """Return whether there is a Blender with windows."""
    return bool(COMMAND) or all(map(shutil.which, NEEDED))


NOT_FOUND = f"no Blender with windows: {', '.join(NEEDED)} are not on the path, nor is KEYMATTE_WINDOWED set"


def run_script(name: str, archive: Path, python: str, out: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with the extension `archive` and the engine's interpreter; it writes to `out`.

    `folder` is for the files of the X server and of Blender.
    """
    script, words = HERE / f"{name}.py", [str(archive.resolve()), python, str(out)]
    if COMMAND:
        command = COMMAND.format(script=shlex.quote(str(script)), out=shlex.quote(str(out)), args=shlex.join(words))
        return _run(shlex.split(command), dict(os.environ))
    with _screen(folder) as environment:
        window = ["--window-geometry", "0", "0", *SCREEN.split("x")]
        command = ["blender", "--factory-startup", *window, "--python", str(script), "--", *words]
        folders = {"BLENDER_USER_RESOURCES": str(folder / "user"), "KEYMATTE_DATA": str(folder / "data")}
        return _run(command, environment | folders)


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=environment)


@contextmanager
def _screen(folder: Path) -> Iterator[dict[str, str]]:
    """Run an X server of our own, and yield the environment for programs that draw to it."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-fbdir", str(folder), "-screen", "0", f"{SCREEN}x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            display = number.readline().strip()
        assert display, "Xvfb did not start"
        time.sleep(0.5)
        yield os.environ | {"DISPLAY": f":{display}", "XVFB_FB": str(folder / "Xvfb_screen0")}
    finally:
        server.terminate()
        server.wait()
