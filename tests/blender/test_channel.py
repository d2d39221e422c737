"""Blender's own client installs, updates and uninstalls the extension from a repository on a server of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.repository import publish
from tests.blender.channel import Client, served
from tests.blender.conftest import extension_zip
from tests.renumbered import renumbered

OLD, NEW = "0.1.7", "0.2.9"


@pytest.fixture(scope="module")
def zips(tmp_path_factory) -> dict[str, Path]:
    archive, folder = extension_zip(), tmp_path_factory.mktemp("zips")
    return {version: renumbered(archive, version, folder) for version in (OLD, NEW)}


@pytest.fixture
def folder(zips, tmp_path):
    publish(zips[OLD], tmp_path / "web")
    return tmp_path / "web"


@pytest.fixture
def client(folder, tmp_path):
    """Yield a Blender of its own that has added the address of the repository, and may go online."""
    made = Client(tmp_path / "user")
    with served(folder) as address:
        try:
            made.ask("add", address=address)
            made.ask("online", allowed=True)
            yield made
        finally:
            made.close()


def version(state: dict) -> tuple:
    """Return which version is installed and which one runs. Fails if Blender refused the request."""
    assert "error" not in state, state
    assert state["enabled"] == state["registered"] == (state["installed"] is not None)
    return state["installed"], state["running"]


def test_install_update_and_uninstall(client, folder, zips):
    assert version(client.ask("sync")) == (None, None)
    assert version(client.ask("install")) == (OLD, OLD)
    client.ask("sync")
    assert version(client.ask("upgrade")) == (OLD, OLD)
    publish(zips[NEW], folder)
    assert version(client.ask("upgrade")) == (OLD, OLD), "before the list is refreshed, nothing is known of it"
    client.ask("sync")
    assert version(client.ask("upgrade")) == (NEW, NEW)
    state = client.ask("uninstall")
    assert (state["installed"], state["enabled"], state["registered"]) == (None, False, False)
    assert version(client.ask("install")) == (NEW, NEW)


def test_without_online_access_blender_refuses_and_what_is_installed_goes_on(client, folder, zips):
    client.ask("sync")
    client.ask("online", allowed=False)
    state = client.ask("install")
    assert "Online access required" in state["error"] and not state["installed"]
    client.ask("online", allowed=True)
    client.ask("install")
    publish(zips[NEW], folder)
    client.ask("sync")
    client.ask("online", allowed=False)
    state = client.ask("upgrade")
    assert "Online access required" in state.pop("error")
    assert version(state) == (OLD, OLD)


@pytest.mark.parametrize("damage", ["changed", "cut off", "missing"])
def test_a_damaged_zip_is_refused_by_blender_and_the_earlier_version_goes_on(client, folder, zips, damage):
    client.ask("sync")
    client.ask("install")
    publish(zips[NEW], folder)
    path = folder / zips[NEW].name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content if damage == "changed" else content[: len(content) // 2])
    client.ask("sync")
    client.log.clear()
    state = client.ask("upgrade")
    told = state.pop("error", "") + "".join(client.log)
    assert any(word in told for word in ("Archive hash mismatch", "Archive size mismatch", "404", "Not Found")), told
    assert version(state) == (OLD, OLD)
    path.write_bytes(zips[NEW].read_bytes())
    assert version(client.ask("upgrade")) == (NEW, NEW)
