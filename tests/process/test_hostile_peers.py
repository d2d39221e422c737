"""Engine and client survive whatever the other side sends, with bounded memory and without waiting."""

from __future__ import annotations

import json
import re
import sys
import textwrap
import time
from pathlib import Path

import pytest
from keymatte.addon.client import LOG_LINES, MAX_LOG_LINE, MAX_WAITING, EngineClient
from keymatte.addon.session import Session
from keymatte.addon.status import State, Status
from keymatte.engine import VERSION
from keymatte.engine.shared.protocol import Finished as EngineFinished
from keymatte.engine.shared.protocol import Ready as EngineReady
from keymatte.engine.shared.protocol import encode as encode_answer

from engine.shared.protocol import Download, Failed, Finished, Propagate, Ready, decode, encode
from engine.shared.types import PropagationJob, VideoClip
from tests.process.test_serve import Engine, make_job

MIB = 1 << 20
READY = encode_answer(EngineReady(VERSION, "cpu")).strip()


def memory(process_id: int | str, name: str) -> int:
    """Return a number of bytes from the status of a process: VmHWM is its peak memory, VmRSS the present one."""
    status = Path(f"/proc/{process_id}/status")
    if not status.exists():
        pytest.skip("only Linux tells the memory of a process")
    return int(re.search(rf"^{name}:\s+(\d+) kB", status.read_text(), re.MULTILINE)[1]) * 1024


# -- the engine --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def engine():
    running = Engine()
    assert isinstance(running.receive(), Ready)
    yield running
    running.end()


def job_with(**fields: object) -> bytes:
    """Return the line of a request whose job has other values in `fields`."""
    job = PropagationJob("one", VideoClip(Path("clip"), 8, 8, 2), range(2), (), Path("out"), recipe="colour")
    request = json.loads(encode(Propagate(job)))
    request["job"].update(fields)
    return json.dumps(request).encode()


DOWNLOAD = encode(Download("d", "XMem", Path("weights"))).strip()
LINES = {
    "nested lists": b"[" * 100_000,
    "nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"kind":' * 100_000 + b"1" + b"}" * 100_000,
    "a nested job id": DOWNLOAD.replace('"d"', "[" * 500 + "]" * 500).encode(),
    "invalid UTF-8": DOWNLOAD.encode().replace(b"XMem", b"XM\xff\xfe"),
    "UTF-16": DOWNLOAD.encode("utf-16"),
    "a zero byte": b'{"kind": "Cancel", "job_id": "\0"}',
    "zero bytes": bytes(1000),
    "a zero byte in a path": DOWNLOAD.replace("weights", "we\\u0000ights").encode(),
    "half a character in a path": DOWNLOAD.replace("weights", "we\\ud800ights").encode(),
    "a field twice": DOWNLOAD.replace('"name"', '"job_id": "e", "name"').encode(),
    "not a number": job_with(frames=[0, float("nan")]),
    "infinity": job_with(settings={"height": float("inf")}),
    "a huge number": job_with(frames=[0, 10**4000]),
    "a number of too many digits": b'{"kind": "Cancel", "job_id": ' + b"9" * 10_000 + b"}",
    "a number as job id": DOWNLOAD.replace('"d"', "5").encode(),
    "true as job id": DOWNLOAD.replace('"d"', "true").encode(),
    "null as job id": DOWNLOAD.replace('"d"', "null").encode(),
    "a list as job id": DOWNLOAD.replace('"d"', "[[]]").encode(),
    "an object as job id": DOWNLOAD.replace('"d"', '{"a": {}}').encode(),
    "a list as job id of a job": job_with(job_id=[300]),
    "a list as kind": b'{"kind": []}',
    "an unknown kind": b'{"kind": "Explode"}',
    "a kind of a megabyte": b'{"kind": "' + b"x" * MIB + b'"}',
    "a field of a megabyte": DOWNLOAD.replace('"name"', '"' + "x" * MIB + '"').encode(),
    "an answer": encode(Finished("d")).strip().encode(),
    "escape sequences": b"\x1b[2J\x1b]0;evil\x07",
    "a string": b'"text"',
    "a number": b"1",
    "frames of one number": job_with(frames=[0]),
    "keyframes that are text": job_with(keyframes="none"),
}


