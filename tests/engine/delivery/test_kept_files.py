"""What is in the target already: files of others and edited ones are kept, ours are renewed only if they are stale."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.delivery.record import RECORD
from engine.shared.codec import to_json
from engine.shared.delivery import ExportJob, Format
from engine.shared.errors import FolderInUse, FolderTaken
from engine.shared.folder_claim import MARKER
from engine.shared.folder_lock import locked
from engine.shared.matte_folder import MatteFolder
from tests.engine.delivery.shots import (
    COUNT,
    FIRST,
    FOLDERS,
    HEIGHT,
    STEMS,
    WIDTH,
    alphas,
    deliver,
    files_in,
    write_matte,
)

ROOT = Path(__file__).resolve().parents[3]
IMAGES = [Format.PNG, Format.EXR, Format.CUTOUT_PNG, Format.CUTOUT_EXR, Format.DAVIS, Format.YOUTUBE_VOS]
FORMATS = [*Format]
_CHILD = """
import json, sys
from engine.jobs.export import run
from engine.shared.codec import from_json
from engine.shared.delivery import ExportJob
job = from_json(ExportJob, json.loads(sys.argv[1]))
run(job, lambda answer: print(type(answer).__name__, flush=True), lambda: False)
"""


def dates(folder: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_up_to_date_is_not_written_again(job, kind):
    assert deliver(job, format=kind).warning == ""
    before = dates(job.out)
    again = deliver(job, format=kind)
    assert dates(job.out) == before
    assert again.note.startswith("0 files written") and "up to date already" in again.note


@pytest.mark.parametrize("kind", FORMATS)
def test_a_changed_matte_makes_its_files_stale_and_no_others(job, kind):
    deliver(job, format=kind)
    before = dates(job.out)
    changed = np.zeros((HEIGHT, WIDTH), np.float32)
    changed[:20] = 0.7
    write_matte(MatteFolder(job.folder), 2, 3, changed)
    finished = deliver(job, format=kind)
    renewed = {path for path, date in dates(job.out).items() if before.get(path) != date} - {str(job.out / RECORD)}
    assert finished.warning == ""
    assert finished.note.startswith("1 file written"), "label lists stay as they are"
    assert len(renewed) == 1


def test_other_settings_make_files_stale(job):
    deliver(job, format=Format.EXR)
    assert deliver(job, format=Format.EXR, depth=32).note.startswith(f"{COUNT} files written")
    renamed = tuple(replace(one, name=f"{one.name}!") for one in job.objects)
    assert deliver(job, format=Format.EXR, depth=32, objects=renamed).note.startswith(f"{COUNT} files written")


@pytest.mark.parametrize("kind", [Format.PNG, Format.EXR, Format.CUTOUT_PNG])
def test_a_title_does_not_matter_where_no_name_has_it(job, kind):
    written = deliver(job, format=kind)
    again = deliver(job, format=kind, title="another")
    assert not again.warning and again.note.startswith("0 files written"), (written.note, again)


@pytest.mark.parametrize("kind", FORMATS)
def test_files_of_others_are_never_replaced(job, kind, tmp_path):
    deliver(job, format=kind, out=tmp_path / "elsewhere")
    for name in files_in(tmp_path / "elsewhere"):
        path = job.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"another program's")
    finished = deliver(job, format=kind)
    assert set(files_in(job.out).values()) == {b"another program's"}
    assert "not from Keymatte, and kept" in finished.warning
    assert finished.note.startswith("0 files")


@pytest.mark.parametrize("kind", FORMATS)
def test_edited_files_are_kept_though_their_mattes_have_changed(job, kind):
    deliver(job, format=kind)
    for path in job.out.rglob("*"):
        if path.is_file() and path.name != RECORD:
            path.write_bytes(b"painted over")
    for frame in range(COUNT):
        write_matte(MatteFolder(job.folder), 1, frame, 1 - alphas(frame)[0])
    finished = deliver(job, format=kind)
    assert set(files_in(job.out).values()) == {b"painted over"}
    assert "changed since they were exported, and kept" in finished.warning


def test_a_touched_or_copied_file_is_not_edited(job):
    deliver(job)
    for path in job.out.rglob("*.png"):
        os.utime(path, (1, 1))
    assert "0 files written" in deliver(job).note
    assert deliver(job).warning == ""


def test_links_and_folders_in_the_place_of_files_are_kept(job, tmp_path):
    deliver(job)
    treasure = tmp_path / "treasure.png"
    treasure.write_bytes(b"mine")
    first, second = (job.out / FOLDERS[0] / f"{stem}.png" for stem in STEMS[:2])
    first.unlink()
    first.symlink_to(treasure)
    second.unlink()
    second.mkdir()
    finished = deliver(job)
    assert treasure.read_bytes() == b"mine" and first.is_symlink() and second.is_dir()
    assert finished.warning.count("not from Keymatte") == 1 and first.name in finished.warning


def test_another_clips_files_of_the_same_names_are_kept(job, tmp_path):
    deliver(job)
    before = files_in(job.out)
    other = shutil.copytree(job.folder, tmp_path / "other mattes")
    for number in range(FIRST, FIRST + COUNT):
        MatteFolder(other).matte(1, number).write_bytes(MatteFolder(other).matte(2, number).read_bytes())
    finished = deliver(job, folder=other)
    assert files_in(job.out) == before
    assert "of another clip" in finished.warning


@pytest.mark.parametrize("moved", [False, True])
def test_a_clip_that_was_moved_or_changed_is_still_the_same(job, tmp_path, moved):
    """Its matte folder is at the same place, or says that the content is the same."""
    (job.folder / MARKER).write_text(json.dumps({"keymatte": "0", "identity": {"content": "abcdef" * 10}}))
    deliver(job)
    folder = job.folder
    if moved:
        folder = job.folder.rename(tmp_path / "moved")
    else:
        (job.folder / MARKER).write_text(json.dumps({"keymatte": "0", "identity": {"content": "123456" * 10}}))
    write_matte(MatteFolder(folder), 1, 0, alphas(1)[0])
    plates = job.clip.path.rename(tmp_path / "plates elsewhere")
    finished = deliver(job, folder=folder, clip=replace(job.clip, path=plates))
    assert (finished.warning, finished.note[:14]) == ("", "1 file written")


def test_the_clips_own_images_are_never_touched(job):
    before = files_in(job.clip.path)
    for kind in FORMATS:
        with pytest.raises(FolderTaken, match="folder of the clip's images"):
            deliver(job, format=kind, out=job.clip.path)
    named = tuple(replace(one, name="plates") for one in job.objects[:1])
    with pytest.raises(FolderTaken, match="folder of the clip's images"):
        deliver(job, out=job.clip.path.parent, objects=named)
    assert files_in(job.clip.path) == before


def test_nothing_is_put_into_the_matte_folder(job):
    before = files_in(job.folder)
    for out in (job.folder, job.folder / "export", job.folder / ".." / job.folder.name):
        with pytest.raises(FolderTaken, match="inside the matte folder"):
            deliver(job, out=out)
    named = tuple(replace(one, name=job.folder.name) for one in job.objects[:1])
    with pytest.raises(FolderTaken, match="inside the matte folder"):
        deliver(job, out=job.folder.parent, objects=named)
    assert files_in(job.folder) == before


def test_a_file_that_only_has_the_records_name_is_kept(job):
    job.out.mkdir()
    (job.out / RECORD).write_text("my notes\n")
    with pytest.raises(FolderTaken, match="not a record of Keymatte"):
        deliver(job)
    assert files_in(job.out) == {} and (job.out / RECORD).read_text() == "my notes\n"


def test_two_exports_into_one_folder_at_a_time_are_refused(job):
    job.out.mkdir()
    with locked(job.out), pytest.raises(FolderInUse):
        deliver(job)


# -- interrupted runs --------------------------------------------------------------------------------------------------
def start(job: ExportJob) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", _CHILD, json.dumps(to_json(job))]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def long_job(job: ExportJob) -> ExportJob:
    """A job of 60 frames, so that a kill hits it in the middle."""
    folder, last = MatteFolder(job.folder), job.clip.path / f"{STEMS[0]}.png"
    numbers = range(41, 101)
    for number in numbers:
        if not (path := job.clip.path / f"plate_v2.{number:04d}.png").exists():
            path.write_bytes(last.read_bytes())
        for object_id in (1, 2):
            folder.matte(object_id, number).write_bytes(folder.matte(object_id, 41 + number % COUNT).read_bytes())
    return replace(job, clip=replace(job.clip, frame_count=len(numbers)), frames=range(len(numbers)))


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
@pytest.mark.parametrize("kind", [Format.PNG, Format.EXR, Format.DAVIS, Format.PRORES])
def test_a_run_that_was_killed_goes_on_where_it_was(long_job, kind, tmp_path):
    """After the kill no file is broken; the next run keeps what was whole and ends with the files of one run."""
    job = replace(long_job, format=kind)
    deliver(job, out=tmp_path / "whole")
    whole = files_in(tmp_path / "whole")
    with start(job) as child:
        assert child.stdout is not None
        for _ in range(25):
            assert child.stdout.readline() == "Stage\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    left = {name: data for name, data in files_in(job.out).items() if not name.endswith((".part", ".lock"))}
    if kind is not Format.PRORES:
        assert 0 < len(left) < len(whole)
    assert all(data == whole[name] for name, data in left.items()), "what has its name is whole"
    began = time.time_ns()
    finished = deliver(job)
    assert finished.warning == ""
    assert {name: data for name, data in files_in(job.out).items() if not name.endswith(".part")} == whole
    renewed = [path for path in job.out.rglob("*.*") if path.is_file() and path.stat().st_mtime_ns >= began]
    kept = [name for name in left if (job.out / name).stat().st_mtime_ns < began]
    assert len(kept) == len(left), "none of them was written again"
    assert renewed


def test_a_record_whose_last_line_was_cut_short_is_read(job):
    deliver(job)
    record = job.out / RECORD
    record.write_bytes(record.read_bytes()[:-30])
    finished = deliver(job)
    assert "1 was" not in finished.note and finished.note.startswith("0 files")
    assert f"{FOLDERS[1]}/{STEMS[-1]}.png was there already" in finished.warning
    (job.out / FOLDERS[1] / f"{STEMS[-1]}.png").unlink()
    assert deliver(job).note.startswith("1 file written")
    assert deliver(job).warning == ""


@pytest.mark.parametrize("kind", [Format.PNG, Format.PRORES])
def test_a_cancelled_job_keeps_what_is_whole(job, kind):
    from engine.jobs.export import run
    from engine.shared.protocol import JobCancelled

    answers: list = []
    run(replace(job, format=kind), answers.append, lambda: len(answers) >= 3)
    assert isinstance(answers[-1], JobCancelled)
    assert not [name for name in files_in(job.out) if name.endswith(".part")]
    assert len(files_in(job.out)) == (6 if kind is Format.PNG else 0)
    assert deliver(job, format=kind).warning == ""
