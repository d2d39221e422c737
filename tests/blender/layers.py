"""What the overlay shows of a studio's clip: its layers, and their alphas."""

from __future__ import annotations

import numpy as np

from tests.blender.studio import HEIGHT, WIDTH, part


def shown(studio, number: int = 1) -> list[tuple[str, str]]:
    """Return the names and kinds of the layers of a frame, the topmost first."""
    return [(layer.name, str(layer.kind)) for layer in reversed(layers(studio, number))]


def layers(studio, number: int = 1) -> list:
    views = part("addon.matte_views")
    folder = part("addon.folders").existing_folder(studio.clip)
    source = views.Source(folder.root if folder else None, (WIDTH, HEIGHT), 1)
    return views.layers(studio.clip, [number], source)[number]


def alpha(layer) -> np.ndarray:
    """Return what is read for a layer, as the alpha of the whole frame."""
    reader = part("addon.matte_reader").MatteReader()
    try:
        reader.request(1, [layer.wanted])
        assert reader.wait(1, 20.0)
        picture = reader.picture(layer.wanted)
    finally:
        reader.close()
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    height, width = picture.values.shape
    whole[picture.top : picture.top + height, picture.left : picture.left + width] = picture.values
    return whole
