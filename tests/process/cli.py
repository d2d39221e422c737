"""Helpers that run `python -m engine` and check its output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.shared.matte_folder import MatteFolder

ROOT = Path(__file__).parents[2]
ENGINE = [sys.executable, "-m", "engine"]
FRAMES = 8


def propagate(place: Path, **changes: object) -> list[str]:
    options = {"clip": place / "clip", "keyframes": place / "keys", "out": place / "out", "recipe": "colour", **changes}
    return [*ENGINE, "propagate", *(str(word) for name, value in options.items() for word in (f"--{name}", value))]


def run_cli(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=180, check=False
    )


def assert_refused(command: list[str], *words: str) -> str:
    """Assert that a command ends with status 2 and a message that contains all `words` and has a remedy.

    Returns the message.
    """
    ended = run_cli(command)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    sentence = ended.stderr.strip().splitlines()[-1]
    assert sentence.startswith("keymatte: ")
    for word in words:
        assert word in sentence
    assert sentence.count(". ") >= 1, f"the message has no remedy: {sentence}"
    return sentence


def numbers(place: Path) -> list[int]:
    return MatteFolder(place / "out").numbers_done()
