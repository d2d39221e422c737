#!/usr/bin/env python3
"""Build, check, demonstrate and test Keymatte, with only Python 3.11 or later installed."""

# This file must be valid in any Python 3, so that an old Python can start a newer one or say which to install.
from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build"
CONSTRAINTS = ROOT / "constraints.txt"  # exact versions for the environments made here
FOLDERS = ("addon", "engine", "ops", "ui")
FILES = ("blender_manifest.toml", "pyproject.toml", "LICENSE", "LICENSES/Apache-2.0.txt", "THIRD_PARTY.md")
LEFT_OUT = ("engine/api", "engine/evaluation", "engine/projects", "engine/training")  # no job needs them
ROOT_MODULE = '"""Keymatte."""\n\nfrom .addon.registration import register, unregister\n'


class Blender(NamedTuple):
    """Release of Blender as a Python package."""

    release: str  # version of the package bpy
    python: tuple  # the Python (major, minor) that it is built for


BLENDERS = {
    "5.0": Blender("5.0.1", (3, 11)),
    "5.2": Blender("5.2.3", (3, 13)),
    "4.5": Blender("4.5.15", (3, 11)),
    "4.2": Blender("4.2.23", (3, 11)),
}
ALSO_TESTED = ("4.2", "5.2")  # in addition to the Blender in the main environment


class BuildError(Exception):
    """Error that the user can act upon, with a message that says how."""


