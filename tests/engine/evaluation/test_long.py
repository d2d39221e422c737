"""A clip is played forth and back over many frames; time, memory and quality are measured on the way."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from engine.evaluation.clips import StudyClip
from engine.evaluation.long import SAMPLES, MirroredFilm, as_csv, as_table, run_long
from engine.media.frames import FrameReader
from engine.methods.registry import find_recipe
from engine.shared.errors import BadSetting
from engine.shared.types import Settings
from tests.png import write_png

COUNT = 5


@pytest.fixture
def clip(tmp_path) -> StudyClip:
    """Return a clip of a square that moves to the right, with true masks of frames 0, 2 and 4."""
    for folder in ("frames", "masks"):
        (tmp_path / folder).mkdir()
    for frame in range(COUNT):
        mask = np.zeros((48, 64), np.uint8)
        mask[12:36, 6 + 5 * frame : 30 + 5 * frame] = 1
        picture = np.where(mask[..., None], (220, 60, 50), (20, 60, 140)).astype(np.uint8)
        write_png(tmp_path / "frames" / f"{frame:03d}.png", picture)
        if frame % 2 == 0:
            write_png(tmp_path / "masks" / f"{frame:03d}.png", mask, np.array([(0, 0, 0), (200, 0, 0)]))
    return StudyClip.open("square", tmp_path / "frames", tmp_path / "masks")


def test_a_clip_is_played_forth_and_back_without_a_cut(clip):
    with FrameReader.open(clip.clip.path) as reader:
        film = MirroredFilm(clip, reader)
        assert [film.place(frame) for frame in range(13)] == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4]
        assert [film.has_labels(frame) for frame in range(6)] == [True, False, True, False, True, False]
        assert np.array_equal(film.picture(6), reader.read(2))


def test_a_run_is_measured_from_its_first_frame_to_its_last(clip):
    done: list[int] = []
    run = run_long(find_recipe("colour"), Settings(height=48), clip, 72, report=done.append)
    assert done == list(range(1, 73))
    assert [one.memory.frames for one in run.samples] == list(range(3, 73, 72 // SAMPLES))
    assert run.weights == "own" and all(one.region is None or one.region > 0.9 for one in run.samples)
    rows = list(csv.DictReader(as_csv([run]).splitlines()))
    assert len(rows) == SAMPLES and rows[-1]["frames"] == "72" and float(rows[0]["J"]) > 0.9
    head, row = as_table([run])
    told = dict(zip(head, row, strict=True))
    assert told["recipe"] == "colour" and float(told["J last quarter"]) > 90


def test_a_memory_that_keeps_every_frame_grows_and_a_folded_one_does_not(clip):
    def grown(recipe: str, **overrides: str) -> float:
        run = run_long(find_recipe(recipe), Settings(height=48, overrides=overrides), clip, 48)
        assert run.weights == "random"
        return run.samples[-1].memory.memory_bytes / run.samples[len(run.samples) // 2].memory.memory_bytes

    assert grown("mavos") == 1.0
    assert grown("mavos", memory="all") > 1.5


def test_too_few_frames_and_a_clip_without_a_first_mask_end_in_a_sentence(clip, tmp_path):
    with pytest.raises(BadSetting, match="47 frames are too few for a long shot; at least 48 are needed"):
        run_long(find_recipe("colour"), Settings(), clip, 47)
    (tmp_path / "masks/000.png").unlink()
    other = StudyClip.open("square", tmp_path / "frames", tmp_path / "masks")
    with pytest.raises(BadSetting, match="clip square cannot be played forth and back from a true mask on its first"):
        run_long(find_recipe("colour"), Settings(), other, 48)
