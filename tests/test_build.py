"""The extension's zip: its content, reproducible bytes, and installation in Blender."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

import build_addon
import engine
from engine.shared.environment import requirements
from tests import suite
from tests.process.test_client import has_ended

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return build_addon.build(tmp_path_factory.mktemp("build"))


def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def copy_repository(to: Path) -> Path:
    """Copy the repository's files that a build needs to the folder `to`, and return it."""
    to.mkdir(parents=True)
    for name in (*build_addon.FILES, "build_addon.py"):
        (to / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, to / name)
    for name in build_addon.FOLDERS:
        shutil.copytree(ROOT / name, to / name)
    return to


def test_the_zip_holds_the_extension_and_nothing_else(archive):
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        assert opened.testzip() is None
    for name in (
        "__init__.py",
        *build_addon.FILES,
        "addon/registration.py",
        "engine/jobs/server.py",
        "ops/__init__.py",
    ):
        assert name in names
    top = {name.split("/")[0] for name in names}
    assert top == {"__init__.py", *(name.split("/")[0] for name in build_addon.FILES), *build_addon.FOLDERS}
    for name in names:
        assert "__pycache__" not in name and not name.endswith((".pyc", ".part"))
        assert not name.startswith((*build_addon.LEFT_OUT, "tests/"))


def test_the_zip_holds_the_weights(archive):
    with zipfile.ZipFile(archive) as opened:
        packed = {
            Path(name).name: opened.read(name) for name in opened.namelist() if name.startswith("engine/weights/")
        }
    weights = {path.name: path.read_bytes() for path in (ROOT / "engine" / "weights").glob("*.safetensors")}
    assert weights, "the repository has no weights"
    assert {name: packed.get(name) for name in weights} == weights


def test_zip_and_project_have_the_same_version(archive):
    assert archive.name == f"keymatte-{MANIFEST['version']}.zip"
    assert MANIFEST["version"] == PROJECT["version"] == engine.VERSION


def test_same_sources_give_the_same_bytes_elsewhere_and_later(archive, tmp_path):
    clone = copy_repository(tmp_path / "ein Ordner für Blender")
    for path in clone.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if path.is_file():
            path.chmod(0o600)
    (clone / "engine" / "__pycache__").mkdir(exist_ok=True)
    (clone / "engine" / "__pycache__" / "left.pyc").write_bytes(b"x")
    (clone / "addon" / ".hidden").write_text("x")
    result = run("build_addon.py", "build", cwd=clone)
    assert result.returncode == 0, result.stderr
    assert (clone / "build" / archive.name).read_bytes() == archive.read_bytes()


def test_second_build_drops_deleted_files(archive, tmp_path):
    clone = copy_repository(tmp_path / "clone")
    (clone / "ops" / "passing.py").write_text('"""Here only for a moment."""\n')
    assert run("build_addon.py", "build", cwd=clone).returncode == 0
    (clone / "ops" / "passing.py").unlink()
    assert run("build_addon.py", "build", cwd=clone).returncode == 0
    assert (clone / "build" / archive.name).read_bytes() == archive.read_bytes()


def test_incomplete_repository_is_reported_without_a_traceback(tmp_path):
    clone = copy_repository(tmp_path / "clone")
    shutil.rmtree(clone / "ui")
    result = run("build_addon.py", "build", cwd=clone)
    assert result.returncode == 2
    assert "ui is missing" in result.stderr and "Traceback" not in result.stderr


def test_blender_validates_installs_enables_and_disables_the_zip(archive):
    result = run("-m", "tests.demo.extension", archive)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "installed and enabled" in result.stdout and "nothing is left behind" in result.stdout


def test_a_zip_with_a_bad_manifest_is_refused(archive, tmp_path):
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(
                name,
                text.replace(b'tagline = "', b'tagline = "Ends with a full stop. ') if "manifest" in name else text,
            )
    result = run("-m", "tests.demo.extension", bad)
    assert result.returncode == 1
    assert "does not accept" in result.stderr


def test_help_lists_every_command():
    result = run("build_addon.py", "--help")
    assert all(command in result.stdout for command in ("build", "check", "demo", "test"))


