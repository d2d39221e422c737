"""The command `evaluate`: masks in the official layouts, and going on where a run has stopped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.evaluation.benchmarks.results_folder import ResultsFolder
from engine.evaluation.benchmarks.results_marker import claim_results
from engine.media.label_images import read_labels
from engine.shared.mask_images import PALETTE
from tests.engine.evaluation import dataset_makers as make
from tests.engine.evaluation.dataset_makers import evaluate

ROOT = Path(__file__).parents[3]


def tree(folder: Path) -> dict[str, str]:
    """Return the checksum of every file below a folder, by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def iou(found: np.ndarray, true: np.ndarray) -> float:
    return np.count_nonzero(found & true) / np.count_nonzero(found | true)


# -- results -----------------------------------------------------------------------------------------------------------
def test_davis_masks_follow_the_objects_in_its_palette(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_davis(tmp_path / "DAVIS"), tmp_path / "out"
    assert evaluate("davis17-val", root, out) == 0
    assert sorted(path.name for path in (out / "Annotations" / "bear").iterdir()) == [f"0000{n}.png" for n in range(4)]
    for frame in range(4):
        found = read_labels(out / "Annotations" / "bear" / f"0000{frame}.png")
        assert all(iou(found == id_, make.labels(frame) == id_) > 0.8 for id_ in (1, 2))
    with Image.open(out / "Annotations" / "bear" / "00003.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[:9] == PALETTE[:3].ravel().tolist()
    assert np.array_equal(read_labels(out / "Annotations" / "bear" / "00000.png"), make.labels(0))
    told = capsys.readouterr().out
    assert "frames/s" in told
    record = json.loads((out / "runs" / "bear.json").read_text(encoding="utf-8"))["run"]
    assert (record["frames"], record["given"], record["given_objects"]) == (3, ["00000"], {"00000": [1, 2]})
    assert record["seconds"] > 0 and record["peak_memory"] > 2**20


def test_youtube_saves_listed_frames_with_its_palette_and_a_zip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = make.make_youtube(tmp_path / "YouTube"), tmp_path / "out"
    assert evaluate("youtube19-valid-all", root, out) == 0
    assert "has 507 sequences" in capsys.readouterr().err
    masks = out / "Annotations" / "0a1b2c"
    assert sorted(path.name for path in masks.iterdir()) == ["00000.png", "00005.png", "00010.png"]
    assert set(np.unique(read_labels(masks / "00000.png"))) == {0, 1}
    assert iou(read_labels(masks / "00010.png") == 2, make.labels(10) == 2) > 0.8
    with Image.open(masks / "00010.png") as image:
        assert image.getpalette()[:9] == make.YELLOW[:3].ravel().tolist()
    with zipfile.ZipFile(out / "youtube19-valid-all.zip") as archive:
        assert archive.namelist() == [f"Annotations/0a1b2c/{stem}.png" for stem in ("00000", "00005", "00010")]


def test_first_mask_only_leaves_late_objects_out(tmp_path: Path) -> None:
    root, out = make.make_youtube(tmp_path / "YouTube"), tmp_path / "out"
    evaluate("youtube19-valid-all", root, out, "--first-mask")
    assert set(np.unique(read_labels(out / "Annotations" / "0a1b2c" / "00010.png"))) == {0, 1}


def test_davis_test_dev_makes_the_same_zip_twice(tmp_path: Path) -> None:
    root = make.make_davis(tmp_path / "DAVIS", split="test-dev")
    zips = []
    for name in ("a", "b"):
        evaluate("davis17-test-dev", root, tmp_path / name)
        zips.append((tmp_path / name / "davis17-test-dev.zip").read_bytes())
        time.sleep(1.1)  # a zip holds times in steps of 2 s
    assert zips[0] == zips[1]
    with zipfile.ZipFile(tmp_path / "a" / "davis17-test-dev.zip") as archive:
        assert archive.namelist()[0] == "bear/00000.png"
        assert len(archive.namelist()) == 8


def test_davis_2016_and_long_time_video_have_one_object(tmp_path: Path) -> None:
    evaluate("davis16-val", make.make_davis16(tmp_path / "DAVIS"), tmp_path / "16")
    assert set(np.unique(read_labels(tmp_path / "16" / "Annotations" / "bear" / "00003.png"))) == {0, 1}
    evaluate("longtime", make.make_long(tmp_path / "long_video"), tmp_path / "long")
    masks = tmp_path / "long" / "Annotations" / "blueboy"
    assert sorted(path.name for path in masks.iterdir()) == ["00000.png", "00003.png", "00006.png"]


@pytest.mark.parametrize("dataset", ["lvos2-val", "vost-val"])
def test_lvos_and_vost_run(tmp_path: Path, dataset: str) -> None:
    maker = make.make_lvos if dataset.startswith("lvos") else make.make_vost
    root, out = maker(tmp_path / "data"), tmp_path / "out"
    evaluate(dataset, root, out)
    last = sorted((out / "Annotations").glob("*/*.png"))[-1]
    assert set(np.unique(read_labels(last))) == {0, 1, 2}


def test_davis_in_full_resolution_has_results_at_480p(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_davis(tmp_path / "DAVIS", ("bear",), resolution="Full-Resolution"), tmp_path / "out"
    for frame in range(4):  # as 480 x 720, which 32 x 48 is scaled to
        truth = make.labels(frame).repeat(15, axis=0).repeat(15, axis=1)
        make.write_image(root / "JPEGImages" / "480p" / "bear" / f"{frame:05d}.jpg", truth)
        make.write_mask(root / "Annotations" / "480p" / "bear" / f"{frame:05d}.png", truth)
    assert evaluate("davis17-val-full", root, out) == 0
    assert read_labels(out / "Annotations" / "bear" / "00003.png").shape == (480, 720)
    assert "frames/s" in capsys.readouterr().out


def test_mirrored_and_scaled_frames_are_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    assert evaluate("folder", root, out, "--flip", "--scales", "1,1.5") == 0
    assert "colour, scales 1, 1.5, flip" in capsys.readouterr().out
    found = read_labels(out / "Annotations" / "clip" / "frame_000004.png")
    assert all(iou(found == id_, make.labels(4) == id_) > 0.8 for id_ in (1, 2))
    assert evaluate("folder", root, out, "--flip") == 2
    assert "scales ([1.0, 1.5], now [1.0])" in capsys.readouterr().err


def test_frames_can_be_scaled_as_for_artists(tmp_path: Path) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    assert evaluate("folder", root, out, "--framing", "artist") == 0
    assert json.loads((out / "keymatte.json").read_text(encoding="utf-8"))["evaluation"]["framing"] == "artist"


@pytest.mark.parametrize("recipe", ["colour", "keymatte"])
def test_keyframes_are_kept_and_used_in_both_directions(tmp_path: Path, recipe: str) -> None:
    root, out = make.make_folder(tmp_path / "clip", frames=7, masks=tuple(range(7))), tmp_path / "out"
    assert evaluate("folder", root, out, "--keyframes", "3", "--recipe", recipe) == 0
    masks = out / "Annotations" / "clip"
    for frame in (0, 3, 6):
        assert np.array_equal(read_labels(masks / f"frame_{frame:06d}.png"), make.labels(frame))
    assert len(list(masks.iterdir())) == 7
    record = json.loads((out / "runs" / "clip.json").read_text(encoding="utf-8"))["run"]
    assert record["given"] == ["frame_000000", "frame_000003", "frame_000006"]


@pytest.mark.parametrize("given", [(0,), (0, 11)], ids=["one mask", "a mask at both ends"])
def test_keymatte_makes_what_propagate_makes_of_a_real_clip(tmp_path: Path, given: tuple[int, ...]) -> None:
    chair, out = ROOT / "tests" / "clips" / "chair", tmp_path / "out"
    for kind, chosen in (("frames", range(12)), ("masks", given)):
        (tmp_path / "clip" / kind).mkdir(parents=True)
        for number in chosen:
            shutil.copy(sorted((chair / kind).iterdir())[number], tmp_path / "clip" / kind)
    options = ("--keyframes", "2") if len(given) > 1 else ()
    assert evaluate("folder", tmp_path / "clip", out, "--recipe", "keymatte", "--height", "96", *options) == 0
    clip, keyframes = (str(tmp_path / "clip" / kind) for kind in ("frames", "masks"))
    command = ["propagate", "--clip", clip, "--keyframes", keyframes, "--out", str(tmp_path / "mattes")]
    assert main([*command, "--height", "96", "--crop", "off", "--across-cuts"]) == 0
    masks = sorted((out / "Annotations" / "clip").iterdir())
    for mask, label in zip(masks, sorted((tmp_path / "mattes" / "labels").iterdir()), strict=True):
        # Between two keyframes, a job stores the mattes of the first sweep with 8 bits.
        assert np.count_nonzero(read_labels(mask) != read_labels(label)) <= 5 * (len(given) - 1), mask.name
    assert len(masks) == 12


def test_two_processes_make_the_same_masks_as_one(tmp_path: Path) -> None:
    root = make.make_davis(tmp_path / "DAVIS", ("bear", "camel", "dog"))
    evaluate("davis17-val", root, tmp_path / "one")
    evaluate("davis17-val", root, tmp_path / "two", "--jobs", "2")
    assert tree(tmp_path / "one" / "Annotations") == tree(tmp_path / "two" / "Annotations") != {}


# -- going on ----------------------------------------------------------------------------------------------------------
def test_finished_sequences_are_not_run_again(tmp_path: Path) -> None:
    root, out = make.make_davis(tmp_path / "DAVIS"), tmp_path / "out"
    evaluate("davis17-val", root, out, "--sequences", "bear")
    mask = out / "Annotations" / "bear" / "00002.png"
    before = mask.stat().st_mtime_ns
    evaluate("davis17-val", root, out)
    assert mask.stat().st_mtime_ns == before
    assert (out / "Annotations" / "camel").is_dir()
    mask.unlink()  # a sequence that lacks a mask is not finished
    evaluate("davis17-val", root, out)
    whole = mask.read_bytes()
    mask.write_bytes(whole[:-9])  # nor one that lacks a part of a mask
    evaluate("davis17-val", root, out)
    assert mask.read_bytes() == whole


def test_a_sequence_whose_files_have_changed_is_run_again(tmp_path: Path) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    evaluate("folder", root, out, "--first-mask")
    make.write_mask(root / "masks" / "frame_000000.png", np.where(make.labels(0) == 1, 1, 0))
    evaluate("folder", root, out, "--first-mask")
    assert set(np.unique(read_labels(out / "Annotations" / "clip" / "frame_000004.png"))) == {0, 1}


def test_other_settings_are_refused_by_name_and_made_again_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    evaluate("folder", root, out)
    before = tree(out)
    assert evaluate("folder", root, out, "--height", "40") == 2
    assert "holds results of other settings: height (32, now 40)" in capsys.readouterr().err
    assert tree(out) == before
    foreign = out / "Annotations" / "mine.txt"
    foreign.write_text("mine", encoding="utf-8")
    assert evaluate("folder", root, out, "--height", "40", "--again") == 0
    assert json.loads((out / "keymatte.json").read_text(encoding="utf-8"))["evaluation"]["height"] == 40
    assert foreign.read_text(encoding="utf-8") == "mine"


def test_results_of_another_version_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    evaluate("folder", root, out)
    marker = out / "keymatte.json"
    content = json.loads(marker.read_text(encoding="utf-8"))
    marker.write_text(json.dumps({**content, "keymatte": "0.0.9"}), encoding="utf-8")
    assert evaluate("folder", root, out) == 2
    assert "version (0.0.9, now" in capsys.readouterr().err


def test_foreign_folders_and_those_of_other_commands_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine", encoding="utf-8")
    assert evaluate("folder", root, out) == 2
    assert "thesis.txt" in capsys.readouterr().err
    (out / "thesis.txt").unlink()
    (out / "keymatte.json").write_text('{"keymatte": "0.1.0", "study": "default"}', encoding="utf-8")
    assert evaluate("folder", root, out) == 2
    assert "another command" in capsys.readouterr().err


def test_two_runs_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    with claim_results(ResultsFolder(out), {}, again=False):
        assert evaluate("folder", root, out) == 2
    assert str(out) in capsys.readouterr().err
    assert not (out / "Annotations").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_finished_sequences(tmp_path: Path, jobs: str) -> None:
    root, out = tmp_path / "clips", tmp_path / "out"
    make.make_folder(root / "a", frames=3)
    make.make_folder(root / "b", frames=600, masks=(0,))
    make.make_folder(root / "c", frames=600, masks=(0,))
    command = [sys.executable, "-m", "engine", "evaluate", "--dataset", "folder", "--root", str(root)]
    command += ["--out", str(out), "--recipe", "colour", "--height", "32", "--jobs", jobs]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not (out / "runs" / "a.json").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in told
    assert "Traceback" not in told
    assert sorted(path.name for path in (out / "Annotations").iterdir()) == ["a"]
