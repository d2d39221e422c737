"""Photographs with outlined subjects: preparation, cut-outs, deformation, and films made from them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.training import prepare as preparing
from engine.training.actors import paint
from engine.training.assets import OUTLINED, Assets, Item, is_held_out, write_index
from engine.training.film_context import FilmContext
from engine.training.films import Clip, compose, merge_touching_objects
from engine.training.lifted import can_lift, inpaint_subjects, lift_subjects
from engine.training.outlined import DeformingPhotograph, cut_out, draw_labels, load_outlines
from engine.training.photographs import pinned_packages
from engine.training.prepare import prepare
from engine.training.sources import BACKGROUND, CUTOUT, SOURCES, FileSelection, SourcePackage, unpacked

PHOTOGRAPHS = SourcePackage("photographs", "CC0", "nobody", (FileSelection("background", "*.jpg"),), all_learned=True)
HELD_OUT_NAME = "ring_17.jpg"  # held out by its hash, but its source has `all_learned`
RING = {"size": [320, 200], "subjects": [[[60, 40, 160, 40, 160, 140, 60, 140], [90, 70, 130, 70, 130, 110, 90, 110]]]}


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """Prepare two photographs: one shows a red frame as its outlined subject, the other has no outlines."""
    package = unpacked(tmp_path / "fetched", "photographs")
    package.mkdir(parents=True)
    rng = np.random.default_rng(5)
    for name in ("plain.jpg", HELD_OUT_NAME):
        picture = cv2.resize(rng.integers(0, 160, (10, 16, 3)).astype(np.uint8), (320, 200))
        if name == HELD_OUT_NAME:
            picture[draw_labels(RING, width=320, height=200) > 0] = (250, 20, 20)
        Image.fromarray(picture).save(package / name, quality=95)
    key = f"photographs/{preparing._digest(HELD_OUT_NAME)[:12]}"
    monkeypatch.setattr(preparing, "load_outlines", lambda: {key: RING})
    return prepare(tmp_path / "fetched", tmp_path / "out", sources=(PHOTOGRAPHS,))


def test_an_outline_is_drawn_with_its_hole_at_any_size():
    labels = draw_labels(RING, width=320, height=200)
    assert labels[50, 70] == 1
    assert labels[90, 110] == 0, "the hole"
    assert labels[10, 10] == 0
    half = draw_labels(RING, width=160, height=100)
    assert abs(half.mean() - labels.mean()) < 0.1 * labels.mean()


def test_an_outlined_photograph_gives_its_labels_and_a_cut_out_of_each_subject(assets):
    assert assets.count("background") == 2
    assert assets.count(OUTLINED) == 1
    picture, labels = assets.read_outlined(assets.pick(OUTLINED, np.random.default_rng(1)))
    assert picture.shape[:2] == labels.shape
    assert picture[labels == 1].mean(0)[0] > 230, "labels lie on the red frame"
    cut = assets.read(assets.pick(CUTOUT, np.random.default_rng(1)))
    assert cut[cut[..., 3] > 250][:, 0].mean() > 230
    assert (cut[cut.shape[0] // 2, cut.shape[1] // 2, 3]) == 0, "the hole is transparent"


def test_no_photograph_of_an_all_learned_source_is_held_out(assets):
    assert is_held_out(HELD_OUT_NAME)
    assert Assets(assets._folder, held_out=True).count("background") == 0
    fetched = [source for source in SOURCES if source.address]
    assert len(fetched) > len(pinned_packages()), "photographs, and other packages with an address"
    assert all(source.all_learned and len(source.sha256) == 64 for source in fetched)


def test_packages_of_a_family_are_sampled_as_one(assets, tmp_path):
    items = [Item(f"{name}.jpg", "background", name, "CC0", family="of-one-kind") for name in ("a", "b", "c", "d")]
    write_index(tmp_path, [*items, Item("alone.jpg", "background", "alone", "CC0")])
    rng, four_and_one = np.random.default_rng(1), Assets(tmp_path)
    alone = np.mean([four_and_one.pick("background", rng).package == "alone" for _ in range(600)])
    assert 0.27 < alone < 0.40, "1 / (1 + sqrt(4)); 1 / 5 if packages were sampled one by one"


def test_copies_of_held_out_pictures_are_dropped_from_training(assets, tmp_path):
    others = replace(PHOTOGRAPHS, package="others", all_learned=False)
    package = unpacked(tmp_path / "fetched", "others")
    package.mkdir()
    (package / HELD_OUT_NAME).write_bytes((unpacked(tmp_path / "fetched", "photographs") / HELD_OUT_NAME).read_bytes())
    both = prepare(tmp_path / "fetched", tmp_path / "both", sources=(PHOTOGRAPHS, others))
    assert both.count("background") == 1
    assert Assets(tmp_path / "both", held_out=True).count("background") == 1


def test_reflections_at_the_border_are_not_labelled():
    picture = np.zeros((100, 100, 3), np.uint8)
    labels = np.zeros((100, 100), np.uint8)
    picture[40:60, 5:25], labels[40:60, 5:25] = 255, 1
    away = np.array([[1.0, 0, 50], [0, 1, 0], [0, 0, 1]])
    shown, moved = DeformingPhotograph(np.random.default_rng(1), np.zeros(1), labels).render(
        picture, labels, 0, away, size=100
    )
    assert (shown[50, 30] == 255).all(), "the reflection is visible beyond the border"
    assert np.array_equal(np.unique(np.nonzero(moved)[1]), np.arange(55, 75))


def test_a_photograph_is_unchanged_on_the_first_frame_and_deforms_with_its_labels():
    picture = np.zeros((200, 320, 3), np.uint8)
    labels = draw_labels(RING, width=320, height=200)
    picture[labels > 0] = 255
    deforming = DeformingPhotograph(np.random.default_rng(2), np.arange(12.0), labels)
    first, same = deforming.render(picture, labels, 0, np.eye(3), size=200)
    assert np.array_equal(first, picture[:, :200])
    assert np.array_equal(same, labels[:, :200])
    last, moved = deforming.render(picture, labels, 11, np.eye(3), size=200)
    assert not np.array_equal(moved, same)
    differ = (last[..., 0] > 127) != (moved > 0)
    assert differ.mean() < 0.01, "colours and labels move together"


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("lifted", [0.0, 1.0])
def test_films_of_outlined_photographs_have_their_subjects_as_objects(assets, monkeypatch, lifted, frames):
    from engine.training import films

    monkeypatch.setattr(films, "_PHOTOGRAPH_PROB", 1.0)
    monkeypatch.setattr(films, "_LIFT_PROB", lifted)
    monkeypatch.setattr(
        films, "create_actors", lambda film, objects_in_scenery: []
    )  # this folder has nothing else to show
    monkeypatch.setattr(films, "apply_camera_effects", lambda rng, canvases, times: np.stack(canvases))
    monkeypatch.setattr(films, "_recoloured", lambda rng, picture, strength: picture)
    for seed in range(5):
        clip = compose(assets, np.random.default_rng(seed), frames=frames, size=96)
        assert clip.objects == 1
        for image, labels in zip(clip.images, clip.labels):
            red = (image[..., 0] > 200) & (image[..., 1] < 90)
            assert (red & (labels == 1)).sum() > 0.85 * max(red.sum(), (labels == 1).sum())


def test_subjects_are_inpainted_with_their_surroundings():
    rng = np.random.default_rng(3)
    picture = np.clip(rng.normal((40, 90, 140), 6, (160, 240, 3)), 0, 255).astype(np.uint8)
    labels = np.zeros((160, 240), np.uint8)
    labels[50:110, 80:150] = 1
    subject = labels > 0
    photograph = picture.copy()
    photograph[subject] = (250, 20, 20)
    behind = inpaint_subjects(photograph, labels)
    assert np.abs(behind[subject].mean(0) - (40, 90, 140)).max() < 4, "the subject is gone"
    assert 2 < behind[subject].std(0).mean() < 9, "the grain of the rest"
    assert np.array_equal(behind[:30], photograph[:30])
    assert np.array_equal(inpaint_subjects(photograph, np.zeros_like(labels)), photograph)


@pytest.mark.parametrize(
    ("rows", "columns", "can"),
    [
        (slice(30, 70), slice(40, 90), True),
        (slice(0, 70), slice(40, 90), False),  # cut by the border
        (slice(30, 33), slice(40, 90), False),  # too thin
        (slice(5, 95), slice(5, 95), False),  # leaves too little background to inpaint
    ],
)
def test_subjects_at_the_border_or_too_thin_or_too_large_cannot_be_lifted(rows: slice, columns: slice, can: bool):
    labels = np.zeros((100, 100), np.uint8)
    labels[rows, columns] = 1
    assert can_lift(labels) == can


def test_a_lifted_subject_starts_in_place_and_moves_over_the_background():
    picture = np.zeros((128, 128, 3), np.uint8)
    labels = np.zeros((128, 128), np.uint8)
    picture[30:70, 40:90], labels[30:70, 40:90] = 255, 1
    moved = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        times = np.arange(0.0, 24.0, 3.0)
        ground = inpaint_subjects(picture, labels)
        film = FilmContext(None, rng, times, 128, np.tile(np.eye(3), (8, 1, 1)), ground)
        (actor,) = lift_subjects(film, picture, labels, np.eye(3), first=4)
        shown = [ground.copy() for _ in times]
        found = np.zeros((8, 128, 128), np.uint8)
        for frame in range(8):
            paint(shown[frame], found[frame], actor, frame)
            bright = shown[frame][..., 0] > 127
            assert ((found[frame] == 4) != bright).mean() < 0.02, "colours and labels move together"
        assert ((found[0] == 4) != (labels == 1)).mean() < 0.025, "except rim and motion blur"
        moved += ((found[7] == 4) != (labels == 1)).mean() > 0.05
    assert moved >= 4, "most subjects move"


def test_two_touching_objects_are_merged_and_others_keep_their_order():
    labels = np.zeros((2, 20, 40), np.uint8)
    labels[:, 5:15, 2:10], labels[:, 5:15, 20:28], labels[:, 5:15, 10:18], labels[:, 5:15, 32:38] = 1, 2, 3, 4
    clip = Clip(np.zeros((2, 20, 40, 3), np.uint8), labels)
    merged = merge_touching_objects(clip, np.random.default_rng(0)).labels
    assert set(np.unique(merged)) == {0, 1, 2, 3}
    first_pair = (labels == 1) | (labels == 3)
    second_pair = (labels == 2) | (labels == 3)
    pairs = (first_pair, second_pair)
    assert any(np.array_equal(merged == number, pair) for pair in pairs for number in (1, 2))
    apart = Clip(clip.images, np.where(labels == 3, 0, labels))
    assert merge_touching_objects(apart, np.random.default_rng(0)) is apart


def test_every_outline_is_of_a_known_photograph_and_within_it():
    known = {
        source.package for source in SOURCES if any(selection.kind == BACKGROUND for selection in source.selections)
    }
    rows = load_outlines()
    assert len(rows) > 50
    for picture, row in rows.items():
        assert picture.partition("/")[0] in known
        for polygons in row["subjects"]:
            for polygon in polygons:
                points = np.reshape(polygon, (-1, 2))
                assert len(points) > 2
                assert (points >= 0).all()
                assert (points <= row["size"]).all()


def test_cut_outs_leave_the_rim_out():
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:30] = 1
    (cut,) = cut_out(np.full((40, 40, 3), 9, np.uint8), labels)
    assert (cut[..., 3] > 127).sum() == 18 * 18
