"""The session: what it makes of what the engine says, with real child processes."""

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
from keymatte.engine.shared.protocol import Failed, Finished, MatteReady, Stage, encode

from tests.addon.scripted import JOB, cancelled_when_asked, pump_until, says


def test_a_job_goes_from_starting_to_running_to_finished(session):
    session.script.write_text(
        says(Stage("job 1", "Loading the network"), MatteReady("job 1", 0, 1, 9), Finished("job 1", "one was lost"))
    )
    session.start(JOB, "film")
    assert (session.status.state, session.status.text, session.status.clip) == (
        "starting",
        "Starting the engine",
        "film",
    )
    status = session.wait(20)
    assert (status.state, status.warning, status.done, status.total) == ("finished", "one was lost", 1, 9)
    assert status.finished == Finished("job 1", "one was lost")
    assert status.summary == "Done. one was lost"


def pumped_at_a_pace(session, steps: range, *, total: int, loading: float) -> None:
    """Mattes come at 0.1 s each after `loading` seconds: `steps` are how many were done before each."""
    pace = "\n".join(f"time.sleep(0.1); say({encode(MatteReady('job 1', step, step + 1, total))!r})" for step in steps)
    session.script.write_text(says(Stage("job 1", "Loading"), then=f"time.sleep({loading})\n{pace}\ntime.sleep(60)"))
    session.start(JOB, "film")
    limit = time.monotonic() + 20
    while session.status.done < steps.stop and time.monotonic() < limit:
        session.pump()
        time.sleep(0.005)


def test_time_left_comes_from_the_pace_of_the_frames_not_of_the_loading(session):
    pumped_at_a_pace(session, range(5), total=105, loading=1)
    assert 8 < session.status.seconds_left < 20  # 100 steps at about 0.1 s each
    assert session.status.progress == 5 / 105


def test_time_left_of_a_job_that_goes_on_does_not_count_what_was_done_before(session):
    pumped_at_a_pace(session, range(900, 905), total=1000, loading=0)
    assert 7.6 < session.status.seconds_left < 20  # 95 steps at about 0.1 s each


def test_an_answer_about_another_job_is_not_ours(session):
    session.script.write_text(says(Finished("job 0"), Failed("job 0", "disk-full", "full", ""), Finished("job 1")))
    session.start(JOB, "film")
    assert session.wait(20).state == "finished"


def test_a_failed_job_is_a_problem_with_message_and_remedy(session):
    session.script.write_text(says(Failed("job 1", "disk-full", "no space is left", "Free some space.")))
    session.start(JOB, "film")
    with pytest.raises(EngineError) as raised:
        session.wait(20)
    assert raised.value.sentence() == "No space is left. Free some space."
    assert session.status.state == "failed"
    assert session.status.problem.code == "disk-full"


def test_a_second_job_is_refused_while_one_runs_and_taken_after_it(session):
    answer = f"say({encode(Finished('job 1'))!r})"
    session.script.write_text(says(then=f"time.sleep(0.5); {answer}\nsys.stdin.readline(); {answer}; time.sleep(60)"))
    session.start(JOB, "film")
    with pytest.raises(EngineBusy):
        session.start(JOB, "film")
    session.wait(20)
    process = session.engine_process_id
    session.start(JOB, "film")
    session.wait(20)
    assert session.engine_process_id == process, "the engine is kept between jobs"


def test_an_answered_cancel_ends_the_job_and_keeps_the_engine(session):
    session.script.write_text(says(MatteReady("job 1", 0, 1, 9), then=cancelled_when_asked()))
    session.start(JOB, "film")
    pump_until(session, State.RUNNING)
    session.cancel()
    assert session.status.busy
    assert pump_until(session, State.CANCELLED).done == 1
    assert session.engine_process_id is not None


def test_a_job_that_fails_while_being_cancelled_is_cancelled(session):
    failed = encode(Failed("job 1", "disk-full", "no space is left", ""))
    session.script.write_text(
        says(MatteReady("job 1", 0, 1, 9), then=f"sys.stdin.readline(); say({failed!r}); time.sleep(60)")
    )
    session.start(JOB, "film")
    pump_until(session, State.RUNNING)
    session.cancel()
    assert pump_until(session, State.CANCELLED).problem is None


def test_an_engine_that_does_not_answer_a_cancel_is_ended(session, monkeypatch):
    monkeypatch.setattr(client, "CANCEL_SECONDS", 0.3)
    session.script.write_text(says(MatteReady("job 1", 0, 1, 9)))
    session.start(JOB, "film")
    pump_until(session, State.RUNNING)
    session.cancel()
    status = pump_until(session, State.CANCELLED, seconds=10)
    assert "did not answer" in status.text
    assert session.engine_process_id is None


