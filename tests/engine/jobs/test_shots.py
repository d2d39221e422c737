"""Nothing crosses a cut, repeated frames get the same matte, and what cannot be seen is not remembered."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.jobs import looks
from engine.jobs.propagate import run
from engine.jobs.resume import JobCheckpoint
from engine.jobs.suggest import run as suggest
from engine.media.label_images import read_matte
from engine.methods.registry import RECIPES
from engine.networks.colour import Colour
from engine.shared import reasons
from engine.shared.errors import NoKeyframes
from engine.shared.folder_claim import recorded_cuts
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Answer, Finished, MatteReady, Stage, Suggested
from engine.shared.types import SuggestionJob
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.films import Film

COUNT = 6  # frames of a shot
SIZE = {"height": 48, "width": 64}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(looks.platformdirs, "user_cache_path", lambda *names, **options: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def encoded(monkeypatch) -> list[int]:
    """Return a list that receives a number for each picture that the network of the recipe `colour` encodes."""
    count: list[int] = []
    encode = Colour.encode
    monkeypatch.setattr(Colour, "encode", lambda self, image: (count.append(1), encode(self, image))[1])
    return count


def two_shots() -> Film:
    """Return a film of a red disc, cut to a blue box (object 2) that crosses another red disc in another place."""
    return films.joined(films.moving_disc(COUNT, **SIZE), films.crossing(COUNT, **SIZE))


def setup(film: Film, folder, keyframes: dict[int, list[int]], **changes):
    clip = film.write_images(folder / "clip")
    for frame, objects in keyframes.items():
        film.write_keyframes(folder / "keys", [frame], objects)
    return job_of(clip, folder / "keys", folder / "out", **changes)


def areas(job, object_id: int, count: int) -> list[int]:
    folder = MatteFolder(job.folder)
    return [int((read_matte(folder.matte(object_id, frame)) > 0.5).sum()) for frame in range(count)]


def finished(answers) -> Finished:
    return next(answer for answer in answers if isinstance(answer, Finished))


# -- cuts --------------------------------------------------------------------------------------------------------------
def test_nothing_is_carried_across_a_cut(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]})
    done = finished(run_job(job))
    found = areas(job, 1, 2 * COUNT)
    assert min(found[:COUNT]) > 100 and max(found[COUNT:]) == 0
    assert "cut at frame 6," in done.note and "empty on frames 6 to 11: no keyframe of object 1." in done.note
    assert done.frames_done == done.frames_asked == 2 * COUNT and not done.warning
    assert recorded_cuts(MatteFolder(job.folder)) == (COUNT,)


def test_keyframes_count_across_cuts_if_asked(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]}, across_cuts=True)
    done = finished(run_job(job))
    assert min(areas(job, 1, 2 * COUNT)) > 50 and not done.note
    assert recorded_cuts(MatteFolder(job.folder)) == ()


@pytest.mark.parametrize("second", [COUNT, COUNT + 3])
def test_objects_marked_in_one_shot_each_are_empty_in_the_other(tmp_path, second):
    job = setup(two_shots(), tmp_path, {0: [1], second: [2]})
    done = finished(run_job(job))
    one, two = areas(job, 1, 2 * COUNT), areas(job, 2, 2 * COUNT)
    assert min(one[:COUNT]) > 100 and max(one[COUNT:]) == 0
    assert max(two[:COUNT]) == 0 and min(two[COUNT:]) > 50
    assert "frames 0 to 5: no keyframe of object 2" in done.note and "6 to 11: no keyframe of object 1" in done.note


def test_a_shot_computes_as_if_it_were_alone(tmp_path):
    film = two_shots()
    job = setup(film, tmp_path / "both", {0: [1], COUNT: [1], 2 * COUNT - 1: [1]})
    run_job(job)
    alone = setup(Film(film.frames[COUNT:], film.labels[COUNT:]), tmp_path / "alone", {0: [1], COUNT - 1: [1]})
    run_job(alone)
    for frame in range(COUNT):
        made, expected = (MatteFolder(one.folder).matte(1, number) for one, number in
                          ((job, COUNT + frame), (alone, frame)))  # fmt: skip
        assert made.read_bytes() == expected.read_bytes()


def test_mattes_of_an_earlier_run_across_cuts_become_empty(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]}, across_cuts=True)
    run_job(job)
    run_job(replace(job, across_cuts=False))
    assert max(areas(job, 1, 2 * COUNT)[COUNT:]) == 0


def test_frames_of_a_shot_without_keyframes_alone_are_refused(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]}, frames=range(COUNT, 2 * COUNT))
    with pytest.raises(NoKeyframes, match="no object is marked in the shot of frames 6 to 11") as caught:
        run(job, lambda answer: None, lambda: False)
    assert "--across-cuts" in caught.value.remedy and not job.folder.exists()


def test_cuts_are_told_by_the_numbers_that_the_user_sees(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]})
    job = replace(job, clip=replace(job.clip, shown_from=101))
    note = finished(run_job(job)).note
    assert "cut at frame 107," in note and "empty on frames 107 to 112: no keyframe of object 1." in note
    assert recorded_cuts(MatteFolder(job.folder)) == (COUNT,), "files are numbered as before"
    with pytest.raises(NoKeyframes, match="no object is marked in the shot of frames 107 to 112"):
        run(replace(job, frames=range(COUNT, 2 * COUNT)), lambda answer: None, lambda: False)


@pytest.mark.parametrize("cancelled", [30, 45])
def test_an_interrupted_job_resumes_in_the_right_shot(tmp_path, monkeypatch, cancelled):
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    film = two_shots()
    film = Film(film.frames.repeat(2, axis=0), film.labels.repeat(2, axis=0))
    job = setup(film, tmp_path, {0: [1], 2 * COUNT: [2], 3 * COUNT: [2]})
    run_job(job, cancel_after=cancelled)
    resumed = [answer for answer in run_job(job) if isinstance(answer, MatteReady)]
    whole = replace(job, folder=tmp_path / "whole")
    progress = [answer for answer in run_job(whole) if isinstance(answer, MatteReady)]
    assert progress[-1].done == progress[-1].total == resumed[-1].done
    assert resumed[0].done > 1
    for object_id in (1, 2):
        for frame in range(4 * COUNT):
            made, expected = (MatteFolder(one.folder).matte(object_id, frame) for one in (job, whole))
            assert made.read_bytes() == expected.read_bytes()


def test_probabilities_of_an_object_without_a_keyframe_are_none(tmp_path):
    file = tmp_path / "probabilities.npz"
    run_job(setup(two_shots(), tmp_path, {0: [1]}, probabilities=file))
    with np.load(file) as arrays:
        assert arrays["frames"].tolist() == list(range(2 * COUNT))
        assert (arrays["probabilities"][COUNT:, 0] == 1).all() and (arrays["probabilities"][COUNT:, 1] == 0).all()
        assert arrays["probabilities"][:COUNT, 1].max() > 0.5


def test_a_cut_on_every_frame_leaves_the_keyframe_alone(tmp_path):
    tones = np.array([(9, 0, 0), (0, 90, 0), (0, 0, 180), (150, 0, 90), (0, 130, 150), (150, 110, 0)])
    shots = [films.crossing(1, **SIZE), *(films.render([], count=1, seed=seed, **SIZE) for seed in range(10, 15))]
    film = films.joined(*shots)
    film = Film(np.clip(film.frames // 3 + tones[:, None, None], 0, 255).astype(np.uint8), film.labels)
    job = setup(film, tmp_path, {0: [1]})
    done = finished(run_job(job))
    found = areas(job, 1, 6)
    assert found[0] > 50 and max(found[1:]) == 0
    assert "cut at frames 1, 2, 3, 4, 5," in done.note and len(done.note) < 400


def test_a_clip_of_one_frame_is_no_matter(tmp_path):
    done = finished(run_job(setup(films.moving_disc(1, **SIZE), tmp_path, {0: [1]})))
    assert done.frames_done == 1 and not done.note and not done.warning


def test_a_clip_is_looked_at_once(tmp_path, cache):
    job = setup(two_shots(), tmp_path, {0: [1]})
    looked = [answer for answer in run_job(job) if isinstance(answer, Stage) and answer.text == "Looking for cuts"]
    assert looked[-1].done == looked[-1].total == 2 * COUNT
    assert not any(answer.text == "Looking for cuts" for answer in run_job(job) if isinstance(answer, Stage))
    (kept,) = (cache / "looks").glob("*.npz")
    kept.write_bytes(b"damaged")
    assert any(answer.text == "Looking for cuts" for answer in run_job(job) if isinstance(answer, Stage))
    assert "cut at frame 6" in finished(run_job(job)).note


# -- repeated frames ---------------------------------------------------------------------------------------------------
def held(count: int, times: int = 2) -> Film:
    film = films.moving_disc(count, **SIZE)
    return Film(film.frames.repeat(times, axis=0), film.labels.repeat(times, axis=0))


def mattes(job, count: int) -> list[bytes]:
    return [MatteFolder(job.folder).matte(1, frame).read_bytes() for frame in range(count)]


@pytest.mark.parametrize("second", [15, 14])
def test_repeated_frames_get_the_same_matte_at_half_the_cost(tmp_path, encoded, second):
    job = setup(held(8), tmp_path, {0: [1], second: [1]})
    run_job(job)
    made = mattes(job, 16)
    assert made[::2] == made[1::2] and len(set(made)) == 8
    assert len(encoded) == 2 + 8 + 8, "two keyframes, and each picture once in both sweeps"


def test_a_keyframe_on_any_frame_of_a_run_counts_for_all_of_it(tmp_path):
    film = held(4, times=3)
    job = setup(film, tmp_path, {1: [1]})
    run_job(job)
    made = mattes(job, 12)
    assert made[0] == made[1] == made[2] != made[3]
    assert (read_matte(MatteFolder(job.folder).matte(1, 0)) > 0.5).sum() == film.mask(1, 1).sum()


def test_of_two_keyframes_in_a_run_the_nearest_counts(tmp_path):
    film = held(2, times=4)
    film.labels[3] = np.roll(film.labels[3], 5, axis=1)
    job = setup(film, tmp_path, {0: [1], 3: [1]})
    run_job(job)
    made = mattes(job, 8)
    assert made[0] == made[1] != made[2] == made[3]


def test_a_published_method_segments_every_frame(tmp_path, encoded, monkeypatch):
    monkeypatch.setitem(RECIPES, "colour", replace(RECIPES["colour"], skips=False))
    run_job(setup(held(8), tmp_path, {0: [1]}))
    assert len(encoded) == 1 + 16


# -- fades -------------------------------------------------------------------------------------------------------------
def test_nothing_is_seen_on_black_frames_and_the_object_is_found_after_them(tmp_path):
    film = films.moving_disc(16, **SIZE)
    gains = np.array([1, 1, 1, 0.6, 0.3, 0.1, 0.02, 0, 0, 0.02, 0.1, 0.3, 0.6, 1, 1, 1])
    film = Film((film.frames * gains[:, None, None, None]).astype(np.uint8), film.labels)
    job = setup(film, tmp_path, {0: [1]}, recipe="keymatte")
    done = finished(run_job(job))
    folder = MatteFolder(job.folder)
    assert max(read_matte(folder.matte(1, frame)).max() for frame in (7, 8)) == 0
    for frame in (13, 14, 15):
        found, truth = read_matte(folder.matte(1, frame)) > 0.5, film.mask(frame, 1)
        assert (found & truth).sum() / (found | truth).sum() > 0.8
    assert "cut" not in done.note


def test_the_marker_names_the_cuts(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]})
    run_job(job)
    assert json.loads((job.folder / "keymatte.json").read_text())["cuts"] == [COUNT]
    assert recorded_cuts(MatteFolder(tmp_path / "none")) == ()


def test_a_shot_without_a_keyframe_is_suggested_first_and_says_so(tmp_path):
    job = setup(two_shots(), tmp_path, {0: [1]})
    run_job(job)
    answers: list[Answer] = []
    request = SuggestionJob(
        job_id="s",
        clip=job.clip,
        frames=job.frames,
        chosen=(0,),
        masks=MatteFolder(job.folder).root / "labels",
        keys=MatteFolder(job.folder).keys,
        recipe="colour",
        count=2,
    )
    suggest(request, answers.append, lambda: False)
    assert isinstance(answers[-1], Suggested)
    found = dict(zip(answers[-1].frames, answers[-1].reasons, strict=True))
    first, *others = found
    assert first in range(COUNT, 2 * COUNT) and found[first] == reasons.SHOT
    assert all(frame in range(1, COUNT) and found[frame] != reasons.SHOT for frame in others)
    suggest(replace(request, chosen=(0, COUNT + 1)), answers.append, lambda: False)
    assert reasons.SHOT not in answers[-1].reasons
