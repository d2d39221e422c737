"""mypy finds no error in the engine, in build_addon.py and in the extension as a build copies it to build/."""

from __future__ import annotations

import subprocess
import sys

import build_addon
from tests import house


def test_types_are_right():
    build_addon.build()  # the extension's relative imports need the package that is staged in build/
    mypy = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary"],
        cwd=house.ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert not mypy.stdout + mypy.stderr
    assert mypy.returncode == 0
