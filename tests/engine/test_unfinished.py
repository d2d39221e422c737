"""Jobs that were interrupted go on where they stopped, and end as if they never had been."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from engine.framing import Framing
from engine.freezing import freeze, thaw
from engine.images import write_labels
from engine.job import run
from engine.matte_folder import MatteFolder
from engine.memory.entry import Entry, Usage
from engine.memory.tokens import Tokens
from engine.protocol import Answer, Cancelled, Finished, MatteReady
from engine.recipes import find_recipe
from engine.sweeps import group_by_keyframes, group_together, plan_sweeps
from engine.types import PropagationJob
from engine.unfinished import Unfinished
from engine.walk import Matte, Point, Walk
from tests import films
from tests.engine.test_job import done, job_of
from tests.films import Film

COUNT = 14


# -- walks -------------------------------------------------------------------------------------------------------------
def walk_of(name: str, film: Film) -> tuple[Walk, tuple]:
    """A recipe over a film with two keyframes for one object, one for another; its network never learned anything."""
    recipe = find_recipe(name)
    numbers = recipe.numbers({"memory.interval": "2"})
    torch.manual_seed(3)
    network = recipe.build(numbers, {}).eval()
    height, width = film.frames.shape[1:3]
    framing = Framing.fit(
        height, width, working_height=64, stride=network.stride, style=recipe.framing_style(numbers)
    )  # fmt: skip
    told = [(2, (1, 2)), (11, (1,))]
    habits = recipe.keyframe_habits(numbers)
    groups = (group_together if habits.joint else group_by_keyframes)(told, most=network.max_objects)
    walk = Walk(
        network,
        lambda: recipe.bank(numbers, network, COUNT),
        framing=framing,
        judge=recipe.judge(framing),
        read=lambda frame: film.frames[frame],
        truth={frame: np.where(np.isin(film.labels[frame], objects), film.labels[frame], 0) for frame, objects in told},
        groups=groups,
        device=torch.device("cpu"),
        habits=habits,
    )
    return walk, plan_sweeps(groups, range(COUNT), recipe.direction, ahead=recipe.habits.ahead)


def through_a_file(point: Point) -> Point:
    """The same after it was written and read."""
    return replace(point, held=json.loads(json.dumps(point.held)), tensors=load(save({
        name: tensor.contiguous().clone() for name, tensor in point.tensors.items()
    })))  # fmt: skip


def same(one: Matte, other: Matte) -> bool:
    return (
        (one.frame, one.objects, one.shares) == (other.frame, other.objects, other.shares)
        and np.array_equal(one.alpha, other.alpha)
        and np.array_equal(one.probability, other.probability)
    )


@pytest.mark.parametrize(
    "name", ["keymatte", "xmem++", "xmem", "mavos++", "mavos", "deaot-l-mbv2", "aot-l-mbv2", "deaot-l+rmem"]
)
def test_a_walk_goes_on_from_any_point_as_if_it_had_never_stopped(name: str):
    film = films.crossing(COUNT, height=64, width=96)
    walk, sweeps = walk_of(name, film)
    mattes = list(walk.propagate(sweeps, due=lambda: True))
    assert [matte.point.frame for matte in mattes] == [matte.frame for matte in mattes]
    changed = 0
    for at in sorted({4, len(mattes) // 2, len(mattes) - 4}):
        rest = list(walk.propagate(sweeps, since=through_a_file(mattes[at].point)))
        assert len(rest) == len(mattes) - at - 1
        assert all(same(one, other) for one, other in zip(rest, mattes[at + 1 :], strict=True))
        before = mattes[at - 3].point  # of the same sweep: what was known then is not what is known now
        if before.sweep == mattes[at].point.sweep:
            other = list(walk.propagate(sweeps, since=replace(before, frame=mattes[at].frame)))
            changed += not all(same(one, other) for one, other in zip(other, mattes[at + 1 :], strict=True))
    assert changed, "it makes a difference what is known"


def test_what_is_frozen_does_not_change_with_what_is_counted_later():
    usage = Usage(torch.ones(3), 2.0)
    entry = Entry(4, (Tokens({"key": torch.rand(2, 3)}),), usage=usage, grid=(1, 3))
    tensors: dict[str, torch.Tensor] = {}
    told = json.loads(json.dumps(freeze([entry, (entry, None, True, {"a": 0.1})], tensors)))
    usage.add(torch.ones(3))
    first, (second, *others) = thaw(told, tensors, torch.device("cpu"))
    assert others == [None, True, {"a": 0.1}]
    assert (first.frame, first.grid, first.usage.life) == (4, (1, 3), 2.0)
    assert torch.equal(first.usage.mass, torch.ones(3))
    assert torch.equal(second.layers[0]["key"], entry.layers[0]["key"])
    assert len(tensors) == 2, "what is met twice is kept once"


@pytest.mark.parametrize(
    "kind", ["os.system", "subprocess.Popen", "memory.entry.replace", "types.KeyframeFile", "Entry"]
)
def test_a_file_makes_nothing_but_what_networks_and_memories_hold(kind: str):
    with pytest.raises(TypeError, match="cannot be kept"):
        thaw({"kind": kind, "fields": {}}, {}, torch.device("cpu"))
    with pytest.raises(TypeError, match="cannot be kept"):
        freeze(Path("film"), {})


# -- jobs --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def film() -> Film:
    return films.crossing()


@pytest.fixture
def job(film: Film, tmp_path: Path) -> PropagationJob:
    clip = film.write_images(tmp_path / "plate", start=1001)
    return job_of(clip, film.write_keyframes(tmp_path / "keys", [0, 8, 15], start=1001), tmp_path / "out")


@pytest.fixture
def always_due(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(Unfinished, "due", lambda self: True)
    yield


def files(folder: Path) -> dict[str, bytes]:
    """Labels and mattes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("[lm]*s/**/*.png"))}


