"""Which weights a recipe runs with, and the requests that install them."""

from __future__ import annotations

from pathlib import Path

import pytest
from keymatte.addon import weights
from keymatte.engine.shared.catalogue import find_weights, installed_file, published_for
from keymatte.engine.shared.errors import Offline, UnknownWeights, WeightsMissing


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return the weights folder that is set in the preferences."""
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    return tmp_path


def put(folder: Path, name: str) -> Path:
    path = installed_file(find_weights(name), folder)
    path.write_bytes(b"weights")
    return path


def test_own_recipe_needs_no_published_weights(folder):
    assert weights.weights_for("keymatte") is None
    assert weights.file_for("keymatte", "XMem") is None


def test_without_a_choice_the_first_installed_weights_are_used_else_the_default_is_missing(folder):
    assert weights.weights_for("xmem++").name == "XMem"
    with pytest.raises(WeightsMissing, match="XMem, which"):
        weights.file_for("xmem++")
    later = put(folder, "XMem-s2")
    assert weights.file_for("xmem++") == later
    earlier = put(folder, "XMem-s012")
    assert weights.file_for("xmem++") == earlier


def test_chosen_weights_are_used_or_missing_but_never_replaced(folder):
    put(folder, "XMem")
    with pytest.raises(WeightsMissing, match="XMem-s012"):
        weights.file_for("xmem", "XMem-s012")
    chosen = put(folder, "XMem-s012")
    assert weights.file_for("xmem", "XMem-s012") == chosen


def test_choice_for_another_recipe_is_ignored(folder):
    assert weights.weights_for("xmem", "Another") == published_for("xmem")[0]


def test_download_facts_name_method_licence_size_and_source(folder):
    entry = find_weights("XMem")
    facts = dict(weights.details(entry))
    assert facts["Model"].startswith("XMem")
    assert facts["Method"] == entry.method
    assert facts["Licence"] == entry.licence
    assert facts["Size"] == "249 MB"
    assert facts["From"] == entry.address
    assert facts["Into"] == str(folder)


def test_likely_file_is_in_the_downloads_folder_if_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert weights.guess_download_path("xmem") == tmp_path / "XMem.pth"
    (tmp_path / "Downloads").mkdir()
    assert weights.guess_download_path("XMem-s2") == tmp_path / "Downloads" / "XMem-s2.pth"


def test_download_is_refused_offline(folder):
    with pytest.raises(Offline, match="online access is off"):
        weights.download("XMem", again=False)


def test_imported_file_is_identified_by_its_name_else_by_the_request(folder):
    assert weights.import_file("XMem", Path("XMem-s012 (1).pth"), again=False).name == "XMem-s012"
    request = weights.import_file("xmem-s2", Path("downloaded.pth"), again=True)
    assert (request.name, request.folder, request.again) == ("XMem-s2", folder, True)
    with pytest.raises(UnknownWeights):
        weights.import_file("", Path("downloaded.pth"), again=False)
