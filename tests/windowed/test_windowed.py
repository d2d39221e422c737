"""The scripts beside this module run to their end in a Blender with windows, where one is found; see `launch`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.windowed import launch

ARCHIVE, PYTHON = os.environ.get("KEYMATTE_ZIP"), os.environ.get("KEYMATTE_ENGINE_PYTHON")

pytestmark = [
    pytest.mark.skipif(not launch.is_found(), reason=launch.NOT_FOUND),
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
        "guide",
    ],
)
def test_script_runs_to_its_end(script: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    ended = launch.run_script(script, Path(ARCHIVE), PYTHON, out, tmp_path)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-4000:]
    assert json.loads((out / "report.json").read_text())
