"""A region of the overlay's pixel tests that shows a clip of one colour, and alphas to draw over it."""

from __future__ import annotations

import numpy as np
from mathutils import Matrix

from tests.blender.studio import part

WIDTH, HEIGHT = 120, 80
CLIP = np.array((0.2, 0.4, 0.6))  # the colour of the clip below
RED, GREEN, YELLOW = (0.9, 0.1, 0.0), (0.1, 0.8, 0.2), np.array((1.0, 0.85, 0.0))
STEP = 2.5 / 255  # the images have 8 bits, and some are drawn twice


class Screen:
    """A region that shows a clip of one colour, and layers drawn over it."""

    def __init__(self) -> None:
        self.drawer = part("ui.composite").ViewDrawer()
        self.textures = part("ui.matte_textures").Textures()
        self.clip_size = (WIDTH, HEIGHT)

    def mesh(self, size, scale: float, at):
        left, bottom = at
        right, top = left + self.clip_size[0] * scale, bottom + self.clip_size[1] * scale
        points = np.array([(left, bottom), (right, bottom), (right, top), (left, top)], np.float32)
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
        return part("ui.screen_mesh").ScreenMesh.of(points, corners, np.array([(0, 1, 2), (0, 2, 3)]), size)

    def layer(self, alpha: np.ndarray, colour=RED, kind: str = "MATTE", reduction: int = 1, shown=None, role="OBJECT"):
        """Return a layer of an alpha (H, W), drawn from a picture as the reader makes it."""
        views, composite, pictures = part("addon.matte_views"), part("ui.composite"), part("addon.matte_pictures")
        picture = pictures.picture(alpha, reduction)
        size = alpha.shape[::-1]
        tile = self.textures.tile(object(), picture, size, shown or part("ui.screen_mesh").WHOLE)
        layer = views.Layer(1, "object", colour, views.Kind[kind], None, role)
        return composite.Drawn(layer, [tile] if tile else [])

    def draw(self, view: str, layers, *, scale=1.0, at=(0.0, 0.0), size=(WIDTH, HEIGHT), **style) -> np.ndarray:
        """Draw the layers, the lowest first. Returns the region (H, W, 3), first row at the top."""
        import gpu

        width, height = size
        offscreen = gpu.types.GPUOffScreen(width, height, format="RGBA8")
        with offscreen.bind(), gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
            frame = gpu.state.active_framebuffer_get()
            frame.clear(color=(*CLIP, 1.0))
            gpu.matrix.load_matrix(Matrix.Identity(4))
            matrix = Matrix(((2 / width, 0, 0, -1), (0, 2 / height, 0, -1), (0, 0, -1, 0), (0, 0, 0, 1)))
            gpu.matrix.load_projection_matrix(matrix)
            style = part("ui.composite").Style(view, **style)
            self.drawer.draw(style, layers, self.mesh(size, scale, at), size)
            values = frame.read_color(0, 0, width, height, 4, 0, "FLOAT")
        pixels = np.array(values.to_list(), np.float32).reshape(height, width, 4)[::-1, :, :3]
        offscreen.free()
        return pixels


def disc(x: float = 50, y: float = 40, radius: float = 24, softness: float = 6) -> np.ndarray:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return np.clip((radius - np.hypot(columns - x, rows - y)) / softness * 127 + 128, 0, 255).astype(np.uint8)


def over(below: np.ndarray, colour, alpha: np.ndarray) -> np.ndarray:
    return below * (1 - alpha[..., None]) + np.asarray(colour) * alpha[..., None]


def plain() -> np.ndarray:
    return np.broadcast_to(CLIP, (HEIGHT, WIDTH, 3))


def assert_equal(drawn: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(drawn - expected).max() <= STEP


def half(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return a hard alpha whose right half is inside."""
    alpha = np.zeros((height, width), np.uint8)
    alpha[:, width // 2 :] = 255
    return alpha
