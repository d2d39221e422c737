"""Rendered training clips: training and held-out scenes, and random crops that show objects."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from engine.training.rendered import MAX_FRAME_STEP, RenderedClips, clip_name


@pytest.fixture
def clips(tmp_path):
    """Write four clips, one of them held out.

    A bright square moves 6 pixels a frame; the grey of the background tells the frame number.
    """
    for seed in (1, 2, 3, 20):
        clip = tmp_path / clip_name(seed)
        (clip / "frames").mkdir(parents=True)
        (clip / "masks").mkdir()
        for frame in range(16):
            mask = np.zeros((128, 224), np.uint8)
            mask[40:80, 10 + 6 * frame : 50 + 6 * frame] = 1
            picture = np.where(mask[..., None] > 0, np.uint8(250), np.uint8(20 + 5 * frame)).repeat(3, axis=2)
            cv2.imwrite(str(clip / "frames" / f"frame_{frame:06d}.jpg"), picture)
            cv2.imwrite(str(clip / "masks" / f"frame_{frame:06d}.png"), mask)
        (clip / "about.json").write_text(json.dumps({"held_out": seed == 20}))
    (tmp_path / "scene_000009.part").mkdir()
    return tmp_path


def test_held_out_scenes_are_separate(clips):
    assert [clip.name for clip in RenderedClips(clips, False).clips()] == [clip_name(seed) for seed in (1, 2, 3)]
    assert [clip.name for clip in RenderedClips(clips, True).clips()] == [clip_name(20)]


def test_added_and_removed_scenes_are_noticed(clips):
    scenes = RenderedClips(clips, False)
    assert len(scenes) == 3
    (clips / clip_name(2)).rename(clips / clip_name(5))
    assert [clip.name for clip in scenes.clips()] == [clip_name(seed) for seed in (1, 3, 5)]


@pytest.mark.parametrize("seed", range(10))
def test_a_crop_holds_an_object_and_labels_stay_on_it(clips, seed):
    clip = RenderedClips(clips, False).pick(np.random.default_rng(seed), frames=5, size=96)
    assert clip.images.shape == (5, 96, 96, 3)
    assert clip.labels.shape == (5, 96, 96)
    assert clip.objects == 1
    for image, labels in zip(clip.images, clip.labels):
        bright = image.mean(axis=2) > 170
        assert (bright & (labels == 1)).sum() >= 0.9 * (bright | (labels == 1)).sum()


def test_time_goes_both_ways_in_steps_of_one_to_four(clips):
    scenes, steps = RenderedClips(clips, False), set()
    for seed in range(60):
        images = scenes.pick(np.random.default_rng(seed), frames=4, size=64).images.astype(float)
        dark = [np.percentile(image.mean(axis=2), 10) for image in images]
        steps.add(int(np.sign(dark[-1] - dark[0])) * round(abs(dark[-1] - dark[0]) / 15))
    assert min(steps) < 0 < max(steps)
    assert {abs(step) for step in steps} == {1, 2, 3, 4}


def test_a_scene_with_too_few_frames_is_played_back_and_forth(clips):
    assert RenderedClips(clips, False).pick(np.random.default_rng(1), frames=24, size=64).labels.shape == (24, 64, 64)


def test_the_same_generator_state_gives_the_same_crop(clips):
    first, again = (RenderedClips(clips, False).pick(np.random.default_rng(4), frames=3, size=64) for _ in range(2))
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)


def test_a_folder_without_scenes_is_an_error(tmp_path):
    with pytest.raises(LookupError, match="held-out"):
        RenderedClips(tmp_path, True).pick(np.random.default_rng(1), frames=2, size=64)


def test_the_first_of_distant_frames_may_be_any_of_the_scene(clips):
    scenes, far = RenderedClips(clips, False), set()
    for seed in range(40):
        images = scenes.pick(np.random.default_rng(seed), frames=3, size=64, far=True).images.astype(float)
        dark = [np.percentile(image.mean(axis=2), 10) for image in images]
        far.add(round((dark[0] - dark[1]) / 5))
    assert max(map(abs, far)) > MAX_FRAME_STEP
    assert min(far) < 0 < max(far)
