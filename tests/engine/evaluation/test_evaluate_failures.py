"""What the command `evaluate` says of data that is broken or missing, of a full disk and of wrong options."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.evaluation import dataset_makers as make
from tests.engine.evaluation.dataset_makers import evaluate

ROOT = Path(__file__).parents[3]


def test_one_failing_sequence_does_not_end_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_davis(tmp_path / "DAVIS", ("bear", "camel", "dog", "emu", "fox")), tmp_path / "out"
    images, masks = root / "JPEGImages" / "480p", root / "Annotations" / "480p"
    (images / "bear" / "00002.jpg").write_bytes(b"no image")
    make.write_mask(masks / "camel" / "00000.png", make.labels(0)[:-1])
    (masks / "dog" / "00000.png").write_bytes(b"no image")
    make.write_image(images / "emu" / "00003.jpg", make.labels(0)[:-2])
    assert evaluate("davis17-val", root, out) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in ("bear/00002.jpg", "camel/00000.png", "dog/00000.png", "emu/00003.jpg"))
    assert "4 sequences failed, and left out: bear, camel, dog, emu" in told
    assert (out / "Annotations" / "fox" / "00003.png").is_file()
    assert not (out / "Annotations" / "bear").exists()
    assert not list(out.glob("unfinished/*"))


def test_an_incomplete_sequence_is_named_and_the_rest_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = make.make_davis(tmp_path / "DAVIS"), tmp_path / "out"
    (root / "Annotations" / "480p" / "bear" / "00001.png").unlink()
    assert evaluate("davis17-val", root, out) == 2
    assert "left out: bear: Annotations/480p/bear/00001.png is missing" in capsys.readouterr().err
    assert (out / "Annotations" / "camel").is_dir()


def test_a_full_disk_is_told_and_the_next_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file_limit: Callable[[int | None], None]
) -> None:
    root, out = make.make_folder(tmp_path / "clip"), tmp_path / "out"
    make.make_folder(tmp_path / "clips" / "a")
    make.make_folder(tmp_path / "clips" / "b")
    evaluate("folder", root.parent / "clips", out, "--sequences", "a")
    capsys.readouterr()
    file_limit(100)  # bytes, which a mask exceeds
    status = evaluate("folder", root.parent / "clips", out)
    file_limit(None)
    assert status == 2
    told = capsys.readouterr().err
    assert str(out) in told
    assert "Traceback" not in told
    assert evaluate("folder", root.parent / "clips", out) == 0
    assert (out / "Annotations" / "b" / "frame_000004.png").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="children of a process are listed by Linux")
def test_a_process_that_is_killed_costs_no_sequence(tmp_path: Path) -> None:
    root, out = tmp_path / "clips", tmp_path / "out"
    for name in "abc":
        make.make_folder(root / name, frames=300, masks=(0,))
    command = [sys.executable, "-m", "engine", "evaluate", "--dataset", "folder", "--root", str(root)]
    command += ["--out", str(out), "--recipe", "colour", "--height", "32", "--jobs", "2"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(out.glob("unfinished/*/*.png")) and time.monotonic() < until:
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    os.kill(int(children[-1]), signal.SIGKILL)  # the last ones are the workers, as a system short of memory ends them
    _, told = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in told) == (0, False), told
    assert sorted(path.name for path in (out / "Annotations").iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--dataset", "davis18"), "There is no data set 'davis18'"),
        (("--sequences", "nosuch"), "has no sequence 'nosuch'"),
        (("--sequences", ","), "has no sequence"),
        (("--jobs", "0"), "--jobs must be from 1"),
        (("--keyframes", "0"), "--keyframes is 0"),
        (("--keyframes", "9"), "only 3 masks"),
        (("--recipe", "magic"), "magic"),
        (("--scales", "one"), "--scales must look like"),
        (("--scales", "16"), "is neither a factor"),
        (("--framing", "artist", "--flip"), "not to be had with --framing artist"),
        (("--root", "nowhere"), "is not a folder"),
    ],
)
def test_wrong_options_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], sentence: str
) -> None:
    root = make.make_folder(tmp_path / "clip")
    assert evaluate("folder", root, tmp_path / "out", *options) == 2
    assert sentence in capsys.readouterr().err


def test_keyframes_need_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make.make_davis(tmp_path / "DAVIS", split="test-dev")
    assert evaluate("davis17-test-dev", root, tmp_path / "out", "--keyframes", "2") == 2
    assert "are hidden" in capsys.readouterr().err
