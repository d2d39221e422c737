"""Creating Python environments, with real venvs and a wheel made by the test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from engine.shared import environment
from engine.shared.environment import create, is_complete, python_in, read_constraints, requirements
from engine.shared.errors import DiskFull, EnvironmentFailed, FolderTaken

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable)


@pytest.fixture
def wheel(tmp_path) -> str:
    """Write a wheel of a package with one line of code, and return its path as a requirement for pip."""
    path = tmp_path / "keymatte_sample-1.0-py3-none-any.whl"
    metadata = "keymatte_sample-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("keymatte_sample.py", "ANSWER = 42\n")
        archive.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: keymatte-sample\nVersion: 1.0\n")
        archive.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{metadata}/RECORD",
            f"keymatte_sample.py,,\n{metadata}/METADATA,,\n{metadata}/WHEEL,,\n{metadata}/RECORD,,\n",
        )
    return str(path)


def running() -> list[str]:
    """Return the command lines of all processes, on systems that list them under /proc."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines


def ask(python: Path, question: str) -> str:
    result = subprocess.run([python, "-c", question], capture_output=True, text=True, timeout=60, check=True)
    return result.stdout.strip()


def test_requirements_come_from_the_project_file(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["a>=1"]\n[project.optional-dependencies]\ntest = ["b", "c"]\n')
    assert requirements(project) == ["a>=1"]
    assert requirements(project, extras=("test",)) == ["a>=1", "b", "c"]


def test_environment_is_created_once_and_reused(tmp_path, wheel):
    folder, lines = tmp_path / "eine Umgebung für sich", []
    python = create(folder, [wheel], python=PYTHON, report=lines.append)
    assert python == python_in(folder)
    assert ask(python, "import keymatte_sample; print(keymatte_sample.ANSWER)") == "42"
    assert is_complete(folder, [wheel]) and not is_complete(folder, [wheel, "other"])
    assert any("Unpacking 1 packages" in line for line in lines)
    assert not (folder / "tmp").exists()

    again: list[str] = []
    create(folder, [wheel], python=PYTHON, report=again.append)
    assert again == []


def test_constraints_fix_versions_and_an_environment_of_other_constraints_is_made_again(tmp_path, wheel):
    def make(*constraints: str) -> Path:
        return create(tmp_path / "env", [wheel], python=PYTHON, report=lambda _line: None, constraints=constraints)

    make("keymatte-sample==1.0")
    assert is_complete(tmp_path / "env", [wheel], ["keymatte-sample==1.0"])
    assert not is_complete(tmp_path / "env", [wheel])
    with pytest.raises(EnvironmentFailed, match=r"keymatte-sample"):
        make("keymatte-sample==2.0")
    assert ask(make(), "import keymatte_sample; print(keymatte_sample.ANSWER)") == "42"


def test_the_constraints_file_fixes_every_package_that_the_project_asks_for(tmp_path):
    (tmp_path / "c.txt").write_text("# versions\n\na==1  # why\n  b==2\n")
    assert read_constraints(tmp_path / "c.txt") == ["a==1", "b==2"]

    fixed = {re.split(r"[=;]", line)[0] for line in read_constraints(ROOT / "constraints.txt")}
    required = {re.split(r"[<>=]", line)[0] for line in requirements(ROOT / "pyproject.toml", extras=("test",))}
    assert required <= fixed


def test_incomplete_environment_is_recreated_and_without_its_python_it_is_incomplete(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "left over").write_text("from before")
    (tmp_path / "keymatte-environment.json").write_text('{"requirements": [], "complete": false}')
    assert not is_complete(tmp_path, [])
    python = create(tmp_path, [], python=PYTHON, report=lambda _line: None)
    assert is_complete(tmp_path, []) and not (tmp_path / "lib" / "left over").exists()
    python.unlink()
    assert not is_complete(tmp_path, [])


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "shot.txt").write_text("mine")
    with pytest.raises(FolderTaken, match=r"shot\.txt"):
        create(tmp_path, [], python=PYTHON, report=lambda _line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["shot.txt"]


@pytest.mark.parametrize("name", ["shot.txt", ".git/config", "projects/shot.blend", "lib.txt"])
def test_a_marked_folder_with_files_that_venv_and_pip_do_not_make_is_refused(tmp_path, name):
    (tmp_path / "keymatte-environment.json").write_text('{"requirements": [], "complete": false}')
    (tmp_path / "lib").mkdir()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(FolderTaken, match=name.partition("/")[0]):
        create(tmp_path, [], python=PYTHON, report=lambda _line: None)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="links need permissions on Windows")
def test_links_and_homes_are_never_emptied(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "lib").mkdir(parents=True)
    (home / "lib" / "mine.txt").write_text("mine")
    (home / "keymatte-environment.json").write_text('{"requirements": [], "complete": false}')
    (tmp_path / "link").symlink_to(home)
    marked = tmp_path / "marked"
    marked.mkdir()
    shutil.copy(home / "keymatte-environment.json", marked)
    (marked / "lib").symlink_to(home / "lib")
    monkeypatch.setenv("HOME", str(home))
    for folder in (tmp_path / "link", marked, home, tmp_path, Path(tmp_path.anchor)):
        with pytest.raises(FolderTaken):
            create(folder, [], python=PYTHON, report=lambda _line: None)
    assert (home / "lib" / "mine.txt").read_text() == "mine"


def test_too_little_disk_space_is_reported_before_any_download(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 10**9}))
    with pytest.raises(DiskFull, match=r"needs about 2\.8 GB .* 1\.0 GB are free"):
        create(tmp_path / "env", ["torch>=2"], python=PYTHON, report=lambda _line: None)


def test_missing_package_raises_environment_failed(tmp_path):
    missing = str(tmp_path / "nothing-1.0-py3-none-any.whl")
    with pytest.raises(EnvironmentFailed, match="pip exited with status 1"):
        create(tmp_path / "env", [missing], python=PYTHON, report=lambda _line: None)
    assert not is_complete(tmp_path / "env", [missing])


def test_program_and_pip_end_when_the_input_closes(tmp_path):
    project, folder = tmp_path / "pyproject.toml", tmp_path / "env"
    project.write_text('[project]\ndependencies = ["keymatte-there-is-no-such-package"]\n')
    command = [PYTHON, "-u", "-m", "engine.shared.setup", "--install", folder, "--end-with-stdin"]
    command += ["--pyproject", project]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().startswith("Creating an environment")
    assert child.stdout.readline().startswith("Installing keymatte-there")
    began = time.monotonic()
    child.stdin.close()
    assert child.wait(20) == 143
    assert time.monotonic() - began < 10
    assert not is_complete(folder, ["keymatte-there-is-no-such-package"])
    assert not [line for line in running() if str(folder) in line]


def test_program_reports_errors_without_a_traceback(tmp_path):
    (tmp_path / "shot.txt").write_text("mine")
    command = [PYTHON, "-m", "engine.shared.setup", "--install", tmp_path]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "shot.txt" in result.stderr and "Traceback" not in result.stderr
