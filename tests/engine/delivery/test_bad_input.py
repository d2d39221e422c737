"""Bad input of an export: missing and damaged mattes, lost clips, targets that cannot be written."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from engine.shared.delivery import DeliveredObject, Format
from engine.shared.errors import BadSetting, ClipNotFound, FolderNotWritable, FolderTaken, NothingPropagated
from engine.shared.matte_folder import MatteFolder
from tests.engine.delivery.shots import (
    COUNT,
    FIRST,
    FOLDERS,
    HEIGHT,
    NAMES,
    STEMS,
    WIDTH,
    deliver,
    files_in,
    write_matte,
)

MATTES = [Format.PNG, Format.EXR, Format.DAVIS, Format.YOUTUBE_VOS]  # which need no pictures
ROOT = Path(__file__).resolve().parents[3]


# -- mattes ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [*Format])
def test_frames_without_a_matte_are_empty_and_told(job, kind):
    """Compositors hold or refuse a sequence with gaps, so that a missing matte is delivered as an empty one."""
    folder = MatteFolder(job.folder)
    deliver(job, format=kind, out=job.out.with_name("whole"))
    for frame in (1, 2):
        folder.matte(2, FIRST + frame).unlink()
    finished = deliver(job, format=kind)
    assert f"{NAMES[1]} has no matte on frames 42 to 43: it is empty there" in finished.warning
    assert files_in(job.out).keys() == files_in(job.out.with_name("whole")).keys()
    if kind is Format.PNG:
        assert not cv2.imread(str(job.out / FOLDERS[1] / f"{STEMS[1]}.png"), cv2.IMREAD_UNCHANGED).any()


@pytest.mark.parametrize("kind", [*Format])
def test_a_clip_without_mattes_is_refused_with_a_sentence(job, kind):
    shutil.rmtree(job.folder / "mattes")
    with pytest.raises(NothingPropagated, match="no mattes of these objects and frames"):
        deliver(job, format=kind)
    assert not job.out.exists()


def test_objects_without_mattes_are_left_out_and_told(job):
    finished = deliver(job, format=Format.EXR, objects=(*job.objects, DeliveredObject(7, "later")))
    assert "Skipped (no mattes on these frames): later" in finished.warning
    names = OpenEXR.File(str(job.out / f"{STEMS[0]}.exr"), separate_channels=True).channels()
    assert not [name for name in names if "later" in name]


@pytest.mark.parametrize("damage", ["no image", "another size", "a folder"])
@pytest.mark.parametrize("kind", [*Format])
def test_damaged_mattes_are_left_out_and_told_and_all_else_is_written(job, kind, damage):
    deliver(job, format=kind, out=job.out.with_name("whole"))
    path = MatteFolder(job.folder).matte(2, FIRST + 3)
    path.unlink()
    if damage == "no image":
        path.write_bytes(b"\x89PNG torn")
    elif damage == "another size":
        write_matte(MatteFolder(job.folder), 2, 3, np.ones((HEIGHT, WIDTH // 2), np.float32))
    else:
        path.mkdir()
    finished = deliver(job, format=kind)
    assert finished.warning.startswith("Left out: ") and "matte " in finished.warning
    made, whole = files_in(job.out), files_in(job.out.with_name("whole"))
    assert 1 <= len(whole.keys() - made.keys()) <= 2, "the file that shows it, or its frame"
    assert all(data == whole[name] for name, data in made.items() if name != "meta.json")


@pytest.mark.parametrize("kind", [*Format])
def test_a_matte_of_all_one_half_is_delivered(job, kind):
    for frame in range(COUNT):
        for object_id in (1, 2):
            write_matte(MatteFolder(job.folder), object_id, frame, np.full((HEIGHT, WIDTH), 0.5, np.float32))
    assert deliver(job, format=kind).warning == ""


# -- the clip ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", MATTES)
def test_mattes_are_delivered_though_the_clip_is_gone(job, kind):
    """The names of its frames are told by the first one's, which Blender knows."""
    first = replace(job, clip=replace(job.clip, path=job.clip.path / f"{STEMS[0]}.png"), title="shot")
    deliver(first, format=kind, out=job.out.with_name("before"))
    shutil.rmtree(job.clip.path)
    finished = deliver(first, format=kind)
    assert "is not there: its mattes are delivered without it" in finished.warning
    assert files_in(job.out) == files_in(job.out.with_name("before"))


@pytest.mark.parametrize("kind", sorted(set(Format) - set(MATTES)))
def test_colours_of_a_clip_that_is_gone_are_refused(job, kind):
    shutil.rmtree(job.clip.path)
    with pytest.raises(ClipNotFound):
        deliver(job, format=kind)
    assert not job.out.exists()


@pytest.mark.parametrize("kind", [Format.CUTOUT_PNG, Format.CUTOUT_EXR])
def test_a_damaged_picture_costs_only_its_frame(job, kind):
    (job.clip.path / f"{STEMS[2]}.png").write_bytes(b"\x89PNG torn")
    finished = deliver(job, format=kind)
    assert "Left out: " in finished.warning and "on frame 43" in finished.warning
    assert len(files_in(job.out)) == 2 * (COUNT - 1)


def test_a_clip_that_has_lost_its_last_images_gives_their_mattes(job):
    first = replace(job, clip=replace(job.clip, path=job.clip.path / f"{STEMS[0]}.png"))
    (job.clip.path / f"{STEMS[-1]}.png").unlink()
    deliver(first)
    assert len(files_in(job.out)) == 2 * COUNT
    finished = deliver(first, format=Format.CUTOUT_PNG)
    assert "on frame 45" in finished.warning


# -- settings and targets ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "changes",
    [
        {"depth": 32},
        {"format": Format.EXR, "depth": 8},
        {"frames": range(0, 0)},
        {"frames": range(2, COUNT + 1)},
        {"format": Format.PRORES, "rate": 0.0},
        {"format": Format.PRORES, "rate": 1e6},
    ],
)
def test_settings_that_make_no_sense_are_refused(job, changes):
    with pytest.raises(BadSetting):
        deliver(job, **changes)
    assert not job.out.exists()


def test_a_range_delivers_its_frames_by_their_own_names(job):
    deliver(job, frames=range(2, 4))
    assert files_in(job.out).keys() == {f"{folder}/{stem}.png" for folder in FOLDERS for stem in STEMS[2:4]}


@pytest.mark.parametrize("kind", [*Format])
def test_targets_that_cannot_be_written_are_told(job, kind, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    with pytest.raises(FolderTaken, match="is a file"):
        deliver(job, format=kind, out=blocked)
    with pytest.raises(FolderNotWritable):
        deliver(job, format=kind, out=blocked / "below")
    with pytest.raises(FolderNotWritable):
        deliver(job, format=kind, out=tmp_path / ("x" * 300))
    assert blocked.read_text() == "a file"


def test_a_folder_in_the_way_of_a_temporary_file_is_told_and_kept(job):
    inside = job.out / FOLDERS[0] / f"{STEMS[0]}.png.part" / "mine.txt"
    inside.parent.mkdir(parents=True)
    inside.write_text("mine")
    with pytest.raises(FolderNotWritable, match=r"\.part.* is a folder"):
        deliver(job)
    assert inside.read_text() == "mine"
