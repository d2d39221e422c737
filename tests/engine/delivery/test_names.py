"""Names of what is exported: safe on every system, unique, and as the clip's frames are."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from engine.shared.delivery import DeliveredObject, Format
from engine.shared.delivery_names import file_name, file_names, layer_names, unique_names
from engine.shared.matte_folder import MatteFolder
from tests.engine.delivery.shots import (
    alphas,
    deliver,
    files_in,
    write_matte,
    write_shot,
)

ODD_NAMES = [
    *("a/b", "a\\b", "a:b", "..", ".", "", " ", "CON", "nul.png", "COM1", "com¹", "x.", "x ", "x", "X", ".hidden"),
    *("tab\there", "line\nbreak", "half\ud800pair", "e\u0301", "é", "日本", "שלום", "क्‍ष", "\u202eabc", '*?<>|"', "🎬"),
    *("long" * 100, "long" * 100, "長" * 100),
]


def test_names_suit_linux_windows_and_macos_and_are_unique():
    names = file_names(ODD_NAMES)
    assert len({unicodedata.normalize("NFD", name).casefold() for name in names}) == len(ODD_NAMES)
    for name in names:
        assert (not set(name) & set('<>:"/\\|?*') and name.isprintable()) or "\u200d" in name
        assert name == name.strip(" .") and 0 < len(name.encode()) <= 100
        assert name.split(".")[0].lower() not in ("con", "nul", "com1", "com¹")
    kept = ("日本", "שלום", "क्‍ष", "🎬", "x")
    assert set(kept) <= set(names)
    assert file_name("..", default="clip") == "clip"


def test_layer_names_are_words_and_unique():
    names = layer_names([*ODD_NAMES, "a.b", "1st"])
    assert len({name.casefold() for name in names}) == len(names)
    assert all(name.replace("_", "a").isalnum() and not name[0].isdigit() for name in names)
    assert max(len(name.encode()) for name in names) <= 48


def test_names_that_recur_get_numbers():
    assert unique_names(["a", "a", "", "a 2", "a"]) == ["a", "a 3", "object", "a 2", "a 4"]


@pytest.mark.parametrize("kind", [*Format])
def test_objects_of_odd_names_are_all_delivered_inside_the_target(job, kind, tmp_path):
    folder = MatteFolder(job.folder)
    for number in range(1, len(ODD_NAMES) + 1):
        write_matte(folder, number, 0, alphas(0)[number % 2])
    objects = tuple(DeliveredObject(number, name) for number, name in enumerate(ODD_NAMES, start=1))
    before = files_in(tmp_path)
    finished = deliver(job, format=kind, objects=objects, frames=range(1), title="../.:x" + 200 * "x")
    assert finished.warning == ""
    made = files_in(job.out)
    per_object = kind not in (Format.EXR, Format.OVERLAY, Format.DAVIS, Format.YOUTUBE_VOS)
    assert len(made) == (len(ODD_NAMES) if per_object else 1 + (kind in (Format.DAVIS, Format.YOUTUBE_VOS)))
    after = files_in(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} == {f"out/{name}" for name in made}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
@pytest.mark.parametrize("kind", [*Format])
def test_paths_that_are_no_text_are_written(kind, tmp_path):
    job = write_shot(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe4 odd")))
    assert deliver(job, format=kind).warning == ""
    assert deliver(job, format=kind).note.startswith("0 files")
