"""The study's clips: which masks are given, which clips are missing, and composed films."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.clips import Case, StudyClip, evenly_spaced_case, leave_one_out
from engine.evaluation.composed import composed_films
from engine.evaluation.errors import FilmsChanged, PicturesMissing
from engine.evaluation.parts import ClipFolders, gather_parts
from engine.media.label_images import read_labels, write_labels
from engine.shared.errors import FolderTaken, NoKeyframes
from engine.training.assets import Item, write_index
from tests import films
from tests.png import encode_png, write_png


def clip_of(film: films.Film, place: Path, *, marked=None) -> StudyClip:
    """Write a film as a study clip and return the clip. File numbers start at 5.

    Masks are written for the frames `marked`, by default for all.
    """
    film.write_images(place / "frames", start=5)
    film.write_keyframes(place / "masks", range(len(film.frames)) if marked is None else marked, start=5)
    return StudyClip.open(place.name, place / "frames", place / "masks")


# -- clips -------------------------------------------------------------------------------------------------------------
def test_leave_one_out_gives_all_other_masks(tmp_path):
    clip = clip_of(films.late_entry(count=10, enters=4), tmp_path / "late", marked=(0, 3, 6, 9))
    cases = leave_one_out("caps", clip)
    assert [(case.given, case.wanted) for case in cases] == [
        ((3, 6, 9), (0,)),
        ((0, 6, 9), (3,)),
        ((0, 3, 9), (6,)),
        ((0, 3, 6), (9,)),
    ]
    assert all(case.seen_only for case in cases)


def test_unlabelled_objects_are_unknown_or_absent_as_chosen(tmp_path):
    clip = clip_of(films.late_entry(count=10, enters=4), tmp_path / "late", marked=(0, 6, 9))
    case = Case("caps", "late", clip, (0, 6), (9,))
    assert [keyframe.objects for keyframe in case.keyframes("unknown")] == [(1,), (1, 2)]
    assert [keyframe.objects for keyframe in case.keyframes("absent")] == [(1, 2), (1, 2)]


def test_single_given_mask_is_the_first_with_an_object(tmp_path):
    film = films.late_entry(count=6, enters=2)
    only_the_star = films.Film(film.frames, np.where(film.labels == 2, 2, 0).astype(np.uint8))
    case = evenly_spaced_case("folder", clip_of(only_the_star, tmp_path / "star"))
    assert (case.given, case.wanted, case.objects) == ((2,), (3, 4, 5), (2,))
    empty = films.Film(film.frames, np.zeros_like(film.labels))
    with pytest.raises(NoKeyframes):
        evenly_spaced_case("folder", clip_of(empty, tmp_path / "empty"))


def test_given_masks_are_spread_evenly_over_those_with_an_object(tmp_path):
    film = films.late_entry(count=12, enters=2)
    star = np.where(film.labels == 2, 2, 0).astype(np.uint8)
    star[10:] = 0
    clip = clip_of(films.Film(film.frames, star), tmp_path / "star")
    three = evenly_spaced_case("folder", clip, 3)
    assert (three.given, three.wanted) == ((2, 6, 9), (3, 4, 5, 7, 8, 10, 11))
    assert evenly_spaced_case("folder", clip, 8).wanted == (10, 11)
    with pytest.raises(NoKeyframes, match="on 8 frames"):
        evenly_spaced_case("folder", clip, 9)


def test_number_of_given_masks_can_be_chosen(tmp_path):
    clip_of(films.moving_disc(count=5), tmp_path / "clips" / "disc")
    clip_of(films.moving_disc(count=5), tmp_path / "clips" / "short", marked=(0, 4))
    messages: list[str] = []
    (part,) = gather_parts(ClipFolders(folder=tmp_path / "clips", given=3), ("folder",), messages.append)
    assert (part.name, [case.given for case in part.cases]) == ("folder-clips-3", [(0, 2, 4)])
    assert part.title.endswith("3 masks given, evenly spaced from the first to the last")
    assert len(messages) == 1 and "short" in messages[0]
    (single,) = gather_parts(ClipFolders(folder=tmp_path / "clips"), ("folder",), messages.append)
    assert (single.name, [case.given for case in single.cases]) == ("folder-clips", [(0,), (0,)])


def test_real_clips_are_evaluated_with_one_three_and_five_given_masks(tmp_path):
    clip_of(films.moving_disc(count=9), tmp_path / "pumavos_caps")
    parts = gather_parts(ClipFolders(clips=tmp_path), ("chair", "caps"), [].append)
    assert [(part.name, part.cases[0].given) for part in parts if part.name != "caps"] == [
        ("chair-1", (0,)), ("chair-3", (0, 20, 45)), ("chair-5", (0, 15, 30, 44, 59)), ("caps-3", (0, 4, 8)),
    ]  # fmt: skip
    assert [len(part.cases) for part in parts] == [1, 1, 1, 9, 1]
    assert all(case.seen_only for part in parts[3:] for case in part.cases)


def test_missing_parts_are_reported_with_the_option_that_adds_them(tmp_path):
    messages: list[str] = []
    assert gather_parts(ClipFolders(), ("caps", "composed", "rendered"), messages.append) == []
    assert [message.split()[0] for message in messages] == ["caps", "composed", "rendered"]
    assert [option for message in messages for option in ("--clips", "--films", "--scenes") if option in message] == [
        "--clips", "--films", "--scenes",
    ]  # fmt: skip


def test_only_rendered_clips_held_out_from_training_are_used(tmp_path):
    film = films.moving_disc(count=3)
    for name in ("scene_00019", "scene_00020", "scene_00021", "scene_00040", "scene_00060.part", "unnumbered"):
        clip_of(film, tmp_path / name)
    (part,) = gather_parts(ClipFolders(scenes=tmp_path), ["rendered"], [].append)
    assert [case.name for case in part.cases] == ["scene_00020", "scene_00040"]


def test_films_other_than_the_model_cards_are_reported(tmp_path, monkeypatch):
    film, messages = films.moving_disc(count=3), []
    for name in ("scene_000020", "scene_000040"):
        clip_of(film, tmp_path / name)
    (part,) = gather_parts(ClipFolders(scenes=tmp_path), ["rendered"], messages.append)
    assert [message[:35] for message in messages] == ["rendered: 0 of its 12 films are tho"]
    card = tmp_path / "films.json"
    card.write_text(json.dumps({"rendered": {case.name: case.clip.checksum for case in part.cases}}))
    monkeypatch.setattr("engine.evaluation.parts._KNOWN", card)
    gather_parts(ClipFolders(scenes=tmp_path), ["rendered"], pytest.fail)


def test_davis_layout_is_read(tmp_path):
    film = films.moving_disc(count=3)
    for name in ("bear", "camel"):
        film.write_images(tmp_path / "JPEGImages" / "480p" / name)
        film.write_labels(tmp_path / "Annotations" / "480p" / name)
    (part,) = gather_parts(ClipFolders(folder=tmp_path), ["folder"], pytest.fail)
    assert [(case.name, case.given, case.wanted) for case in part.cases] == [
        ("bear", (0,), (1, 2)),
        ("camel", (0,), (1, 2)),
    ]


def test_a_clip_of_which_only_the_first_mask_is_known_is_left_out(tmp_path):
    clip_of(films.moving_disc(count=3), tmp_path / "bear")
    clip_of(films.moving_disc(count=3), tmp_path / "camel", marked=(0,))
    messages: list[str] = []
    (part,) = gather_parts(ClipFolders(folder=tmp_path), ["folder"], messages.append)
    assert [case.name for case in part.cases] == ["bear"]
    assert len(messages) == 1 and "camel" in messages[0]


def test_all_masks_of_the_bundled_clip_that_are_not_given_are_evaluated():
    for part, count in zip(gather_parts(ClipFolders(), ["chair"], pytest.fail), (1, 3, 5), strict=True):
        (case,) = part.cases
        assert len(case.given) == count
        assert sorted((*case.given, *case.wanted)) == list(range(60))


# -- composed films ----------------------------------------------------------------------------------------------------
@pytest.fixture
def prepared(tmp_path) -> Path:
    """Return a folder of prepared pictures for composed films, some of them held out for evaluation."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    rng = np.random.default_rng(3)
    items = []
    for held_out in (False, True):
        shape = np.zeros((120, 90, 4), np.uint8)
        cv2.ellipse(shape, (45, 60), (40, 50), 0, 0, 360, (20, 200, 255 * held_out, 255), -1)
        scene = cv2.resize(rng.integers(0, 256, (9, 16, 3)).astype(np.uint8), (480, 270))
        for name, kind, picture in (("shape", "cutout", shape), ("scene", "background", scene)):
            write_png(folder / f"{name}_{held_out}.png", picture)
            items.append(Item(f"{name}_{held_out}.png", kind, "made-here", "CC0", held_out=held_out))
    write_png(folder / "texture.png", rng.integers(0, 256, (128, 128, 3)))
    items.append(Item("texture.png", "texture", "made-here", "CC0"))
    views = {f"view_{view}": np.frombuffer(encode_png(shape), np.uint8) for view in range(3)}
    np.savez(folder / "turntable.npz", **views)
    items.append(Item("turntable.npz", "turntable", "made-here", "CC0", views=3, held_out=True))
    write_index(folder, items)
    return folder


