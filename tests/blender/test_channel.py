"""Blender's own client installs, updates and uninstalls the extension from a repository on a server of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from release.repository import publish
from tests.blender.channel import Client, served
from tests.blender.conftest import ENGINE_PYTHON, extension_zip
from tests.blender.updating import FILM_FRAMES
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


# -- while one works ---------------------------------------------------------------------------------------------------
@pytest.fixture
def shot(client, tmp_path) -> str:
    """Return the folder of a file with a film and keyframes, opened in a Blender that has the old version."""
    client.ask("sync")
    client.ask("install")
    folder = tmp_path / "Aufnahme"
    folder.mkdir()
    assert "error" not in client.ask("prepare", folder=str(folder), python=ENGINE_PYTHON)
    return str(folder)


def update(client, folder, zips) -> None:
    publish(zips[NEW], folder)
    client.ask("sync")
    assert version(client.ask("upgrade")) == (NEW, NEW)


def test_an_update_while_a_job_runs_ends_its_engine_and_the_new_version_goes_on(client, folder, zips, shot):
    data = client.ask("data")["result"]
    registered = client.ask("leftovers")["result"]
    process = client.ask("start_job", folder=shot)["result"]
    assert is_running(process)
    update(client, folder, zips)
    assert not is_running(process)
    assert client.ask("data")["result"] == data
    assert client.ask("leftovers")["result"] == registered
    assert registered["old"] == 0 and registered["handlers"] and registered["keys"] and registered["menus"]
    done = client.ask("finish_job", folder=shot)["result"]
    assert done["before"] >= 6 and done["mattes"] == 2 * FILM_FRAMES and not done["problem"], done
    assert NEW in client.ask("test_engine", folder=shot)["result"]
    marker = next(Path(shot).rglob("keymatte.json"))
    assert f'"keymatte": "{NEW}"' in marker.read_text(encoding="utf-8")


def test_an_update_ends_an_engine_that_waits_for_work(client, folder, zips, shot):
    process = client.ask("start_engine", folder=shot)["result"]
    assert is_running(process)
    update(client, folder, zips)
    assert not is_running(process)
    assert NEW in client.ask("test_engine", folder=shot)["result"]


def test_after_an_update_by_another_blender_the_artist_is_told_to_restart(client, folder, zips, shot, tmp_path):
    publish(zips[NEW], folder)
    with served(folder) as address:
        other = Client(tmp_path / "user")
        try:
            other.ask("add", address=address)
            other.ask("online", allowed=True)
            other.ask("sync")
            assert other.ask("upgrade")["installed"] == NEW
        finally:
            other.close()
    state = client.ask("finish_job", folder=shot)
    assert (state["installed"], state["running"]) == (NEW, OLD)
    assert (
        f"Keymatte {NEW} was installed while this Blender goes on with Keymatte {OLD}. Save your file" in state["error"]
    )


def is_running(process: int) -> bool:
    """Return whether a process runs, and is not merely remembered until its parent asks for its status."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        pass
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return not Path("/proc/self/stat").exists()
