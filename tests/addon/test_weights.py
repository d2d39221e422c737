"""Which weights a recipe is run with, and how they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from keymatte.addon import weights
from keymatte.engine.shared.catalogue import find_weights, installed, published_for
from keymatte.engine.shared.errors import Offline, UnknownWeights, WeightsMissing


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The folder that the preferences name."""
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    return tmp_path


def put(folder: Path, name: str) -> Path:
    path = installed(find_weights(name), folder)
    path.write_bytes(b"weights")
    return path


def test_our_own_recipe_needs_none(folder):
    assert weights.weights_for("keymatte") is None
    assert weights.file_for("keymatte", "XMem") is None


def test_without_a_choice_the_first_that_is_installed_is_used_or_else_the_authors_default_is_missed(folder):
    assert weights.weights_for("xmem++").name == "XMem"
    with pytest.raises(WeightsMissing, match="XMem, which"):
        weights.file_for("xmem++")
    later = put(folder, "XMem-s2")
    assert weights.file_for("xmem++") == later
    earlier = put(folder, "XMem-s012")
    assert weights.file_for("xmem++") == earlier


def test_the_choice_is_used_or_missed_but_never_another(folder):
    put(folder, "XMem")
    with pytest.raises(WeightsMissing, match="XMem-s012"):
        weights.file_for("xmem", "XMem-s012")
    chosen = put(folder, "XMem-s012")
    assert weights.file_for("xmem", "XMem-s012") == chosen


def test_a_choice_that_belongs_to_another_recipe_does_not_count(folder):
    assert weights.weights_for("xmem", "Another") == published_for("xmem")[0]


def test_before_a_download_a_user_is_told_whose_they_are_how_large_and_from_where(folder):
    entry = find_weights("XMem")
    told = dict(weights.details(entry))
    assert told["Weights"].startswith("XMem")
    assert told["Method"] == entry.method
    assert told["Licence"] == entry.licence
    assert told["Size"] == "249 MB"
    assert told["From"] == entry.address
    assert told["Into"] == str(folder)


def test_the_file_is_looked_for_where_browsers_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert weights.guess_download_path("xmem") == tmp_path / "XMem.pth"
    (tmp_path / "Downloads").mkdir()
    assert weights.guess_download_path("XMem-s2") == tmp_path / "Downloads" / "XMem-s2.pth"


def test_offline_nothing_is_asked_for(folder):
    with pytest.raises(Offline, match="online access is off"):
        weights.download("XMem", again=False)


def test_a_file_is_taken_for_what_its_name_tells_and_else_for_what_was_asked(folder):
    assert weights.import_file("XMem", Path("XMem-s012 (1).pth"), again=False).name == "XMem-s012"
    request = weights.import_file("xmem-s2", Path("downloaded.pth"), again=True)
    assert (request.name, request.folder, request.again) == ("XMem-s2", folder, True)
    with pytest.raises(UnknownWeights):
        weights.import_file("", Path("downloaded.pth"), again=False)
