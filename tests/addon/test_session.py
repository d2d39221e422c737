"""The session's status during propagation and installation, with real child processes."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest
from keymatte.addon import client, environment
from keymatte.addon.status import State, Status
from keymatte.engine import VERSION
from keymatte.engine.shared.errors import EngineBusy, EngineDied, EngineError
from keymatte.engine.shared.protocol import Failed, Finished, MatteReady, Propagate, Stage, encode

from tests.addon.scripted import JOB, answer_cancelled, engine_script, pump_until
from tests.engine_process import engine_process_id


def test_a_job_goes_from_starting_to_running_to_finished(session):
    session.script.write_text(
        engine_script(
            Stage("job 1", "Loading the network"), MatteReady("job 1", 0, 1, 9), Finished("job 1", "one was lost")
        )
    )
    session.start(Propagate(JOB), "film")
    assert (session.status.state, session.status.text, session.status.clip) == (
        "starting",
        "Starting the engine",
        "film",
    )
    status = session.wait(20)
    assert (status.state, status.warning, status.done, status.total) == ("finished", "one was lost", 1, 9)
    assert status.finished == Finished("job 1", "one was lost")
    assert status.summary == "Done. one was lost"


def test_a_warning_and_a_note_are_shown_on_one_line_without_control_characters(session):
    session.script.write_text(engine_script(Finished("job 1", "one\x1b[2J was\nlost", note="kept\x07\n2 mattes")))
    session.start(Propagate(JOB), "film")
    status = session.wait(20)
    assert (status.warning, status.note) == ("one [2J was lost", "kept 2 mattes")


def pump_while_mattes_arrive(session, steps: range, *, total: int, loading: float) -> None:
    """Start a job and pump the session until the mattes of all `steps` have arrived.

    The scripted engine sleeps for `loading` seconds, then reports a matte every 0.1 s.
    """
    answers = "\n".join(
        f"time.sleep(0.1); say({encode(MatteReady('job 1', step, step + 1, total))!r})" for step in steps
    )
    session.script.write_text(
        engine_script(Stage("job 1", "Loading"), then=f"time.sleep({loading})\n{answers}\ntime.sleep(60)")
    )
    session.start(Propagate(JOB), "film")
    limit = time.monotonic() + 20
    while session.status.done < steps.stop and time.monotonic() < limit:
        session.pump()
        time.sleep(0.005)


def test_time_left_ignores_the_loading_time(session):
    pump_while_mattes_arrive(session, range(5), total=105, loading=1)
    assert 8 < session.status.seconds_left < 20  # 100 steps at about 0.1 s each
    assert session.status.progress == 5 / 105


def test_time_left_of_a_resumed_job_ignores_earlier_frames(session):
    pump_while_mattes_arrive(session, range(900, 905), total=1000, loading=0)
    assert 7.6 < session.status.seconds_left < 20  # 95 steps at about 0.1 s each


def test_answers_about_other_jobs_are_ignored(session):
    session.script.write_text(
        engine_script(Finished("job 0"), Failed("job 0", "disk-full", "full", ""), Finished("job 1"))
    )
    session.start(Propagate(JOB), "film")
    assert session.wait(20).state == "finished"


def test_failed_job_has_a_problem_with_message_and_remedy(session):
    session.script.write_text(engine_script(Failed("job 1", "disk-full", "no space is left", "Free some space.")))
    session.start(Propagate(JOB), "film")
    with pytest.raises(EngineError) as raised:
        session.wait(20)
    assert raised.value.sentence() == "No space is left. Free some space."
    assert session.status.state == "failed"
    assert session.status.problem.code == "disk-full"


def test_second_job_is_refused_while_one_runs_and_accepted_afterwards(session):
    answer = f"say({encode(Finished('job 1'))!r})"
    session.script.write_text(
        engine_script(then=f"time.sleep(0.5); {answer}\nsys.stdin.readline(); {answer}; time.sleep(60)")
    )
    session.start(Propagate(JOB), "film")
    with pytest.raises(EngineBusy):
        session.start(Propagate(JOB), "film")
    session.wait(20)
    process = engine_process_id(session)
    session.start(Propagate(JOB), "film")
    session.wait(20)
    assert engine_process_id(session) == process, "the engine is kept between jobs"


def test_cancelled_job_ends_and_keeps_the_engine(session):
    session.script.write_text(engine_script(MatteReady("job 1", 0, 1, 9), then=answer_cancelled()))
    session.start(Propagate(JOB), "film")
    pump_until(session, State.RUNNING)
    session.cancel()
    assert session.status.busy
    assert pump_until(session, State.CANCELLED).done == 1
    assert engine_process_id(session) is not None


def test_a_job_that_fails_while_being_cancelled_is_cancelled(session):
    failed = encode(Failed("job 1", "disk-full", "no space is left", ""))
    session.script.write_text(
        engine_script(MatteReady("job 1", 0, 1, 9), then=f"sys.stdin.readline(); say({failed!r}); time.sleep(60)")
    )
    session.start(Propagate(JOB), "film")
    pump_until(session, State.RUNNING)
    session.cancel()
    assert pump_until(session, State.CANCELLED).problem is None


def test_engine_that_does_not_answer_a_cancel_is_killed(session, monkeypatch):
    monkeypatch.setattr(client, "CANCEL_SECONDS", 0.3)
    session.script.write_text(engine_script(MatteReady("job 1", 0, 1, 9)))
    session.start(Propagate(JOB), "film")
    pump_until(session, State.RUNNING)
    session.cancel()
    status = pump_until(session, State.CANCELLED, seconds=10)
    assert "did not respond" in status.text
    assert engine_process_id(session) is None


def test_dead_engine_fails_the_job_and_the_next_job_starts_a_new_one(session):
    session.script.write_text(engine_script(then="print('out of luck', file=sys.stderr); os._exit(7)"))
    session.start(Propagate(JOB), "film")
    with pytest.raises(EngineError, match="status 7; last output: out of luck"):
        session.wait(20)
    assert session.status.problem.code == EngineDied.code
    session.script.write_text(engine_script(Finished("job 1")))
    session.start(Propagate(JOB), "film")
    assert session.wait(20).state == "finished"


def test_engine_that_died_between_two_jobs_is_replaced_silently(session):
    session.script.write_text(engine_script(Finished("job 1"), then="time.sleep(0.3)"))
    session.start(Propagate(JOB), "film")
    session.wait(20)
    time.sleep(1.0)
    session.start(Propagate(JOB), "film")
    assert session.wait(20).state == "finished"


def test_forgotten_job_resets_the_status_and_does_not_delay_the_next_job(session):
    session.script.write_text(engine_script(MatteReady("job 1", 0, 1, 9)))
    session.start(Propagate(JOB), "film")
    pump_until(session, State.RUNNING)
    session.reset()
    assert session.status == Status()
    assert session.unanswered
    session.script.write_text(engine_script(Finished("job 1")))
    session.start(Propagate(JOB), "film")
    assert session.wait(20).state == "finished"


def test_closed_session_has_no_engine(session):
    session.script.write_text(engine_script(then="sys.stdin.read()"))
    session.start(Propagate(JOB), "film")
    pump_until(session, State.STARTING)
    session.close()
    assert engine_process_id(session) is None
    assert session.status == Status()


def test_wait_raises_after_its_timeout(session):
    session.script.write_text(engine_script())
    session.start(Propagate(JOB), "film")
    with pytest.raises(EngineDied, match="did not finish within 1 s"):
        session.wait(1)


def test_engine_test_reports_version_and_device(session):
    session.script.write_text(engine_script())
    session.test()
    assert session.wait(20).text == f"Engine {VERSION} is ready, on CPU, 2 threads"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted where Linux lists them")
def test_closed_engines_leave_no_threads_and_no_open_files(session):
    session.script.write_text(engine_script())
    counts = []
    for _ in range(4):
        session.test()
        session.wait(20)
        session._close_client(at_once=True)
        counts.append((len(thread_names()), len(list(Path("/proc/self/fd").iterdir()))))
    assert counts[0] == counts[-1], counts
    assert not thread_names()


def thread_names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("keymatte")]


def test_closed_client_is_garbage_collected(session):
    session.script.write_text(engine_script())
    session.test()
    session.wait(20)
    kept = weakref.ref(session._client)
    session._close_client(at_once=True)
    gc.collect()
    assert kept() is None


def test_changed_python_preference_starts_a_new_engine(session, monkeypatch):
    answer = f"say({encode(Finished('job 1'))!r})"
    session.script.write_text(engine_script(then=f"{answer}\nsys.stdin.readline(); {answer}; time.sleep(60)"))
    session.start(Propagate(JOB), "film")
    session.wait(20)
    process = engine_process_id(session)
    monkeypatch.setattr(environment, "engine_command", lambda: [sys.executable, "-u", "-s", str(session.script)])
    session.start(Propagate(JOB), "film")
    session.wait(20)
    assert engine_process_id(session) != process
