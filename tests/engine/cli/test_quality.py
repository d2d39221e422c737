"""The command `quality` tells which mattes to trust and which to fix, in words, CSV and JSON, of any folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.shared.folder_claim import claim
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import GIVEN, VERSION, MatteQuality

OWN = MatteQuality(1.0, "", "keymatte", {GIVEN: 1.0})
GOOD = MatteQuality(0.9, "", "keymatte", {"warp": 0.95})


def bad(value: float, reason: str = "twin") -> MatteQuality:
    return MatteQuality(value, reason, "keymatte", {"warp": 0.25, "twin": 0.5})


def write(root: Path, qualities: dict[int, dict[int, MatteQuality | None]]) -> MatteFolder:
    """Write files as mattes, by object and number, as a job does."""
    folder = MatteFolder(root)
    with claim(folder) as claimed:
        claimed.mark({})
        for object_id, by_number in qualities.items():
            for number, quality in by_number.items():
                claimed.written.write(folder.matte(object_id, number), b"matte", quality)
    return folder


def run(capsys, root: Path, *words: object) -> str:
    """Run the command, which must succeed, and return what it prints."""
    assert main(["quality", "--mattes", str(root), *map(str, words)]) == 0
    return capsys.readouterr().out


def refused(capsys, root: Path, *words: object) -> str:
    assert main(["quality", "--mattes", str(root), *map(str, words)]) == 2
    return capsys.readouterr().err.strip()


@pytest.fixture
def folder(tmp_path) -> MatteFolder:
    """A folder with a bad stretch of object 1, a bad frame of object 4, and one matte edited since."""
    first = {1001: OWN, 1002: GOOD, 1003: bad(0.3), 1004: bad(0.12), 1005: GOOD}
    folder = write(tmp_path / "mattes ä", {1: first, 4: {1001: GOOD, 1002: bad(0.45, "edge"), 1003: GOOD}})
    folder.matte(4, 1003).write_bytes(b"edited by hand")
    return folder


def test_the_text_counts_the_mattes_and_names_what_to_fix(capsys, folder):
    assert run(capsys, folder.root).splitlines() == [
        "object 1, 5 mattes: 2 to be trusted, 2 doubtful, 1 given",
        "object 4, 3 mattes: 1 to be trusted, 1 doubtful, 1 edited",
        "",
        "2 stretches to fix, by the numbers in the files' names:",
        "  object 1, frames 1003 to 1004: may be on another object (worst: frame 1004, quality 0.12)",
        "  object 4, frame 1002: edges unsure (worst: frame 1002, quality 0.45)",
    ]


def test_object_and_threshold_narrow_what_is_told(capsys, folder):
    text = run(capsys, folder.root, "--object", 4, "--threshold", 0.2)
    assert text.splitlines() == ["object 4, 3 mattes: 2 to be trusted, 1 edited", "", "Nothing to fix."]
    assert "1 stretch to fix" in run(capsys, folder.root, "--object", 1)
    assert "Object 9 has no mattes in this folder; it has those of objects 1, 4" in refused(
        capsys, folder.root, "--object", 9
    )
    for value in ("-0.1", "1.5", "nan"):
        assert "between 0 and 1" in refused(capsys, folder.root, f"--threshold={value}")


def test_csv_has_a_line_per_matte_with_its_signals(capsys, folder, tmp_path):
    run(capsys, folder.root, "--csv", tmp_path / "q.csv")
    with (tmp_path / "q.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ["number", "object", "status", "quality", "reason", "words", "method", GIVEN, "twin", "warp"]
    assert list(rows[0]) == names
    assert [(row["object"], row["number"]) for row in rows] == [
        *(("1", str(number)) for number in range(1001, 1006)),
        *(("4", str(number)) for number in range(1001, 1004)),
    ]
    assert list(rows[0].values()) == ["1001", "1", "given", "1.0", "", "", "keymatte", "1.0", "", ""]
    words = "may be on another object"
    assert list(rows[3].values()) == ["1004", "1", "computed", "0.12", "twin", words, "keymatte", "", "0.5", "0.25"]
    assert list(rows[7].values()) == ["1003", "4", "edited", "1.0", "", "", "", "", "", ""]


def test_json_has_the_stretches_and_the_mattes(capsys, folder, tmp_path):
    run(capsys, folder.root, "--json", tmp_path / "new" / "q.json", "--threshold", 0.4)
    told = json.loads((tmp_path / "new" / "q.json").read_text(encoding="utf-8"))
    assert told["version"] == VERSION and told["threshold"] == 0.4
    assert told["stretches"] == [
        {
            "object": 1,
            "first": 1003,
            "last": 1004,
            "worst": 1004,
            "quality": 0.12,
            "reason": "twin",
            "words": "may be on another object",
            "frames": 2,
        }
    ]
    assert len(told["mattes"]) == 8
    assert told["mattes"][2]["signals"] == {"warp": 0.25, "twin": 0.5}


def test_a_method_without_calibration_says_so(capsys, tmp_path):
    unknown = MatteQuality(None, "", "mavos", {"warp": 0.4})
    write(tmp_path / "out", {1: {0: OWN, 1: unknown, 2: unknown}})
    assert run(capsys, tmp_path / "out", "--csv", tmp_path / "q.csv").splitlines() == [
        "object 1, 3 mattes: 2 unknown, 1 given",
        "",
        "Recipe mavos is not calibrated: which mattes to trust is not known.",
    ]
    assert "1,1,unknown,,,made by a recipe that is not calibrated,mavos,,0.4" in (tmp_path / "q.csv").read_text()


def test_qualities_of_other_versions_and_none_at_all_are_told(capsys, tmp_path):
    folder = write(tmp_path / "out", {1: {0: GOOD, 1: None, 2: GOOD}, 2: {0: MatteQuality(None, "", "keymatte")}})
    lines = folder.index.read_text().splitlines()
    lines[2] = lines[2].replace(f'"v":{VERSION}', f'"v":{VERSION + 1}')
    folder.index.write_text("\n".join(lines) + "\n")
    assert run(capsys, folder.root).splitlines() == [
        "object 1, 3 mattes: 1 to be trusted, 2 unknown",
        "object 2, 1 matte: 1 unknown",
        "",
        "Nothing to fix.",
        "",
        "The quality of 1 matte (object 2, frame 0) is not known: nothing was measured, as on frames that no keyframe "
        "of the object reaches.",
        "The quality of 1 matte (object 1, frame 1) is not known: made by a version of Keymatte that kept no "
        "quality; propagate again to learn which to trust.",
        "The quality of 1 matte (object 1, frame 2) is not known: recorded by another version of Keymatte; "
        "propagate again to learn which to trust.",
    ]
    folder.index.unlink()
    text = run(capsys, folder.root)
    assert "The quality of 4 mattes (objects 1 to 2, frames 0 to 2) is not known: made by a version" in text
    assert "Nothing to fix" not in text


def test_a_damaged_record_is_told(capsys, tmp_path):
    folder = write(tmp_path / "out", {1: {0: GOOD, 1: GOOD}})
    lines = folder.index.read_bytes().splitlines(keepends=True)
    folder.index.write_bytes(lines[0] + b"\x00" * len(lines[1]))
    assert run(capsys, folder.root).splitlines() == [
        "object 1, 2 mattes: 1 to be trusted, 1 edited",
        "",
        "Nothing to fix.",
        "",
        "The record of what Keymatte wrote, keymatte-index.txt, is damaged: an image without a sound line in it counts "
        "as edited by hand, and is kept. Bring the file back from a backup, or delete it to have such mattes made "
        "anew.",
    ]
    folder.matte(1, 1).unlink()
    assert "damaged" not in run(capsys, folder.root), "nothing that is there is concerned"


def test_odd_folders_get_a_sentence(capsys, tmp_path):
    (tmp_path / "film").mkdir()
    (tmp_path / "file").write_bytes(b"")
    empty = write(tmp_path / "empty", {})
    for root, words in (
        (tmp_path / "missing", "does not exist"),
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "film", "is not a matte folder of Keymatte"),
        (empty.root, "no mattes in"),
    ):
        sentence = refused(capsys, root)
        assert words in sentence and ". " in sentence, "with a remedy"


def test_deleted_mattes_are_not_told(capsys, folder):
    folder.matte(1, 1004).unlink()
    assert "object 1, frame 1003: may be" in run(capsys, folder.root)
    for path in folder.root.glob("mattes/*/*.png"):
        path.unlink()
    assert "no mattes" in refused(capsys, folder.root)


def test_hundreds_of_objects_and_a_clip_of_one_frame(capsys, tmp_path):
    write(tmp_path / "out", {number: {7: bad(0.2) if number % 100 == 0 else GOOD} for number in range(1, 301)})
    lines = run(capsys, tmp_path / "out").splitlines()
    assert lines[299] == "object 300, 1 matte: 1 doubtful"
    assert lines[301] == "3 stretches to fix, by the numbers in the files' names:"
    assert [line.split(":")[0].strip() for line in lines[302:]] == [f"object {n}, frame 7" for n in (100, 200, 300)]
