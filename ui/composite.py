"""Drawing of the views: tinted, outlined, grey and cut-out mattes over the clip in a region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import gpu
import numpy as np
from gpu.types import GPUBatch, GPUFrameBuffer, GPUShader, GPUTexture
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ..addon.matte_views import CUT_OUTS, Kind, Layer
from . import shaders
from .matte_textures import Tile
from .screen_mesh import WHOLE, Bounds, ScreenMesh, area

_YELLOW = (1.0, 0.85, 0.0, 1.0)  # the mark of keyframes
_WHITE, _BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
_CHECKER = (0.35, 0.35, 0.35, 1.0), (0.5, 0.5, 0.5, 1.0)
_SQUARE = 12.0  # pixels of the screen
_LINE, _THICK_LINE = 1.25, 2.5  # radius, pixels of the screen
_HATCHES = {"OBJECT": 0.0, "GARBAGE": 10.0, "HOLDOUT": -10.0}  # pixels of the screen between rising or falling stripes
_HELD = 0.55  # of the opacity: a mask between its keyframes
_MAX_GROUPS = 4
_PIXELS_FROM = 2.5  # from this magnification on, pixels are shown as squares, as Blender shows those of the clip


@dataclass(frozen=True)
class Drawn:
    """Layer with its tiles, lowest first in lists of them. A layer without tiles covers nothing."""

    layer: Layer
    tiles: Sequence[Tile]
    is_cut: bool = False  # whether less is drawn of its computed matte than is there, as masks will cut it


@dataclass(frozen=True)
class Style:
    """How the layers are drawn."""

    view: str  # an item of ClipMatting.view
    opacity: float = 0.5
    ground: tuple[float, float, float] = _BLACK  # behind the cut-out on colour, as on the screen
    pixel_size: float = 1.0  # pixels of the screen in one of the user interface


class _Group:
    """Texture of a region's size, into which layers are drawn together.

    Unlike a GPUOffScreen, it can be made while Blender draws without ending what is being drawn to.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.texture = GPUTexture(size, format="RGBA8")
        self._frame = GPUFrameBuffer(color_slots=[self.texture])

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw into the texture, which is cleared first, instead of the region."""
        with self._frame.bind():
            self._frame.clear(color=(0.0, 0.0, 0.0, 0.0))
            yield


class ViewDrawer:
    """Draws layers into a region. To be used only while Blender draws."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, int], _Group] = {}

    def free(self) -> None:
        """Free the textures of the regions' size."""
        self._groups.clear()

    def draw(self, style: Style, layers: Sequence[Drawn], mesh: ScreenMesh, size: tuple[int, int]) -> None:
        """Draw the layers over the clip. `size` is that of the region in pixels (width, height)."""
        if not len(mesh.points):
            return
        drawer = _MeshDrawer(mesh, style)
        try:
            if style.view in CUT_OUTS:
                self._draw_cut_out(drawer, style, layers, size)
            elif style.view in ("ALPHA", "BLACK_WHITE"):
                _draw_white(drawer, layers)
            elif style.view == "OUTLINE":
                _draw_outlines(drawer, layers)
            else:
                self._draw_tints(drawer, style, layers, size)
        finally:
            gpu.state.blend_set("NONE")

    def _draw_tints(self, drawer: _MeshDrawer, style: Style, layers: Sequence[Drawn], size: tuple[int, int]) -> None:
        if _overlap(layers):
            # An object must hide those below it, and not shine through: they are drawn opaque, then shown together.
            group = self._group(size)
            with group.drawing():
                gpu.state.blend_set("ALPHA")
                for drawn in layers:
                    drawer.fill(drawn, _tint(drawn.layer, 1.0), hatched=True)
            gpu.state.blend_set("ALPHA_PREMULT")
            drawer.group(group, style.opacity)
        else:
            gpu.state.blend_set("ALPHA")
            for drawn in layers:
                drawer.fill(drawn, _tint(drawn.layer, style.opacity), hatched=True)
        gpu.state.blend_set("ALPHA")
        for drawn in layers:
            if drawn.layer.is_key:
                drawer.line(drawn, _YELLOW, _LINE)

    def _draw_cut_out(self, drawer: _MeshDrawer, style: Style, layers: Sequence[Drawn], size: tuple[int, int]) -> None:
        group = self._group(size)
        with group.drawing():
            gpu.state.blend_set("ADDITIVE")  # mattes that meet at an edge cover it together
            for drawn in layers:
                drawer.fill(drawn, (*_WHITE, 1.0))
        gpu.state.blend_set("ALPHA")
        colours = _CHECKER if style.view == "CHECKER" else ((*style.ground, 1.0),) * 2
        drawer.ground(group, *colours)

    def _group(self, size: tuple[int, int]) -> _Group:
        if size not in self._groups:
            if len(self._groups) >= _MAX_GROUPS:  # of regions that have changed their size
                self.free()
            self._groups[size] = _Group(size)
        return self._groups[size]


def _draw_outlines(drawer: _MeshDrawer, layers: Sequence[Drawn]) -> None:
    gpu.state.blend_set("ALPHA")
    for drawn in layers:
        radius = _THICK_LINE if drawn.layer.is_key else _LINE
        drawer.line(drawn, _tint(drawn.layer, 1.0), radius, dashed=True)
        if drawn.layer.is_key:
            drawer.line(drawn, _YELLOW, _LINE)


