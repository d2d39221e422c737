"""Making Python environments: from nothing, resumed, refused; with real venvs and a package made here."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from engine.shared import environment
from engine.shared.environment import create, is_complete, python_in, requirements
from engine.shared.errors import DiskFull, EnvironmentFailed, FolderTaken

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable)


@pytest.fixture
def wheel(tmp_path) -> str:
    """A package of one line, as pip is told to take it."""
    path = tmp_path / "keymatte_sample-1.0-py3-none-any.whl"
    told = "keymatte_sample-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("keymatte_sample.py", "ANSWER = 42\n")
        archive.writestr(f"{told}/METADATA", "Metadata-Version: 2.1\nName: keymatte-sample\nVersion: 1.0\n")
        archive.writestr(f"{told}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{told}/RECORD", f"keymatte_sample.py,,\n{told}/METADATA,,\n{told}/WHEEL,,\n{told}/RECORD,,\n"
        )
    return str(path)


def running() -> list[str]:
    """Command lines of all processes, where the system lists them as files."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines


def ask(python: Path, question: str) -> str:
    told = subprocess.run([python, "-c", question], capture_output=True, text=True, timeout=60, check=True)
    return told.stdout.strip()


def test_requirements_come_from_the_project_file(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["a>=1"]\n[project.optional-dependencies]\ntest = ["b", "c"]\n')
    assert requirements(project) == ["a>=1"]
    assert requirements(project, extras=("test",)) == ["a>=1", "b", "c"]


def test_an_environment_is_made_found_again_and_left_alone(tmp_path, wheel):
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


def test_one_that_is_half_made_is_made_again_and_without_its_python_it_is_not_complete(tmp_path):
    (tmp_path / "left over").write_text("from before")
    (tmp_path / "keymatte-environment.json").write_text('{"requirements": [], "complete": false}')
    assert not is_complete(tmp_path, [])
    python = create(tmp_path, [], python=PYTHON, report=lambda _line: None)
    assert is_complete(tmp_path, []) and not (tmp_path / "left over").exists()
    python.unlink()
    assert not is_complete(tmp_path, [])


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "shot.txt").write_text("mine")
    with pytest.raises(FolderTaken, match=r"shot\.txt"):
        create(tmp_path, [], python=PYTHON, report=lambda _line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["shot.txt"]


def test_too_small_a_disk_is_told_before_anything_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 10**9}))
    with pytest.raises(DiskFull, match=r"needs about 2\.8 GB .* 1\.0 GB are free"):
        create(tmp_path / "env", ["torch>=2"], python=PYTHON, report=lambda _line: None)


def test_a_package_that_does_not_exist_is_told_in_a_sentence(tmp_path):
    missing = str(tmp_path / "nothing-1.0-py3-none-any.whl")
    with pytest.raises(EnvironmentFailed, match="pip ended with status 1"):
        create(tmp_path / "env", [missing], python=PYTHON, report=lambda _line: None)
    assert not is_complete(tmp_path / "env", [missing])


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    (
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/torch/\n"
            "ERROR: Could not find a version that satisfies the requirement torch\n"
            "ERROR: No matching distribution found for torch",
            EnvironmentFailed,
            "registry was not reached",
        ),
        ("ERROR: No matching distribution found for bpy==5.0.1", EnvironmentFailed, "no package bpy==5.0.1"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            DiskFull,
            "space is left",
        ),
        ("Collecting x\nERROR: something new", EnvironmentFailed, "status 1: ERROR: something new"),
    ),
)
def test_what_pip_says_becomes_a_sentence(said, kind, words):
    error = environment._failure(said, 1)
    assert type(error) is kind
    assert words in error.sentence()


def test_progress_is_told_in_few_lines():
    lines: list[str] = []
    condensed = environment._Condensed(lines.append)
    total = 400_000_000
    for line in (
        "Collecting bpy==5.0.1",
        "Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (1.2 kB)",
        "Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (400.0 MB)",
        *(f"Progress {done} of {total}" for done in range(0, total + 1, total // 100)),
        "Progress 5 of None",
        "Installing collected packages: a, b, c",
    ):
        condensed.line(line)
    assert lines[0] == "Downloading bpy 5.0.1 (400.0 MB)"
    assert lines[1:11] == [f"  bpy: {percent} % of 400 MB" for percent in range(10, 101, 10)]
    assert lines[11:] == ["Unpacking 3 packages: this takes a minute or more"]


def test_as_a_program_it_ends_when_its_input_ends_and_takes_pip_along(tmp_path):
    project, folder = tmp_path / "pyproject.toml", tmp_path / "env"
    project.write_text('[project]\ndependencies = ["keymatte-there-is-no-such-package"]\n')
    command = [PYTHON, "-u", "-m", "engine.shared.environment", folder, "--pyproject", project, "--end-with-stdin"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().startswith("Making an environment")
    assert child.stdout.readline().startswith("Getting keymatte-there")
    began = time.monotonic()
    child.stdin.close()
    assert child.wait(20) == 143
    assert time.monotonic() - began < 10
    assert not is_complete(folder, ["keymatte-there-is-no-such-package"])
    assert not [words for words in running() if str(folder) in words]


def test_as_a_program_it_complains_in_a_sentence(tmp_path):
    (tmp_path / "shot.txt").write_text("mine")
    command = [PYTHON, "-m", "engine.shared.environment", tmp_path]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert "shot.txt" in told.stderr and "Traceback" not in told.stderr