@pytest.mark.parametrize("name", LINES)
def test_the_engine_answers_any_line_with_a_short_refusal(engine, name):
    engine.process.stdin.buffer.write(LINES[name] + b"\n")
    engine.process.stdin.buffer.flush()
    line = engine.process.stdout.readline()
    failed = decode(line)
    assert isinstance(failed, Failed)
    assert (failed.job_id, failed.code) == ("", "bad-message")
    assert failed.message.isprintable()
    assert len(line) < 1500


def test_a_line_of_a_hundred_megabytes_takes_little_memory(engine):
    before = memory(engine.process.pid, "VmHWM")
    for _ in range(100):
        engine.process.stdin.buffer.write(b"[1, " * (MIB // 4))
    engine.process.stdin.buffer.write(b"\n")
    engine.process.stdin.buffer.flush()
    assert "longer than" in decode(engine.process.stdout.readline()).message
    assert memory(engine.process.pid, "VmHWM") < before + 100 * MIB


def test_cancels_of_jobs_that_do_not_exist_are_not_collected(engine, tmp_path):
    before = memory(engine.process.pid, "VmRSS")
    for number in range(20):
        engine.process.stdin.buffer.write(
            b"".join(b'{"kind": "Cancel", "job_id": "%d%s"}\n' % (index, b"x" * 1000) for index in range(number, 5000))
        )
    engine.send(encode(Propagate(make_job(tmp_path, count=3))))
    assert isinstance(engine.receive_until(Finished, Failed)[-1], Finished), "the engine still works"
    assert memory(engine.process.pid, "VmRSS") < before + 80 * MIB


def test_the_engine_refuses_a_job_if_too_many_wait(engine, tmp_path):
    waiting = encode(Propagate(make_job(tmp_path, count=30)))
    engine.process.stdin.write(waiting.replace('"one"', '"first"'))
    engine.process.stdin.write(waiting * 150)
    for index in range(3):
        engine.process.stdin.write(json.dumps({"kind": "Cancel", "job_id": ("first", "one", "none")[index]}) + "\n")
    engine.process.stdin.flush()
    refused = [answer for answer in engine.receive_until(Failed) if isinstance(answer, Failed)]
    assert (refused[0].job_id, refused[0].code) == ("one", "engine-busy")


# -- the client --------------------------------------------------------------------------------------------------------
@pytest.fixture
def child(tmp_path):
    """Return a function that starts a child with the given Python lines; children are killed after the test."""
    started = []

    def start(lines: str) -> EngineClient:
        script = tmp_path / "child.py"
        header = f"import sys, time, os\nout, err = sys.stdout.buffer, sys.stderr.buffer\nREADY = {READY!r}.encode()\n"
        script.write_text(header + textwrap.dedent(lines))
        started.append(EngineClient([sys.executable, str(script)], tmp_path))
        return started[-1]

    yield start
    for client in started:
        client.kill()


def answers(client: EngineClient, kind: type = EngineReady, seconds: float = 30.0) -> list:
    """Return the answers until one of this kind has arrived, and assert that none of the calls took long."""
    received: list = []
    end = time.monotonic() + seconds
    while not any(isinstance(answer, kind) for answer in received):
        began = time.monotonic()
        received += client.answers()
        assert time.monotonic() - began < 0.5, "the caller, Blender, must not wait"
        assert time.monotonic() < end, client.log
        time.sleep(0.01)
    return received


@pytest.mark.parametrize("stream", ["out", "err"])
@pytest.mark.parametrize("byte", ["x", "[", "\\xff", "\\0"])
def test_a_line_without_end_takes_little_memory(child, stream, byte):
    client = child(f"""
        for _ in range(200):
            {stream}.write(b"{byte}" * {MIB})
        {stream}.write(b"\\n")
        {stream}.flush()
        out.write(READY + b"\\n")
        out.flush()
        time.sleep(60)
    """)
    before = memory("self", "VmRSS")
    answers(client)
    assert memory("self", "VmRSS") < before + 30 * MIB
    assert len(client.log) <= LOG_LINES
    assert all(len(line) <= MAX_LOG_LINE for line in client.log)


@pytest.mark.parametrize("line", ['b"rubbish"', "READY", """b'{"kind": "Stage", "job_id": "x", "text": "y"}'"""])
def test_a_flood_of_lines_is_held_back_and_the_caller_stays_responsive(child, line):
    client = child(f"""
        while True:
            out.write(({line} + b"\\n") * 1000)
            err.write(b"noise\\n" * 1000)
    """)
    before = memory("self", "VmRSS")
    end = time.monotonic() + 3
    most = 0
    while time.monotonic() < end:
        began = time.monotonic()
        most = max(most, len(client.answers()))
        assert time.monotonic() - began < 0.5
        time.sleep(0.1)
    assert most <= MAX_WAITING
    assert memory("self", "VmRSS") < before + 30 * MIB
    began = time.monotonic()
    client.kill()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000, b'{"kind":' * 50_000, b"\xff\xfe", b"\0", b'"text"', b"[]", b"1e999", b'{"kind": []}',
        b'{"kind": "Ready"}', b'{"kind": "Ready", "version": 1, "device": []}',
        b'{"kind": "Stage", "job_id": [], "text": "x"}', b'{"kind": "Stage", "job_id": "x", "text": "x", "done": 1e99}',
        b'{"kind": "MatteReady", "job_id": "x", "frame": 1' + b"0" * 400 + b', "done": 1, "total": 1}',
        b'{"kind": "Finished", "job_id": "x", "frames_per_second": 1' + b"0" * 400 + b"}",
        b'{"kind": "Suggested", "job_id": "x", "frames": [1], "scores": [], "objects": [0], "reasons": ["unlike"]}',
        b'{"kind": "Suggested", "job_id": "x", "frames": [1], "scores": [NaN], "objects": [0], "reasons": ["edges"]}',
        b'{"kind": "Suggested", "job_id": "x", "frames": [1], "scores": [1], "objects": [0], "reasons": []}',
        b'{"kind": "Cancel", "job_id": "x"}',
    ],
)  # fmt: skip
def test_a_line_that_is_no_answer_goes_to_the_log(child, line):
    client = child(f"out.write({line!r} + b'\\n' + READY + b'\\n'); out.flush(); time.sleep(60)")
    assert answers(client) == [EngineReady(VERSION, "cpu")]
    assert len(client.log) == 1
    assert len(client.log[0]) <= MAX_LOG_LINE + 100


