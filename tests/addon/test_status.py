"""The session's status as text."""

from __future__ import annotations

import pytest
from keymatte.addon.status import State, Status, duration, progress_text
from keymatte.engine.shared.errors import BadMessage, EngineDied, EngineMissing, EnvironmentFailed, PythonMissing
from keymatte.ui.status import REMEDIES


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (12.4, "12 s"), (59.6, "1:00 min"), (185, "3:05 min"), (3599.7, "1:00 h"), (3725, "1:02 h")],
)
def test_duration_is_formatted_in_its_largest_unit(seconds, words):
    assert duration(seconds) == words


def test_progress_text_shows_percent_and_time_left_once_known():
    starting = Status(State.STARTING, text="Starting the engine")
    assert progress_text(starting) == "Starting the engine"
    running = Status(State.RUNNING, text="Propagating", done=3, total=60)
    assert progress_text(running) == "Propagating: 5%"
    assert progress_text(Status(State.RUNNING, text="Propagating", done=3, total=60, seconds_left=75)) == (
        "Propagating: 5%, 1:15 min left"
    )


@pytest.mark.parametrize("error", [EngineMissing, EnvironmentFailed])
def test_installing_the_engine_is_offered_if_its_packages_are_missing(error):
    assert REMEDIES[error.code] == "clip.matte_install_engine"


@pytest.mark.parametrize("error", [BadMessage, PythonMissing, EngineDied])
def test_installing_the_engine_is_not_offered_where_it_would_not_help(error):
    assert error.code not in REMEDIES


def test_remedy_of_differing_versions_is_to_restart_or_to_install_the_extension():
    assert BadMessage.default_remedy == "Restart Blender. If it happens again, install the extension again."
