"""The client with the real engine as a child process, and with scripted children that misbehave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from keymatte.addon import client as client_module
from keymatte.addon.client import ChildProcess, EngineClient
from keymatte.engine import VERSION
from keymatte.engine.shared.errors import PythonMissing
from keymatte.engine.shared.protocol import Cancel, Failed, Finished, JobCancelled, MatteReady, Propagate, Ready, encode
from keymatte.engine.shared.types import KeyframeFile, PropagationJob, VideoClip

from tests.png import write_png

ROOT = Path(__file__).parents[2]
ENGINE = [sys.executable, "-E", "-s", "-u", "-m", "engine", "serve"]
TIMEOUT = 60.0


# -- a film of a moving square, with one keyframe ----------------------------------------------------------------------
def write_film(folder: Path, *, frames: int, size: int = 64) -> PropagationJob:
    folder.mkdir()
    for frame in range(frames):
        image = np.full((size, size, 3), (30, 60, 90), np.uint8)
        x = 4 + frame % (size // 2)
        image[20:40, x : x + 20] = (220, 40, 30)
        write_png(folder / f"frame_{frame:04d}.png", image)
    labels = np.zeros((size, size), np.uint8)
    labels[20:40, 4:24] = 1
    write_png(folder.parent / "keyframe.png", labels)
    return PropagationJob(
        job_id="job 1",
        clip=VideoClip(folder / "frame_0000.png", height=size, width=size, frame_count=frames),
        frames=range(frames),
        keyframes=(KeyframeFile(0, folder.parent / "keyframe.png", (1,)),),
        folder=folder.parent / "mattes here",
        recipe="colour",
    )


def receive_until(client: EngineClient, *kinds: type, seconds: float = TIMEOUT) -> list:
    """Return the answers received until one of these `kinds` has arrived, which is included."""
    received = []
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        received += client.answers()
        if any(isinstance(answer, kinds) for answer in received):
            return received
        assert not any(isinstance(answer, Failed) for answer in received), received
        time.sleep(0.02)
    raise AssertionError(
        f"no {[kind.__name__ for kind in kinds]} within {seconds} s; received {received}; log {client.log}"
    )


def has_ended(process_id: int, seconds: float = 15.0) -> bool:
    """Return whether a process, which need not be our child, ends within `seconds`."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            os.kill(process_id, 0)
            state = Path(f"/proc/{process_id}/stat")
            if state.exists() and state.read_text().rpartition(") ")[2].startswith("Z"):
                return True  # a zombie: ended, but not yet reaped
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def engine():
    client = EngineClient(ENGINE, ROOT)
    yield client
    client.kill()


@pytest.fixture
def child(tmp_path):
    """Return a function that starts a child with the given Python lines; children are killed after the test."""
    started = []

    def start(lines: str) -> EngineClient:
        script = tmp_path / "child.py"
        script.write_text(f"import sys, time, os\nsay = lambda t: print(t, flush=True)\n{textwrap.dedent(lines)}")
        started.append(EngineClient([sys.executable, "-u", str(script)], tmp_path))
        return started[-1]

    yield start
    for client in started:
        client.kill()


READY = encode(Ready(VERSION, "cpu")).strip()


# -- the real engine ---------------------------------------------------------------------------------------------------
def test_a_job_is_done_with_progress_and_the_engine_stays_for_the_next(engine, tmp_path):
    job = write_film(tmp_path / "film", frames=8)
    engine.send(Propagate(job))
    received = receive_until(engine, Finished, Failed)
    assert isinstance(received[0], Ready)
    assert isinstance(received[-1], Finished), received
    steps = [answer for answer in received if isinstance(answer, MatteReady)]
    assert [step.done for step in steps] == list(range(1, len(steps) + 1))
    assert {step.frame for step in steps} == set(range(8))
    assert sorted(path.name for path in (job.folder / "mattes" / "001").iterdir())[-1] == "000007.png"
    engine.send(Propagate(job))
    assert isinstance(receive_until(engine, Finished, Failed)[-1], Finished)


def test_a_cancelled_job_stops_early_and_keeps_its_mattes(engine, tmp_path):
    job = write_film(tmp_path / "film", frames=400)
    engine.send(Propagate(job))
    receive_until(engine, MatteReady)
    engine.send(Cancel(job.job_id))
    assert engine.cancelling
    receive_until(engine, JobCancelled)
    assert not engine.cancelling
    made = len(list((job.folder / "mattes" / "001").glob("*.png")))
    assert 0 < made < 400
    other = write_film(tmp_path / "other", frames=3)
    engine.send(Propagate(replace(other, job_id="job 2", folder=tmp_path / "other mattes")))
    assert isinstance(receive_until(engine, Finished, Failed)[-1], Finished)


def test_failed_job_is_reported_and_the_engine_stays(engine, tmp_path):
    job = write_film(tmp_path / "film", frames=3)
    job.clip.path.unlink()
    engine.send(Propagate(job))
    failed = receive_until(engine, Failed)[-1]
    assert (failed.code, failed.job_id) == ("clip-not-found", job.job_id)
    assert engine.alive


