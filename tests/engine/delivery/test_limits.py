"""Limits of the computer that an export meets: a full disk, and frames that are larger than memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.shared.codec import to_json
from engine.shared.delivery import Content, Format
from engine.shared.errors import DiskFull
from engine.shared.matte_folder import MatteFolder
from tests.engine.delivery.shots import FIRST, STEMS, deliver, files_in

ROOT = Path(__file__).resolve().parents[3]
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
