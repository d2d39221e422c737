"""A job says what was made of what was asked for, and fails if no keyframe could be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.shared.errors import FramesUnreadable
from engine.shared.matte_folder import MatteFolder
from engine.shared.types import Direction, PropagationJob
from tests.engine.jobs.test_earlier_results import finished
from tests.engine.jobs.test_propagate import job_of, run_job


def spoil(job: PropagationJob, *frames: int) -> None:
    for frame in frames:
        path = job.clip.path.with_name(f"shot_{frame:04d}.png")
        path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize("recipe", ["colour", "keymatte"])
def test_a_job_fails_if_no_keyframe_has_a_picture(job, recipe):
    spoil(job, 0, 6)
    with pytest.raises(
        FramesUnreadable, match=r"the pictures of keyframes 0, 6 cannot be read, .*shot_0000\.png"
    ) as it:
        run_job(replace(job, recipe=recipe))
    assert "mark the objects on another frame" in it.value.remedy
    assert not job.folder.exists()


def test_a_keyframe_without_picture_is_named_and_the_mattes_are_counted(job):
    spoil(job, 3, 6)
    answer = finished(replace(job, direction=Direction.FORWARD))
    assert (answer.frames_done, answer.frames_asked) == (9, 10)
    assert answer.warning.startswith("2 frames could not be read (3, 6): ")
    assert answer.warning.endswith(
        "Nothing was propagated from the picture of keyframe 6. 9 of 10 frames have mattes. "
        "Repair or replace the clip and run again."
    )
    assert len(list((job.folder / "mattes" / "001").iterdir())) == 9, "that of frame 6 is the keyframe itself"


def test_mattes_are_counted_by_object_if_one_loses_its_only_keyframe(job, film, tmp_path):
    keys = film.write_keyframes(tmp_path / "two", [0], [1])
    film.write_keyframes(keys, [6], [2])
    spoil(job, 6)
    answer = finished(job_of(job.clip.path, keys, job.folder))
    assert "Mattes were made on 9 of 10 frames of object 1, 1 of 10 frames of object 2." in answer.warning
    assert not MatteFolder(job.folder).matte(1, 6).exists(), "its place on that frame is not known"
    assert answer.frames_done == 0


def test_frames_that_no_keyframe_reaches_are_told(job):
    answer = finished(replace(job, keyframes=job.keyframes[1:], frames=range(0, 4), direction=Direction.FORWARD))
    assert "No keyframe reaches these frames" in answer.warning
    assert answer.frames_done == 0