def test_wrong_answers_of_the_right_types_do_not_break_the_session(child):
    client = child("""
        out.write(READY + b"\\n")
        for line in (
            b'{"kind": "Stage", "job_id": "x", "total": -9, "text": "\\\\u001b[2J' + b"y" * 5000 + b'"}',
            b'{"kind": "Stage", "job_id": "x", "text": "a", "done": 9223372036854775807, "total": 1}',
            b'{"kind": "MatteReady", "job_id": "x", "frame": -1, "done": 5, "total": -3}',
            b'{"kind": "Suggested", "job_id": "x", "frames": [1], "scores": [1], "objects": [0], "reasons": ["z"]}',
            b'{"kind": "JobCancelled", "job_id": "another"}',
            b'{"kind": "Finished", "job_id": "x", "warning": "\\\\u0007' + b"z" * 5000 + b'"}',
            b'{"kind": "Finished", "job_id": "x"}',
        ):
            out.write(line + b"\\n")
        out.flush()
        time.sleep(60)
    """)
    session = Session()
    session._client = client
    session._job = type(session._job)("x")
    session.status = Status(State.RUNNING)
    end = time.monotonic() + 20
    while session.status.busy:
        session.pump()
        assert 0 <= session.status.progress <= 1
        assert session.status.text.isprintable()
        assert len(session.status.text) <= 200
        assert time.monotonic() < end
        time.sleep(0.01)
    assert session.status.state is State.FINISHED
    assert isinstance(session.status.finished, EngineFinished)
    assert session.status.warning.isprintable()
    assert len(session.status.warning) <= 1000
