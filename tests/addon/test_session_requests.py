"""The session: what else the engine can be asked for than mattes, with real child processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from keymatte.addon.status import State, Status
from keymatte.engine.shared.protocol import Download, Import, Stage, Suggested
from keymatte.engine.shared.types import SuggestionJob

from tests.addon.scripted import JOB, cancelled_when_asked, finished_when_asked, pump_until, says

SUGGESTION = SuggestionJob("job 1", JOB.clip, range(9), (0,), Path("out") / "labels", Path("out") / "keys")
DOWNLOAD = Download("job 1", "XMem", Path("weights"))


def test_suggestions_are_handed_on_and_what_came_of_them_is_said(session):
    found = Suggested("job 1", (4, 2), (0.5, 0.25))
    session.script.write_text(says(Stage("job 1", "Looking at the frames", 3, 9), found))
    taken = []
    session.suggest(SUGGESTION, "film", lambda answer: taken.append(answer) or "2 frames suggested")
    assert (session.status.clip, session.status.folder) == ("film", Path("out"))
    status = session.wait(20)
    assert taken == [found]
    assert (status.state, status.text, status.done, status.total) == ("finished", "2 frames suggested", 3, 9)


def test_a_download_shows_how_far_it_is_and_that_the_weights_are_installed(session):
    session.script.write_text(says(Stage("job 1", "Downloading XMem", 3, 12), then=finished_when_asked()))
    session.install_weights(DOWNLOAD)
    status = pump_until(session, State.RUNNING)
    assert (status.text, status.progress, status.clip, status.folder) == ("Downloading XMem", 0.25, "", None)
    session._client.write("go on\n")
    assert session.wait(20).text == "Weights XMem are installed"


@pytest.mark.parametrize(
    ("request_", "words"),
    (
        (DOWNLOAD, "Cancelled: the partial download is kept, and can be resumed"),
        (Import("job 1", "XMem", Path("XMem.pth"), Path("weights")), "Cancelled"),
    ),
)
def test_a_cancelled_installation_of_weights_says_what_is_kept(session, request_, words):
    session.script.write_text(says(Stage("job 1", "Working"), then=cancelled_when_asked()))
    session.install_weights(request_)
    pump_until(session, State.RUNNING)
    session.cancel()
    assert pump_until(session, State.CANCELLED).text == words


def test_another_file_drops_what_is_done_for_a_clip_and_lets_weights_come(session):
    session.script.write_text(says(Stage("job 1", "Working"), then=finished_when_asked()))
    session.install_weights(DOWNLOAD)
    pump_until(session, State.RUNNING)
    session.discard_clip_job()
    assert session.status.text == "Working"
    session._client.write("go on\n")
    assert session.wait(20).state == "finished"
    session.discard_clip_job()
    assert session.status == Status()
    session.suggest(SUGGESTION, "film", lambda answer: "")
    session.discard_clip_job()
    assert session.status == Status()
