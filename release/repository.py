"""Static extension repository: a folder that any web server can serve to Blender, with the newest zip in its index.

`python -m release.repository ZIP FOLDER` adds a zip to it, and runs in a Python that has the package bpy, whose own
tool makes the index.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.shared.errors import EngineError
from engine.shared.files import atomic_write, link_or_copy, read_json, replace_file, writing_error
from engine.shared.folder_lock import locked
from engine.shared.version_order import precedence

INDEX, PAGE, CHECKSUMS = "index.json", "index.html", "SHA256SUMS"
TEMPLATE = Path(__file__).with_name("page.html")
_OUR_PAGE = 'content="Keymatte repository"'
_SETTINGS = "blender_repo.toml"  # of the repository, for Blender's tool: which extensions are blocked
_WORK = ".keymatte-"  # prefix of the folder in which the new files are made


class Refused(Exception):
    """The zip cannot be published in this folder; the message says why, and what to do."""


def publish(archive: Path, folder: Path) -> list[str]:
    """Add the zip of an extension to the repository in `folder`, which may be new, and return what to tell.

    The index offers the newest version of this extension, and whatever other extensions are there; earlier zips stay.
    Each file is replaced at once, the index last. Raises Refused, and EngineError if something cannot be written.
    """
    name, version = _identity(archive)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from error
    with locked(folder):
        if (folder / "blender_manifest.toml").exists():
            raise Refused(f"{folder} holds the sources of an extension. Choose another folder for the repository.")
        _refuse_other_content(archive, folder / archive.name)
        earlier = _read_index(folder)
        with _work_folder(folder) as work:
            versions = _gather(archive, name, folder, work)
            told = _generate(folder, work)
            newest = _complete_index(work, earlier, (name, max(versions, key=precedence)))
            sums = _checksums(folder, dict(versions.values()))
            (work / CHECKSUMS).write_text(sums, encoding="utf-8", newline="\n")
            told += _exchange(archive, folder, work)
    kept = sorted(set(versions) - {newest}, key=precedence)
    if newest != version:
        told.append(f"{version} is there to download, but Blender goes on to offer {newest}, which is newer")
    told.append(f"{name} {newest} is published in {folder}" + (f"; kept: {', '.join(kept)}" if kept else ""))
    return told


def tool() -> Path:
    """Return the path of Blender's own tool for extensions, in the package bpy. Raises Refused if there is none."""
    found = importlib.util.find_spec("bpy")
    places = found.submodule_search_locations if found else None
    for place in places or ():
        for path in Path(place).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"):
            return path
    raise Refused("This Python has no package bpy, whose tool makes the index: use `build_addon.py repository`.")


# -- what is there -----------------------------------------------------------------------------------------------------
def _identity(archive: Path) -> tuple[str, str]:
    """Return the id and version in the manifest of an extension's zip. Raises Refused."""
    try:
        with zipfile.ZipFile(archive) as opened:
            manifest = tomllib.loads(opened.read("blender_manifest.toml").decode())
        precedence(manifest["version"])
        return str(manifest["id"]), manifest["version"]
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Refused(f"{archive} is no extension that can be published: {error}") from error


def _refuse_other_content(archive: Path, published: Path) -> None:
    if published.exists() and not published.is_file():
        raise Refused(f"{published} is no file, but stands where the zip would be. Move it away.")
    if published.exists() and _sha256(published) != _sha256(archive):
        raise Refused(
            f"{published} is published already, with other content. Artists who have it would not get the new one. "
            "Raise the version in blender_manifest.toml, pyproject.toml and engine/__init__.py, then run this again."
        )


