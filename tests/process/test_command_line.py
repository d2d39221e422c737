"""`python -m engine` as a user runs it: errors are one sentence with a remedy, and existing files are kept."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.checkpoints.loading import BUNDLED
from engine.media.label_images import read_labels, read_matte, write_labels
from engine.shared.matte_folder import MatteFolder
from tests import films
from tests.movie_files import write_movie
from tests.png import write_png
from tests.process.cli import ENGINE, FRAMES, ROOT, assert_refused, numbers, propagate, run_cli


# -- what goes well ----------------------------------------------------------------------------------------------------
def test_path_with_spaces_and_umlauts_is_propagated(place):
    ended = run_cli(propagate(place))
    assert ended.returncode == 0, ended.stderr
    assert numbers(place) == list(range(FRAMES))
    assert "8 frames in" in ended.stdout


def test_own_recipe_is_the_default(place):
    film = films.moving_disc(FRAMES, height=240, width=320)
    film.write_images(place / "larger")
    film.write_keyframes(place / "larger keys", [0])
    command = propagate(place, clip=place / "larger", keyframes=place / "larger keys")
    del command[-2:]  # --recipe colour
    ended = run_cli(command)
    assert ended.returncode == 0, ended.stderr
    for frame in range(FRAMES):
        found = read_labels(MatteFolder(place / "out").labels(frame)) == 1
        truth = film.mask(frame, 1)
        assert (found & truth).sum() / (found | truth).sum() > 0.9, f"frame {frame}"


def test_adapt_option_adapts_once_and_is_refused_by_other_recipes(place):
    command = [*propagate(place, recipe="keymatte", set="adapt.steps=4", range="0:3"), "--adapt"]
    ended = run_cli(command)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"Adapted: held-out J \d|Adapting did not help", ended.stderr)
    adapted = MatteFolder(place / "out").adapted
    written = adapted.stat().st_mtime_ns
    assert run_cli(command).returncode == 0
    assert adapted.stat().st_mtime_ns == written, "the adapted weights are reused"
    assert_refused([*propagate(place, out=place / "other"), "--adapt"], "'colour'", "cannot adapt", "'keymatte'")
    assert not (place / "other").exists()


@pytest.mark.parametrize("command", [["models"], ["models", "--describe", "keymatte"], ["doctor"], ["--help"]])
def test_informative_commands_succeed(command):
    ended = run_cli([*ENGINE, *command])
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()


@pytest.mark.skipif(os.name != "posix", reason="a closed pipe is another error here")
@pytest.mark.parametrize("command", [["models"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_command_ends_quietly_when_its_output_is_closed(command, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([*ENGINE, *command], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert ended.stderr == b""
    assert ended.returncode == 1 or command == ["--help"]  # argparse itself ignores that it cannot write


def test_engine_works_without_the_training_package(tmp_path):
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("training", "__pycache__"))
    ended = subprocess.run([*ENGINE, "models"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "keymatte" in ended.stdout


def test_our_weights_follow_the_reflection_of_the_chair(tmp_path):
    chair = ROOT / "tests" / "clips" / "chair"
    (tmp_path / "keys").mkdir()
    shutil.copy(chair / "masks" / "frame_000000.png", tmp_path / "keys")
    job = ["--clip", chair / "frames", "--keyframes", tmp_path / "keys", "--out", tmp_path / "out", "--range", "0:10"]
    assert run_cli([*ENGINE, "propagate", *map(str, job)]).returncode == 0
    paths = ["--pred", tmp_path / "out", "--truth", chair / "masks", "--allow-missing"]
    table = run_cli([*ENGINE, "score", *map(str, paths)]).stdout
    mean = re.search(r"mean +[\d.]+ +[\d.]+ +([\d.]+)", table)
    assert float(mean[1]) > 80, table


@pytest.mark.parametrize("fault", ["ImportError('no module named torch')", "OSError('libtorch cannot be opened')"])
def test_the_doctor_finds_that_pytorch_cannot_be_loaded(tmp_path, monkeypatch, fault):
    (tmp_path / "torch.py").write_text(f"raise {fault}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ended = run_cli([*ENGINE, "doctor"])
    assert ended.returncode == 2
    assert "PyTorch cannot be loaded" in ended.stdout
    assert "Install the engine again" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_job_without_pytorch_is_refused(place, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('no module named torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert_refused(propagate(place), "torch", "doctor")


def test_a_path_that_the_console_cannot_show_does_not_end_a_job(place, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    assert run_cli(propagate(place)).returncode == 0
    assert numbers(place) == list(range(FRAMES))


# -- keyframes ---------------------------------------------------------------------------------------------------------
def test_missing_keyframes_are_refused(place):
    shutil.rmtree(place / "keys")
    assert_refused(propagate(place), "keys")
    (place / "keys").mkdir()
    assert_refused(propagate(place), "keyframe")
    assert not (place / "out").exists()


def test_keyframe_of_another_size_is_refused(place):
    write_labels(place / "keys" / "shot_0003.png", np.ones((96, 100), np.uint8))
    assert_refused(propagate(place), "shot_0003.png", "100x96", "128x96")
    assert not (place / "out").exists()


def test_colour_image_as_keyframe_is_refused(place):
    write_png(place / "keys" / "shot_0003.png", np.random.default_rng(0).integers(0, 256, (96, 128, 3)))
    assert_refused(propagate(place), "shot_0003.png", "colour image")
    assert not (place / "out").exists()


def test_what_masks_hold_is_told_or_asked_and_the_choice_is_obeyed(place):
    masks = place / "masks"
    masks.mkdir()
    pixels = np.zeros((96, 128), np.uint8)
    pixels[20:50, 30:60], pixels[60:90, 30:60] = 255, 128
    write_png(masks / "shot_0000.png", pixels)
    assert_refused(propagate(place, keyframes=masks), "shot_0000.png", "--masks numbers, binary, alpha or colours")
    ended = run_cli(propagate(place, keyframes=masks, masks="binary"))
    assert ended.returncode == 0, ended.stderr
    told = "keyframes: 1 image, black and white: 1 object, 15 % of the frame; soft edges are kept"
    assert ended.stderr.splitlines().count(told) == 1
    assert np.array_equal(read_labels(MatteFolder(place / "out").labels(0)) == 1, pixels >= 128)


def test_keyframe_outside_the_clip_is_refused(place):
    films.crossing(count=FRAMES).write_keyframes(place / "keys", [2], start=100)
    assert_refused(propagate(place), "102", "0 to 7")
    assert not (place / "out").exists()


# -- the clip ----------------------------------------------------------------------------------------------------------
def test_missing_clip_is_refused_and_old_results_stay(place):
    assert run_cli(propagate(place)).returncode == 0
    shutil.rmtree(place / "clip")
    assert_refused(propagate(place), "clip")
    assert numbers(place) == list(range(FRAMES))


def test_invalid_movie_is_refused(place):
    (place / "shot.mp4").write_bytes(b"no movie" * 100)
    assert_refused(propagate(place, clip=place / "shot.mp4"), "shot.mp4")


def test_readable_part_of_a_truncated_movie_is_done(place):
    content = films.crossing(count=48).write_movie(place / "shot.avi", codec="MJPG").read_bytes()
    (place / "shot.avi").write_bytes(content[: len(content) // 2])
    assert_refused(propagate(place, clip=place / "shot.avi"), "cut off", "should have 48")
    assert 10 < len(numbers(place)) < 40


def test_a_movie_is_counted_by_picture_or_by_time_and_the_command_says_which(place):
    film = films.crossing(count=8)
    write_movie(place / "shot.mp4", film.frames, times=[0, 40, 80, 120, 240, 360, 480, 600])
    keyframes = film.write_keyframes(place / "movie keys", [0])
    by_picture = run_cli(propagate(place, clip=place / "shot.mp4", keyframes=keyframes))
    assert by_picture.returncode == 0, by_picture.stderr
    assert "shot.mp4: 8 pictures at varying intervals, counted from 0; add --fps" in by_picture.stderr
    assert numbers(place) == list(range(8))
    by_time = run_cli(propagate(place, clip=place / "shot.mp4", keyframes=keyframes, out=place / "out 2", fps=25))
    assert by_time.returncode == 0, by_time.stderr
    assert "16 frames counted by time, of 8 pictures" in by_time.stderr
    mattes = [MatteFolder(place / name).matte(1, frame) for name, frame in (("out", 5), ("out 2", 9), ("out 2", 12))]
    assert np.abs(read_matte(mattes[0]) - read_matte(mattes[1])).mean() < 0.01
    assert np.abs(read_matte(mattes[0]) - read_matte(mattes[2])).mean() > 0.01


@pytest.mark.parametrize("fps", ["0", "-1", "nan", "fast"])
def test_a_rate_that_is_none_is_refused(place, fps):
    ended = run_cli(propagate(place, fps=fps))
    assert ended.returncode == 2 and "--fps" in ended.stderr and "Traceback" not in ended.stderr


def test_mixed_image_sizes_are_refused(place):
    write_png(place / "clip" / "shot_0004.png", np.zeros((50, 60, 3)))
    assert_refused(propagate(place), "60x50", "128x96", "shot_0004.png")
    assert not (place / "out").exists()


# -- weights -----------------------------------------------------------------------------------------------------------
def test_missing_or_damaged_weights_are_refused(place):
    weights = BUNDLED / "keymatte.safetensors"
    assert_refused(
        propagate(place, recipe="keymatte", weights=place / "none.safetensors"), "none.safetensors", "does not exist"
    )
    (place / "half.safetensors").write_bytes(weights.read_bytes()[:100_000])
    assert_refused(
        propagate(place, recipe="keymatte", weights=place / "half.safetensors"), "half.safetensors", "not a complete"
    )
    assert not (place / "out" / "labels").exists()


# -- the disk ----------------------------------------------------------------------------------------------------------
def mounted(command: list[str], out: Path, options: str) -> list[str]:
    """Return the command, wrapped so that `out` is a file system of its own; skip where mounting is not permitted."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        pytest.skip("only Linux lets a test make a file system")
    out.mkdir(exist_ok=True)
    mount = f"mount -t tmpfs -o {options} tmpfs {shlex.quote(str(out))}"
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*unshare, "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let a test make a file system")
    return [
        *unshare,
        "sh",
        "-c",
        f"{mount} && {shlex.join(command)}; status=$?; ls -R {shlex.quote(str(out))}; exit $status",
    ]


def test_full_disk_is_reported_and_holds_no_partial_file(place):
    command = mounted(propagate(place), place / "out", "size=48k")
    assert_refused(command, "space is left")
    inside = run_cli(command).stdout
    assert "keymatte.json" in inside
    assert ".part" not in inside


def test_read_only_output_folder_is_refused(place):
    assert_refused(mounted(propagate(place), place / "out", "ro"), "out", "written")


def test_output_path_of_a_file_is_refused(place):
    (place / "out").write_text("mine")
    assert_refused(propagate(place), "out")
    assert (place / "out").read_text() == "mine"


def test_output_folder_with_other_files_is_refused(place):
    (place / "out").mkdir()
    (place / "out" / "notes.txt").write_text("mine")
    assert_refused(propagate(place), "notes.txt")
    assert [path.name for path in (place / "out").iterdir()] == ["notes.txt"]
