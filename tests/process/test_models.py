"""Published weights on the command line and in the engine process: listed, downloaded, imported, refused."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.checkpoints.loading import BUNDLED
from engine.shared.catalogue import CATALOGUE, find_weights
from engine.shared.protocol import Cancel, Download, Failed, Finished, Import, JobCancelled, Ready, Stage, encode
from tests.engine.server import Server
from tests.engine.weights import NAME, child_program, published
from tests.process.cli import ENGINE, ROOT, assert_refused, run_cli
from tests.process.test_serve import Engine

MIDDLE = 1_000_000  # bytes: somewhere in the file


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[Server]:
    """Yield a server that offers the weights of tests.engine.weights."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server(published(tmp_path / "origin" / "Ours.pth").read_bytes())
    yield running
    running.close()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return the folder where weights are installed."""
    monkeypatch.setenv("KEYMATTE_WEIGHTS", str(tmp_path / "Gewichte 影"))
    return tmp_path / "Gewichte 影"


@pytest.fixture
def models(server, folder) -> list[str]:
    """Return the command `models`, run with the test weights in its catalogue."""
    return [sys.executable, "-c", child_program(server.address), "models"]


def downloaded_bytes(folder: Path) -> int:
    """Return the size of the partial download in bytes."""
    part = folder / ".installing" / "Ours.pth.part"
    return part.stat().st_size if part.exists() else 0


def wait_until(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# -- the command line --------------------------------------------------------------------------------------------------
def test_all_weights_are_listed_with_method_licence_and_source(folder):
    listed = run_cli([*ENGINE, "models"])
    assert listed.returncode == 0, listed.stderr
    for entry in CATALOGUE:
        assert f"{entry.name}, about" in listed.stdout
        for words in (entry.method, entry.licence, entry.address or entry.page):
            assert words in listed.stdout
    assert str(folder) in listed.stdout
    assert "not installed" in listed.stdout
    assert "keymatte.safetensors" in listed.stdout, "the recipes are listed above"


def test_a_recipe_whose_weights_are_not_in_the_catalogue_is_not_listed_as_needing_none(folder):
    words = {entry.split("\n")[0]: entry for entry in re.split(r"\n(?=\S)", run_cli([*ENGINE, "models"]).stdout)}
    for name in ("aot-l-mbv2", "aot-l-swinb"):
        assert "needs weights that are not listed below: choose a file with --weights" in words[name]
    assert "needs no weights" in words["colour"]


def test_doctor_says_how_to_get_missing_weights_and_succeeds(folder):
    found = run_cli([*ENGINE, "doctor"])
    assert found.returncode == 0, found.stdout
    assert "recipe xmem++: its authors' weights are not installed" in found.stdout
    assert "models download XMem" in found.stdout


def test_folder_option_works_before_and_after_the_action(models, tmp_path):
    command = [*models, "--folder", str(tmp_path / "here"), "download", NAME, "--yes"]
    assert run_cli(command).returncode == 0
    assert (tmp_path / "here" / "Ours.safetensors").exists()
    listed = run_cli([*models, "--folder", str(tmp_path / "here")])
    assert f"installed: {tmp_path / 'here' / 'Ours.safetensors'}" in listed.stdout
    command = [*models, "import", str(tmp_path / "origin" / "Ours.pth"), "--folder", str(tmp_path / "there")]
    assert run_cli(command).returncode == 0
    assert (tmp_path / "there" / "Ours.safetensors").exists()


def test_weights_are_downloaded_once(models, server, folder):
    ended = run_cli([*models, "download", NAME.lower(), "--yes"])
    assert ended.returncode == 0, ended.stderr
    assert f"Ours is installed in {folder / 'Ours.safetensors'}" in ended.stdout
    assert "Downloading Ours" in ended.stderr
    assert "authors state no SHA-256" in ended.stdout
    assert str(folder / "Ours.sha256") in ended.stdout
    again = run_cli([*models, "download", NAME, "--yes"])
    assert again.returncode == 0
    assert "already installed" in again.stdout
    assert len(server.requests) == 1
    assert run_cli([*models, "download", NAME, "--yes", "--again"]).returncode == 0
    assert len(server.requests) == 2


def test_nothing_is_downloaded_without_consent(models, server, folder):
    ended = subprocess.run(
        [*models, "download", NAME],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert ended.returncode == 2
    assert "--yes" in ended.stderr
    size = f"{(BUNDLED / 'keymatte.safetensors').stat().st_size / 1e6:.3g} MB"
    for words in ("Keymatte, as a test publishes it", "GPL-3.0-or-later", size, server.address):
        assert words in ended.stdout
    assert server.requests == []


@pytest.mark.skipif(os.name != "posix", reason="there are no such terminals here")
@pytest.mark.parametrize(("answer", "fetched"), [("n", False), ("", False), ("y", True)])
def test_user_at_a_terminal_is_prompted(models, server, folder, answer, fetched):
    controller, terminal = os.openpty()
    os.write(controller, f"{answer}\n".encode())
    ended = subprocess.run(
        [*models, "download", NAME], cwd=ROOT, stdin=terminal, capture_output=True, text=True, timeout=60
    )
    os.close(controller)
    os.close(terminal)
    assert ended.returncode == 0, ended.stderr
    assert "Download it? [y/N]" in ended.stdout
    assert ("Nothing was downloaded" in ended.stdout) is not fetched
    assert (folder / "Ours.safetensors").exists() is fetched
    assert len(server.requests) == fetched


@pytest.mark.skipif(os.name != "posix", reason="there is no such signal here")
def test_bytes_received_before_ctrl_c_are_kept(models, server, folder):
    server.stalls_at = MIDDLE
    child = subprocess.Popen(
        [*models, "download", NAME, "--yes"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_until(lambda: downloaded_bytes(folder) == MIDDLE)
    child.send_signal(signal.SIGINT)
    _, words = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in words
    assert downloaded_bytes(folder) == MIDDLE
    server.stalls_at = None
    assert run_cli([*models, "download", NAME, "--yes"]).returncode == 0
    assert server.requests[1]["Range"] == f"bytes={MIDDLE}-"
    assert sorted(path.name for path in folder.iterdir()) == ["Ours.safetensors", "Ours.sha256"]


def test_broken_connection_is_reported(models, server, folder):
    server.breaks_at = MIDDLE
    assert_refused([*models, "download", NAME, "--yes"], "was lost after 1000000 of", "continues where it stopped")
    assert downloaded_bytes(folder) == MIDDLE


def test_file_is_imported_by_its_name_or_by_the_as_option(models, folder, tmp_path):
    file = published(tmp_path / "mine.pth")
    assert_refused([*models, "import", str(file)], "is not that of any published weights", "--as NAME")
    ended = run_cli([*models, "import", str(file), "--as", NAME])
    assert ended.returncode == 0, ended.stderr
    assert (folder / "Ours.safetensors").exists()
    assert "already installed" in run_cli([*models, "import", str(file), "--as", NAME]).stdout
    (folder / "Ours.safetensors").unlink()
    assert run_cli([*models, "import", str(file.rename(tmp_path / "ours (1).pth"))]).returncode == 0
    assert (folder / "Ours.safetensors").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps(print), "contains code, not only tensors"),
        (b"<html>", "is a web page"),
        (b"PK\x03\x04", "is incomplete"),
        (b"", "is empty"),
    ],
)
def test_file_without_weights_is_refused(folder, tmp_path, content, words):
    file = tmp_path / "XMem.pth"
    file.write_bytes(content)
    assert_refused([*ENGINE, "models", "import", str(file)], words)
    assert file.read_bytes() == content
    assert not folder.exists()


def test_weights_of_another_method_are_refused(folder, tmp_path):
    file = published(tmp_path / "XMem.pth")
    assert_refused([*ENGINE, "models", "import", str(file)], "XMem.pth", "does not fit this network")
    assert not folder.exists()


@pytest.mark.parametrize("action", [["download", "XMen"], ["import", "XMem.pth", "--as", "XMen"]])
def test_unknown_name_is_refused_with_the_known_names(folder, action):
    assert_refused([*ENGINE, "models", *action], "no weights 'XMen'", *(entry.name for entry in CATALOGUE))


def test_only_a_download_uses_the_network(models, server, folder, tmp_path):
    models[2] = (
        "import sys\n"
        "def refuse(event, _):\n"
        "    if event.startswith('socket.'):\n"
        "        raise RuntimeError(event)\n"
        "sys.addaudithook(refuse)\n"
    ) + models[2]
    assert run_cli(models).returncode == 0
    assert run_cli([*models, "import", str(tmp_path / "origin" / "Ours.pth")]).returncode == 0
    assert run_cli([*models, "download", NAME, "--yes", "--again"]).returncode != 0
    assert server.requests == []


# -- the engine process ------------------------------------------------------------------------------------------------
@pytest.fixture
def engine(server) -> Iterator[Engine]:
    running = Engine("-c", child_program(server.address))
    assert isinstance(running.receive(), Ready)
    yield running
    running.end()


def test_the_engine_downloads_and_imports(engine, server, folder, tmp_path):
    engine.send(encode(Download("d", NAME, folder)))
    answers = engine.receive_until(Finished, Failed)
    assert answers[-1] == Finished("d")
    size = len(server.content)
    steps = [stage.done for stage in answers[:-1] if stage.text == "Downloading Ours" and stage.total == size]
    assert steps == sorted(steps)
    assert steps[-1] == size
    assert len(steps) < 40, "progress comes per megabyte, not per packet"
    (folder / "Ours.safetensors").unlink()
    engine.send(encode(Import("i", NAME, tmp_path / "origin" / "Ours.pth", folder)))
    answers = engine.receive_until(Finished, Failed)
    assert answers[-1] == Finished("i")
    assert all(isinstance(stage, Stage) and stage.job_id == "i" for stage in answers[:-1])
    assert (folder / "Ours.safetensors").exists()


def test_a_cancel_is_answered_while_the_server_is_silent_and_the_engine_stays(engine, server, folder):
    server.stalls_at = MIDDLE
    engine.send(encode(Download("d", NAME, folder)))
    wait_until(lambda: downloaded_bytes(folder) == MIDDLE)
    asked = time.monotonic()
    engine.send(encode(Cancel("d")))
    assert engine.receive_until(JobCancelled, Finished, Failed)[-1] == JobCancelled("d")
    assert time.monotonic() - asked < 4, "Blender ends an engine that does not answer within 5 s"
    server.stalls_at = None
    engine.send(encode(Download("d", NAME, folder)))
    assert engine.receive_until(Finished, Failed)[-1] == Finished("d")
    assert server.requests[1]["Range"] == f"bytes={MIDDLE}-"


def test_the_engine_refuses_a_wrong_file_and_stays(engine, folder, tmp_path):
    file = tmp_path / "XMem.pth"
    file.write_bytes(pickle.dumps(print))
    engine.send(encode(Import("i", find_weights("XMem").name, file, folder)))
    failed = engine.receive_until(Failed)[-1]
    assert (failed.job_id, failed.code) == ("i", "weights-unsafe")
    assert failed.remedy
    engine.send(encode(Download("d", "XMen", folder)))
    failed = engine.receive_until(Failed)[-1]
    assert (failed.job_id, failed.code) == ("d", "unknown-weights")


def test_engine_ends_when_its_input_closes_even_while_the_server_is_silent(engine, server, folder):
    server.stalls_at = MIDDLE
    engine.send(encode(Download("d", NAME, folder)))
    wait_until(lambda: downloaded_bytes(folder) == MIDDLE)
    engine.process.stdin.close()
    assert engine.process.wait(timeout=10) == 0