def test_a_dead_engine_is_a_problem_and_the_next_job_gets_a_new_one(session):
    session.script.write_text(says(then="print('out of luck', file=sys.stderr); os._exit(7)"))
    session.start(JOB, "film")
    with pytest.raises(EngineError, match="status 7; last output: out of luck"):
        session.wait(20)
    assert session.status.problem.code == EngineDied.code
    session.script.write_text(says(Finished("job 1")))
    session.start(JOB, "film")
    assert session.wait(20).state == "finished"


def test_an_engine_that_died_between_two_jobs_is_replaced_without_a_word(session):
    session.script.write_text(says(Finished("job 1"), then="time.sleep(0.3)"))
    session.start(JOB, "film")
    session.wait(20)
    time.sleep(1.0)
    session.start(JOB, "film")
    assert session.wait(20).state == "finished"


def test_a_forgotten_job_leaves_no_trace_and_the_next_one_does_not_wait_for_it(session):
    session.script.write_text(says(MatteReady("job 1", 0, 1, 9)))
    session.start(JOB, "film")
    pump_until(session, State.RUNNING)
    session.reset()
    assert session.status == Status()
    assert session.unanswered
    session.script.write_text(says(Finished("job 1")))
    session.start(JOB, "film")
    assert session.wait(20).state == "finished"


def test_a_session_that_was_closed_has_no_engine(session):
    session.script.write_text(says(then="sys.stdin.read()"))
    session.start(JOB, "film")
    pump_until(session, State.STARTING)
    session.close()
    assert session.engine_process_id is None
    assert session.status == Status()


def test_waiting_has_an_end(session):
    session.script.write_text(says())
    session.start(JOB, "film")
    with pytest.raises(EngineDied, match="did not finish within 1 s"):
        session.wait(1)


def test_a_tested_engine_tells_its_device(session):
    session.script.write_text(says())
    session.test()
    assert session.wait(20).text == f"Engine {VERSION} is ready, on CPU, 2 threads"


def test_an_installation_shows_its_lines_and_its_end(session, monkeypatch):
    session.script.write_text("import time\nprint('Downloading torch', flush=True)\ntime.sleep(0.5)\n")
    monkeypatch.setattr(environment, "install_command", environment.engine_command)
    session.install()
    texts = set()
    while session.status.busy:
        session.pump()
        texts.add(session.status.text)
        time.sleep(0.01)
    assert texts >= {"Downloading torch", "The engine is installed"}
    assert session.status.state == "finished"


def test_an_installation_that_fails_tells_its_last_words(session, monkeypatch):
    session.script.write_text("import sys\nsys.stderr.write('the registry was not reached\\n')\nsys.exit(2)\n")
    monkeypatch.setattr(environment, "install_command", environment.engine_command)
    session.install()
    with pytest.raises(EngineError, match="the registry was not reached"):
        session.wait(20)
    assert session.status.problem.code == "environment-failed"


def test_an_installation_can_be_cancelled(session, monkeypatch, tmp_path):
    done = tmp_path / "done"
    session.script.write_text(
        "import sys, threading, os, time\n"
        "threading.Thread(target=lambda: (sys.stdin.read(), os._exit(143)), daemon=True).start()\n"
        f"print('Downloading', flush=True)\ntime.sleep(5)\nopen({str(done)!r}, 'w')\n"
    )
    monkeypatch.setattr(environment, "install_command", environment.engine_command)
    session.install()
    limit = time.monotonic() + 10
    while session.status.text != "Downloading" and time.monotonic() < limit:
        session.pump()
        time.sleep(0.01)
    session.cancel()
    assert session.status.state == "cancelled"
    time.sleep(0.2)
    assert not done.exists()


def test_an_environment_is_really_installed(session, monkeypatch, tmp_path):
    """The real installer, asked for nothing but an empty environment."""
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    command = [sys.executable, "-E", "-s", "-u", "-m", "engine.shared.environment", str(tmp_path / "engine")]
    command += ["--pyproject", str(tmp_path / "pyproject.toml"), "--end-with-stdin"]
    monkeypatch.setattr(environment, "install_command", lambda: command)
    session.install()
    assert session.wait(120).text == "The engine is installed"
    assert environment.is_complete(tmp_path / "engine", [])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted where Linux lists them")
def test_engines_that_were_ended_leave_no_threads_and_no_open_files(session):
    session.script.write_text(says())
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


def test_a_client_that_was_ended_is_not_kept_until_python_ends(session):
    session.script.write_text(says())
    session.test()
    session.wait(20)
    kept = weakref.ref(session._client)
    session._close_client(at_once=True)
    gc.collect()
    assert kept() is None


def test_an_engine_of_another_python_is_started_when_the_preference_has_changed(session, monkeypatch):
    answer = f"say({encode(Finished('job 1'))!r})"
    session.script.write_text(says(then=f"{answer}\nsys.stdin.readline(); {answer}; time.sleep(60)"))
    session.start(JOB, "film")
    session.wait(20)
    process = session.engine_process_id
    monkeypatch.setattr(environment, "engine_command", lambda: [sys.executable, "-u", "-s", str(session.script)])
    session.start(JOB, "film")
    session.wait(20)
    assert session.engine_process_id != process
