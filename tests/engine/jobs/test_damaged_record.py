"""A record of mattes that has lost its lines: what it no longer knows is kept, and each answer says what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.jobs.status import folder_status
from engine.shared.matte_folder import MatteFolder
from engine.shared.types import Redo
from tests.engine.jobs.test_earlier_results import finished


@pytest.mark.parametrize("content", (b"", bytes(3000)), ids=("empty", "zeros"))
def test_what_a_damaged_record_no_longer_knows_is_kept_and_told(job, content):
    assert "damaged" not in finished(job).note
    folder = MatteFolder(job.folder)
    folder.index.write_bytes(content)
    before = {path: path.read_bytes() for path in folder.image_files()}
    note = finished(job).note
    assert "20 mattes that were edited by hand were kept (object 1, frames 0 to 9; object 2, frames 0 to 9)." in note
    assert "The record of what Keymatte wrote, keymatte-index.txt, is damaged" in note
    assert {path: path.read_bytes() for path in folder.image_files()} == before
    assert "keymatte-index.txt, is damaged" in finished(job).note, "it is not forgotten by the next run"
    note = finished(replace(job, redo=Redo.CHANGED)).note
    assert note.startswith("Nothing to redo. The record of what Keymatte wrote, keymatte-index.txt, is damaged")
    status = folder_status(folder)
    assert "keymatte-index.txt, is damaged" in status.warning and "or delete it" in status.warning
    folder.index.unlink()
    again = finished(replace(job, redo=Redo.CHANGED))
    assert (again.frames_done, again.note) == (10, ""), "all are made anew"
    assert folder_status(folder).warning == ""
