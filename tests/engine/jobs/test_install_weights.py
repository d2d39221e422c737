"""Published weights are installed only if they load, record their source, and never replace or change a user's file."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine import VERSION
from engine.checkpoints import loading
from engine.checkpoints.loading import BUNDLED
from engine.jobs.install_weights import import_file, install, run
from engine.methods.registry import find_recipe
from engine.shared import catalogue
from engine.shared.catalogue import installed_file, is_installed
from engine.shared.errors import (
    Cancelled,
    DiskFull,
    DownloadFailed,
    DownloadRefused,
    UnknownWeights,
    WeightsDamaged,
    WeightsMissing,
    WeightsUnsafe,
)
from engine.shared.protocol import Download, Finished, Import, JobCancelled, Stage
from tests.engine.weights import NAME, published, row


def no_report(*_: object) -> None:
    """Ignore a progress report."""


def never_cancelled() -> bool:
    return False


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "Gewichte 影"


@pytest.fixture
def server(server, tmp_path):
    """Return the local server, set to offer the published weights."""
    server.content = published(tmp_path / "origin" / "Ours.pth").read_bytes()
    return server


def is_whole(path: Path) -> bool:
    """Return whether a weights file has exactly the tensors of the bundled weights, and can be loaded by `keymatte`."""
    recipe = find_recipe("keymatte")
    recipe.network(recipe.numbers({}), weights=path, device=torch.device("cpu"))
    found, expected = load_file(path), load_file(BUNDLED / "keymatte.safetensors")
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- from the network --------------------------------------------------------------------------------------------------
def test_weights_are_downloaded_tried_converted_and_described(server, folder):
    stages = []
    path = install(row(server.address), folder, lambda *stage: stages.append(stage), never_cancelled)
    assert path == folder / "Ours.safetensors"
    assert is_whole(path)
    assert names_in(folder) == ["Ours.safetensors", "Ours.sha256"]
    metadata = loading.metadata(path)
    assert metadata.pop("date").count("-") == 2
    assert metadata == {
        "name": NAME,
        "method": "Keymatte, as a test publishes it",
        "licence": "GPL-3.0-or-later",
        "source": server.address,
        "source_sha256": hashlib.sha256(server.content).hexdigest(),
        "converted_by": f"Keymatte {VERSION}",
    }
    size = len(server.content)
    assert stages[0] == ("Downloading Ours", 0, size)
    assert ("Downloading Ours", size, size) in stages
    assert [text for text, *_ in stages[-2:]] == ["Testing Ours", "Converting Ours"]


def test_interrupted_download_is_resumed(server, folder):
    server.breaks_at = 1_000_000
    with pytest.raises(DownloadFailed):
        install(row(server.address), folder, no_report, never_cancelled)
    assert not is_installed(row(), folder)
    server.breaks_at = None
    install(row(server.address), folder, no_report, never_cancelled)
    assert server.requests[1]["Range"] == "bytes=1000000-"
    assert is_whole(installed_file(row(), folder))


def test_known_checksum_is_required(server, folder):
    with pytest.raises(DownloadRefused, match="not the published file"):
        install(row(server.address, sha256="0" * 64), folder, no_report, never_cancelled)
    install(row(server.address, sha256=hashlib.sha256(server.content).hexdigest()), folder, no_report, never_cancelled)
    assert is_whole(installed_file(row(), folder))


def test_a_server_that_sends_more_than_the_catalogue_says_is_stopped(server, folder):
    server.content = bytes(row().max_size + 1)
    for sends_length in (True, False):
        server.sends_length = sends_length
        with pytest.raises(DownloadRefused, match=r"is not the published file: it has more than \d"):
            install(row(server.address), folder, no_report, never_cancelled)
        assert names_in(folder / ".installing") == []


def test_unconverted_download_is_not_fetched_again(server, folder, monkeypatch):
    def full(*_: object) -> None:
        raise DiskFull("no space is left")

    with monkeypatch.context() as patch:
        patch.setattr("engine.jobs.install_weights.save", full)
        with pytest.raises(DiskFull):
            install(row(server.address), folder, no_report, never_cancelled)
    install(row(server.address), folder, no_report, never_cancelled)
    assert len(server.requests) == 1
    assert names_in(folder) == ["Ours.safetensors", "Ours.sha256"]


def test_weights_of_another_network_are_not_installed_and_not_kept(server, folder, tmp_path):
    torch.save({"head.weight": torch.zeros(3)}, tmp_path / "other.pth")
    server.content = (tmp_path / "other.pth").read_bytes()
    for _ in range(2):  # a refused file is not kept: it is downloaded again
        with pytest.raises(WeightsDamaged, match=r"Ours\.pth does not fit this network: it lacks"):
            install(row(server.address), folder, no_report, never_cancelled)
    assert len(server.requests) == 2
    assert not is_installed(row(), folder)


def test_weights_without_an_address_are_refused_with_their_page(folder):
    with pytest.raises(DownloadRefused, match="can only be downloaded with a browser") as refusal:
        install(row(), folder, no_report, never_cancelled)
    assert refusal.value.remedy == "Download Ours.pth from https://example.org/ours, then import it."


def test_not_found_error_names_the_page(server, folder):
    server.status = 404
    with pytest.raises(DownloadFailed, match="answered 404 Not Found") as failure:
        install(row(server.address), folder, no_report, never_cancelled)
    assert "https://example.org/ours" in failure.value.remedy


def test_web_page_instead_of_weights_is_refused_with_the_page(server, folder):
    server.content, server.kind = b"<html>Too many people have downloaded this file</html>", "text/html"
    with pytest.raises(DownloadRefused, match="is a web page") as refusal:
        install(row(server.address), folder, no_report, never_cancelled)
    assert "https://example.org/ours" in refusal.value.remedy


def test_a_users_file_of_the_published_name_in_the_folder_is_left_alone(server, folder):
    folder.mkdir()
    (folder / "Ours.pth").write_bytes(b"mine")
    install(row(server.address), folder, no_report, never_cancelled)
    assert (folder / "Ours.pth").read_bytes() == b"mine"


def test_older_weights_stay_until_the_new_are_ready(server, folder):
    folder.mkdir()
    installed_file(row(), folder).write_bytes(b"older")
    server.breaks_at = 1000
    with pytest.raises(DownloadFailed):
        install(row(server.address), folder, no_report, never_cancelled)
    assert installed_file(row(), folder).read_bytes() == b"older"
    server.breaks_at = None
    install(row(server.address), folder, no_report, never_cancelled)
    assert is_whole(installed_file(row(), folder))


# -- from a user's file ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["pth", "pt", "safetensors"])
def test_a_users_file_is_imported_and_left_as_it_is(folder, tmp_path, kind):
    file = published(tmp_path / "mine" / f"downloaded.{kind}")
    if kind == "safetensors":
        file.write_bytes((BUNDLED / "keymatte.safetensors").read_bytes())
    before = file.read_bytes()
    path = import_file(row(), file, folder, no_report, never_cancelled)
    assert is_whole(path)
    assert file.read_bytes() == before
    assert names_in(file.parent) == [file.name]
    assert names_in(folder) == ["Ours.safetensors"]
    metadata = loading.metadata(path)
    assert metadata["source"] == file.name, "a user's folders are not recorded"
    assert metadata["source_sha256"] == hashlib.sha256(before).hexdigest()


def test_imported_file_must_have_the_known_checksum(folder, tmp_path):
    file = published(tmp_path / "Ours.pth")
    with pytest.raises(WeightsDamaged, match=r"Ours\.pth is not Ours as published: its SHA-256 is"):
        import_file(row(sha256="0" * 64), file, folder, no_report, never_cancelled)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop(sorted(tensors)[0]), "lacks"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "unknown tensor 'more'"),
        (lambda tensors: tensors.update({max(tensors): torch.zeros(1, 2, 3, 4, 5)}), "this network needs"),
        (lambda tensors: tensors[max(tensors)].fill_(float("nan")), "not finite"),
    ],
)
def test_weights_that_do_not_load_are_not_installed(folder, tmp_path, change, words):
    file = published(tmp_path / "Ours.pth", change)
    with pytest.raises(WeightsDamaged, match=words):
        import_file(row(), file, folder, no_report, never_cancelled)
    assert file.exists()
    assert not folder.exists()


def test_file_with_code_is_not_installed(folder, tmp_path):
    file = tmp_path / "Ours.pth"
    file.write_bytes(pickle.dumps(print))
    with pytest.raises(WeightsUnsafe, match="print"):
        import_file(row(), file, folder, no_report, never_cancelled)
    assert not folder.exists()


def test_a_file_that_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(WeightsMissing, match=r"none\.pth does not exist"):
        import_file(row(), tmp_path / "none.pth", folder, no_report, never_cancelled)


# -- as Blender asks ---------------------------------------------------------------------------------------------------
@pytest.fixture
def answers(monkeypatch, server):
    monkeypatch.setattr(catalogue, "CATALOGUE", (row(server.address),))
    return []


def test_request_is_answered_with_stages_and_finished(server, folder, answers):
    run(Download("d", NAME, folder), answers.append, never_cancelled)
    assert answers[-1] == Finished("d")
    assert answers[0] == Stage("d", "Downloading Ours", 0, len(server.content))
    assert all(isinstance(answer, Stage) for answer in answers[:-1])
    assert is_whole(installed_file(row(), folder))


def test_installed_weights_are_replaced_only_on_request(server, folder, answers, tmp_path):
    run(Download("one", NAME, folder), lambda _: None, never_cancelled)
    file = published(tmp_path / "Ours.pth")
    for request in (Download("two", NAME, folder), Import("two", NAME, file, folder)):
        run(request, answers.append, never_cancelled)
    place = folder / "Ours.safetensors"
    assert answers == 2 * [Finished("two", warning=f"Ours is already installed in {place}")]
    assert len(server.requests) == 1
    run(replace(request, again=True), answers.append, never_cancelled)
    assert answers[-1] == Finished("two")
    assert loading.metadata(place)["source"] == "Ours.pth"


def test_cancelled_download_is_answered_and_resumes_next_time(server, folder, answers):
    half = len(server.content) // 2
    run(Download("d", NAME, folder), answers.append, lambda: any(stage.done > half for stage in answers))
    assert answers[-1] == JobCancelled("d")
    assert not is_installed(row(), folder)
    run(Download("d", NAME, folder), answers.append, never_cancelled)
    assert answers[-1] == Finished("d")
    start = int(server.requests[1]["Range"].removeprefix("bytes=").rstrip("-"))
    assert start > half


def test_a_cancelled_import_leaves_nothing(folder, answers, tmp_path):
    run(Import("i", NAME, published(tmp_path / "Ours.pth"), folder), answers.append, lambda: len(answers) > 1)
    assert answers[-1] == JobCancelled("i")
    assert not folder.exists()
    with pytest.raises(Cancelled):
        import_file(row(), tmp_path / "Ours.pth", folder, no_report, lambda: True)


def test_an_unknown_name_is_an_error(folder, answers):
    with pytest.raises(UnknownWeights, match="published are Ours"):
        run(Download("d", "Theirs", folder), answers.append, never_cancelled)