def test_python_that_does_not_run_is_skipped(tmp_path, monkeypatch):
    broken = tmp_path / "python3.99"
    broken.write_text("#!/bin/sh\necho 'no such version' >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build_addon.find_python((3, 99)) is None
    assert build_addon.find_python(sys.version_info[:2]) == Path(sys.executable)


def test_missing_python_is_reported_with_the_version_to_install(monkeypatch):
    monkeypatch.setattr(build_addon, "find_python", lambda version: None)
    with pytest.raises(build_addon.BuildError, match=r"Python 3\.13.*Install it"):
        build_addon.python_for("5.2")
    with pytest.raises(build_addon.BuildError, match=r"Install Python 3\.11"):
        build_addon.default_blender()


def test_the_tally_counts_what_pytest_did(tmp_path):
    sample = tmp_path / "test_sample.py"
    sample.write_text(
        "import pytest\ndef test_good(): pass\ndef test_bad(): assert 0\n@pytest.mark.skip\ndef test_not_now(): pass\n"
    )
    tally = suite._pytest(Path(sys.executable), "sample", [str(sample)], ["-p", "no:cacheprovider"])
    assert tally == suite.Tally(passed=1, failed=1, skipped=1)


def test_a_run_that_crashes_keeps_its_results_and_counts_as_failed(tmp_path, capfd):
    sample = tmp_path / "test_sample.py"
    sample.write_text("import os\ndef test_good(): pass\ndef test_bad(): assert 0\ndef test_crash(): os._exit(0)\n")
    assert suite._pytest(Path(sys.executable), "sample", [str(sample)], []) == suite.Tally(1, 2, 0)
    told = capfd.readouterr().out
    assert re.search(r"FAILED .*::test_bad", told)
    assert re.search(r"NOT ENDED .*::test_crash", told)


HANGING = """
import subprocess, sys, time, pytest
def test_good(): pass
def test_bad(): assert 0
@pytest.mark.skip
def test_skipped(): pass
def test_hang():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    open("CHILD", "w").write(str(child.pid))
    time.sleep(1000)
def test_later(): pass
"""


def test_a_run_that_hangs_is_ended_with_its_children_and_names_the_test(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(suite, "MAX_SILENCE", 4.0)
    sample = tmp_path / "test_sample.py"
    sample.write_text(HANGING.replace("CHILD", (tmp_path / "child").as_posix()))
    assert suite._pytest(Path(sys.executable), "sample", [str(sample)], []) == suite.Tally(1, 2, 1)
    told = capfd.readouterr().out
    assert re.search(r"no test has ended for .* minutes; running was .*::test_hang", told)
    assert re.search(r"FAILED .*::test_bad", told)
    assert "until then, 1 passed, 1 failed" in told
    if os.name == "posix":
        assert has_ended(int((tmp_path / "child").read_text()))


def test_a_slow_run_is_not_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "MAX_SILENCE", 4.0)
    sample = tmp_path / "test_sample.py"
    sample.write_text(
        "import time, pytest\n@pytest.mark.parametrize('number', range(5))\ndef test_slow(number): time.sleep(1.5)\n"
    )
    began = time.monotonic()
    assert suite._pytest(Path(sys.executable), "sample", [str(sample)], []) == suite.Tally(5, 0, 0)
    assert time.monotonic() - began > 6


def test_the_license_is_gpl_3():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text and "Version 3, 29 June 2007" in text
    assert MANIFEST["license"] == ["SPDX:GPL-3.0-or-later"] and PROJECT["license"] == "GPL-3.0-or-later"


def test_every_dependency_is_listed_with_its_licence():
    licences = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    for line in requirements(ROOT / "pyproject.toml", extras=("test",)):
        name = line.split(">")[0]
        assert f"| {name} |" in licences, f"{name} is not in THIRD_PARTY.md"


def test_each_test_is_in_one_run_and_those_in_blender_in_one_of_each_release():
    main, other = ("5.0", Path("main")), {"4.2": Path("other")}
    first, *others = suite.planned(main, other, [])
    assert first == (Path("main"), "main-5.0", ["tests"], ["--ignore=tests/blender", "--ignore=tests/process"])
    assert others == [
        (Path("main"), "blender-5.0", ["tests/blender"], []),
        (Path("other"), "blender-4.2", ["tests/blender"], []),
        (Path("main"), "processes", ["tests/process"], []),
    ]
    (quick,) = suite.planned(main, other, suite.FAST)
    assert quick[2:] == (["tests"], ["-m", "fast", "--ignore=tests/blender"])
    chosen = suite.planned(main, other, ["-k", "outlines"])
    assert [name for _, name, *_ in chosen] == ["main-5.0", "blender-5.0", "blender-4.2"]
    assert all(options[:2] == ["-k", "outlines"] for *_, options in chosen)
    assert [run[1:3] for run in suite.planned(main, other, ["tests/test_build.py"])] == [
        ("main-5.0", ["tests/test_build.py"])
    ]
