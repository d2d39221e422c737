"""Installing and removing environments: broken off, at the same time, from wheels, behind proxies, and the log."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.shared import environment_folder
from engine.shared.environment import create, is_complete
from engine.shared.environment_folder import (
    MARKER,
    State,
    python_in,
    remove,
    site_packages,
    state_of,
)
from engine.shared.errors import DiskFull, EnvironmentFailed, FolderInUse, FolderTaken
from engine.shared.folder_lock import locked
from engine.shared.pip_commands import Source
from engine.shared.setup import main
from engine.shared.setup_errors import WheelsMissing
from engine.shared.torch_builds import builds_for
from tests.engine.shared.broken_off import break_off, write_wheel

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable)
CUDA = next(build for build in builds_for("linux", "x86_64") if build.key == "cu130")


def complete(place: Path, *, requirements: tuple[str, ...] = ("second",), again: bool = False) -> list[str]:
    """Let the environment of `place` be completed from its wheels; return the lines of progress."""
    lines: list[str] = []
    source = Source(wheels=place / "wheels")
    create(place / "env", requirements, python=PYTHON, report=lines.append, source=source, again=again)
    return lines


def test_a_broken_off_installation_goes_on_and_unpacks_anew_only_what_was_half_unpacked(place):
    break_off(place)
    assert state_of(place / "env", ["second"]) is State.PARTLY
    lines = complete(place)
    assert "Going on with the installation that was broken off" in lines
    packages = site_packages(place / "env")
    assert (packages / "second.py").read_text() == "ANSWER = 42\n"
    assert "not unpacked again" in (packages / "first.py").read_text()
    assert is_complete(place / "env", ["second"])


def test_what_cannot_be_gone_on_with_is_made_again(place):
    break_off(place)
    shutil.rmtree(site_packages(place / "env") / "pip")
    assert not [line for line in complete(place) if "Going on" in line]
    assert is_complete(place / "env", ["second"])


def test_an_environment_whose_python_is_gone_gets_the_new_one_and_keeps_its_packages(place):
    settings = place / "env" / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("home = ", "home = /gone"))
    assert state_of(place / "env", ["second"]) is State.MOVED
    packages = site_packages(place / "env")
    (packages / "first.py").write_text("ANSWER = 42  # kept\n")
    assert "Going on with the installation that was broken off" in complete(place)
    assert "kept" in (packages / "first.py").read_text()
    assert state_of(place / "env", ["second"]) is State.READY


def test_a_complete_environment_is_made_again_only_if_asked(place):
    packages = site_packages(place / "env")
    (packages / "first.py").write_text("damaged")
    assert complete(place) == []
    complete(place, again=True)
    assert (packages / "first.py").read_text() == "ANSWER = 42\n"


def test_another_version_of_keymatte_makes_it_again(place):
    assert state_of(place / "env", ["first"]) is State.OTHER
    complete(place, requirements=("first",))
    assert not (site_packages(place / "env") / "second.py").exists()


def test_a_missing_wheel_is_named(place):
    (place / "wheels" / "first-1.0-py3-none-any.whl").unlink()
    break_off(place)
    shutil.rmtree(site_packages(place / "env") / "first-1.0.dist-info")
    with pytest.raises(WheelsMissing, match="has no package first"):
        complete(place)


def test_two_installations_at_once_are_refused_and_the_first_is_not_disturbed(place):
    before = sorted(path.name for path in (place / "env").iterdir())
    with locked(place / "env"), pytest.raises(FolderInUse, match="another Blender is installing"):
        complete(place, again=True)
    assert sorted(path.name for path in (place / "env").iterdir()) == before
    assert is_complete(place / "env", ["second"])


def test_the_log_has_the_commands_and_all_output(made):
    text = (made / "env.log").read_text()
    assert "$ " in text and "-m venv" in text and "--find-links" in text
    assert "Successfully installed first-1.0 second-1.0" in text


def test_too_little_room_for_a_build_of_pytorch_is_told_before_any_download(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 3 * 10**9})
    monkeypatch.setattr("engine.shared.environment.shutil.disk_usage", lambda _path: usage)
    with pytest.raises(DiskFull, match=r"needs about 12\.9 GB .* 3\.0 GB are free"):
        create(tmp_path / "env", ["torch"], python=PYTHON, report=lambda _line: None, source=Source(CUDA))
    assert not (tmp_path / "env" / "pyvenv.cfg").exists()


def test_another_build_of_pytorch_than_the_chosen_one_is_not_taken_silently(place):
    """pip's settings can name further indexes, so that it finds a wheel that was not asked for."""
    write_wheel(place / "wheels", "torch", "2.14.1")
    break_off(place)
    from engine.shared.environment import _installed_pytorch

    complete(place, requirements=("torch",))
    with pytest.raises(EnvironmentFailed, match=r"PyTorch 2\.14\.1 was installed, not the build cu130"):
        _installed_pytorch(place / "env", Source(CUDA))