def first_done(answers: list[Answer]) -> int:
    """How many steps were done when the first matte was told."""
    return next(answer.done for answer in answers if isinstance(answer, MatteReady))


@pytest.mark.parametrize(
    ("recipe", "known", "cancelled"),
    [
        ("colour", 3, 5),
        ("colour", 14, 19),
        ("colour", 18, 27),
        ("colour", 29, 30),
        ("keymatte", 14, 19),
        ("keymatte", 18, 27),
    ],
)
def test_a_cancelled_job_goes_on_and_ends_as_if_it_never_had_been(
    job, tmp_path, always_due, monkeypatch, recipe, known, cancelled
):
    """`known` steps of 32 are known when it stops; some after them have been joined with those of the other sweep."""
    job = replace(job, recipe=recipe)
    done(replace(job, folder=tmp_path / "whole"))
    keep = Unfinished.keep
    monkeypatch.setattr(
        Unfinished, "keep", lambda self, point, done, *more: done <= known and keep(self, point, done, *more)
    )
    assert isinstance(done(job, cancel_after=cancelled)[-1], Cancelled)
    assert MatteFolder(job.folder).unfinished.is_dir()
    answers = done(job)
    assert first_done(answers) == known + 1
    assert isinstance(answers[-1], Finished)
    assert files(job.folder) == files(tmp_path / "whole")
    assert not MatteFolder(job.folder).unfinished.exists(), "nothing is left of it when all is done"


def another_keyframe(job: PropagationJob, film: Film) -> PropagationJob:
    write_labels(job.keyframes[1].labels, film.labels[9])
    return job


def a_matte_deleted(job: PropagationJob, film: Film) -> PropagationJob:
    MatteFolder(job.folder).matte(1, 1002).unlink()
    return job


def another_picture(job: PropagationJob, film: Film) -> PropagationJob:
    file = job.clip.path.with_name("shot_1003.png")
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 10**9))
    return job


def half_a_file(job: PropagationJob, film: Film) -> PropagationJob:
    (file,) = MatteFolder(job.folder).unfinished.glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return job


@pytest.mark.parametrize(
    "change",
    [
        another_keyframe,
        a_matte_deleted,
        another_picture,
        half_a_file,
        lambda job, film: replace(job, settings=replace(job.settings, height=64)),
        lambda job, film: replace(job, frames=range(1, 16)),
        lambda job, film: replace(job, probabilities=job.folder / "found.npz"),
    ],
)
def test_another_job_begins_anew(job, film, tmp_path, always_due, change):
    done(job, cancel_after=20)
    job = change(job, film)
    answers = done(job)
    assert first_done(answers) == 1
    done(replace(job, folder=tmp_path / "whole", probabilities=None))
    assert files(job.folder).items() >= files(tmp_path / "whole").items()
    assert not MatteFolder(job.folder).unfinished.exists()


def test_another_program_begins_anew(job, always_due, monkeypatch):
    done(job, cancel_after=20)
    monkeypatch.setattr("engine.unfinished._program", lambda: "another")
    assert first_done(done(job)) == 1


def test_frames_that_could_not_be_read_before_are_told_at_the_end(job, always_due):
    job.clip.path.with_name("shot_1003.png").write_bytes(b"")
    done(job, cancel_after=20)
    answers = done(job)
    assert first_done(answers) > 10
    assert "1 frame could not be read (1003)" in answers[-1].warning


def test_a_job_that_cannot_be_kept_is_done_all_the_same(job, always_due, monkeypatch, caplog):
    monkeypatch.setattr(
        "engine.unfinished.save_file", lambda *given, **more: (_ for _ in ()).throw(OSError(28, "full"))
    )
    answers: list[Answer] = []
    run(job, answers.append, lambda: False)
    assert isinstance(answers[-1], Finished)
    assert "no space is left" in caplog.text


def test_one_is_written_before_another_is_due(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.unfinished._EVERY", 0.0)
    monkeypatch.setattr("engine.unfinished._TIMES", 0)
    kept = Unfinished(MatteFolder(tmp_path), {})
    assert kept.due()
    assert not kept.due()
    kept.keep(Point(0, 3, None, {}), 4, lambda: np.zeros((2, 1), bool), {})
    assert kept.due()
    monkeypatch.setattr("engine.unfinished._MOST", 10)
    kept.keep(Point(0, 3, None, {"0": torch.zeros(3)}), 4, lambda: np.zeros((2, 1), bool), {})
    assert not kept.due(), "too much to be written"
