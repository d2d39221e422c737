"""The session's segmentation jobs, which run beside its operation, with real child processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from keymatte.addon.status import State
from keymatte.engine.shared.errors import EngineBusy, PythonMissing
from keymatte.engine.shared.protocol import Failed, Propagate, Segment, Segmented, Stage, encode
from keymatte.engine.shared.types import SegmentationJob

from tests.addon.scripted import JOB, answer_finished, engine_script, pump_until

QUESTION = SegmentationJob("snap 1", JOB.clip, 3, Path("marks.png"), Path("alpha.npy"))
ANSWER = Segmented("snap 1", Path("alpha.npy"))


def pump_for(session, received: list, count: int = 1) -> None:
    limit = time.monotonic() + 20
    while len(received) < count:
        assert time.monotonic() < limit, session.log
        session.pump()
        time.sleep(0.01)


def test_the_answer_goes_to_the_receiver_and_the_status_stays(session):
    session.script.write_text(engine_script(ANSWER))
    before, received = session.status, []
    session.ask_beside(Segment(QUESTION), received.append)
    assert session.answers_due
    pump_for(session, received)
    assert received == [ANSWER]
    assert session.status == before
    assert not session.answers_due


def test_a_failure_goes_to_the_receiver_and_the_status_stays(session):
    failed = Failed("snap 1", "not-separable", "no edges", "Paint it.")
    session.script.write_text(engine_script(failed))
    before, received = session.status, []
    session.ask_beside(Segment(QUESTION), received.append)
    pump_for(session, received)
    assert (received, session.status) == ([failed], before)


def test_it_is_asked_while_a_propagation_runs_which_goes_on(session):
    answers = f"sys.stdin.readline(); say({encode(ANSWER)!r}); {answer_finished()}"
    session.script.write_text(engine_script(Stage("job 1", "Loading"), then=answers))
    received = []
    session.start(Propagate(JOB), "film")
    status = pump_until(session, State.RUNNING)
    client = session._client
    session.ask_beside(Segment(QUESTION), received.append)
    pump_for(session, received)
    assert (session._client, session.status) == (client, status)
    client.write("go on\n")
    assert session.wait(20).text == "Done"


def test_an_operation_can_start_while_a_segmentation_is_unanswered(session):
    session.script.write_text(engine_script(then=answer_finished()))
    session.ask_beside(Segment(QUESTION), lambda answer: None)
    session.start(Propagate(JOB), "film")
    assert session.wait(20).text == "Done"
    assert session.answers_due


@pytest.mark.parametrize("how", ("dies", "is closed", "is replaced"))
def test_the_receiver_learns_that_the_engine_has_ended(session, how):
    session.script.write_text(engine_script(then="sys.exit(3)" if how == "dies" else "time.sleep(60)"))
    received = []
    session.ask_beside(Segment(QUESTION), received.append)
    if how == "is closed":
        session.close()
    elif how == "is replaced":
        session.test()
    pump_for(session, received)
    assert [(type(answer), answer.code) for answer in received] == [(Failed, "engine-died")]
    assert ("status 3" in received[0].message) == (how == "dies")
    assert not session.answers_due


def test_a_missing_engine_is_said_at_once(session, monkeypatch):
    monkeypatch.setattr("keymatte.addon.environment.engine_command", lambda: ["no such program"])
    with pytest.raises(PythonMissing):
        session.ask_beside(Segment(QUESTION), lambda answer: None)
    assert not session.answers_due


def test_nothing_is_asked_while_the_engine_is_being_installed(session, monkeypatch):
    session.script.write_text("import sys; sys.stdin.read()")
    command = [sys.executable, str(session.script)]
    session.set_up(command, "Installing the engine")
    with pytest.raises(EngineBusy):
        session.ask_beside(Segment(QUESTION), lambda answer: None)
