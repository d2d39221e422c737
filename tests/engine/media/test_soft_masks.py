"""Soft masks of one object: their alpha is kept, without what compression and video levels add."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import read_keyframe
from tests.engine.media.test_mask_images import SOFT, H, W, rgba


def soft_mask(tmp_path: Path, image: Image.Image, name: str = "3.png", **save) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels and the alpha (H, W) of the only keyframe, a soft image."""
    image.save(tmp_path / name, **save)
    (keyframe,) = read_keyframes(tmp_path, tuple(range(10)), (H, W))
    mask = read_keyframe(keyframe, size=(H, W))
    assert mask.alpha is not None
    return mask.labels, mask.alpha


@pytest.mark.parametrize("kind", ["grey", "16 bits", "alpha", "video levels"])
def test_a_soft_mask_keeps_its_alpha(tmp_path, kind):
    sixteen = np.rint(SOFT * 65535).astype(np.uint16)
    eight = np.rint(SOFT * 255).astype(np.uint8)
    image = {
        "grey": Image.fromarray(eight),
        "16 bits": Image.fromarray(sixteen),
        "alpha": rgba(eight, np.full((H, W), 200, np.uint8)),
        "video levels": Image.fromarray(np.rint(16 + SOFT * 219).astype(np.uint8)),
    }[kind]
    labels, alpha = soft_mask(tmp_path, image)
    assert np.abs(alpha - SOFT).max() < (0.01 if kind == "video levels" else 0.6 / 255)
    assert np.array_equal(labels == 1, alpha >= 0.5) and ((alpha == 0) == (SOFT == 0)).all()


def test_the_noise_of_a_jpeg_is_no_soft_edge(tmp_path):
    _, alpha = soft_mask(tmp_path, Image.fromarray(np.rint(SOFT * 255).astype(np.uint8)), "1.jpg", quality=80)
    assert np.abs(alpha - SOFT).max() < 0.2
    far = (SOFT == 0) | (SOFT == 1)
    assert np.isin(alpha[far], (0, 1)).mean() > 0.99