def _read_index(folder: Path) -> dict[str, Any]:
    """Return the index in `folder`; empty if there is none. Raises Refused if it is anything but an index of zips here.

    An index that lists files at other places could not be made anew from this folder.
    """
    path = folder / INDEX
    if not path.exists():
        return {}
    index = read_json(path)
    rows = index.get("data") if isinstance(index, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(f"{path} is no index of Blender extensions. Choose another folder for the repository.")
    for row in rows:
        name = str(row.get("archive_url", "")).removeprefix("./")
        if "/" in name or not name:
            raise Refused(
                f"{path} lists {name or 'a row without a file'}, which is not in this folder. Choose another."
            )
    return index


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder inside `folder`, on the same disk, and remove it at the end, with those of killed runs."""
    for left in folder.glob(f"{_WORK}*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=_WORK, dir=folder))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


# -- what is made ------------------------------------------------------------------------------------------------------
def _gather(archive: Path, name: str, folder: Path, work: Path) -> dict[str, tuple[str, Path]]:
    """Put the zips to list into `work`, and return all zips of this extension: (file name, path) by version."""
    versions = {}
    for path in sorted(folder.glob("*.zip")):
        if path.name.startswith("."):
            continue
        try:
            found, version = _identity(path)
        except Refused:
            found, version = "", ""  # Blender's tool says what is wrong with it
        if found == name:
            versions[version] = path.name, path
        elif path.is_file():
            link_or_copy(path, work / path.name)
    versions[_identity(archive)[1]] = archive.name, archive
    newest = versions[max(versions, key=precedence)]
    link_or_copy(newest[1], work / newest[0])
    return versions


def _generate(folder: Path, work: Path) -> list[str]:
    """Let Blender's tool make the index and the page in `work`, and return what it warns of. Raises Refused."""
    command = [sys.executable, tool(), "server-generate", "--repo-dir", work, "--html", "--html-template", TEMPLATE]
    if (folder / _SETTINGS).is_file():
        command += ["--repo-config", folder / _SETTINGS]
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    if ended.returncode:
        raise Refused(f"Blender's tool makes no index: {' '.join(lines)}")
    return [line.replace(str(work), str(folder)) for line in lines if not line.startswith("found ")]


def _complete_index(work: Path, earlier: dict[str, Any], expected: tuple[str, str]) -> str:
    """Sort the index in `work`, so that the same zips give the same bytes, and return the version of ours in it.

    What was blocked stays blocked. Raises Refused if ours is missing.
    """
    index = json.loads((work / INDEX).read_text(encoding="utf-8"))
    index["data"].sort(key=lambda row: (row["id"], row["version"], row["archive_url"]))
    index["blocklist"] = index.get("blocklist") or earlier.get("blocklist", [])
    if expected not in [(row["id"], row["version"]) for row in index["data"]]:
        raise Refused(f"Blender's tool does not accept {' '.join(expected)}: run `build_addon.py check`")
    (work / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8", newline="\n")
    return expected[1]


def _checksums(folder: Path, ours: dict[str, Path]) -> str:
    """Return the content of the file of checksums: a line for each zip of this extension, and the lines of others."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, ValueError) as error:
        raise Refused(f"{folder / CHECKSUMS} cannot be read: {error}. Move it away.") from error
    others = [line for line in lines if line.split("  ", 1)[-1] not in ours]
    return "".join(f"{line}\n" for line in [*others, *(f"{_sha256(ours[name])}  {name}" for name in sorted(ours))])


def _exchange(archive: Path, folder: Path, work: Path) -> list[str]:
    """Put the new files into `folder`, each at once, and return what to tell. Raises DiskFull, FolderNotWritable."""
    told = []
    if not (folder / archive.name).exists():
        with atomic_write(folder / archive.name) as part:
            shutil.copyfile(archive, part)
    for name in (CHECKSUMS, PAGE, INDEX):
        path = folder / name
        if name == PAGE and path.exists() and _OUR_PAGE not in path.read_text(encoding="utf-8", errors="replace"):
            told.append(f"{path} is a page of yours, and is left as it is")
            continue
        try:
            replace_file(work / name, path)
        except OSError as error:
            raise writing_error(path, error) from error
    return told


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """Publish a zip, and return the exit status: 2 if the user has to do something first."""
    archive, folder = map(Path, arguments)
    try:
        print("\n".join(publish(archive, folder)))
    except (Refused, EngineError) as error:
        print(error.sentence() if isinstance(error, EngineError) else error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
