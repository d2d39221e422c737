"""The engine as a real child process: answers, cancel, invalid requests, stray output, and its end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.shared.protocol import (
    Cancel,
    Failed,
    Finished,
    JobCancelled,
    MatteReady,
    Propagate,
    Ready,
    Segment,
    Segmented,
    decode,
    encode,
)
from tests import films
from tests.engine.jobs import test_segment as segmentation
from tests.engine.jobs.test_propagate import job_of

ROOT = Path(__file__).resolve().parents[2]


class Engine:
    """A running engine process that exchanges messages with the test as lines."""

    def __init__(self, *program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-E", "-s", "-u", *(program or ("-m", "engine")), "serve"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def send(self, line: str) -> None:
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def receive(self):
        return decode(self.process.stdout.readline())

    def receive_until(self, *kinds: type) -> list:
        answers = [self.receive()]
        while not isinstance(answers[-1], kinds):
            answers.append(self.receive())
        return answers

    def end(self) -> None:
        """Kill the process, and close its pipes."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def engine():
    running = Engine()
    assert isinstance(running.receive(), Ready)
    yield running
    running.end()


def make_job(folder: Path, *, count: int = 12, job_id: str = "one"):
    film = films.moving_disc(count)
    clip = film.write_images(folder / "plate")
    keys = film.write_keyframes(folder / "keys", [0])
    return job_of(clip, keys, folder / "out", job_id=job_id)


def test_a_job_is_done_with_progress_and_the_engine_stays_for_the_next(engine, tmp_path):
    for job_id in ("one", "two"):
        engine.send(encode(Propagate(make_job(tmp_path, job_id=job_id))))
        answers = engine.receive_until(Finished, Failed)
        assert isinstance(answers[-1], Finished)
        assert {answer.job_id for answer in answers} == {job_id}
        assert [answer.frame for answer in answers if isinstance(answer, MatteReady)] == list(range(12))


def test_failed_job_is_reported_and_the_engine_stays(engine, tmp_path):
    job = make_job(tmp_path)
    for path in job.clip.path.parent.iterdir():
        path.unlink()
    engine.send(encode(Propagate(job)))
    failed = engine.receive_until(Failed)[-1]
    assert (failed.job_id, failed.code) == ("one", "clip-not-found")
    assert failed.remedy
    engine.send(encode(Propagate(make_job(tmp_path / "again", job_id="two"))))
    assert isinstance(engine.receive_until(Finished, Failed)[-1], Finished)


def test_cancel_stops_between_two_frames_and_the_next_job_runs(engine, tmp_path):
    engine.send(encode(Propagate(make_job(tmp_path, count=300))))
    engine.receive_until(MatteReady)
    engine.send(encode(Cancel("one")))
    answers = engine.receive_until(JobCancelled, Finished)
    assert isinstance(answers[-1], JobCancelled)
    assert sum(isinstance(answer, MatteReady) for answer in answers) < 250
    engine.send(encode(Propagate(make_job(tmp_path / "again", job_id="two"))))
    assert isinstance(engine.receive_until(Finished)[-1], Finished)


def test_a_job_cancelled_while_it_waits_never_starts(engine, tmp_path):
    engine.send(encode(Propagate(make_job(tmp_path, count=60))))
    engine.send(encode(Propagate(make_job(tmp_path / "b", job_id="two"))))
    engine.send(encode(Cancel("two")))
    assert isinstance(engine.receive_until(Finished)[-1], Finished)
    assert engine.receive() == JobCancelled("two")
    assert not (tmp_path / "b" / "out").exists()


def test_a_segmentation_is_answered_while_a_propagation_runs(engine, tmp_path):
    clip = segmentation.FILM.write_images(tmp_path / "clip")
    engine.send(encode(Propagate(make_job(tmp_path / "long", count=300))))
    engine.receive_until(MatteReady)
    job = segmentation.job_for(tmp_path, clip)
    engine.send(encode(Segment(job)))
    answers = engine.receive_until(Segmented, Failed, Finished)
    assert answers[-1] == Segmented(job.job_id, job.alpha)
    engine.send(encode(Cancel("one")))
    answers = engine.receive_until(JobCancelled, Finished)
    assert answers[-1] == JobCancelled("one")
    assert any(isinstance(answer, MatteReady) for answer in answers)


def test_a_failed_segmentation_leaves_the_propagation_alone(engine, tmp_path):
    job = segmentation.job_for(tmp_path, tmp_path / "nowhere.png")
    engine.send(encode(Propagate(make_job(tmp_path / "long"))))
    engine.send(encode(Segment(job)))
    answers = engine.receive_until(Finished)
    failed = [answer for answer in answers if isinstance(answer, Failed)]
    assert [(answer.job_id, answer.code) for answer in failed] == [(job.job_id, "clip-not-found")]
    assert answers[-1].job_id == "one"


def test_a_segmentation_is_answered_before_the_engine_is_ready(tmp_path):
    job = segmentation.job_for(tmp_path, segmentation.FILM.write_images(tmp_path / "clip"))
    starting = Engine()
    starting.send(encode(Segment(job)))
    assert starting.receive() == Segmented(job.job_id, job.alpha)
    assert isinstance(starting.receive(), Ready)
    starting.end()


@pytest.mark.parametrize(
    "line",
    [
        "garbage\n",
        "{}\n",
        '{"kind": "Ready", "version": "1", "device": ""}\n',
        '{"kind": "Cancel", "job_id": [1]}\n',
        "\x00ÿ\n",
        "[" * 200_000 + "\n",
    ],
    ids=["no JSON", "no kind", "an answer", "an invalid id", "strange characters", "nested too deep"],
)
def test_invalid_request_is_answered_and_the_engine_stays(engine, tmp_path, line):
    engine.send(line)
    failed = engine.receive()
    assert isinstance(failed, Failed)
    assert (failed.job_id, failed.code) == ("", "bad-message")
    engine.send(encode(Propagate(make_job(tmp_path))))
    assert isinstance(engine.receive_until(Finished)[-1], Finished)


def test_engine_ends_when_its_input_closes(engine, tmp_path):
    engine.send(encode(Propagate(make_job(tmp_path, count=300))))
    engine.receive_until(MatteReady)
    engine.process.stdin.close()
    began = time.monotonic()
    assert engine.process.wait(timeout=15) == 0
    assert time.monotonic() - began < 12


def test_output_of_libraries_does_not_reach_the_answers(tmp_path):
    script = (
        "import os, sys; from engine.jobs import server\n"
        "answers = server._private_stdout()\n"
        "print('stray'); os.write(1, b'stray from C'); answers.write('answer'); answers.flush()\n"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    assert found.stdout == b"answer"
    assert b"stray from C" in found.stderr