def test_films_are_composed_once_and_then_reused(tmp_path, prepared):
    place = tmp_path / "films"
    folders = composed_films(place, prepared, count=2, size=64)
    first = {path: path.stat().st_mtime_ns for path in place.rglob("*.jpg")}
    assert len(first) == 2 * 24
    assert composed_films(place, None, count=2, size=64) == folders  # the pictures are no longer needed
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*.jpg")} == first
    case = evenly_spaced_case("composed", StudyClip.open("film", folders[0] / "frames", folders[0] / "masks"))
    assert case.objects and len(case.wanted) == 23


def test_composed_films_do_not_depend_on_their_folder(tmp_path, prepared):
    for place in ("a", "b"):
        composed_films(tmp_path / place, prepared, count=1, size=64)
    first, second = (json.loads((tmp_path / place / "films.json").read_text()) for place in ("a", "b"))
    assert first == second


def test_a_film_that_was_changed_is_noticed(tmp_path, prepared):
    (folder,) = composed_films(tmp_path / "films", prepared, count=1, size=64)
    labels = read_labels(folder / "masks" / "000007.png")
    labels[0, 0] ^= 1
    write_labels(folder / "masks" / "000007.png", labels)
    with pytest.raises(FilmsChanged):
        composed_films(tmp_path / "films", prepared, count=1, size=64)


def test_composing_without_pictures_or_among_other_files_is_refused(tmp_path, prepared):
    with pytest.raises(PicturesMissing):
        composed_films(tmp_path / "films", None, count=1, size=64)
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(FolderTaken):
        composed_films(tmp_path, prepared, count=1, size=64)
