"""After a cancelled run, outlines that there was no time to trace are kept, or made of the first mattes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.output import outlines
from engine.output.outlines import OutlineTracer
from engine.shared.matte_folder import MatteFolder
from engine.shared.outlines import Outlines
from tests.png import write_png

NUMBERS = tuple(range(101, 109))


def tracer(folder: MatteFolder) -> OutlineTracer:
    made = OutlineTracer(folder, NUMBERS, [1, 2], (40, 60), lambda done, total: None)
    made.mark_outdated()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    made = MatteFolder(tmp_path)
    for object_id in (1, 2):
        for number in NUMBERS:
            alpha = np.zeros((40, 60), np.uint8)
            alpha[5:25, number - 100 : number - 80] = 255
            made.matte(object_id, number).parent.mkdir(parents=True, exist_ok=True)
            write_png(made.matte(object_id, number), alpha)
    return made


def frames(folder: MatteFolder, object_id: int) -> list[int]:
    return Outlines.load(folder.outlines(object_id)).frames.tolist()


def test_without_time_earlier_outlines_are_kept_and_others_are_made_of_the_first_mattes(folder, monkeypatch):
    tracer(folder).trace(lambda: None)
    before = folder.outlines(1).read_bytes()
    folder.outlines(2).unlink()
    monkeypatch.setattr(outlines, "_MAX_SECONDS_AFTER_CANCEL", -1.0)
    monkeypatch.setattr(outlines, "_MAX_SECONDS_OF_FIRST", -1.0)
    tracer(folder).trace_briefly()
    assert folder.outlines(1).read_bytes() == before
    assert frames(folder, 2) == [0]
    assert sorted(path.name for path in folder.outlines(1).parent.iterdir()) == ["001.npz", "002.npz"]


def test_with_time_all_are_traced(folder):
    tracer(folder).trace_briefly()
    assert frames(folder, 1) == frames(folder, 2) == list(range(8))