def _tint(layer: Layer, opacity: float) -> tuple[float, ...]:
    """Return the colour (RGBA) of a layer, weaker for a mask between its keyframes."""
    return *layer.colour, opacity * _HELD if layer.kind == Kind.HELD else opacity


def _draw_white(drawer: _MeshDrawer, layers: Sequence[Drawn]) -> None:
    gpu.state.blend_set("NONE")
    drawer.cover((*_BLACK, 1.0))
    gpu.state.blend_set("ADDITIVE")  # mattes that meet at an edge cover it together
    for drawn in layers:
        drawer.fill(drawn, (*_WHITE, 1.0))


def _overlap(layers: Sequence[Drawn]) -> bool:
    """Return whether the tiles of one layer lie over those of another."""
    boxes = [_box(drawn.tiles) for drawn in layers if drawn.tiles]
    return any(
        a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom
        for index, a in enumerate(boxes)
        for b in boxes[:index]
    )


def _box(tiles: Sequence[Tile]) -> Bounds:
    return Bounds(
        min(tile.drawn.left for tile in tiles),
        min(tile.drawn.top for tile in tiles),
        max(tile.drawn.right for tile in tiles),
        max(tile.drawn.bottom for tile in tiles),
    )


class _MeshDrawer:
    """Draws tiles, and what covers the clip, onto one mesh."""

    def __init__(self, mesh: ScreenMesh, style: Style) -> None:
        self._mesh = mesh
        self._pixel_size = style.pixel_size
        self._matrix: Matrix = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()

    def fill(self, drawn: Drawn, colour: tuple[float, ...], *, hatched: bool = False) -> None:
        """Fill a layer with a colour (RGBA). With `hatched`, masks have the stripes of their role."""
        hatch = self._hatch(drawn.layer) if hatched else 0.0
        for tile in drawn.tiles:
            magnified = (tile.place.right - tile.place.left) * self._mesh.scale[0] / tile.texture.width
            self._draw_tile(shaders.fill(), tile, colour, hatch=hatch, soft=float(magnified < _PIXELS_FROM))

    def line(self, drawn: Drawn, colour: tuple[float, ...], radius: float, *, dashed: bool = False) -> None:
        """Draw a line along the edges of a layer. With `dashed`, those of masks are dashed."""
        hatch = self._hatch(drawn.layer) if dashed else 0.0
        for tile in drawn.tiles:
            self._draw_tile(shaders.line(), tile, colour, hatch=hatch, radius=radius * self._pixel_size)

    def _hatch(self, layer: Layer) -> float:
        return _HATCHES[layer.role] * self._pixel_size

    def cover(self, colour: tuple[float, ...]) -> None:
        """Cover the clip with a colour."""
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        points, _ = self._mesh.over(area(WHOLE))
        batch = batch_for_shader(shader, "TRIS", {"pos": points})
        shader.bind()
        shader.uniform_float("color", colour)
        batch.draw(shader)

    def group(self, group: _Group, opacity: float) -> None:
        """Draw what was drawn into a texture of the region's size, where the clip is."""
        shader = shaders.group()
        batch = self._bound(shader, {"pos": self._mesh.over(area(WHOLE))[0]})
        if batch is None:
            return
        shader.uniform_float("opacity", opacity)
        shader.uniform_sampler("group", group.texture)
        batch.draw(shader)

    def ground(self, group: _Group, colour: tuple[float, ...], other: tuple[float, ...]) -> None:
        """Hide the clip behind squares of two colours where nothing white was drawn into a texture."""
        shader = shaders.ground()
        batch = self._bound(shader, {"pos": self._mesh.over(area(WHOLE))[0]})
        if batch is None:
            return
        shader.uniform_float("colour", colour)
        shader.uniform_float("other", other)
        shader.uniform_float("square", _SQUARE * self._pixel_size)
        shader.uniform_sampler("group", group.texture)
        batch.draw(shader)

    def _draw_tile(self, shader: GPUShader, tile: Tile, colour: tuple[float, ...], **setting: float) -> None:
        place, drawn = tile.place, tile.drawn
        points, places = self._mesh.over(tile.edges if "radius" in setting else area(drawn))
        batch = self._bound(shader, {"pos": points, "place": places})
        if batch is None:
            return
        shader.uniform_float("colour", colour)
        shader.uniform_float("tile", (place.left, place.top, place.right - place.left, place.bottom - place.top))
        shader.uniform_float("bounds", (drawn.left, drawn.top, drawn.right, drawn.bottom))
        for name, value in setting.items():
            shader.uniform_float(name, value)
        shader.uniform_sampler("matte", tile.texture)
        batch.draw(shader)

    def _bound(self, shader: GPUShader, inputs: dict[str, np.ndarray]) -> GPUBatch | None:
        """Bind a shader, and return triangles with these inputs of their corners, or None if there are none."""
        if not len(inputs["pos"]):
            return None
        batch = batch_for_shader(shader, "TRIS", inputs)
        shader.bind()
        shader.uniform_float("region_matrix", self._matrix)
        return batch
