"""What a newer version of Keymatte has saved is told, and is not lost."""

from __future__ import annotations

import json

import pytest

from release.repository import publish
from tests.blender.channel import Client, served
from tests.blender.conftest import ENGINE_PYTHON, extension_zip
from tests.renumbered import renumbered

NEWER = "9.1.0"
ADDITIONS = {  # properties that only the newer version has
    "addon/properties.py": "\n\nClipMatting.__annotations__['depth'] = FloatProperty()"
    "\nClipMatting.__annotations__['lens'] = StringProperty()\n"
}


@pytest.fixture
def client(tmp_path):
    """Yield a Blender of its own with the newer version, and without any repository to update from."""
    archive = renumbered(extension_zip(), NEWER, tmp_path, ADDITIONS)
    publish(archive, tmp_path / "web")
    made = Client(tmp_path / "user")
    with served(tmp_path / "web") as address:
        try:
            made.ask("add", address=address)
            made.ask("online", allowed=True)
            made.ask("sync")
            assert made.ask("install")["running"] == NEWER
            yield made
        finally:
            made.close()


def test_a_file_of_a_newer_version_is_told_and_keeps_what_is_not_known(client, tmp_path):
    folder = tmp_path / "shot"
    folder.mkdir()
    client.ask("prepare", folder=str(folder), python=ENGINE_PYTHON)
    assert "error" not in client.ask("save_as_newer", folder=str(folder))
    saved = client.ask("reopen", folder=str(folder))["result"]
    assert (saved["depth"], saved["lens"], saved["saved_by"], saved["told"]) == (0.75, "anamorphic", NEWER, "")

    ours = client.ask("install_file", path=str(extension_zip()))["running"]
    opened = client.ask("reopen", folder=str(folder), save=True)["result"]
    assert opened["told"].startswith(f"Saved by Keymatte {NEWER}; this is {ours}. Update Keymatte")
    assert opened == saved | {"told": opened["told"], "depth": None, "lens": None, "saved_by": ours}
    assert client.ask("reopen", folder=str(folder))["result"]["told"] == ""

    client.ask("install_file", path=str(tmp_path / f"keymatte-{NEWER}.zip"))
    assert client.ask("reopen", folder=str(folder))["result"] == saved | {"saved_by": ours}


def test_a_matte_folder_of_a_newer_version_is_told_and_its_mattes_are_kept(studio):
    studio.open_marked()
    studio.propagate()
    root = studio.matte_folder.root
    images = {path.relative_to(root): path.read_bytes() for path in root.rglob("*.png")}
    marker, index = root / "keymatte.json", root / "keymatte-index.txt"
    content = json.loads(marker.read_text(encoding="utf-8"))
    marker.write_text(json.dumps(content | {"keymatte": NEWER, "future": [1]}), encoding="utf-8")
    index.write_text(index.read_text(encoding="utf-8").replace('{"v":1,', '{"v":2,"future":[1],'), encoding="utf-8")
    (root / "depth").mkdir()
    (root / "depth" / "000001.exr").write_bytes(b"of a later version")
    studio.propagate()
    status = studio.session.status
    assert not status.problem and f"made by Keymatte {NEWER}, which is newer" in status.note
    assert (root / "depth" / "000001.exr").read_bytes() == b"of a later version"
    assert {path: (root / path).read_bytes() for path in images} == images
    studio.propagate()
    assert "newer" not in studio.session.status.note
