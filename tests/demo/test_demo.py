"""The demo refuses folders with other files, and its pictures and figures are right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.media.label_images import write_labels
from engine.shared.errors import FolderTaken
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import GIVEN, MatteQuality
from engine.shared.written_files import WrittenFiles
from tests.demo import pictures, report
from tests.demo.__main__ import CLIP, claim
from tests.films import write_matte

ROOT = Path(__file__).resolve().parents[2]
FRAMES, MASKS = sorted((CLIP / "frames").iterdir()), sorted((CLIP / "masks").iterdir())


def true_mask(number: int) -> np.ndarray:
    with Image.open(MASKS[number]) as image:
        return np.array(image) == 1


def test_the_clip_is_whole_and_small():
    assert [path.stem for path in FRAMES] == [path.stem for path in MASKS] == [f"frame_{n:06d}" for n in range(60)]
    sizes = {Image.open(path).size for path in (*FRAMES, *MASKS)}
    assert sizes == {(720, 480)}
    assert sum(path.stat().st_size for path in CLIP.rglob("*") if path.is_file()) < 6e6
    assert "CC BY 4.0" in (CLIP / "NOTICE.md").read_text(encoding="utf-8")
    assert "Attribution 4.0 International" in (CLIP / "LICENSE.txt").read_text(encoding="utf-8")


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "report.txt").write_text("mine")
    with pytest.raises(FolderTaken):
        claim(tmp_path)
    assert (tmp_path / "report.txt").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_an_earlier_demos_folder_is_emptied_of_the_demo_only(tmp_path):
    out = tmp_path / "neu und schön"
    claim(out)
    (out / "report.txt").write_text("old")
    (out / "keymatte" / "chair").mkdir(parents=True)
    (out / "readme").mkdir()
    (out / "notes.txt").write_text("mine")
    claim(out)
    assert sorted(path.name for path in out.iterdir()) == ["keymatte-demo.json", "notes.txt"]


def test_the_overlay_tints_the_object_and_nothing_else():
    frame, alpha = np.full((40, 60, 3), 100, np.uint8), np.zeros((40, 60), np.float32)
    alpha[10:30, 20:40] = 1
    shown = pictures.overlay(frame, alpha, line=1)
    assert (shown[20, 30] != frame[20, 30]).any() and np.array_equal(shown[9, 30], pictures.COLOUR)
    assert np.array_equal(shown[:8], frame[:8]) and np.array_equal(shown[:, 50:], frame[:, 50:])


def test_the_sheet_holds_the_keyframes_and_both_ends():
    numbers = pictures.spread(60, [0, 20, 45], 12)
    assert len(numbers) == 12 and {0, 20, 45, 59} <= set(numbers)
    assert max(b - a for a, b in zip(numbers, numbers[1:])) <= 8


@pytest.mark.parametrize("size", ((1920, 1050), (720, 480)))
def test_a_readme_picture_is_small_and_never_enlarged(tmp_path, size):
    noise = np.random.default_rng(0).integers(0, 255, (size[1] // 6, size[0] // 6, 3), np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(tmp_path / "large.png")
    small = tmp_path / "readme" / "large.jpg"
    pictures.write_for_readme(tmp_path / "large.png", small)
    with Image.open(small) as picture:
        assert picture.format == "JPEG" and picture.width == min(size[0], 960)
        assert abs(picture.width / picture.height - size[0] / size[1]) < 0.01
    assert small.stat().st_size <= 150_000


def test_a_picture_that_cannot_be_small_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "README_BYTES", 100)
    Image.new("RGB", (40, 30)).save(tmp_path / "one.png")
    with pytest.raises(ValueError, match=r"one\.png does not fit"):
        pictures.write_for_readme(tmp_path / "one.png", tmp_path / "one.jpg")
    assert not (tmp_path / "one.jpg").exists()


def results_like_the_truth(root: Path) -> MatteFolder:
    folder = MatteFolder(root)
    files = WrittenFiles(folder)
    good = MatteQuality(0.9, signals={"warp": 0.95})
    qualities = {0: MatteQuality(1.0, signals={GIVEN: 1.0}), 7: MatteQuality(0.1, "lost"), 8: MatteQuality(None)}
    for number in range(60):
        mask = true_mask(number)
        if number == 7:
            mask = np.zeros_like(mask)
        write_labels(folder.labels(number), mask.astype(np.uint8))
        write_matte(folder.matte(1, number), mask.astype(np.float32))
        files.write(folder.matte(1, number), folder.matte(1, number).read_bytes(), qualities.get(number, good))
    return folder


def test_the_report_and_the_sheet_tell_a_lost_frame(tmp_path):
    folder = results_like_the_truth(tmp_path / "keymatte" / "chair")
    run = {
        "blender": "5.0.1",
        "seconds": 30.0,
        "folder": str(folder.root),
        "keyframes": [0, 20, 45],
        "steps_per_second": 2.5,
        "peak_memory": 2**30,
    }
    measured = report.measure(folder, CLIP / "masks", run)
    assert measured["all"] == {"J": 98.33, "F": 98.33, "J&F": 98.33}  # 59 of 60
    assert measured["computed"] == {"J": 98.25, "F": 98.25, "J&F": 98.25}  # 56 of 57
    assert measured["given"] == {"J": 100.0, "F": 100.0, "J&F": 100.0}
    assert measured["J_by_frame"]["7"] == 0 and measured["J_by_frame"]["8"] == 100
    assert measured["quality"] == {
        "1": {
            "by_frame": {**dict.fromkeys(map(str, range(60)), 0.9), "0": 1.0, "7": 0.1, "8": None},
            "to_fix": [
                {
                    "object": 1,
                    "first": 7,
                    "last": 7,
                    "worst": 7,
                    "quality": 0.1,
                    "reason": "lost",
                    "words": "the object may be lost",
                    "frames": 1,
                }
            ],
            "unknown": ["unmeasured"],
        }
    }
    text = report.table(measured, tmp_path)
    assert "1 stretch to fix (7: the object may be lost)" in text
    for words in ("98.3", "2.00, the engine's start included", "1024 MiB", "keymatte/chair", "0, 20, 45"):
        assert words in text

    mattes = sorted(folder.matte_sequence(1).glob("*.png"))
    sheet = pictures.contact_sheet(FRAMES, mattes, [0, 20, 45])
    assert sheet.size == (4 * 480, 3 * (320 + 30))


def test_the_movie_has_every_picture(tmp_path):
    mattes = MASKS[:5]
    folder = tmp_path / "bilder für den film"
    folder.mkdir()
    pictures.write_overlays(FRAMES[:5], mattes, [0], folder)
    movie = tmp_path / "overlay.mp4"
    demo = subprocess.run(
        [sys.executable, "-m", "tests.demo.movie", folder, movie],
        cwd=ROOT,
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    film = cv2.VideoCapture(str(movie))
    read = [film.read() for _ in range(6)]
    assert [good for good, _ in read] == [True] * 5 + [False]
    assert read[0][1].shape == (480, 720, 3)
    with Image.open(folder / "000003.png") as picture:
        away = np.abs(read[3][1][..., ::-1].astype(int) - np.array(picture.convert("RGB"))).mean()
    assert away < 6
