"""The static extension repository: what a folder holds after zips were published in it, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import build_addon
from engine.shared.errors import FolderInUse
from engine.shared.folder_lock import locked
from release import repository
from release.repository import Refused, publish

MANIFEST = """schema_version = "1.0.0"
id = "{name}"
version = "{version}"
name = "{name}"
tagline = "Small, for tests"
maintainer = "Tests"
type = "add-on"
blender_version_min = "4.2.0"
license = ["SPDX:GPL-3.0-or-later"]
"""


def extension(folder: Path, version: str, name: str = "keymatte", content: str = "") -> Path:
    """Write the zip of a small extension, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("blender_manifest.toml"), MANIFEST.format(name=name, version=version))
        archive.writestr(zipfile.ZipInfo("__init__.py"), content)
    return path


@pytest.fixture
def built(tmp_path) -> Path:
    return tmp_path / "built"


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "Für alle"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def offered(folder: Path) -> list[tuple[str, str]]:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return [(row["id"], row["version"]) for row in index["data"]]


# -- what it holds -----------------------------------------------------------------------------------------------------
def test_the_folder_holds_zip_index_page_and_checksums(folder, built):
    archive = extension(built, "0.1.0")
    assert publish(archive, folder) == [f"keymatte 0.1.0 is published in {folder}"]
    files = contents(folder)
    assert list(files) == ["SHA256SUMS", "index.html", "index.json", "keymatte-0.1.0.zip"]
    assert files["keymatte-0.1.0.zip"] == archive.read_bytes()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert files["SHA256SUMS"].decode() == f"{digest}  keymatte-0.1.0.zip\n"
    (row,) = json.loads(files["index.json"])["data"]
    assert (row["archive_url"], row["archive_hash"]) == ("./keymatte-0.1.0.zip", f"sha256:{digest}")
    assert b"Add Remote Repository" in files["index.html"] and b"./keymatte-0.1.0.zip?" in files["index.html"]


def test_a_later_version_is_offered_and_earlier_ones_stay(folder, built):
    for version in ("0.9.0", "0.10.0", "0.2.0"):
        told = publish(extension(built, version), folder)
    assert offered(folder) == [("keymatte", "0.10.0")]
    assert "goes on to offer 0.10.0" in told[0] and told[1].endswith("kept: 0.2.0, 0.9.0")
    assert len(list(folder.glob("*.zip"))) == 3 == len((folder / "SHA256SUMS").read_text().splitlines())


def test_the_same_zips_give_the_same_bytes_whatever_was_before(folder, built, tmp_path):
    archives = [extension(built, version) for version in ("0.1.0", "0.2.0")]
    for archive in archives:
        publish(archive, folder)
    for archive in reversed(archives):
        publish(archive, tmp_path / "elsewhere")
    assert contents(folder) == contents(tmp_path / "elsewhere")
    publish(archives[1], folder)
    assert contents(folder) == contents(tmp_path / "elsewhere")


def test_extensions_pages_and_checksums_of_others_are_left_alone(folder, built):
    other = extension(folder, "2.0.0", name="other")
    (folder / "index.html").write_text("<h1>The studio's own page</h1>")
    (folder / "SHA256SUMS").write_text("0123  other-2.0.0.zip\n")
    (folder / "notes.txt").write_text("mine")
    before = contents(folder)
    told = publish(extension(built, "0.1.0"), folder)
    after = contents(folder)
    assert {name: after[name] for name in ("index.html", "notes.txt", other.name)} == {
        name: before[name] for name in ("index.html", "notes.txt", other.name)
    }
    assert after["SHA256SUMS"].startswith(before["SHA256SUMS"]) and b"keymatte-0.1.0.zip" in after["SHA256SUMS"]
    assert offered(folder) == [("keymatte", "0.1.0"), ("other", "2.0.0")]
    assert any("index.html is a page of yours" in line for line in told)


def test_what_was_blocked_stays_blocked(folder, built):
    publish(extension(built, "0.1.0"), folder)
    index = json.loads((folder / "index.json").read_text())
    index["blocklist"] = [{"id": "bad", "reason": "It deletes files"}]
    (folder / "index.json").write_text(json.dumps(index))
    publish(extension(built, "0.2.0"), folder)
    assert json.loads((folder / "index.json").read_text())["blocklist"] == index["blocklist"]
    (folder / "blender_repo.toml").write_text(
        'schema_version = "1.0.0"\n[[blocklist]]\nid = "worse"\nreason = "It is worse"\n'
    )
    publish(extension(built, "0.3.0"), folder)
    assert [row["id"] for row in json.loads((folder / "index.json").read_text())["blocklist"]] == ["worse"]


