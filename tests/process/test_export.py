"""The command `export`: names, choices, and a sentence with exit status 2 for whatever cannot be done."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.shared.codec import to_json
from engine.shared.delivery import ExportJob
from engine.shared.folder_claim import MARKER
from engine.shared.types import PropagationJob
from tests.engine.delivery.shots import COUNT, FIRST, STEMS, files_in, write_shot

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def job(tmp_path: Path) -> ExportJob:
    return write_shot(tmp_path)


def export(job: ExportJob, *words: object, clip: object = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", "export", "--clip", clip or job.clip.path, "--mattes", job.folder]
    return subprocess.run(
        [str(word) for word in (*command, "--out", job.out, *words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_objects_are_chosen_and_named(job):
    result = export(job, "--objects", "2,1", "--names", "1=a chair", "2=ein/Hund", "--range", "1:3", "--depth", 16)
    assert (result.returncode, result.stdout) == (0, f"4 files written to {job.out}\n")
    assert files_in(job.out).keys() == {f"{name}/{stem}.png" for name in ("a chair", "ein_Hund") for stem in STEMS[1:3]}
    again = export(job, "--objects", "2,1", "--names", "1=a chair", "2=ein/Hund", "--depth", 16)
    assert again.stdout == f"{2 * COUNT - 4} files written to {job.out}; 4 files up to date already\n"


def test_files_of_others_end_it_with_2_and_a_sentence(job):
    path = job.out / "object_1" / f"{STEMS[0]}.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    result = export(job)
    assert result.returncode == 2
    assert f"object_1/{STEMS[0]}.png was there already, not from Keymatte, and kept" in result.stderr
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--objects", "1,9"), "has no mattes of object 9. It has those of 1, 2."),
        (("--objects", "one"), "'one' is not the number of an object"),
        (("--names", "chair"), "--names must look like 1=chair 2=dog"),
        (("--names", "9=chair"), "has no mattes of object 9"),
        (("--depth", "12"), "png has 8 or 16 bits, not 12"),
        (("--range", "3:99"), "is empty or outside the clip"),
        (("--format", "prores", "--rate", "-1"), "cannot have -1 pictures per second"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(job, words, sentence):
    result = export(job, *words)
    assert result.returncode == 2
    assert sentence in result.stderr and "Traceback" not in result.stderr
    assert not job.out.exists()


def test_a_folder_without_mattes_is_told(job, tmp_path):
    shutil.rmtree(job.folder / "mattes")
    result = export(job)
    assert result.returncode == 2 and "has no mattes" in result.stderr


def test_a_clip_that_is_gone_is_told_unless_the_mattes_say_enough(job):
    result = export(job, clip="nowhere.mp4")
    assert result.returncode == 2 and "nowhere.mp4" in result.stderr and "Traceback" not in result.stderr
    record = PropagationJob("", job.clip, job.frames, (), job.folder)
    marker = {"keymatte": "0", **to_json(record), "first_number": FIRST}
    (job.folder / MARKER).write_text(json.dumps(marker), encoding="utf-8")
    shutil.rmtree(job.clip.path)
    result = export(job, "--format", "exr")
    assert result.returncode == 2 and "is not there: its mattes are delivered without it" in result.stderr
    assert files_in(job.out).keys() == {f"{FIRST + frame:06d}.exr" for frame in range(COUNT)}, "by number"
    result = export(job, "--format", "cutout-png")
    assert result.returncode == 2 and str(job.clip.path) in result.stderr
