"""Odd paths and outputs that cannot be written end in a sentence with a remedy, and never in a wait."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.exr_files import rgb, windows, write_exr
from tests.png import write_png
from tests.process.cli import ENGINE, FRAMES, ROOT, assert_refused, numbers, propagate, run_cli

unix = pytest.mark.skipif(os.name != "posix", reason="other systems have no such files")
LONG = "n" * 300


@pytest.mark.parametrize("option", ["clip", "keyframes", "out", "weights"])
def test_names_that_are_too_long(place, option):
    ended = run_cli(propagate(place, recipe="keymatte" if option == "weights" else "colour", **{option: place / LONG}))
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert LONG in ended.stderr


@pytest.mark.parametrize("option", ["clip", "keyframes", "out"])
def test_paths_below_a_file(place, option):
    file = write_png(place / "file.png", np.zeros((4, 6), np.uint8))
    assert_refused(propagate(place, **{option: file / "x"}), str(file / "x"))
    assert file.is_file()


@unix
@pytest.mark.parametrize("option", ["clip", "keyframes", "out"])
def test_links_to_themselves(place, option):
    (place / "loop").symlink_to("loop")
    assert_refused(propagate(place, **{option: place / "loop"}), "loop")


@unix
def test_pipes_and_devices(place):
    os.mkfifo(place / "pipe.png")
    (place / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        assert_refused(propagate(place, clip=place / name), name, "not a file")
        assert_refused(propagate(place, keyframes=place / name), name)
    shutil.copytree(place / "clip", place / "mixed")
    (place / "mixed" / "shot_0008.png").symlink_to("/dev/zero")
    os.mkfifo(place / "mixed" / "shot_0009.png")
    assert_refused(propagate(place, clip=place / "mixed"), "2 frames could not be read (8 to 9)", "it is a device")
    assert numbers(place) == list(range(FRAMES))


@unix
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_that_are_not_utf_8(place, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    clip, out = (Path(os.fsdecode(os.fsencode(place) + name)) for name in (b"/cl\xff", b"/out\xfe"))
    shutil.copytree(place / "clip", clip)
    for _ in range(2):  # what the first run wrote is recognised by the second
        ended = run_cli(propagate(place, clip=clip, out=out))
        assert ended.returncode == 0, ended.stderr
        assert "\\udcfe" in ended.stdout
    assert len(list((out / "labels").glob("*.png"))) == FRAMES


def test_a_folder_in_place_of_a_temporary_file(place):
    assert run_cli(propagate(place)).returncode == 0
    matte = next((place / "out" / "labels").glob("*.png"))
    matte.unlink()
    matte.with_name(matte.name + ".part").mkdir()
    assert_refused(propagate(place), f"{matte.name}.part, the name of its temporary file, is a folder")


# -- what explains an unexpected size ----------------------------------------------------------------------------------
def test_a_mask_of_the_rotated_size_is_explained(place):
    exif = Image.Exif()
    exif[0x0112] = 6
    (place / "turned").mkdir()
    Image.new("RGB", (64, 48)).save(place / "turned" / "shot_0000.jpg", exif=exif)
    (place / "tall").mkdir()
    write_png(place / "tall" / "shot_0000.png", np.ones((64, 48), np.uint8))
    command = propagate(place, clip=place / "turned", keyframes=place / "tall")
    assert_refused(
        command, "is 48x64, but the clip is 64x48", "carries an EXIF rotation, which is ignored, as in Blender"
    )


def test_a_mask_of_the_data_windows_size_is_explained(place):
    light = np.ones((11, 21, 3), np.float32)
    (place / "exr").mkdir()
    write_exr(place / "exr" / "shot_0000.exr", rgb(light), **windows((10, 5, 30, 15), (0, 0, 63, 47)))
    (place / "small").mkdir()
    write_png(place / "small" / "shot_0000.png", np.ones((11, 21), np.uint8))
    command = propagate(place, clip=place / "exr", keyframes=place / "small")
    assert_refused(command, "is 21x11, but the clip is 64x48", "data window of 21x11")


# -- several pictures in a file ----------------------------------------------------------------------------------------
def test_a_stack_of_pictures_is_a_clip_and_that_is_told(place):
    pages = [Image.open(path) for path in sorted((place / "clip").iterdir())]
    pages[0].save(place / "stack.tif", save_all=True, append_images=pages[1:])
    ended = run_cli(propagate(place, clip=place / "stack.tif"))
    assert ended.returncode == 0, ended.stderr
    assert f"stack.tif holds {FRAMES} pictures, which are frames 0 to {FRAMES - 1}." in ended.stderr
    assert numbers(place) == list(range(FRAMES))


# -- output ------------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("command, unbuffered", [(["models"], ""), (["models"], "1"), (["doctor"], "")])
def test_output_that_cannot_be_written(command, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*ENGINE, *command], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "keymatte: Standard output cannot be written: No space left on device. "
        "Direct it elsewhere; files already written stay valid."
    )


@unix
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_closed(closed):
    command = f'"{ENGINE[0]}" -m engine models {closed}'
    ended = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