# -- what is refused ---------------------------------------------------------------------------------------------------
def test_other_content_under_a_published_version_is_refused(folder, built):
    publish(extension(built, "0.1.0"), folder)
    before = contents(folder)
    with pytest.raises(Refused, match=r"with other content.*Raise the version"):
        publish(extension(built, "0.1.0", content="# changed\n"), folder)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "index",
    [
        "not JSON",
        '{"name": "a web application", "data": 3}',
        '["a"]',
        '{"version": "v1", "data": [{"id": "a", "archive_url": "https://example.org/a.zip"}]}',
    ],
)
def test_an_index_of_something_else_is_refused(folder, built, index):
    folder.mkdir()
    (folder / "index.json").write_text(index)
    with pytest.raises(Refused, match=r"no index of Blender extensions|not in this folder"):
        publish(extension(built, "0.1.0"), folder)
    assert contents(folder) == {"index.json": index.encode()}


def test_a_folder_with_sources_or_a_file_in_its_place_is_refused(built, tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "blender_manifest.toml").write_text("")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Refused, match="sources of an extension"):
        publish(extension(built, "0.1.0"), tmp_path / "sources")
    result = run(extension(built, "0.1.0"), tmp_path / "file")
    assert result.returncode == 2 and "Traceback" not in result.stderr and "cannot be written" in result.stderr


@pytest.mark.parametrize("content", [b"", b"PK no zip", None])
def test_what_is_no_extension_is_refused(folder, built, content):
    archive = extension(built, "not a version") if content is None else built / "keymatte-1.zip"
    if content is not None:
        built.mkdir()
        archive.write_bytes(content)
    with pytest.raises(Refused, match="is no extension that can be published"):
        publish(archive, folder)
    assert not folder.exists()


def test_a_damaged_zip_of_another_extension_is_told_and_left(folder, built):
    folder.mkdir()
    (folder / "broken.zip").write_bytes(b"PK no zip")
    told = publish(extension(built, "0.1.0"), folder)
    assert any("broken.zip" in line for line in told)
    assert offered(folder) == [("keymatte", "0.1.0")] and (folder / "broken.zip").exists()


# -- interruptions -----------------------------------------------------------------------------------------------------
def test_a_folder_in_place_of_the_zip_is_told(folder, built):
    archive = extension(built, "0.2.0")
    (folder / archive.name).mkdir(parents=True)
    with pytest.raises(Refused, match="is no file, but stands where the zip would be"):
        publish(archive, folder)


def test_two_at_once_are_refused(folder, built):
    publish(extension(built, "0.1.0"), folder)
    with locked(folder), pytest.raises(FolderInUse):
        publish(extension(built, "0.2.0"), folder)
    assert offered(folder) == [("keymatte", "0.1.0")]


@pytest.mark.parametrize("after", range(4))
def test_an_interrupted_publication_serves_what_was_there_or_what_is_new(folder, built, after, monkeypatch):
    publish(extension(built, "0.1.0"), folder)
    replaced, count = os.replace, 0

    def interrupted(source, target):
        nonlocal count
        if Path(target).parent == folder:
            count += 1
            if count > after:
                raise KeyboardInterrupt
        replaced(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(extension(built, "0.2.0"), folder)
    monkeypatch.undo()
    assert offered(folder) == [("keymatte", "0.1.0")]
    for row in json.loads((folder / "index.json").read_text())["data"]:
        content = (folder / row["archive_url"]).read_bytes()
        assert row["archive_hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    publish(extension(built, "0.2.0"), folder)
    assert offered(folder) == [("keymatte", "0.2.0")]
    assert [name for name in contents(folder) if name.startswith(".") or name.endswith((".part", ".lock"))] == []


def test_the_folder_of_a_killed_run_is_removed(folder, built):
    left = folder / ".keymatte-abc"
    left.mkdir(parents=True)
    (left / "keymatte-0.1.0.zip").write_bytes(b"half")
    publish(extension(built, "0.1.0"), folder)
    assert not left.exists()


# -- the command -------------------------------------------------------------------------------------------------------
def run(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "release.repository", *map(str, words)]
    return subprocess.run(command, cwd=repository.TEMPLATE.parents[1], capture_output=True, text=True, timeout=120)


def test_the_command_publishes_the_built_zip(folder, tmp_path):
    archive = build_addon.build(tmp_path / "build")
    result = run(archive, folder)
    assert result.returncode == 0, result.stderr
    assert offered(folder) == [tuple(archive.stem.split("-"))]