# -- removing ----------------------------------------------------------------------------------------------------------
def test_removing_says_how_much_it_freed_and_leaves_nothing(place, capsys):
    assert main(["--remove", str(place / "env")]) == 0
    assert not (place / "env").exists()
    assert (place / "wheels").is_dir()
    assert "GB were freed" in capsys.readouterr().out


def test_what_pip_keeps_of_downloads_goes_with_the_engine_but_nothing_else(place, capsys):
    downloads = place / "env-downloads"
    (downloads / "http-v2" / "a").mkdir(parents=True)
    (downloads / "http-v2" / "a" / "body").write_bytes(bytes(1000))
    assert environment_folder.remove_downloads(place / "env") == 1000
    assert not downloads.exists()
    (downloads / "http-v2").mkdir(parents=True)
    (downloads / "shot.txt").write_text("mine")
    assert main(["--remove", str(place / "env")]) == 0
    assert [path.name for path in downloads.iterdir()] == ["shot.txt"]
    assert not (place / "env.log").exists()


def test_removing_what_is_not_keymattes_is_refused(place):
    (place / "env" / "shot.blend").write_text("mine")
    with pytest.raises(FolderTaken, match=r"shot\.blend"):
        remove(place / "env")
    assert python_in(place / "env").exists()
    (place / "env" / MARKER).unlink()
    assert remove(place / "env") == 0
    assert remove(place / "nothing") == 0


def test_an_environment_that_is_being_installed_is_not_removed(place):
    with locked(place / "env"), pytest.raises(FolderInUse):
        remove(place / "env")
    assert python_in(place / "env").exists()


def test_a_removal_that_is_broken_off_leaves_no_engine_that_seems_complete(place, monkeypatch):
    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment_folder.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove(place / "env")
    assert state_of(place / "env", ["second"]) is State.PARTLY
    assert remove(place / "env") > 0 and not (place / "env").exists()


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_an_environment_whose_marker_was_damaged_can_be_made_again_and_removed(place, text):
    """As by a power cut; nothing else tells an artist what to do with it."""
    (place / "env" / MARKER).write_text(text)
    complete(place)
    assert is_complete(place / "env", ["second"])
    (place / "env" / MARKER).write_text(text)
    assert remove(place / "env") > 0 and not (place / "env").exists()


def test_too_little_room_for_another_build_leaves_the_engine_that_is_there(place, monkeypatch):
    usage = type("Usage", (), {"free": 3 * 10**9})
    monkeypatch.setattr("engine.shared.environment.shutil.disk_usage", lambda _path: usage)
    with pytest.raises(DiskFull, match="are free"):
        create(place / "env", ["torch"], python=PYTHON, report=lambda _line: None, source=Source(CUDA))
    assert state_of(place / "env", ["second"]) is State.READY


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 the beginning of a zip"])
def test_a_damaged_wheel_is_named(place, content):
    (place / "wheels" / "first-1.0-py3-none-any.whl").write_bytes(content)
    with pytest.raises(WheelsMissing, match=r"first-1\.0-py3-none-any\.whl is damaged") as caught:
        complete(place, again=True)
    assert "download this file again" in caught.value.sentence()


def test_a_file_in_place_of_the_environment_is_told_with_what_to_do(tmp_path):
    (tmp_path / "env").write_text("mine")
    with pytest.raises(FolderTaken, match="is a file, not a folder") as caught:
        create(tmp_path / "env", ["second"], python=PYTHON, report=lambda _line: None)
    assert "Move it away" in caught.value.remedy and (tmp_path / "env").read_text() == "mine"


def test_a_damaged_marker_is_as_none(tmp_path):
    for text in ("", "[]", "{", '{"requirements": 5, "complete": "yes"}'):
        (tmp_path / MARKER).write_text(text)
        assert state_of(tmp_path, []) in (State.MISSING, State.PARTLY)
    assert environment_folder.size_of(tmp_path) == len('{"requirements": 5, "complete": "yes"}')


# -- the program -------------------------------------------------------------------------------------------------------
def test_commands_are_printed_for_every_system(capsys):
    assert main(["--print-commands"]) == 0
    text = capsys.readouterr().out
    for words in ("# win32, NVIDIA (CUDA 13.0)", "# linux, AMD (ROCm 7.2)", "# darwin", "whl/cpu", "whl/cu126"):
        assert words in text


def test_an_error_is_told_to_blender_with_its_code(tmp_path):
    (tmp_path / "shot.txt").write_text("mine")
    command = [PYTHON, "-m", "engine.shared.setup", "--install", tmp_path, "--end-with-stdin"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        line = child.stderr.readline()
        assert child.wait(60) == 2
    code, message, _remedy = json.loads(line)
    assert code == "folder-taken" and "shot.txt" in message
