"""Samples: keyframes from long before the other frames, and the frames that are predicted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from engine.networks.keymatte import Keymatte
from engine.training.keyframe_augmentation import KeyframeAugmenter
from engine.training.motion import clip_times
from engine.training.unroll import make_sample, unroll


def film(frames: int = 5, side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Draw images (T, H, W, 3) of a bright ellipse that drifts over dark noise, and their labels (T, H, W)."""
    noise = np.random.default_rng(0).integers(0, 90, (12, 12, 3)).astype(np.uint8)
    images = np.repeat(cv2.resize(noise, (side, side))[None], frames, 0)
    labels = np.zeros((frames, side, side), np.uint8)
    for frame in range(frames):
        cv2.ellipse(labels[frame], (30 + 5 * frame, 44), (20, 28), 0, 0, 360, 1, thickness=-1)
        images[frame][labels[frame] > 0] = 220
    return images, labels


@pytest.mark.parametrize("seed", range(12))
def test_an_augmented_keyframe_differs_and_its_labels_match(seed: int):
    images, labels = film()
    image, label = KeyframeAugmenter(np.random.default_rng(seed)).augment(images[0], labels[0])
    assert image.shape == images[0].shape
    assert (image.dtype, label.dtype) == (np.uint8, np.uint8)
    bright = cv2.GaussianBlur(image, (0, 0), 2).mean(axis=2) > 130
    assert ((label > 0) & bright).sum() > 0.6 * bright.sum()  # some labels have errors
    again = KeyframeAugmenter(np.random.default_rng(seed)).augment(images[0], labels[0])
    assert np.array_equal(again[0], image)
    assert np.array_equal(again[1], label)


def test_augmented_keyframes_differ_and_some_are_partly_hidden():
    images, labels = film()
    altered = [KeyframeAugmenter(np.random.default_rng(seed)).augment(images[0], labels[0]) for seed in range(40)]
    assert sum(not np.array_equal(label, labels[0]) for _, label in altered) > 25
    bright = [cv2.GaussianBlur(image, (0, 0), 2).mean(axis=2) > 130 for image, _ in altered]
    right = [((label > 0) & seen).sum() / seen.sum() for (_, label), seen in zip(altered, bright) if seen.any()]
    assert np.median(right) > 0.9 > 0.85 > min(right)
    areas = [int(label.sum()) for _, label in altered]
    assert min(areas) < 0.6 * labels[0].sum()
    assert sum(area > 0 for area in areas) > 35


def test_after_a_far_keyframe_the_second_frame_is_the_start():
    images, labels = film()
    changed = 0
    for seed in range(12):
        sample = make_sample(images, labels, np.random.default_rng(seed), corrupt_prob=1.0, far=True)
        changed += not np.array_equal(sample.labels[0].numpy(), labels[0])
        assert sample.start == 1
        assert np.array_equal(sample.labels[1:].numpy(), labels[1:])
        if sample.corrupted_masks is not None:
            assert sample.corrupted_masks.shape == (1, 96, 96)
    assert changed > 4


def test_every_frame_after_the_start_but_keyframes_is_predicted():
    torch.manual_seed(0)
    network = Keymatte().eval()
    images, labels = film()
    for far, count in ((False, 4), (True, 3)):
        sample = make_sample(images, labels, np.random.default_rng(3), far=far)
        with torch.inference_mode():
            predictions = unroll(network, sample)
        assert len(predictions) == count - (sample.keyframes[-1] == 4)
        assert torch.equal(predictions[0].labels, sample.labels[sample.start + 1])


@pytest.mark.parametrize(("frames", "far"), [(2, False), (3, False), (3, True), (4, True)])
def test_the_shortest_samples_leave_a_frame_to_predict(frames: int, far: bool):
    images, labels = film(frames)
    seconds = 0
    for seed in range(20):
        sample = make_sample(images, labels, np.random.default_rng(seed), far=far)
        assert set(range(sample.start + 1, frames)) - set(sample.keyframes)
        seconds += len(sample.keyframes) == 2
    assert bool(seconds) == (frames > 2 + far)


def test_far_clips_skip_many_frames_after_the_first():
    for seed in range(20):
        near, far = (np.diff(clip_times(np.random.default_rng(seed), frames=6, far=far)) for far in (False, True))
        assert far[0] > 1.5 * near[1:].max()
        assert np.median(far[1:]) < 2 * np.median(near)
