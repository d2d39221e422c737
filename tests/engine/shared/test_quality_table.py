"""The table says of each matte in a folder what is known of it now, whatever became of the folder since."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import GIVEN, VERSION, MatteQuality
from engine.shared.quality_table import EDITED, MatteRow, QualityTable, Status, Unknown, read_table
from engine.shared.written_files import WrittenFiles

GOOD = MatteQuality(0.93, "", "keymatte", {"warp": 0.98})
BAD = MatteQuality(0.12, "twin", "keymatte", {"warp": 0.31, "twin": 0.4})
OWN = MatteQuality(1.0, "", "keymatte", {GIVEN: 1.0})


def write(root: Path, qualities: dict[tuple[int, int], MatteQuality | None]) -> MatteFolder:
    """Write files of different sizes as mattes, by object and number, as Keymatte does."""
    folder = MatteFolder(root)
    files = WrittenFiles(folder)
    for place, ((object_id, number), quality) in enumerate(qualities.items()):
        files.write(folder.matte(object_id, number), bytes(50 + place), quality)
    files.close()
    return folder


def statuses(table: QualityTable, object_id: int = 1) -> dict[int, Status]:
    return {number: row.status for number, row in table.rows[object_id].items()}


def test_every_matte_has_the_quality_that_was_recorded_beside_it(tmp_path):
    folder = write(tmp_path, {(1, 7): BAD, (1, 3): GOOD, (12, 1_000_000): OWN})
    table = read_table(folder)
    assert table.rows == {
        1: {3: MatteRow(Status.COMPUTED, GOOD), 7: MatteRow(Status.COMPUTED, BAD)},
        12: {1_000_000: MatteRow(Status.GIVEN, OWN)},
    }
    assert list(table.rows[1]) == [3, 7], "ascending"
    assert table.known() == {1: {3: GOOD, 7: BAD}, 12: {1_000_000: OWN}}


def test_the_last_quality_of_the_matte_that_is_there_counts(tmp_path):
    folder = write(tmp_path, {(1, 0): GOOD})
    earlier = folder.matte(1, 0).read_bytes(), folder.matte(1, 0).stat()
    WrittenFiles(folder).write(folder.matte(1, 0), bytes(99), BAD)
    assert read_table(folder).rows[1][0].quality == BAD
    folder.matte(1, 0).write_bytes(earlier[0])  # a line is written before its file takes its place
    os.utime(folder.matte(1, 0), ns=(earlier[1].st_atime_ns, earlier[1].st_mtime_ns))
    assert read_table(folder).rows[1][0].quality == GOOD


def test_a_matte_that_was_edited_or_replaced_is_the_users_own(tmp_path):
    folder = write(tmp_path, {(1, number): BAD for number in range(6)})
    folder.matte(1, 1).write_bytes(bytes(500))
    folder.matte(1, 2).write_bytes(b"x" * folder.matte(1, 2).stat().st_size)  # as large as before, but of another date
    folder.matte(1, 99).write_bytes(bytes(50))  # never written by Keymatte
    table = read_table(folder)
    assert {number for number, row in table.rows[1].items() if row == EDITED} == {1, 2, 99}
    assert statuses(table)[0] == statuses(table)[5] == Status.COMPUTED
    assert table.known()[1][1].is_given and table.known()[1][1].value == 1.0


def test_a_copied_folder_keeps_its_qualities_although_all_dates_are_new(tmp_path):
    folder = write(tmp_path / "one", {(1, number): BAD for number in range(4)})
    shutil.copytree(folder.root, tmp_path / "two", copy_function=shutil.copyfile)
    copy = MatteFolder(tmp_path / "two")
    copy.matte(1, 3).write_bytes(bytes(500))
    table = read_table(copy)
    assert {number: row.quality for number, row in table.rows[1].items() if not row.is_own} == {0: BAD, 1: BAD, 2: BAD}
    assert table.rows[1][3] == EDITED


def test_what_is_not_known_says_why(tmp_path):
    folder = write(
        tmp_path,
        {
            (1, 0): MatteQuality(None, "", "mavos", {"warp": 0.5}),
            (1, 1): MatteQuality(None, "", "mavos"),
            (1, 2): None,
            (1, 3): GOOD,
            (1, 4): BAD,
        },
    )
    text = folder.index.read_text()
    row = json.loads(GOOD.to_text())
    text = text.replace(GOOD.to_text(), json.dumps({**row, "v": VERSION + 1, "signals": "of a later version"}))
    folder.index.write_text(text.replace(BAD.to_text(), '{"v":1,"q":"high"}'))
    table = read_table(folder)
    assert [row.unknown for row in table.rows[1].values()] == [
        Unknown.UNCALIBRATED,
        Unknown.UNMEASURED,
        Unknown.NOT_RECORDED,
        Unknown.OTHER_VERSION,
        Unknown.DAMAGED,
    ]
    assert set(statuses(table).values()) == {Status.UNKNOWN}
    assert table.rows[1][0].quality.method == "mavos"
    assert table.known() == {1: {}}


def test_a_folder_without_a_record_is_of_an_earlier_version(tmp_path):
    folder = write(tmp_path, {(1, 0): GOOD})
    folder.index.unlink()
    assert read_table(folder).rows == {1: {0: MatteRow(Status.UNKNOWN, None, Unknown.NOT_RECORDED)}}


@pytest.mark.parametrize(
    "quality",
    (
        "[" * 200_000,
        '{"v":1,"q":NaN,"why":"","by":"","signals":{}}',
        '{"v":1,"q":1e999,"why":"","by":"","signals":{"warp":null}}',
        f'{{"v":1,"q":{"9" * 400},"why":"","by":"","signals":{{}}}}',
        '{"v":true}',
        "{}",
    ),
    ids=("deep", "nan", "infinite", "huge", "true", "empty"),
)
def test_a_damaged_quality_is_told_and_nothing_is_raised(tmp_path, quality):
    folder = write(tmp_path, {(1, 0): GOOD, (1, 1): BAD})
    quality = f'{{"a":{quality}}}' if quality.startswith("[") else quality
    folder.index.write_text(folder.index.read_text().replace(GOOD.to_text(), quality))
    table = read_table(folder)
    assert table.rows[1][0].unknown is Unknown.DAMAGED
    assert table.rows[1][1].quality == BAD


def test_damaged_lines_are_left_out(tmp_path):
    folder = write(tmp_path, {(1, 0): GOOD, (1, 1): BAD})
    first, second = folder.index.read_bytes().splitlines(keepends=True)
    folder.index.write_bytes(b"\xff\x00{}\n" + first + b"12 mattes/001/000001.png\n" + second[:30])
    table = read_table(folder)
    assert table.is_damaged
    assert table.rows[1][0].quality == GOOD
    assert table.rows[1][1] == EDITED, "its line is incomplete, so the matte is not known to be Keymatte's"
    assert WrittenFiles(folder).is_edited(folder.matte(1, 1)), "and a job keeps it"


def test_a_damaged_quality_makes_a_matte_no_less_keymattes(tmp_path):
    folder = write(tmp_path, {(1, 0): GOOD, (1, 1): BAD})
    index = folder.index.read_bytes()
    folder.index.write_bytes(index[:-40].replace(b'"why":""', b'"why":"\xff"'))
    assert [row.unknown for row in read_table(folder).rows[1].values()] == [None, Unknown.DAMAGED]
    files = WrittenFiles(folder)
    assert not files.is_edited(folder.matte(1, 1))
    files.write(folder.matte(1, 1), bytes(80), GOOD)
    files.close()
    assert read_table(folder).rows[1][1] == MatteRow(Status.COMPUTED, GOOD)
    assert not WrittenFiles(folder).is_damaged


@pytest.mark.parametrize("index", (b"", b"\x00" * 300, b"no line\n" * 3), ids=("empty", "zeros", "text"))
def test_without_a_sound_line_every_matte_counts_as_edited(tmp_path, index):
    """The table says what a job does with the mattes: it keeps them."""
    folder = write(tmp_path, {(1, 0): GOOD, (1, 1): BAD})
    folder.index.write_bytes(index)
    table = read_table(folder)
    assert table.rows == {1: {0: EDITED, 1: EDITED}}
    assert table.is_damaged == table.has_lost == read_table(folder, table).is_damaged is True
    assert all(WrittenFiles(folder).is_edited(folder.matte(1, number)) for number in (0, 1))


def test_deleted_mattes_links_and_other_files_are_not_listed(tmp_path):
    folder = write(tmp_path, {(1, 0): GOOD, (1, 1): GOOD, (2, 0): GOOD})
    folder.matte(1, 1).unlink()
    shutil.rmtree(folder.matte_sequence(2))
    folder.matte(1, 5).symlink_to(folder.matte(1, 0))
    for name in ("notes.txt", "0000003.png", "12.png", "000004.png.part"):
        (folder.matte_sequence(1) / name).write_bytes(b"x")
    assert {number: list(rows) for number, rows in read_table(folder).rows.items()} == {1: [0]}


def test_an_empty_or_missing_folder_has_no_rows(tmp_path):
    assert read_table(MatteFolder(tmp_path)).rows == {} == read_table(MatteFolder(tmp_path / "missing")).rows


def test_a_table_read_again_is_as_one_read_anew(tmp_path):
    folder = write(tmp_path, {(1, 0): GOOD, (1, 1): BAD, (1, 2): GOOD})
    table = read_table(folder)
    folder.matte(1, 0).unlink()
    folder.matte(1, 1).write_bytes(b"edited")
    again = read_table(folder, table)
    assert again.written is table.written, "the index has not changed, and is not parsed again"
    assert again.rows == read_table(folder).rows
    WrittenFiles(folder).write(folder.matte(1, 0), bytes(80), BAD)
    assert read_table(folder, again).rows == read_table(folder).rows
    assert read_table(folder, again).rows[1][0].quality == BAD