# -- interpreters ------------------------------------------------------------------------------------------
def find_python(version: tuple) -> Path | None:
    """Return the path of a working Python of this version, or None if none is found.

    Tries the Python that runs this script, then PATH, pyenv and, on Windows, the launcher `py`.
    """
    if sys.version_info[:2] == version:
        return Path(sys.executable)
    name = f"python{dotted(version)}" + (".exe" if os.name == "nt" else "")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    paths = [*(Path(folder) / name for folder in os.get_exec_path()), *sorted(pyenv.glob(f"versions/*/bin/{name}"))]
    candidates = [[str(path)] for path in paths if path.is_file()]
    if os.name == "nt":
        candidates.append(["py", f"-{dotted(version)}"])
    program = "import sys, ensurepip, venv; print(sys.version_info[:2]); print(sys.executable)"
    for command in candidates:
        try:
            result = subprocess.run([*command, "-c", program], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            continue
        lines = result.stdout.splitlines()
        if result.returncode == 0 and lines[:1] == [str(tuple(version))]:
            return Path(lines[1])
    return None


def python_for(release: str) -> Path:
    """Return the Python interpreter that this Blender release needs. Raises BuildError if it is not found."""
    blender = BLENDERS[release]
    python = find_python(blender.python)
    if python is None:
        raise BuildError(
            f"The package of Blender {blender.release} needs Python {dotted(blender.python)}, which was not found. "
            "Install it (python.org, or the system's packages), then run the same command again."
        )
    return python


def default_blender() -> str:
    """Return the Blender release to use: the first in BLENDERS for the Python version that runs this script.

    If there is none, return the first release whose Python is found. Raises BuildError if none is found.
    """
    current = sys.version_info[:2]
    for release in sorted(BLENDERS, key=lambda release: BLENDERS[release].python != current):
        python = find_python(BLENDERS[release].python)
        if python:
            if BLENDERS[release].python != current:
                say(f"There is no package of Blender for Python {dotted(current)}: using {python}")
            return release
    raise BuildError(
        f"There is no package of Blender for Python {dotted(current)}, and no Python 3.11 or 3.13 was found. "
        "Install Python 3.11 (python.org, or the system's packages), then run the same command again."
    )


def dotted(version: tuple) -> str:
    """Return a version with dots, such as 3.11."""
    return ".".join(map(str, version))


def run_with_newer_python() -> int:
    """Run this command with a newer Python, and return its exit status. Raises BuildError if none is found."""
    for version in ((3, 11), (3, 13), (3, 12)):
        python = find_python(version)
        if python:
            say(f"Python {dotted(sys.version_info[:2])} is too old: using {python}")
            return subprocess.call([str(python), *sys.argv])
    raise BuildError("Python 3.11 or later is needed, but was not found. Install Python 3.11 (python.org).")


# -- environments ------------------------------------------------------------------------------------------
def main_environment(release: str) -> Path:
    """Return the Python of an environment with the engine, this Blender and the test tools, creating it if needed."""
    from engine.shared.environment import requirements

    lines = requirements(ROOT / "pyproject.toml", extras=("test",))
    return _environment(f"main-blender-{release}", release, lines)


def blender_environment(release: str) -> Path:
    """Return the Python of an environment like an artist's Blender: Blender, NumPy and pytest, without the engine."""
    from engine.shared.environment import requirements

    lines = requirements(ROOT / "pyproject.toml", extras=("test",))
    tools = [line for line in lines if line.startswith(("numpy", "pytest"))]
    return _environment(f"blender-{release}", release, tools)


def _environment(name: str, release: str, packages: list) -> Path:
    """Return the Python of an environment with `packages` and this Blender, at the versions pinned in CONSTRAINTS."""
    from engine.shared.environment import create, is_complete, read_constraints
    from engine.shared.errors import EngineError

    python, lines = python_for(release), [*packages, f"bpy=={BLENDERS[release].release}"]
    constraints = read_constraints(CONSTRAINTS)
    key = hashlib.sha256("\n".join([*lines, *constraints]).encode()).hexdigest()[:8]
    folder = BUILD / f"env-{name}-py{dotted(BLENDERS[release].python)}-{key}"
    if not is_complete(folder, lines, constraints):
        heading(f"Environment {folder.name} (once; downloads up to several GB)")
    try:
        return create(folder, lines, python=python, report=say, constraints=constraints)
    except EngineError as error:
        raise BuildError(error.sentence()) from error


# -- the extension -----------------------------------------------------------------------------------------
def build(folder: Path = BUILD) -> Path:
    """Stage the extension in `folder`, zip it reproducibly, and return the zip. Raises BuildError."""
    import tomllib

    heading("Build the extension")
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    stage = folder / "extension"
    shutil.rmtree(stage, ignore_errors=True)
    for source in sources():
        target = stage / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (stage / "__init__.py").write_text(ROOT_MODULE, encoding="utf-8", newline="\n")
    path = folder / f"{manifest['id']}-{manifest['version']}.zip"
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w") as archive:
        for file in sorted(file for file in stage.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(stage).as_posix())  # dated 1980, for reproducible zips
            entry.external_attr, entry.create_system = 0o100644 << 16, 3
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    part.replace(path)
    say(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return path


def sources() -> list:
    """Return the repository's files that go into the extension. Raises BuildError if one is missing."""
    missing = [name for name in (*FOLDERS, *FILES) if not (ROOT / name).exists()]
    if missing:
        raise BuildError(f"{missing[0]} is missing beside build_addon.py. Clone the whole repository.")
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*"))]
    return [ROOT / name for name in FILES] + [file for file in files if file.is_file() and _is_shipped(file)]


def _is_shipped(file: Path) -> bool:
    path = file.relative_to(ROOT)
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    left_out = any(Path(folder) in path.parents for folder in LEFT_OUT)
    return not hidden and not left_out and file.suffix not in (".pyc", ".part", ".orig")


# -- commands ----------------------------------------------------------------------------------------------
def check(release: str) -> int:
    """Validate the zip with Blender's own tool, then install, enable and disable it in an empty user folder."""
    python = blender_environment(release)
    archive = build()
    heading(f"Install it in Blender {BLENDERS[release].release}")
    return _call([python, "-u", "-m", "tests.demo.extension", archive])


def demo(out: Path) -> int:
    """Run the whole workflow on the bundled clip in background Blender, and write pictures and a table to `out`."""
    python = main_environment(default_blender())
    archive = build()
    heading("Propagate in Blender")
    return _call([python, "-u", "-m", "tests.demo", "--zip", archive, "--out", out.absolute()])


def repository(out: Path) -> int:
    """Add the zip to the static extension repository in `out`, from which Blender installs and updates it."""
    python = blender_environment(default_blender())
    archive = build()
    heading("Publish it")
    return _call([python, "-u", "-m", "release.repository", archive, out.absolute()])


def test(pytest_arguments: list, only: str | None = None) -> int:
    """Run all tests in the main environment, and the tests of the installed extension in other Blenders.

    `only` names the single Blender release to run all tests with. `-m fast` runs only the quick tests, without Blender.
    """
    from tests import suite

    release = only or default_blender()
    python = main_environment(release)
    others = {} if only or suite.is_fast(pytest_arguments) else _other_environments(release)
    archive = build()
    os.environ.update(KEYMATTE_ENGINE_PYTHON=str(python), KEYMATTE_ZIP=str(archive))
    return suite.run((release, python), others, pytest_arguments)


def _other_environments(main_release: str) -> dict:
    """Return the Python by release for the other Blenders to test, leaving out releases whose Python is not found."""
    releases = [release for release in ALSO_TESTED if release != main_release]
    pythons = {release: blender_environment(release) for release in releases if find_python(BLENDERS[release].python)}
    for release in set(releases) - set(pythons):
        say(f"Blender {release} is skipped: Python {dotted(BLENDERS[release].python)}, which it needs, was not found")
    return pythons


def _call(command: list) -> int:
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables["PYTHONNOUSERSITE"] = "1"
    arguments = [str(argument) for argument in command]
    return subprocess.run(arguments, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL).returncode


def heading(text: str) -> None:
    print(f"\n== {text} ==", flush=True)


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list) -> int:
    """Run one command, and return its exit status: 0 on success, 2 if the user has to do something first."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    extra = arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("build", help="build the extension's zip in build/")
    command.set_defaults(run=lambda _options: 0 if build() else 1)
    command = commands.add_parser("check", help="validate the zip and install it in a clean Blender user folder")
    command.add_argument("--blender", choices=list(BLENDERS), help="Blender to use (default: the one for this Python)")
    command.set_defaults(run=lambda options: check(options.blender or default_blender()))
    command = commands.add_parser(
        "demo", help="propagate through the bundled clip in Blender, and write images, a movie and a report"
    )
    command.add_argument("--out", type=Path, default=BUILD / "demo", help="output folder: new, or of an earlier demo")
    command.set_defaults(run=lambda options: demo(options.out))
    command = commands.add_parser("repository", help="add the zip to a folder that serves Blender updates")
    command.add_argument("--out", type=Path, required=True, help="folder: new, or with earlier versions")
    command.set_defaults(run=lambda options: repository(options.out))
    command = commands.add_parser("test", help="run all tests; arguments after -- go to pytest")
    command.add_argument("--blender", choices=list(BLENDERS), help="test only with this Blender")
    command.set_defaults(run=lambda options: test(extra, options.blender))

    options = parser.parse_args(arguments[:split])
    try:
        return options.run(options) if sys.version_info >= (3, 11) else run_with_newer_python()
    except BuildError as error:
        print(f"build_addon.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
