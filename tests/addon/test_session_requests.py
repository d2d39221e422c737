"""The session's suggestions and weight installations, with real child processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from keymatte.addon.status import Result, State, Status
from keymatte.engine.shared.errors import EngineError
from keymatte.engine.shared.protocol import Download, Import, Stage, Suggest, Suggested
from keymatte.engine.shared.types import SuggestionJob

from tests.addon.scripted import JOB, answer_cancelled, answer_finished, engine_script, pump_until

SUGGESTION = SuggestionJob("job 1", JOB.clip, range(9), (0,), Path("out") / "labels", Path("out") / "keys")
DOWNLOAD = Download("job 1", "XMem", Path("weights"))


def test_suggestions_go_to_the_callback_and_its_text_becomes_the_status(session):
    suggested = Suggested("job 1", (4, 2), (0.5, 0.25), (0, 0), ("unlike", "unlike"))
    session.script.write_text(engine_script(Stage("job 1", "Looking at the frames", 3, 9), suggested))
    received = []
    session.ask(
        Suggest(SUGGESTION), Path("out"), "film", lambda answer: received.append(answer) or Result("2 frames suggested")
    )
    assert (session.status.clip, session.status.folder) == ("film", Path("out"))
    status = session.wait(20)
    assert received == [suggested]
    assert (status.state, status.text, status.done, status.total) == ("finished", "2 frames suggested", 3, 9)


def test_a_mistake_in_what_uses_an_answer_is_told_and_leaves_the_session_free(session):
    session.script.write_text(engine_script(Suggested("job 1", (4,), (0.5,), (0,), ("unlike",))))
    session.ask(Suggest(SUGGESTION), Path("out"), "film", lambda answer: {}["no such key"])
    with pytest.raises(EngineError, match=r"Keymatte has made a mistake .KeyError: 'no such key'"):
        session.wait(20)
    assert session.status.state == "failed"
    session.show(EngineError("something else"))
    assert session.status.problem.message == "something else", "nothing is running"


def test_download_shows_progress_and_completion(session):
    session.script.write_text(engine_script(Stage("job 1", "Downloading XMem", 3, 12), then=answer_finished()))
    session.install_weights(DOWNLOAD)
    status = pump_until(session, State.RUNNING)
    assert (status.text, status.progress, status.clip, status.folder) == ("Downloading XMem", 0.25, "", None)
    session._client.write("go on\n")
    assert session.wait(20).text == "Model XMem is installed"


@pytest.mark.parametrize(
    ("request_", "words"),
    (
        (DOWNLOAD, "Cancelled: the partial download is kept, and can be resumed"),
        (Import("job 1", "XMem", Path("XMem.pth"), Path("weights")), "Cancelled"),
    ),
)
def test_cancelled_weights_installation_reports_what_is_kept(session, request_, words):
    session.script.write_text(engine_script(Stage("job 1", "Working"), then=answer_cancelled()))
    session.install_weights(request_)
    pump_until(session, State.RUNNING)
    session.cancel()
    assert pump_until(session, State.CANCELLED).text == words


def test_opening_another_file_drops_clip_jobs_but_not_weight_installations(session):
    session.script.write_text(engine_script(Stage("job 1", "Working"), then=answer_finished()))
    session.install_weights(DOWNLOAD)
    pump_until(session, State.RUNNING)
    session.reset(of_clips=True)
    assert session.status.text == "Working"
    session._client.write("go on\n")
    assert session.wait(20).state == "finished"
    session.reset(of_clips=True)
    assert session.status == Status()
    session.ask(Suggest(SUGGESTION), Path("out"), "film", lambda answer: Result(""))
    session.reset(of_clips=True)
    assert session.status == Status()
