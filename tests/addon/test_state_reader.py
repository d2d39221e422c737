"""Qualities are read by a thread, again when something has changed, and what a job tells meanwhile is not lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from keymatte.addon import quality_rows, state_reader
from keymatte.addon.state_reader import StateReader
from keymatte.engine.shared.matte_folder import MatteFolder
from keymatte.engine.shared.protocol import ObjectQuality
from keymatte.engine.shared.quality import GIVEN, MatteQuality
from keymatte.engine.shared.quality_table import Unknown, read_table, row_of
from keymatte.engine.shared.written_files import WrittenFiles

GOOD, BAD = MatteQuality(0.9, "", "keymatte"), MatteQuality(0.1, "edge", "keymatte")


def write(folder: MatteFolder, qualities: dict[tuple[int, int], MatteQuality | None]) -> None:
    files = WrittenFiles(folder)
    for (object_id, number), quality in qualities.items():
        files.write(folder.matte(object_id, number), b"matte", quality)
    files.close()


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    made = MatteFolder(tmp_path / "mattes")
    write(made, {(1, 0): MatteQuality(1.0, signals={GIVEN: 1.0}), (1, 1): BAD, (1, 2): GOOD})
    return made


def looked(reader: StateReader, folder: MatteFolder) -> bool:
    """Have the reader look, wait until it has, and return whether there was news."""
    limit = time.monotonic() + 20
    while not reader.look(folder):  # not yet, as it has just looked
        assert time.monotonic() < limit
        time.sleep(0.01)
    settle(reader)
    return reader.take_news()


def settle(reader: StateReader) -> None:
    """Wait until nothing is left to be read or summed up."""
    limit = time.monotonic() + 20
    while reader.is_working:
        assert time.monotonic() < limit
        reader.go_on()
        time.sleep(0.01)


def values(reader: StateReader, folder: MatteFolder) -> dict[int, dict[int, float | None]]:
    summary = reader.summary(folder)
    assert summary is not None
    return {object_id: {number: row.value for number, row in of.items()} for object_id, of in summary.rows.items()}


def test_a_look_reads_the_folder_and_a_second_finds_nothing_new(folder):
    reader = StateReader()
    assert reader.summary(folder) is None
    assert looked(reader, folder)
    assert values(reader, folder) == {1: {0: 1.0, 1: 0.1, 2: 0.9}}
    summary = reader.summary(folder)
    assert [(one.first, one.last) for one in summary.stretches] == [(1, 1)]
    assert summary.computed == 2 and not summary.unknown
    assert not looked(reader, folder)


@pytest.mark.parametrize("change", ("write", "edit", "delete", "add", "without record"))
def test_each_change_of_the_folder_is_news(folder, change):
    reader = StateReader()
    looked(reader, folder)
    if change == "write":
        write(folder, {(1, 2): BAD})
        expected = {0: 1.0, 1: 0.1, 2: 0.1}
    elif change == "edit":
        folder.matte(1, 1).unlink()
        folder.matte(1, 1).write_bytes(b"edited")
        expected = {0: 1.0, 1: 1.0, 2: 0.9}
    elif change == "delete":
        folder.matte(1, 0).unlink()
        expected = {1: 0.1, 2: 0.9}
    elif change == "add":
        write(folder, {(1, 3): MatteQuality(None, "", "mavos", {"warp": 0.2})})
        expected = {0: 1.0, 1: 0.1, 2: 0.9, 3: None}
    else:
        folder.index.unlink()
        expected = {0: None, 1: None, 2: None}
    assert looked(reader, folder)
    assert values(reader, folder) == {1: expected}
    summary = reader.summary(folder)
    assert summary.uncalibrated == (("mavos",) if change == "add" else ())
    assert summary.unknown[Unknown.NOT_RECORDED] == (3 if change == "without record" else 0)


def test_a_matte_edited_in_place_is_found_by_a_later_look(folder, monkeypatch):
    reader = StateReader()
    looked(reader, folder)
    folder.matte(1, 1).write_bytes(b"edited in place")
    monkeypatch.setattr(state_reader, "_LOOK_AGAIN", 0.0)
    assert looked(reader, folder)
    assert values(reader, folder)[1][1] == 1.0


def test_what_a_job_tells_counts_at_once_and_until_the_folder_is_read(folder):
    reader = StateReader()
    reader.tell(folder.root, 7, [ObjectQuality.of(2, row_of(BAD))])
    settle(reader)
    assert reader.take_news()
    assert values(reader, folder) == {2: {7: 0.1}}, "before anything was read"
    looked(reader, folder)
    assert values(reader, folder) == {1: {0: 1.0, 1: 0.1, 2: 0.9}}, "there is no such matte"
    reader.tell(folder.root, 2, [ObjectQuality.of(1, row_of(BAD))])
    assert values(reader, folder)[1][2] == 0.9, "it is summed up by a thread"
    settle(reader)
    assert values(reader, folder)[1][2] == 0.1


def test_what_is_told_while_the_folder_is_read_is_kept(folder, monkeypatch):
    reader, reading, told = StateReader(), threading.Event(), threading.Event()

    def read_slowly(*arguments, **options):
        table = read_table(*arguments, **options)
        reading.set()
        assert told.wait(20)
        return table

    monkeypatch.setattr(quality_rows, "read_table", read_slowly)
    reader.look(folder)
    assert reading.wait(20)
    reader.tell(folder.root, 2, [ObjectQuality.of(1, row_of(BAD))])
    told.set()
    settle(reader)
    assert values(reader, folder) == {1: {0: 1.0, 1: 0.1, 2: 0.1}}


def test_many_mattes_are_summed_up_by_a_thread_as_they_would_be_at_once(folder):
    bad = {1: range(10, 20), 2: range(0, 7), 3: (), 4: range(35, 40), 5: range(30, 31)}
    write(folder, {(i, n): BAD if n in bad[i] else GOOD for i in bad for n in range(40)})
    reader = StateReader()
    reader.look(folder)
    assert reader.summary(folder) is None, "it is not read by this thread"
    settle(reader)
    found = [(one.object_id, one.first, one.last, one.count) for one in reader.summary(folder).stretches]
    assert found == [(1, 10, 19, 10), (2, 0, 6, 7), (4, 35, 39, 5), (5, 30, 30, 1)]
    for number in range(20, 30):
        reader.tell(folder.root, number, [ObjectQuality.of(i, row_of(BAD)) for i in (1, 3)])
    settle(reader)
    found = [(one.object_id, one.first, one.last) for one in reader.summary(folder).stretches]
    assert found == [(1, 10, 29), (2, 0, 6), (3, 20, 29), (4, 35, 39), (5, 30, 30)]
    assert reader.summary(folder).computed == 200
    assert reader.read(folder) == StateReader().read(folder), "what is on disk counts"
    assert reader.summary(folder).stretches[0].last == 19


def test_a_folder_that_cannot_be_read_is_no_error_and_forgetting_forgets(folder):
    reader = StateReader()
    looked(reader, folder)
    reader.forget()
    assert reader.summary(folder) is None
    folder.index.unlink()
    folder.index.mkdir()
    reader.look(folder)
    settle(reader)
    assert reader.summary(folder) is None
