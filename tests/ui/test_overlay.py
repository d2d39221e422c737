"""The image of the overlay, computed without a GPU."""

from __future__ import annotations

import numpy as np
from keymatte.ui.overlay import tinted


def test_each_object_is_tinted_in_its_colour_and_the_rest_is_clear():
    labels = np.array([[0, 1], [2, 3]], np.uint8)
    shown = tinted(labels, {1: (1.0, 0.0, 0.0), 2: (0.0, 1.0, 0.0)}, opacity=0.5)
    assert shown.shape == (2, 2, 4)
    assert shown[1, 1].tolist() == [1.0, 0.0, 0.0, 0.5], "the first row of an image is the last of a texture"
    assert shown[0, 0].tolist() == [0.0, 1.0, 0.0, 0.5]
    assert shown[1, 0, 3] == shown[0, 1, 3] == 0
