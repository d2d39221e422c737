#!/usr/bin/env python3
"""Builds, checks, shows and tests Keymatte, each on a fresh machine with only Python 3.11 or later."""

# Up to `main`, this must be readable by any Python 3: an old one says which newer one to use, or starts it.
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
LEFT_OUT = ("engine/training", "engine/evaluation")  # the extension neither trains nor scores
ROOT_MODULE = '"""Keymatte."""\n\nfrom .addon.registration import register, unregister\n'


class Blender(NamedTuple):
    """A Blender as a Python package."""

    release: str  # of the package `bpy`
    python: tuple  # the one Python (major, minor) it is built for


BLENDERS = {
    "5.0": Blender("5.0.1", (3, 11)),
    "5.2": Blender("5.2.3", (3, 13)),
    "4.5": Blender("4.5.15", (3, 11)),
    "4.2": Blender("4.2.23", (3, 11)),
}
TESTED_TOO = ("4.2", "5.2")  # beside the one in the main environment


class Problem(Exception):
    """Something the user can act upon, in a sentence."""


# -- interpreters ------------------------------------------------------------------------------------------
def find_python(version: tuple) -> Path | None:
    """A Python of this version that really runs: this one, or one on PATH, or pyenv's, or Windows' `py`."""
    if sys.version_info[:2] == version:
        return Path(sys.executable)
    name = f"python{dotted(version)}" + (".exe" if os.name == "nt" else "")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    places = [*(Path(folder) / name for folder in os.get_exec_path()), *sorted(pyenv.glob(f"versions/*/bin/{name}"))]
    candidates = [[str(place)] for place in places if place.is_file()]
    if os.name == "nt":
        candidates.append(["py", f"-{dotted(version)}"])
    question = "import sys, ensurepip, venv; print(sys.version_info[:2]); print(sys.executable)"
    for command in candidates:
        try:
            told = subprocess.run([*command, "-c", question], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            continue
        answer = told.stdout.splitlines()
        if told.returncode == 0 and answer[:1] == [str(tuple(version))]:
            return Path(answer[1])
    return None


def python_for(release: str) -> Path:
    """The interpreter to run this Blender with. Raises Problem if there is none."""
    wanted = BLENDERS[release]
    python = find_python(wanted.python)
    if python is None:
        raise Problem(
            f"Blender {wanted.release} exists as a package for Python {dotted(wanted.python)} only, "
            "and none was found. Install it (python.org, or the system's packages), then run the same again."
        )
    return python


def usual_blender() -> str:
    """The Blender for this Python, else the first for which a Python is found. Raises Problem if there is none."""
    here = sys.version_info[:2]
    for release in sorted(BLENDERS, key=lambda release: BLENDERS[release].python != here):
        python = find_python(BLENDERS[release].python)
        if python:
            if BLENDERS[release].python != here:
                say(f"Blender's package does not exist for Python {dotted(here)}: using {python}")
            return release
    raise Problem(
        f"Blender's package does not exist for Python {dotted(here)}, and no Python 3.11 or 3.13 was found. "
        "Install Python 3.11 (python.org, or the system's packages), then run the same again."
    )


def dotted(version: tuple) -> str:
    return ".".join(map(str, version))


def run_with_newer_python() -> int:
    for version in ((3, 11), (3, 13), (3, 12)):
        python = find_python(version)
        if python:
            say(f"Python {dotted(sys.version_info[:2])} is too old: using {python}")
            return subprocess.call([str(python), *sys.argv])
    raise Problem("Python 3.11 or later is needed, and none was found. Install Python 3.11 (python.org)")


# -- environments ------------------------------------------------------------------------------------------
def main_environment(release: str) -> Path:
    """The interpreter of an environment with the engine, this Blender and the test tools; made if need be."""
    from engine.shared.environment import requirements

    known = requirements(ROOT / "pyproject.toml", extras=("test",))
    return _environment(f"main-blender-{release}", release, known)


def blender_environment(release: str) -> Path:
    """The same without the engine: only Blender, numpy and pytest, as in an artist's Blender."""
    from engine.shared.environment import requirements

    known = requirements(ROOT / "pyproject.toml", extras=("test",))
    tools = [line for line in known if line.startswith(("numpy", "pytest"))]
    return _environment(f"blender-{release}", release, tools)


def _environment(name: str, release: str, packages: list) -> Path:
    """The interpreter of an environment with these packages and this Blender, in the versions of CONSTRAINTS."""
    from engine.shared.environment import create, is_complete, read_constraints
    from engine.shared.errors import EngineError

    python, wanted = python_for(release), [*packages, f"bpy=={BLENDERS[release].release}"]
    constraints = read_constraints(CONSTRAINTS)
    key = hashlib.sha256("\n".join([*wanted, *constraints]).encode()).hexdigest()[:8]
    folder = BUILD / f"env-{name}-py{dotted(BLENDERS[release].python)}-{key}"
    if not is_complete(folder, wanted, constraints):
        heading(f"Environment {folder.name} (once; downloads up to several GB)")
    try:
        return create(folder, wanted, python=python, report=say, constraints=constraints)
    except EngineError as error:
        raise Problem(error.sentence()) from error


# -- the extension -----------------------------------------------------------------------------------------
def build(into: Path = BUILD) -> Path:
    """Stage the extension and zip it: the same sources give the same bytes. Returns the zip."""
    import tomllib

    heading("Build the extension")
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    stage = into / "extension"
    shutil.rmtree(stage, ignore_errors=True)
    for source in sources():
        target = stage / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (stage / "__init__.py").write_text(ROOT_MODULE, encoding="utf-8", newline="\n")
    path = into / f"{manifest['id']}-{manifest['version']}.zip"
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w") as archive:
        for file in sorted(file for file in stage.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(stage).as_posix())  # its date is 1980: no clock in the zip
            entry.external_attr, entry.create_system = 0o100644 << 16, 3
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    part.replace(path)
    say(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return path


def sources() -> list:
    """The repository's files that go into the extension."""
    missing = [name for name in (*FOLDERS, *FILES) if not (ROOT / name).exists()]
    if missing:
        raise Problem(f"{missing[0]} is missing beside build_addon.py: get the whole repository")
    inside = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*"))]
    return [ROOT / name for name in FILES] + [file for file in inside if file.is_file() and _goes_along(file)]


def _goes_along(file: Path) -> bool:
    place = file.relative_to(ROOT)
    hidden = any(part.startswith(".") or part == "__pycache__" for part in place.parts)
    left_out = any(Path(folder) in place.parents for folder in LEFT_OUT)
    return not hidden and not left_out and file.suffix not in (".pyc", ".part", ".orig")


# -- commands ----------------------------------------------------------------------------------------------
def check(release: str) -> int:
    """Validate the zip with Blender's own tool, then install, enable and disable it in a clean user folder."""
    python = blender_environment(release)
    archive = build()
    heading(f"Install it in Blender {BLENDERS[release].release}")
    return _call([python, "-u", "-m", "tests.demo.extension", archive])


def demo(out: Path) -> int:
    """The whole walk on the bundled clip, headless in Blender."""
    python = main_environment(usual_blender())
    archive = build()
    heading("Propagate in Blender")
    return _call([python, "-u", "-m", "tests.demo", "--zip", archive, "--out", out.absolute()])


def test(words: list, only: str | None = None) -> int:
    """All tests in the main environment, then those of the installed extension in other Blenders, or with `only` one.

    `words` go to pytest; `-m fast` runs the quick tests alone, which need no Blender.
    """
    from tests import suite

    usual = only or usual_blender()
    python = main_environment(usual)
    others = {} if only or suite.is_fast(words) else _other_environments(usual)
    archive = build()
    os.environ.update(KEYMATTE_ENGINE_PYTHON=str(python), KEYMATTE_ZIP=str(archive))
    return suite.run((usual, python), others, words)


def _other_environments(usual: str) -> dict:
    """Interpreters of the Blenders that are tested beside the usual one, as far as their Pythons are found."""
    releases = [release for release in TESTED_TOO if release != usual]
    found = {release: blender_environment(release) for release in releases if find_python(BLENDERS[release].python)}
    for release in set(releases) - set(found):
        say(f"Blender {release} is left out: no Python {dotted(BLENDERS[release].python)} was found for it")
    return found


def _call(command: list) -> int:
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables["PYTHONNOUSERSITE"] = "1"
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL).returncode


def heading(text: str) -> None:
    print(f"\n== {text} ==", flush=True)


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list) -> int:
    """Run one command; 0 if it went well, 2 with a sentence if the user must do something first."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    extra = arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("build", help="make the extension's zip in build/")
    command.set_defaults(run=lambda _options: 0 if build() else 1)
    command = commands.add_parser("check", help="install the zip into a clean Blender user folder")
    command.add_argument("--blender", choices=list(BLENDERS), help="which Blender (else the one for this Python)")
    command.set_defaults(run=lambda options: check(options.blender or usual_blender()))
    command = commands.add_parser("demo", help="Propagate on the bundled clip in Blender, with pictures and a table")
    command.add_argument("--out", type=Path, default=BUILD / "demo", help="a new folder, or an earlier demo's")
    command.set_defaults(run=lambda options: demo(options.out))
    command = commands.add_parser("test", help="pass all tests; what follows after -- is given to pytest")
    command.add_argument("--blender", choices=list(BLENDERS), help="test with this Blender alone")
    command.set_defaults(run=lambda options: test(extra, options.blender))

    options = parser.parse_args(arguments[:split])
    try:
        return options.run(options) if sys.version_info >= (3, 11) else run_with_newer_python()
    except Problem as problem:
        print(f"build_addon.py: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
