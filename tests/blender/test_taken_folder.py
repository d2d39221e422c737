"""Another Blender or a command line works in a clip's folder: runs are refused, and the lane shows what it makes."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, part


@pytest.fixture
def run(studio):
    """A propagated film, numbered from 1001 on."""
    studio.open_marked(first=1001, start=101)
    studio.propagate(recipe="")
    return studio


def files(studio) -> dict[str, bytes]:
    found = (path for path in studio.matte_folder.root.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in found if path.name != "keymatte.lock"}


def test_a_run_is_refused_with_a_sentence_and_changes_nothing(run):
    before = files(run)
    with part("engine.shared.folder_lock").locked(run.matte_folder.root):
        with pytest.raises(RuntimeError, match="is in use by another run"):
            run.propagate(recipe="", everything=True)
        problem = run.session.status.problem
        assert problem.code == "folder-in-use"
        assert f"{run.matte_folder.root} is in use by another run (process " in problem.error().sentence()
        assert "Wait until it has ended" in problem.error().sentence()
        assert files(run) == before
    run.propagate(recipe="", everything=True)
    assert run.state == "finished"


def test_the_lane_shows_what_another_process_makes_until_it_ends(run):
    names, watching, state = part("addon.lane"), part("addon.lane_watch"), part("addon.state_watch")
    run.mark(104, media=3, objects=1)
    stale = watching.refresh(run.clip).codes[0] & names.STATE == names.Code.STALE
    assert stale.tolist() == [False] + [True] * (FRAMES - 1)
    request = state.request_of(run.clip)
    runs, inputs = part("engine.shared.provenance").Runs, part("addon.comparison").Inputs()
    inputs.read(request)
    earlier = runs.read(run.matte_folder)
    rows = part("addon.quality").reader.rows(run.matte_folder.root)
    with part("engine.shared.folder_lock").locked(run.matte_folder.root):
        earlier.with_run(inputs.today, keep=frozenset(earlier.by_id)).write(run.matte_folder)
        time.sleep(0.6)  # as the folder was just read
        watching.watch(run.clip)
        for number in (1003, 1006):
            path = run.matte_folder.matte(1, number)
            written = part("engine.shared.written_files").WrittenFiles(run.matte_folder)
            made = replace(rows[1][number].quality, run=inputs.today.id)
            written.write(path, path.read_bytes() + bytes(8), made)
            written.close()
            limit = time.monotonic() + 30
            while watching.drawn(run.clip).codes[0, number - 1001] & names.STATE == names.Code.STALE:
                assert state.tick() is not None, "it goes on, though nothing is drawn"
                assert time.monotonic() < limit
                time.sleep(0.05)
        stale = watching.drawn(run.clip).codes[0] & names.STATE == names.Code.STALE
        assert np.flatnonzero(stale).tolist() == [1, 3, 4, 6, 7]
        told = part("addon.forecast").told_of(watching.drawn(run.clip).assessed, (), ())
        assert told.due == (1, 3, 4, 6, 7), "and so does the forecast"
    limit = time.monotonic() + 30
    while state.tick() is not None:
        assert time.monotonic() < limit, "it rests when the other has ended"
        time.sleep(0.05)
    bpy.app.timers.unregister(state.tick)


def test_the_file_of_a_process_that_was_killed_counts_for_nothing(run):
    lock, root = part("engine.shared.folder_lock"), run.matte_folder.root
    assert not lock.is_taken(root)
    (root / lock.LOCK_FILE).write_text(json.dumps({"pid": 2**22 + 5, "host": socket.gethostname()}))
    assert not lock.is_taken(root)
    (root / lock.LOCK_FILE).write_text(json.dumps({"pid": 2**22 + 5, "host": "another"}))
    assert lock.is_taken(root)
    (root / lock.LOCK_FILE).unlink()
