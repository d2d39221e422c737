"""Installing and removing environments: broken off, at the same time, from wheels, behind proxies, and the log."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.shared import environment_folder
from engine.shared.environment import create, is_complete
from engine.shared.environment_folder import (
    MARKER,
    Marker,
    State,
    python_in,
    read_marker,
    remove,
    site_packages,
    state_of,
    write_marker,
)
from engine.shared.errors import DiskFull, EnvironmentFailed, FolderInUse, FolderTaken
from engine.shared.folder_lock import locked
from engine.shared.pip_commands import Source
from engine.shared.setup import main
from engine.shared.setup_errors import ProxyRefused, WheelsMissing
from engine.shared.torch_builds import builds_for

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable)
CUDA = next(build for build in builds_for("linux", "x86_64") if build.key == "cu130")


def write_wheel(folder: Path, name: str, version: str = "1.0", requires: str = "") -> Path:
    """Write a wheel of a package with one line of code."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "ANSWER = 42\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Make an environment from two wheels, once; tests copy it."""
    place = tmp_path_factory.mktemp("made")
    write_wheel(place / "wheels", "first")
    write_wheel(place / "wheels", "second", requires="first")
    create(
        place / "env",
        ["second"],
        python=PYTHON,
        report=lambda _line: None,
        source=Source(wheels=place / "wheels"),
        log=place / "env.log",
    )
    return place


@pytest.fixture
def place(made, tmp_path) -> Path:
    """Copy what `made` has."""
    shutil.copytree(made, tmp_path / "place", symlinks=True)
    return tmp_path / "place"


def complete(place: Path, *, requirements: tuple[str, ...] = ("second",), again: bool = False) -> list[str]:
    """Let the environment of `place` be completed from its wheels; return the lines of progress."""
    lines: list[str] = []
    source = Source(wheels=place / "wheels")
    create(place / "env", requirements, python=PYTHON, report=lines.append, source=source, again=again)
    return lines


def break_off(place: Path) -> None:
    """Leave the environment as an installation does that was ended while `second` was being unpacked."""
    marker = read_marker(place / "env")
    assert marker is not None
    write_marker(place / "env", Marker(marker.requirements, marker.constraints, marker.build))
    packages = site_packages(place / "env")
    assert packages is not None
    (packages / "second-1.0.dist-info" / "INSTALLER").unlink()
    (packages / "second.py").write_text("ANSW")
    (packages / "first.py").write_text("ANSWER = 42  # not unpacked again\n")
    (place / "env" / "tmp").mkdir()


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
    with pytest.raises(DiskFull, match=r"needs about 8\.1 GB .* 3\.0 GB are free"):
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


# -- proxies -----------------------------------------------------------------------------------------------------------
@contextmanager
def proxy(answer: bytes):
    """Run a proxy that answers every request with `answer`, and yield its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"anna:secret@127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "a user and a password"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "refuses the connection"),
    ],
)
def test_a_proxy_that_refuses_is_told_and_its_password_is_in_no_log(place, tmp_path, monkeypatch, answer, words):
    break_off(place)
    monkeypatch.setenv("PIP_RETRIES", "1")
    with proxy(answer) as address:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://{address}")
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(ProxyRefused, match=words) as caught:
            create(
                place / "env",
                ["second", "keymatte-there-is-no-such-package"],
                python=PYTHON,
                report=lambda _line: None,
                log=tmp_path / "log.txt",
            )
    assert "secret" not in caught.value.sentence() + (tmp_path / "log.txt").read_text()


# -- removing ----------------------------------------------------------------------------------------------------------
def test_removing_says_how_much_it_freed_and_leaves_nothing(place, capsys):
    assert main(["--remove", str(place / "env")]) == 0
    assert not (place / "env").exists()
    assert (place / "wheels").is_dir()
    assert "GB were freed" in capsys.readouterr().out


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
