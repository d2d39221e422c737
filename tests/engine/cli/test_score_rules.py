"""The command `score --rules`, on masks in the layouts of benchmarks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from engine.media.label_images import write_labels


def write(folder: Path, *rows: str) -> None:
    """Write a mask of one row for each frame; a digit is a pixel's object."""
    for number, row in enumerate(rows):
        write_labels(folder / f"{number:05d}.png", np.array([[int(letter) for letter in row]], np.uint8))


@pytest.fixture
def davis(tmp_path: Path) -> list[str]:
    """Return the options for two sequences. Of bear, frames 1 and 2 count: J 1 and 1/2; camel is right."""
    write(tmp_path / "truth" / "bear", "1100", "1100", "1100", "1100")
    write(tmp_path / "truth" / "camel", "1122", "1122", "1122", "1122")
    write(tmp_path / "pred" / "bear", "1100", "1100", "1000", "0000")
    write(tmp_path / "pred" / "camel", "1122", "1122", "1122", "1122")
    return ["score", "--rules", "davis", "--pred", str(tmp_path / "pred"), "--truth", str(tmp_path / "truth")]


def test_means_are_printed_and_tables_written(davis, tmp_path, capsys):
    out = tmp_path / "tables"
    assert main([*davis, "--out", str(out), "--benchmark", "davis17-val", "--method", "mine", "--jobs", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    # objects: bear 3/4, camel's two 1
    assert ["J", "91.7"] in [line.split() for line in printed.out.splitlines()]
    assert "3 objects of 2 sequences" in printed.out
    content = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert content["means"]["J"] == round((3 / 4 + 2) / 3, 6)
    assert content["objects"][0]["J"] == [1.0, 0.5]
    rows = list(csv.DictReader((out / "scores.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["sequence"], row["object"], row["frames"], row["J"]) for row in rows] == [
        ("bear", "1", "2", "0.750000"),
        ("camel", "1", "2", "1.000000"),
        ("camel", "2", "2", "1.000000"),
    ]
    table = (out / "scores.md").read_text(encoding="utf-8")
    assert "| **mine** |" in table
    assert "| XMem | 86.2 | 82.9 | 89.5 | 22.6 | XMem's repository, results |" in table


def test_tables_are_replaced_but_files_of_others_are_not(davis, tmp_path, capsys):
    out = tmp_path / "tables"
    assert main([*davis, "--out", str(out)]) == 0
    assert main([*davis, "--out", str(out)]) == 0
    foreign = tmp_path / "theirs"
    foreign.mkdir()
    (foreign / "scores.csv").write_text("mine", encoding="utf-8")
    assert main([*davis, "--out", str(foreign)]) == 2
    assert "scores.csv was not written by Keymatte" in capsys.readouterr().err
    assert [path.name for path in foreign.iterdir()] == ["scores.csv"]
    assert (foreign / "scores.csv").read_text(encoding="utf-8") == "mine"


def test_a_list_of_sequences_limits_what_is_scored(davis, tmp_path, capsys):
    write(tmp_path / "truth" / "zebra", "11", "11", "11")
    assert main(davis) == 2
    assert "has no folder for the sequence zebra" in capsys.readouterr().err
    names = tmp_path / "val.txt"
    names.write_text("bear\n\ncamel\n", encoding="utf-8")
    assert main([*davis, "--sequences", str(names)]) == 0
    names.write_text("bear\nyak\n", encoding="utf-8")
    assert main([*davis, "--sequences", str(names)]) == 2
    assert "has no folder yak" in capsys.readouterr().err
    assert main([*davis, "--sequences", str(tmp_path / "gone.txt")]) == 2
    assert "gone.txt" in capsys.readouterr().err


def test_results_of_evaluate_are_found_in_their_folder(davis, tmp_path):
    (tmp_path / "pred").rename(tmp_path / "Annotations")
    assert main([*davis[:3], "--pred", str(tmp_path), *davis[5:]]) == 0


def test_a_damaged_sequence_is_named_and_the_rest_is_scored(davis, tmp_path, capsys):
    (tmp_path / "pred" / "camel" / "00002.png").unlink()
    assert main(davis) == 2
    printed = capsys.readouterr()
    assert str(Path("camel", "00002.png")) in printed.err
    assert "left out, and not in these means: camel" in printed.out
    assert "75.0" in printed.out


def test_the_meta_file_of_lvos_says_when_objects_are_scored(tmp_path, capsys):
    # Object 2 has 3 frames from 00001: of 00001, 00002, 00003 only the middle one counts.
    write(tmp_path / "truth" / "a", "1100", "1122", "1122", "1122", "1122")
    write(tmp_path / "pred" / "a", "1100", "1100", "1122", "1100", "1100")
    objects = {
        "1": {"frame_range": {"start": "00000", "end": "00005", "frame_nums": "5"}},
        "2": {"frame_range": {"start": "00001", "end": "00004", "frame_nums": "3"}},
    }
    meta = tmp_path / "val_meta.json"
    meta.write_text(json.dumps({"videos": {"a": {"objects": objects}}}), encoding="utf-8")
    unseen = tmp_path / "unseen_videos.txt"
    unseen.write_text("b\n", encoding="utf-8")
    folders = ["--pred", str(tmp_path / "pred"), "--truth", str(tmp_path / "truth"), "--out", str(tmp_path / "out")]
    assert main(["score", "--rules", "lvos", *folders, "--meta", str(meta), "--unseen", str(unseen)]) == 0
    content = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert [one["frames"] for one in content["objects"]] == [["00001", "00002", "00003"], ["00002"]]
    assert content["means"]["J"] == 1.0
    assert "J_seen" not in content["means"]  # no video is unseen
    meta.write_text("{", encoding="utf-8")
    assert main(["score", "--rules", "lvos", *folders, "--meta", str(meta)]) == 2
    assert "val_meta.json" in capsys.readouterr().err


def test_categories_of_youtube_vos_split_the_means(tmp_path):
    write(tmp_path / "truth" / "a", "1122", "1122", "1122")
    write(tmp_path / "pred" / "a", "1122", "1122", "1100")
    objects = {
        "1": {"category": "giant_panda", "frames": ["00000", "00001", "00002"]},
        "2": {"category": "spider", "frames": ["00000", "00001", "00002"]},
    }
    meta = tmp_path / "meta.json"
    meta.write_text(json.dumps({"videos": {"a": {"objects": objects}}}), encoding="utf-8")
    folders = ["--pred", str(tmp_path / "pred"), "--truth", str(tmp_path / "truth"), "--out", str(tmp_path / "out")]
    assert main(["score", "--rules", "youtube", *folders, "--meta", str(meta)]) == 0
    means = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))["means"]
    assert (means["J_seen"], means["J_unseen"]) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--csv", "a.csv"], "--csv"),
        (["--allow-missing"], "--allow-missing"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_options_that_do_not_go_together_are_refused(davis, capsys, more, named):
    assert main([*davis, *more]) == 2
    assert named in capsys.readouterr().err


def test_options_of_benchmarks_need_rules(davis, capsys):
    assert main(["score", *davis[3:], "--out", "somewhere"]) == 2
    assert "--out needs --rules or --benchmark" in capsys.readouterr().err


def test_a_benchmark_brings_its_rules(davis, tmp_path, capsys):
    by_name = ["score", "--benchmark", "davis17-val", *davis[3:]]
    assert main([*by_name, "--out", str(tmp_path / "named")]) == 0
    assert json.loads((tmp_path / "named" / "scores.json").read_text(encoding="utf-8"))["rules"] == "davis"
    assert main([*davis, "--benchmark", "vost-val"]) == 2
    assert "vost-val is scored by the rules of vost, not davis" in capsys.readouterr().err
    assert main([*davis, "--benchmark", "davis18-val"]) == 2
    assert "davis18-val" in capsys.readouterr().err


def test_a_folder_without_sequences_is_refused(tmp_path, capsys):
    (tmp_path / "truth").mkdir()
    assert main(["score", "--rules", "davis", "--pred", str(tmp_path), "--truth", str(tmp_path / "truth")]) == 2
    assert "has no folders of true masks" in capsys.readouterr().err
