"""Downloads whose SHA-256 nobody has published are recorded, and later ones compared with the record."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.jobs.install_weights import install
from engine.shared.errors import DownloadRefused, WeightsDamaged
from tests.engine.weights import published, row


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "weights"


@pytest.fixture
def server(server, tmp_path):
    """Return the local server, set to offer the published weights."""
    server.content = published(tmp_path / "origin" / "Ours.pth").read_bytes()
    return server


def test_without_a_known_checksum_the_first_download_is_recorded_and_later_ones_must_be_the_same(server, folder):
    first = hashlib.sha256(server.content).hexdigest()
    record = folder / "Ours.sha256"
    install(row(server.address), folder, lambda *_: None, lambda: False)
    assert record.read_text() == f"{first}  Ours.pth\n"
    install(row(server.address), folder, lambda *_: None, lambda: False)
    installed = (folder / "Ours.safetensors").read_bytes()

    genuine, server.content = server.content, server.content + b"!"
    second = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(DownloadRefused, match=f"not the file that was downloaded before.*{second}.*{first}") as refusal:
        install(row(server.address), folder, lambda *_: None, lambda: False)
    assert str(record) in refusal.value.remedy
    assert (folder / "Ours.safetensors").read_bytes() == installed
    assert list((folder / ".installing").iterdir()) == []

    server.content = genuine
    install(row(server.address), folder, lambda *_: None, lambda: False)
    record.unlink()
    server.content = genuine + b"!"
    install(row(server.address), folder, lambda *_: None, lambda: False)
    assert record.read_text().startswith(second)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"abc  Ours.pth", b"0" * 100_000, b"0" * 64])
def test_a_damaged_record_is_reported_before_the_download(server, folder, content):
    folder.mkdir()
    (folder / "Ours.sha256").write_bytes(content)
    with pytest.raises(WeightsDamaged, match=r"Ours\.sha256.* cannot be read") as failure:
        install(row(server.address), folder, lambda *_: None, lambda: False)
    assert "Delete it" in failure.value.remedy
    assert server.requests == []
    assert (folder / "Ours.sha256").read_bytes() == content


def test_weights_that_do_not_load_are_not_recorded(server, folder):
    server.content = server.content[:100_000]
    with pytest.raises(WeightsDamaged):
        install(row(server.address), folder, lambda *_: None, lambda: False)
    assert not (folder / "Ours.sha256").exists()
