"""Runs the scripts beside this module in a Blender with windows, where one is found.

Blender is found on the path together with Xvfb and xdotool; or the environment variable KEYMATTE_WINDOWED gives the
command that runs a script in it: with {script}, {out} (a folder to which it may write) and {args} in their places.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCREEN = "1600x900"
TIMEOUT = 560.0  # seconds of a script
NEEDED = ("blender", "Xvfb", "xdotool")
ARCHIVE, PYTHON = os.environ.get("KEYMATTE_ZIP"), os.environ.get("KEYMATTE_ENGINE_PYTHON")
COMMAND = os.environ.get("KEYMATTE_WINDOWED", "")

pytestmark = [
    pytest.mark.skipif(
        not COMMAND and not all(map(shutil.which, NEEDED)),
        reason=f"no Blender with windows: {', '.join(NEEDED)} are not on the path, nor is KEYMATTE_WINDOWED set",
    ),
    pytest.mark.skipif(
        not (ARCHIVE and PYTHON),
        reason="KEYMATTE_ZIP and KEYMATTE_ENGINE_PYTHON do not name an extension and an engine",
    ),
]


@pytest.mark.parametrize(
    "script",
    [
        "first_run",
        "keys",
        "marking",
        "views",
        "alignment",
        "fixes",
        "lane",
        "reruns",
        "engine",
        "two_clips",
        "unsaved",
        "before_after",
        "compositor",
        "mask_edits",
        "refine",
        "export",
    ],
)
def test_script_runs_to_its_end(script: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = [str(Path(ARCHIVE).resolve()), PYTHON, str(out)]
    if COMMAND:
        args = shlex.join(words)
        command = COMMAND.format(script=shlex.quote(str(HERE / f"{script}.py")), out=shlex.quote(str(out)), args=args)
        ended = _run(shlex.split(command), dict(os.environ))
    else:
        with _screen(tmp_path) as environment:
            window = ["--window-geometry", "0", "0", *SCREEN.split("x")]
            command = ["blender", "--factory-startup", *window, "--python", str(HERE / f"{script}.py"), "--", *words]
            folders = {"BLENDER_USER_RESOURCES": str(tmp_path / "user"), "KEYMATTE_DATA": str(tmp_path / "data")}
            ended = _run(command, environment | folders)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-4000:]
    assert json.loads((out / "report.json").read_text())


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
