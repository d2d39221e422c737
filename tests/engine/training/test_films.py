"""Composed films: reproducibility, labels that match the painted objects, contact sheets, clip sizes."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from engine.training.actors import Actor, Appearance, Sprite, paint
from engine.training.assets import Assets, Item, view_name, write_index
from engine.training.contact_sheet import write_contact_sheet
from engine.training.dataset import ClipDataset, TrainConfig
from engine.training.films import compose
from engine.training.motion import Motion, clip_times, random_signal
from engine.training.solids import solid_pictures
from engine.training.sprites import premultiply
from engine.training.unroll import Sample, make_sample


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """Write and open a small folder of prepared pictures: two cut-outs, two backgrounds, a texture, a turntable."""
    folder = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(3)
    items = []
    for number in range(2):
        shape = np.zeros((120, 90, 4), np.uint8)
        shape[..., :3] = rng.integers(0, 256, 3)
        cv2.ellipse(shape, (45, 60), (40, 55 - 20 * number), 0, 0, 360, (*shape[0, 0, :3].tolist(), 255), -1)
        cv2.imwrite(str(folder / f"shape_{number}.webp"), shape)
        items.append(Item(f"shape_{number}.webp", "cutout", "made-here", "CC0"))
        scene = cv2.resize(rng.integers(0, 256, (9, 16, 3)).astype(np.uint8), (480, 270))
        cv2.imwrite(str(folder / f"scene_{number}.jpg"), scene)
        items.append(Item(f"scene_{number}.jpg", "background", "made-here", "CC0"))
    cv2.imwrite(str(folder / "texture.jpg"), rng.integers(0, 256, (128, 128, 3)).astype(np.uint8))
    items.append(Item("texture.jpg", "texture", "made-here", "CC0"))
    views = {view_name(view): cv2.imencode(".webp", shape)[1].ravel() for view in range(3)}
    np.savez(folder / "turntable.npz", **views)
    items.append(Item("turntable.npz", "turntable", "made-here", "CC0", views=3))
    write_index(folder, items)
    return Assets(folder)


def test_same_generator_state_gives_the_same_film(assets):
    first = compose(assets, np.random.default_rng(7), frames=3, size=128)
    again = compose(assets, np.random.default_rng(7), frames=3, size=128)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)


def test_the_picture_cache_does_not_change_a_film(assets):
    fresh = Assets(assets._folder, cache_size=1)
    compose(fresh, np.random.default_rng(1), frames=2, size=96)
    first = compose(assets, np.random.default_rng(8), frames=2, size=96)
    assert np.array_equal(first.images, compose(fresh, np.random.default_rng(8), frames=2, size=96).images)


@pytest.mark.parametrize("seed", range(25))
def test_every_object_is_visible_on_the_first_frame(assets, seed):
    clip = compose(assets, np.random.default_rng(seed), frames=3, size=128)
    assert clip.images.shape == (3, 128, 128, 3)
    assert clip.images.dtype == np.uint8
    assert clip.labels.shape == (3, 128, 128)
    assert clip.labels.dtype == np.uint8
    assert 1 <= clip.objects <= 3
    counts = np.bincount(clip.labels[0].ravel(), minlength=clip.objects + 1)
    assert (counts[1:] >= 11).all()
    assert clip.labels.max() == clip.objects


def test_one_frame_is_a_film_too(assets):
    for seed in range(8):
        assert compose(assets, np.random.default_rng(seed), frames=1, size=96).labels.shape == (1, 96, 96)


def test_objects_move(assets):
    clips = [compose(assets, np.random.default_rng(seed), frames=4, size=96) for seed in range(20)]
    changed = [np.mean((clip.labels[0] > 0) != (clip.labels[3] > 0)) for clip in clips]
    assert np.mean(np.array(changed) > 0.005) > 0.5


def square(colour, *, x, y, side=21, frames=2, step=0.0):
    """Make a sprite of a plain square with its centre at (x, y) that moves `step` pixels to the right per frame."""
    rgba = np.full((side, side, 4), 255, np.uint8)
    rgba[..., :3] = colour
    still = np.zeros(frames)
    motion = Motion(x + step * np.arange(frames), y + still, still, still + 1, still + 1, still)
    return Sprite((premultiply(rgba),) * frames, motion, np.tile(np.eye(3), (frames, 1, 1)))


def painted(*actors, size=64, frame=0):
    canvas, labels = np.zeros((size, size, 3), np.uint8), np.zeros((size, size), np.uint8)
    for actor in actors:
        paint(canvas, labels, actor, frame)
    return canvas, labels


def test_label_lies_exactly_on_the_painted_square():
    canvas, labels = painted(Actor(square((250, 0, 0), x=30, y=20, step=4), Appearance(label=1)), frame=1)
    expected = np.zeros((64, 64), bool)
    expected[10:31, 24:45] = True
    assert np.array_equal(labels == 1, expected)
    assert np.array_equal(canvas[..., 0] > 125, expected)


def test_a_nearer_actor_hides_the_label_behind_it():
    far = Actor(square((250, 0, 0), x=30, y=30), Appearance(label=1))
    near = Actor(square((0, 250, 0), x=40, y=30), Appearance())
    _, labels = painted(far, near)
    assert labels[30, 22] == 1
    assert labels[30, 40] == 0


def test_a_faint_object_keeps_its_whole_shape_as_label():
    canvas, labels = painted(Actor(square((200, 200, 200), x=30, y=30), Appearance(label=2, opacity=0.35)))
    assert (labels == 2).sum() == 21 * 21
    assert 55 <= canvas[30, 30, 0] <= 85


def test_an_actor_out_of_sight_paints_nothing():
    canvas, labels = painted(Actor(square((250, 0, 0), x=500, y=30), Appearance(label=1, shadow=0.5, shutter=0.5)))
    assert not canvas.any()
    assert not labels.any()


def test_a_hidden_frame_is_empty():
    _, labels = painted(Actor(square((250, 0, 0), x=30, y=30), Appearance(label=1, hidden=frozenset({1}))), frame=1)
    assert not labels.any()


@pytest.mark.parametrize("seed", range(12))
def test_solids_fill_a_part_of_the_picture_and_not_its_border(seed):
    pictures = solid_pictures(np.random.default_rng(seed), np.arange(3.0), extent=80, fillings=[])
    assert len(pictures) == 3
    for picture in pictures:
        opaque = picture[..., 3] > 127
        assert 0.01 < opaque.mean() < 0.9
        assert not opaque[0].any()
        assert not opaque[-1].any()


def test_random_signals_start_at_zero_and_stay_within_reach():
    rng = np.random.default_rng(0)
    for _ in range(50):
        signal = random_signal(rng, clip_times(rng, frames=200), reach=3.0, speed=0.5)
        assert signal[0] == 0
        assert np.abs(signal).max() <= 2 * 3.0 * 1.02 + 1e-9


def test_contact_sheet_is_written(assets, tmp_path):
    clips = [compose(assets, np.random.default_rng(seed), frames=2, size=64) for seed in range(3)]
    samples = [make_sample(clip.images, clip.labels, np.random.default_rng(1)) for clip in clips]
    write_contact_sheet(tmp_path / "sheet.png", [sample for sample in samples if sample])
    rows = -(-sum(sample is not None for sample in samples) // 2)
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (64 * rows, 2 * 128 + 12, 3)


def test_a_contact_sheet_marks_keyframes_and_corrupted_masks_and_reuses_its_colours(tmp_path):
    labels = np.zeros((3, 64, 64), np.int64)
    for number in range(1, 7):
        labels[:, 8 * number : 8 * number + 6, 10:50] = number
    sample = Sample(torch.zeros(3, 3, 64, 64), torch.from_numpy(labels), 6, keyframes=(0,), interval=1, start=1)
    write_contact_sheet(tmp_path / "clean.png", [sample])
    write_contact_sheet(tmp_path / "corrupted.png", [replace(sample, corrupted_masks=torch.zeros(6, 64, 64))])
    clean, corrupted = (cv2.imread(str(tmp_path / f"{name}.png"))[:, :192] for name in ("clean", "corrupted"))
    assert all((clean[8 * number, 11:49] > 50).any(1).all() for number in range(1, 7))
    assert (clean[0, :60] == (0, 220, 255)).all() and not clean[0, 64:124].any(), "only the keyframe is marked"
    assert not corrupted[4:60, 64:124].any(), "empty masks have no outlines"
    assert (corrupted[0, 64:124] == (255, 0, 255)).all() and (corrupted[4:, 128:] == clean[4:, 128:]).all()


def test_clips_have_random_sizes_if_configured(assets):
    config = TrainConfig(frames=2, size=128, smallest=64)
    folders = (assets._folder, None)
    first, second = (ClipDataset(folders, config, start=rank, stride=2) for rank in range(2))
    first, second = ([sample.labels.shape[1] for sample in islice(dataset, 12)] for dataset in (first, second))
    assert set(first) == {64, 96, 128}
    assert first == second  # so that no process waits for another
    fixed = ClipDataset((assets._folder, None), replace(config, smallest=None), start=0, stride=1)
    assert {sample.labels.shape[1] for sample in islice(fixed, 4)} == {128}
