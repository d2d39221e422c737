"""Bad input of an export: missing and damaged mattes, lost clips, targets that cannot be written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from engine.shared.codec import to_json
from engine.shared.delivery import Content, DeliveredObject, Format
from engine.shared.errors import BadSetting, ClipNotFound, DiskFull, FolderNotWritable, FolderTaken, NothingPropagated
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
    assert "Left out, as they have no mattes on these frames: later" in finished.warning
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


# -- memory ------------------------------------------------------------------------------------------------------------
_LIMITED = """
import json, resource, sys
from engine.jobs.export import run
from engine.shared.codec import from_json
from engine.shared.delivery import ExportJob
from engine.shared.errors import OutOfMemory
job = from_json(ExportJob, json.loads(sys.argv[1]))
for most in (350, 600):  # MB beside what is loaded, so that it happens at several places
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (most << 20), -1))
    try:
        run(job, lambda answer: None, lambda: False)
        print("done")
    except OutOfMemory as error:
        print(error.sentence())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as only Linux can")
@pytest.mark.parametrize("kind", [Format.EXR, Format.DAVIS, Format.PRORES])
def test_frames_larger_than_memory_are_told_in_a_sentence(job, kind):
    """Frames of 8192x4320 take 140 MB for the alpha of each object."""
    height, width = 4320, 8192
    flat = np.full((height, width), 255, np.uint8)
    for object_id in (1, 2):
        MatteFolder(job.folder).matte(object_id, FIRST).write_bytes(cv2.imencode(".png", flat)[1].tobytes())
    shutil.rmtree(job.clip.path)
    path = job.clip.path.with_name(f"{STEMS[0]}.png")
    large = replace(job, clip=replace(job.clip, path=path, height=height, width=width, frame_count=1), frames=range(1))
    child = replace(large, format=kind, content=Content.MATTE)
    words = [sys.executable, "-c", _LIMITED, json.dumps(to_json(child))]
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    told = result.stdout.splitlines()
    assert told[0].startswith("This computer does not have enough memory for frames of this size. Export fewer objects")
    assert set(told[1:]) <= {told[0], "done"}


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


@pytest.fixture
def small_disk(tmp_path):
    """Yield a folder on a file system of 300 kB of its own, where this user may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        sys.platform == "linux"
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("kind", [*Format])
def test_a_full_disk_is_told_and_what_is_whole_stays(job, kind, small_disk, tmp_path):
    deliver(job, format=kind, out=tmp_path / "whole")
    whole = files_in(tmp_path / "whole")
    filler = small_disk / "filler"
    size = sum(map(len, whole.values())) // 2
    filler.write_bytes(bytes(max(0, shutil.disk_usage(small_disk).free - size - (20 << 10))))
    if shutil.disk_usage(small_disk).free > sum(map(len, whole.values())):
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free + filler.stat().st_size - (8 << 10)))
    with pytest.raises(DiskFull):
        deliver(job, format=kind, out=small_disk / "out")
    made = {name: data for name, data in files_in(small_disk / "out").items() if not name.endswith(".part")}
    assert all(data == whole[name] for name, data in made.items())
    filler.unlink()
    if shutil.disk_usage(small_disk).free > sum(map(len, whole.values())) * 2:
        deliver(job, format=kind, out=small_disk / "out")
        assert files_in(small_disk / "out") == whole
