"""The command `versions` lists the runs of a folder, and undoes and redoes them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.shared.matte_folder import MatteFolder
from tests.engine.shared.version_runs import contents, run


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    folder = MatteFolder(tmp_path / "out")
    run(folder, "a")
    run(folder, "b", range(2, 4))
    return folder


def call(*words: object) -> int:
    return main(["versions", *map(str, words)])


def test_runs_are_listed(folder, capsys):
    assert call("--mattes", folder.root) == 0
    first, second = capsys.readouterr().out.splitlines()
    when = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}"
    assert re.fullmatch(
        rf"run 1, {when}, keymatte, 5 frames \(frames 1 to 5\), 0 bytes kept: can be undone",
        first,
    )
    assert re.fullmatch(
        rf"run 2, {when}, keymatte, 2 frames \(frames 2 to 3\), [0-9]+ bytes kept: can be undone",
        second,
    )


def test_a_run_is_undone_and_redone_and_told_as_data(folder, capsys, tmp_path):
    after = contents(folder)
    assert call("--mattes", folder.root, "--undo", "--json", tmp_path / "told.json") == 0
    assert folder.matte(1, 2).read_bytes() == b"matte a 2"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "The run of 2 frames with keymatte was undone."
    assert lines[2].endswith("undone, can be redone")
    told = json.loads((tmp_path / "told.json").read_text())
    assert [one["undone"] for one in told["runs"]] == [False, True]
    assert told["runs"][1]["numbers"] == told["changed"]["numbers"] == [2, 3]
    folder.matte(1, 3).write_bytes(b"edited")
    assert call("--mattes", folder.root, "--redo") == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line == "The run of 2 frames with keymatte was redone; frame 3 was edited since, and left as it is."
    assert contents(folder) == {**after, "mattes/001/000003.png": b"edited", "labels/000003.png": b"labels a 3"}


def test_it_is_refused_in_a_sentence_if_there_is_nothing_to_undo(folder, capsys, tmp_path):
    assert call("--mattes", folder.root, "--redo") == 2
    assert "there is no run to redo" in capsys.readouterr().err.lower()
    assert call("--mattes", tmp_path / "none") == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "photos").mkdir()
    assert call("--mattes", tmp_path / "photos", "--undo") == 2
    assert "is not a matte folder of Keymatte" in capsys.readouterr().err


def test_a_negative_limit_is_refused_before_anything_is_read(capsys, tmp_path):
    words = ["propagate", "--clip", "none", "--keyframes", "none", "--out", str(tmp_path / "out")]
    for option in ("--keep-runs", "--keep-bytes"):
        assert main([*words, option, "-1"]) == 2
        assert "--keep-runs and --keep-bytes must not be negative" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