def test_killed_engine_is_reported_with_its_signal(engine, tmp_path):
    engine.send(Propagate(write_film(tmp_path / "film", frames=400)))
    receive_until(engine, MatteReady)
    os.kill(engine.process_id, signal.SIGKILL)
    failed = receive_until(engine, Failed)[-1]
    assert failed.code == "engine-died"
    assert "SIGKILL" in failed.message
    assert not engine.alive


def test_an_engine_ends_when_its_client_closes(engine):
    receive_until(engine, Ready)
    engine.close()
    assert engine.exit_status == 0
    time.sleep(0.3)
    assert not engine.answers(), "closing on purpose gives no answer"


def test_an_engine_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time, subprocess\n"
        f"child = subprocess.Popen({ENGINE!r}, cwd={str(ROOT)!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    engine_id = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert has_ended(engine_id)


# -- children that misbehave -------------------------------------------------------------------------------------------
def test_garbage_on_stdout_goes_to_the_log(child):
    client = child(f"say('downloading 10 %'); say('{{\"kind\": 3}}'); say('[1, 2]'); say({READY!r}); time.sleep(60)")
    assert receive_until(client, Ready) == [Ready(VERSION, "cpu")]
    assert list(client.log) == ["downloading 10 %", '{"kind": 3}', "[1, 2]"]


def test_echoed_request_is_not_taken_for_an_answer(child):
    client = child(f"say('{encode(Cancel('x')).strip()}'); say({READY!r}); time.sleep(60)")
    assert receive_until(client, Ready) == [Ready(VERSION, "cpu")]


def test_undecodable_bytes_are_tolerated(child):
    client = child(
        f"sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stderr.buffer.write(b'\\xff\\n'); sys.stdout.flush(); "
        f"say({READY!r}); time.sleep(60)"
    )
    assert receive_until(client, Ready) == [Ready(VERSION, "cpu")]


def test_an_engine_of_another_version_is_refused(child):
    client = child(f"say('{encode(Ready('0.0.0', 'cpu')).strip()}'); time.sleep(60)")
    failed = receive_until(client, Failed)[-1]
    assert failed.code == "bad-message"
    assert "0.0.0" in failed.message
    assert client.ready is None


def test_crash_is_reported_with_its_last_error_line(child):
    client = child(f"say({READY!r}); print('out of luck', file=sys.stderr); sys.exit(3)")
    failed = receive_until(client, Failed)[-1]
    assert failed.code == "engine-died"
    assert "status 3" in failed.message
    assert "out of luck" in failed.message


def test_the_log_keeps_the_last_lines(child):
    client = child("[print('line', i, file=sys.stderr) for i in range(900)]; sys.exit(1)")
    receive_until(client, Failed)
    assert list(client.log) == [f"line {i}" for i in range(500, 900)]


def test_unanswered_cancel_marks_the_engine_as_stuck(child, monkeypatch):
    monkeypatch.setattr(client_module, "CANCEL_SECONDS", 0.3)
    client = child(f"say({READY!r}); time.sleep(60)")
    receive_until(client, Ready)
    client.send(Cancel("job 1"))
    assert not client.stuck
    time.sleep(0.4)
    client.answers()
    assert client.stuck


def test_progress_does_not_acknowledge_a_cancel(child):
    step = encode(MatteReady("job 1", frame=0, done=1, total=9)).strip()
    client = child(f"say({READY!r}); sys.stdin.readline(); say({step!r}); time.sleep(60)")
    receive_until(client, Ready)
    client.send(Cancel("job 1"))
    receive_until(client, MatteReady)
    assert client.cancelling


def test_a_child_that_does_not_end_is_killed_at_close(child, monkeypatch):
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", 0.5)
    client = child(f"say({READY!r}); time.sleep(60)")
    receive_until(client, Ready)
    client.close()
    assert not client.alive


def test_a_child_that_takes_long_to_die_is_left_to_the_system(child, monkeypatch):
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", 0.0)
    client = child(f"much = b'm' * (1 << 27); say({READY!r}); time.sleep(60)")  # takes a moment to be freed
    receive_until(client, Ready)
    client.close()
    assert has_ended(client.process_id)
    assert not client.alive and client.answers() == []


def test_request_longer_than_the_pipe_buffer_does_not_block(child):
    client = child(f"time.sleep(2); line = sys.stdin.readline(); print(len(line), file=sys.stderr); say({READY!r})")
    keyframes = tuple(KeyframeFile(i, Path(f"keyframes/{i:06d}.png"), (1,)) for i in range(4_000))
    request = Propagate(
        PropagationJob("job 1", VideoClip(Path("film.mp4"), 4, 4, 4_000), range(4_000), keyframes, Path("out"))
    )
    begun = time.monotonic()
    client.send(request)
    assert time.monotonic() - begun < 1.5
    receive_until(client, Ready)
    limit = time.monotonic() + TIMEOUT
    while not client.log and time.monotonic() < limit:  # the two pipes are read by two threads
        time.sleep(0.02)
    assert client.log[0] == str(len(encode(request)))


def test_missing_program_raises_python_missing(tmp_path):
    with pytest.raises(PythonMissing, match="no-python"):
        ChildProcess([str(tmp_path / "no-python"), "-m", "engine"], tmp_path)
