"""A matte that jumps to a look-alike is flagged from there on, in the folder and in what the job says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.media.label_images import read_matte
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished
from engine.shared.quality import FIX_BELOW
from engine.shared.written_files import WrittenFiles
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.films import Film, Point, Shape, render

HEIGHT, WIDTH, FRAMES = 240, 320, 16
HIDES, ENTERS = 8, 6  # the object leaves the picture at once, after its twin has come in elsewhere


def twins() -> Film:
    """Return a film of a disc that vanishes, and of another one like it, without a label, that comes in."""

    def disc(frame: int) -> Point | None:
        return (WIDTH * (0.25 + 0.01 * frame), HEIGHT * 0.5) if frame < HIDES else None

    def twin(frame: int) -> Point | None:
        return (WIDTH * (1.25 - 0.035 * frame), HEIGHT * 0.35) if frame >= ENTERS else None

    red, side = (200, 60, 50), HEIGHT * 0.11
    shapes = [Shape(1, "disc", side, red, disc), Shape(0, "disc", side, red, twin)]
    return render(shapes, count=FRAMES, height=HEIGHT, width=WIDTH)


def test_the_frames_on_another_object_are_flagged_and_told(tmp_path: Path) -> None:
    film = twins()
    keys = film.write_keyframes(tmp_path / "keys", [0])
    answers = run_job(job_of(film.write_images(tmp_path / "plate"), keys, tmp_path / "out", recipe="keymatte"))
    folder = MatteFolder(tmp_path / "out")
    record = WrittenFiles(folder)
    values, wrong = {}, []
    for frame in range(FRAMES):
        path = folder.matte(1, frame)
        quality = record.quality(path)
        assert quality is not None and quality.value is not None
        values[frame] = quality
        inside = read_matte(path) > 0.5
        if inside.sum() > 500 and not (inside & film.mask(frame, 1)).any():
            wrong.append(frame)
    assert len(wrong) >= 6, "the matte moves to the twin, or this test says nothing"
    assert all(values[frame].value < FIX_BELOW and values[frame].reason == "twin" for frame in wrong)
    assert all(values[frame].value > 0.9 for frame in range(ENTERS))
    finished = answers[-1]
    assert isinstance(finished, Finished)
    assert "may be on another object" in finished.to_fix
    assert np.all(np.diff(wrong) == 1)
