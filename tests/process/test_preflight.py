"""The engine started by unsuitable Pythons: each ends with a sentence in the protocol, and none is aborted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.shared import preflight
from engine.shared.environment_folder import MARKER, Marker, python_in, write_marker
from engine.shared.protocol import Failed, Ready, decode
from engine.shared.setup_errors import PythonUnsuitable

ROOT = Path(__file__).resolve().parents[2]


def start(python: str | Path, *, path: Path | None = None, seconds: float = 120) -> tuple[int, list, str]:
    """Start the engine as Blender does, with its stdin open; return its exit status, its answers and its log."""
    variables = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    flags = ["-u"] if path else ["-E", "-s", "-u"]
    command = [str(python), *flags, "-m", "engine.shared.preflight", "serve"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=variables) as child:
        answers = []
        for line in child.stdout:
            answers.append(decode(line))
            if isinstance(answers[-1], Ready):
                child.stdin.close()
        status = child.wait(seconds)
        return status, answers, child.stderr.read()


def test_a_python_with_all_packages_starts_the_engine():
    assert preflight.complaint() == ""
    status, answers, _ = start(sys.executable)
    assert status == 0 and isinstance(answers[0], Ready)


def test_a_python_without_pytorch_says_so_in_a_sentence(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True, timeout=60)
    python = tmp_path / "bare" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    status, answers, log = start(python)
    assert (status, log) == (2, "")
    (failed,) = answers
    assert failed.message == f"the Python at {python} has no PyTorch"
    assert failed.code == PythonUnsuitable.code and failed.remedy == PythonUnsuitable.default_remedy


def test_an_engine_that_lost_its_packages_says_how_to_install_it_again(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "own"], check=True, timeout=60)
    write_marker(tmp_path / "own", Marker(("torch",), complete=True))
    _, (failed,), _ = start(python_in(tmp_path / "own"))
    assert "has no PyTorch" in failed.message and "with Install Again on" in failed.remedy


@pytest.mark.parametrize("fault", ["ImportError('a library is missing')", "OSError(126, 'a library is missing')"])
def test_a_pytorch_that_cannot_be_loaded_is_told_and_nothing_is_aborted(tmp_path, fault):
    (tmp_path / "torch.py").write_text(f"raise {fault}")
    status, answers, log = start(sys.executable, path=tmp_path)
    assert status == 2
    assert [type(answer) for answer in answers] == [Failed]
    assert "cannot be loaded" in answers[0].message and "a library is missing" in answers[0].message
    assert "Install Again" in answers[0].remedy
    assert "Fatal Python error" not in log


def old_python() -> str | None:
    """Return a Python older than the engine needs, if this computer has one."""
    places = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
    places += [str(path) for path in Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python")]
    return next((place for place in places if place and _runs(place)), None)


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True, timeout=20).returncode == 0


@pytest.mark.skipif(not old_python(), reason="needs a Python from 3.6 to 3.10")
def test_an_old_python_says_its_version():
    status, answers, log = start(old_python())
    assert (status, log) == (2, "")
    assert "but the engine needs 3.11 or newer" in answers[0].message


def test_the_program_has_no_syntax_that_old_pythons_do_not_know():
    """Compile with the grammar of 3.7, the oldest that `ast` still offers; annotations are run when it is imported."""
    import ast

    tree = ast.parse(Path(preflight.__file__).read_text(encoding="utf-8"), feature_version=(3, 7))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert isinstance(node.returns, ast.Name) and node.returns.id in ("str", "int")


def test_code_and_remedy_are_those_of_the_error():
    assert preflight.MARKER == MARKER
    assert (PythonUnsuitable.code, PythonUnsuitable.default_remedy) == (preflight.CODE, preflight.REMEDY)
    failed = {"kind": "Failed", "job_id": "", "code": "c", "message": "m", "remedy": "r"}
    assert decode(json.dumps(failed)) == Failed("", "c", "m", "r")
