"""The catalogue of published weights is complete and finds weights by name, file and folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine.methods.registry import RECIPES
from engine.shared import user_folders
from engine.shared.catalogue import (
    CATALOGUE,
    default_folder,
    find_by_file,
    find_weights,
    installed_file,
    is_installed,
    published_for,
    size_in_words,
)
from engine.shared.errors import UnknownWeights

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_entry_is_complete_and_valid(entry):
    assert entry.method
    assert entry.licence
    assert entry.note
    assert 10**6 < entry.size < 10**10
    for address in (entry.page, entry.address):
        assert not address or (urlsplit(address).scheme == "https" and urlsplit(address).hostname)
    assert entry.page
    assert not entry.address or urlsplit(entry.address).path.endswith(entry.file_name)
    assert re.fullmatch(r"([0-9a-f]{64})?", entry.sha256)
    assert re.fullmatch(r"[\w.+-]+", entry.name), "names are used as file names"
    assert not entry.name.lower().endswith((".pth", ".safetensors"))


def test_names_differ_regardless_of_case():
    assert len({entry.name.casefold() for entry in CATALOGUE}) == len(CATALOGUE)
    assert len({entry.file_name.casefold() for entry in CATALOGUE}) == len(CATALOGUE)


def test_recipes_and_published_weights_refer_to_each_other():
    for entry in CATALOGUE:
        assert entry.recipes
        assert set(entry.recipes) <= RECIPES.keys()
    assert published_for("xmem++")[0].name == "XMem", "the authors' default comes first"
    assert published_for("colour") == ()


@pytest.mark.parametrize("name", ["XMem-s012", "xmem-S012"])
def test_weights_are_found_by_name(name):
    assert find_weights(name).file_name == "XMem-s012.pth"


def test_unknown_name_is_refused_with_the_known_names():
    with pytest.raises(UnknownWeights, match=r"there are no weights 'XMen'; published are XMem, XMem-s012, XMem-s2"):
        find_weights("XMen")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("XMem.pth", "XMem"),
        ("downloads/xmem.PTH", "XMem"),
        ("XMem-s012 (2).pth", "XMem-s012"),
        ("XMem-s2(1).pth", "XMem-s2"),
        ("XMem - Copy.pth", "XMem"),
        ("XMem-no-sensory.safetensors", "XMem-no-sensory"),
    ],
)
def test_weights_are_identified_by_file_name(file, name):
    assert find_by_file(Path(file)).name == name


@pytest.mark.parametrize("file", ["model_best.pth", "XMem-s01.pth", "my-XMem.pth", "XMem-s012-mine.pth"])
def test_unknown_file_name_is_refused(file):
    with pytest.raises(UnknownWeights, match="is not that of any published weights") as refusal:
        find_by_file(Path(file))
    assert "--as NAME" in refusal.value.remedy


def test_weights_are_installed_if_their_file_exists(tmp_path):
    entry = find_weights("XMem")
    assert installed_file(entry, tmp_path) == tmp_path / "XMem.safetensors"
    assert not is_installed(entry, tmp_path)
    installed_file(entry, tmp_path).touch()
    assert is_installed(entry, tmp_path)
    assert not is_installed(find_weights("XMem-s2"), tmp_path)


def test_the_folder_of_weights_is_in_the_users_data_or_where_a_variable_says(tmp_path, monkeypatch):
    monkeypatch.delenv("KEYMATTE_WEIGHTS", raising=False)
    assert default_folder() == user_folders.data_folder() / "weights"
    monkeypatch.setenv("KEYMATTE_WEIGHTS", str(tmp_path / "data"))
    assert default_folder() == tmp_path / "data"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (249_000_000, "249 MB"), (1_040_000_000, "1.04 GB")],
)
def test_sizes_are_formatted_with_units(size, words):
    assert size_in_words(size) == words


def test_catalogue_imports_neither_torch_nor_numpy():
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, engine.shared.catalogue; print('torch' in sys.modules, 'numpy' in sys.modules)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.split() == ["False", "False"]
