"""The engine as a Python package: `pip install .` gives `keymatte`, its command and its Python interface."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import api
from engine.shared.errors import BadSetting, MasksMissing, NoKeyframes, ScoreIncomplete, UnknownRecipe, WeightsMissing
from tests.png import write_png

ROOT = Path(__file__).resolve().parents[1]
CHAIR = ROOT / "tests/clips/chair"
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


# -- the package -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Return a folder into which pip has installed the package, without its dependencies, from copied sources."""
    copy, site = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(ROOT / "engine", copy / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--target", site, copy], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return site


def run(site: Path, cwd: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a program with only the installed package on Python's path beside the environment's own packages."""
    variables = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    return subprocess.run(list(map(str, words)), cwd=cwd, env=variables, capture_output=True, text=True, timeout=300)


def test_the_package_has_every_module_and_data_file_of_the_engine(installed):
    def files(root: Path) -> set[str]:
        found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        return {name for name in found if "__pycache__" not in name}

    left_out = {
        name for name in files(ROOT / "engine") if name.startswith("training/") and not name.endswith((".py", ".json"))
    }
    assert files(installed / "keymatte") == files(ROOT / "engine") - left_out


def test_every_folder_of_the_engine_is_listed_as_a_package():
    folders = {path.parent.relative_to(ROOT / "engine") for path in (ROOT / "engine").rglob("__init__.py")}
    assert set(SETUP["packages"]) == {".".join(("keymatte", *folder.parts)) for folder in folders}


def test_the_command_is_that_of_the_module(installed, tmp_path):
    told = run(installed, tmp_path, installed / "bin" / "keymatte", "--help")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("usage: keymatte ")
    as_module = run(ROOT, tmp_path, sys.executable, "-m", "engine", "--help")
    assert re.findall(r"^    (\S+) ", told.stdout, re.M) == re.findall(r"^    (\S+) ", as_module.stdout, re.M)


def test_importing_the_package_loads_neither_pytorch_nor_the_jobs(installed, tmp_path):
    program = (
        "import sys, keymatte; print(keymatte.__version__, 'torch' in sys.modules, 'keymatte.jobs' in sys.modules)"
    )
    told = run(installed, tmp_path, sys.executable, "-c", program)
    assert told.stdout.split() == [engine.VERSION, "False", "False"], told.stderr
    assert run(installed, tmp_path, sys.executable, "-c", "import keymatte; keymatte.nothing").stderr.endswith(
        "AttributeError: module 'keymatte' has no attribute 'nothing'\n"
    )


def test_the_example_of_the_readme_runs_with_the_installed_package(installed, tmp_path):
    example = README.partition("### Python\n")[2].partition("```python\n")[2].partition("```")[0]
    assert "keymatte.propagate(" in example
    (tmp_path / "tests").symlink_to(ROOT / "tests", target_is_directory=True)
    told = run(installed, tmp_path, sys.executable, "-c", example)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0] == "(1,) 12 frames"
    assert float(lines[-1].removeprefix("J&F ")) > 0.9
    assert (tmp_path / "mattes/mattes/001/000011.png").is_file()


# -- its Python interface ----------------------------------------------------------------------------------------------
@pytest.fixture
def shot(tmp_path) -> Path:
    """Return a folder with a film of a square that moves to the right, its true masks, and a keyframe."""
    for frame in range(6):
        mask = np.zeros((48, 64), np.uint8)
        mask[12:36, 8 + 4 * frame : 32 + 4 * frame] = 1
        picture = np.where(mask[..., None], (220, 60, 50), (20, 60, 140)).astype(np.uint8)
        for folder, pixels in (("frames", picture), ("truth", mask)):
            (tmp_path / folder).mkdir(exist_ok=True)
            write_png(tmp_path / folder / f"{frame + 10:04d}.png", pixels)
    (tmp_path / "keyframes").mkdir()
    shutil.copy(tmp_path / "truth/0010.png", tmp_path / "keyframes")
    return tmp_path


def test_mattes_are_computed_and_read_back(shot):
    stages: list[tuple[str, int, int]] = []
    mattes = api.propagate(
        shot / "frames", shot / "keyframes", shot / "out", recipe="colour", masks="numbers",
        progress=lambda text, done, total: stages.append((text, done, total)),
    )  # fmt: skip
    assert (mattes.objects, mattes.frames, mattes.warning) == ((1,), (10, 11, 12, 13, 14, 15), "")
    assert mattes.matte(1, 12).shape == mattes.labels(12).shape == (48, 64)
    assert mattes.matte(1, 12)[20, 30] > 0.9 and mattes.labels(12)[20, 30] == 1
    assert any(text == "Propagating" and 0 < done <= total for text, done, total in stages)
    scores = api.score(shot / "out", shot / "truth", masks="numbers")
    assert scores.j_and_f > 0.9
    again = api.propagate(str(shot / "frames"), str(shot / "keyframes"), str(shot / "out"), recipe="colour",
                          masks="numbers", changed=True)  # fmt: skip
    assert "up to date" in again.note


def test_only_the_frames_asked_for_are_computed(shot):
    mattes = api.propagate(
        shot / "frames", shot / "keyframes", shot / "out", recipe="colour", masks="numbers", frames=range(2, 4)
    )
    assert mattes.frames == (12, 13)
    with pytest.raises(ScoreIncomplete, match=r"no label image for frames? 10"):
        api.score(shot / "out", shot / "truth", masks="numbers")
    assert api.score(shot / "out", shot / "truth", masks="numbers", allow_missing=True).missing == (10, 11, 14, 15)


def test_frames_are_suggested_with_and_without_keyframes(shot):
    first = api.suggest(shot / "frames", height=48)
    assert first and all(10 <= one.frame <= 15 and one.object_id is None and one.reason for one in first)
    api.propagate(shot / "frames", shot / "keyframes", shot / "out", height=48, masks="numbers")
    found = api.suggest(shot / "frames", shot / "out", chosen=[10], count=2, height=48)
    assert all(one.frame != 10 for one in found) and len(found) <= 2


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"recipe": "xmen"}, UnknownRecipe, "xmen"),
        (
            {"masks": "greyscale"},
            BadSetting,
            "masks must be one of auto, numbers, binary, alpha, colours, not 'greyscale'",
        ),
        ({"direction": "up"}, BadSetting, "direction must be one of both, forward, backward, not 'up'"),
        ({"frames": range(0, 9)}, BadSetting, "outside the clip, which has 0 to 5"),
        ({"frames": range(0, 6, 2)}, BadSetting, "has a step"),
        ({"settings": {"nothing": 3}}, BadSetting, "nothing"),
        ({"keyframes": "frames/none"}, NoKeyframes, "none"),
        ({"frames": [0, 1]}, BadSetting, "frames must be a range, not [0, 1]"),
        ({"frames": 3}, BadSetting, "frames must be a range, not 3"),
        ({"height": "96"}, BadSetting, "height must be a whole number, not '96'"),
        ({"height": 48.5}, BadSetting, "height must be a whole number, not 48.5"),
        ({"fps": "24"}, BadSetting, "fps must be a number above 0, not '24'"),
        ({"recipe": None}, BadSetting, "recipe must be a name, not None"),
        ({"settings": ["read.top_k=3"]}, BadSetting, "settings must be a mapping, not ['read.top_k=3']"),
        ({"unlabelled": "abscent"}, BadSetting, "unlabelled must be one of unknown, absent, not 'abscent'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(shot, changes, error, words):
    given = {"keyframes": "keyframes", "recipe": "colour", **changes}
    with pytest.raises(error, match=re.escape(words)):
        api.propagate(shot / "frames", shot / given.pop("keyframes"), shot / "out", **given)
    assert not (shot / "out").exists()


def test_what_is_no_path_is_told(shot):
    for wrong in (None, 3, b"frames", [shot / "frames"], np.zeros((48, 64), np.uint8)):
        with pytest.raises(BadSetting, match="clip must be a path, not "):
            api.propagate(wrong, shot / "keyframes", shot / "out", recipe="colour")
        with pytest.raises(BadSetting, match="keyframes must be a path, not "):
            api.propagate(shot / "frames", wrong, shot / "out", recipe="colour")
        with pytest.raises(BadSetting, match="truth must be a path, not "):
            api.score(shot / "truth", wrong)
    assert not (shot / "out").exists()


def test_numbers_of_numpy_are_numbers(shot):
    mattes = api.propagate(
        shot / "frames", shot / "keyframes", shot / "out", recipe="colour", masks="numbers", height=np.int64(48)
    )
    assert mattes.labels(np.int32(12)).shape == (48, 64)
    for frame in ("12", 12.0, None):
        with pytest.raises(BadSetting, match="frame must be a whole number, not "):
            mattes.labels(frame)
    for chosen in (np.array([10]), np.array([10, 11]), range(10, 12)):
        assert api.suggest(shot / "frames", shot / "out", chosen=chosen, count=np.int64(1), recipe="colour", height=48)
    for given in ({"chosen": 10}, {"chosen": "10"}, {"chosen": [10.5]}, {"chosen": [10], "count": 1.5}):
        with pytest.raises(BadSetting, match="must be a "):
            api.suggest(shot / "frames", shot / "out", recipe="colour", **given)


def test_a_script_that_fails_shows_what_to_do(shot):
    script = "from engine import api; api.propagate('frames', 'keyframes', 'out', recipe='xmem++', weights='none.pth')"
    told = run(ROOT, shot, sys.executable, "-c", script).stderr.rstrip()
    with pytest.raises(WeightsMissing) as caught:
        api.propagate(shot / "frames", shot / "keyframes", shot / "out", recipe="xmem++", weights="none.pth")
    assert caught.value.remedy and told.endswith(caught.value.remedy)


def test_mattes_and_frames_with_keyframes_belong_together(shot):
    for given in ({"chosen": [10]}, {"results": shot / "out"}):
        with pytest.raises(MasksMissing, match="together, or neither"):
            api.suggest(shot / "frames", **given)
    with pytest.raises(BadSetting, match="frame 3 is not in the clip, which has 10 to 15"):
        api.suggest(shot / "frames", shot / "out", chosen=[3])
