"""Drawing of the lane: the state of every matte along the bottom of the clip editor, a row for each object."""

from __future__ import annotations

import gpu
import numpy as np
from bpy.types import Context, MovieClip, Theme
from gpu.types import GPUBatch, GPUTexture
from gpu_extras.batch import batch_for_shader

from ..addon import clips, lane_watch
from ..addon.lane import KEYFRAME, SEAM, SUGGESTED, by_column
from ..addon.lane_place import Place, place_of
from ..addon.lane_watch import Lane
from . import lane_shader
from .matte_textures import texture

_DARK, _YELLOW, _PURPLE = (0.05, 0.05, 0.05, 1.0), (1.0, 0.85, 0.0, 1.0), (0.8, 0.47, 0.65, 1.0)
_WHITE, _SHADE = (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.5)
_MAX_KEPT = 4  # lanes whose parts are kept, as several editors may show them

Points = np.ndarray  # (N, 2) of triangles' corners
Shapes = list[tuple[Points, tuple[float, ...]]]  # with their colours (RGBA)


class LaneDrawer:
    """Draws lanes. What changes with the data only is made once: a texture of the states, and triangles of marks."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, Place], tuple[Lane, GPUTexture, GPUBatch, GPUBatch]] = {}

    def free(self) -> None:
        """Free everything that is kept."""
        self._kept.clear()

    def draw(self, context: Context, clip: MovieClip) -> None:
        """Draw the clip's lane into the region that Blender draws, if there is room for it. Raises ClipUnreadable."""
        lane = lane_watch.watch(clip)
        place = place_of(lane, clip, context.area, context.region) if lane else None
        if lane is None or place is None:
            return
        states, rows, marks = self._parts(lane, place, clip.session_uid)
        theme = context.preferences.themes[0]
        gpu.state.blend_set("ALPHA")
        _draw_states(rows, states, place, theme)
        flat = gpu.shader.from_builtin("FLAT_COLOR")
        flat.bind()
        _moving(lane, place, clip, context.space_data.clip_user.frame_current).draw(flat)
        marks.draw(flat)
        gpu.state.blend_set("NONE")

    def _parts(self, lane: Lane, place: Place, uid: int) -> tuple[GPUTexture, GPUBatch, GPUBatch]:
        kept = self._kept.pop((uid, place), None)
        if kept is None or kept[0] is not lane:
            codes = lane.codes[place.top_row : place.top_row + place.rows]
            corners, inside = quad(0, 0, place.width, place.top - place.bottom), (place.left, place.bottom)
            inputs = {"pos": corners + inside, "place": corners}
            rows = batch_for_shader(lane_shader.lane(), "TRIS", _as_floats(inputs))
            states = texture(np.ascontiguousarray(by_column(codes, place.width)))
            kept = lane, states, rows, _marks(lane, codes, place)
        self._kept[uid, place] = kept
        while len(self._kept) > _MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return kept[1:]


def _draw_states(rows: GPUBatch, states: GPUTexture, place: Place, theme: Theme) -> None:
    shader = lane_shader.lane()
    shader.bind()
    matrix = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
    ground, ink = theme_colours(theme)
    shader.uniform_float("region_matrix", matrix)
    shader.uniform_float("size", (place.width, place.row_height, place.rows, place.scale))
    shader.uniform_float("ground", ground)
    shader.uniform_float("ink", ink)
    shader.uniform_sampler("codes", states)
    rows.draw(shader)


def theme_colours(theme: Theme) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the colours (RGBA) of a menu's ground and text in a theme, which are told apart in all of them."""
    menu = theme.user_interface.wcol_menu_back
    return (*menu.inner[:3], 0.85), (*menu.text[:3], 1.0)


# -- what lies over the states -----------------------------------------------------------------------------------------
def _marks(lane: Lane, codes: np.ndarray, place: Place) -> GPUBatch:
    """Return diamonds on keyframes, triangles on suggested frames, bars on seams, and the objects' colours."""
    crowd = np.count_nonzero(codes & KEYFRAME, axis=1).max(initial=1)  # keyframes in a row, which get smaller for it
    half = min(place.row_height * 0.42, max(2.5 * place.scale, 0.3 * place.width / crowd))
    shapes: Shapes = []
    for mark, shape, colour in ((SEAM, _BAR, _WHITE), (SUGGESTED, _TRIANGLE, _PURPLE), (KEYFRAME, _DIAMOND, _YELLOW)):
        centres = _centres(codes, mark, place)
        shapes.append((_repeated(shape * (half + place.scale), centres), _DARK))
        shapes.append((_repeated(shape * max(half - 0.5 * place.scale, 2.0), centres), colour))
    for row in range(place.rows):
        shown = lane.rows[place.top_row + row]
        low = place.top - (row + 1) * place.row_height
        right = place.left - 2 * place.scale
        colour = (*shown.colour, 1.0)
        shapes.append((quad(place.left - place.swatch, low, right, low + place.row_height), _DARK))
        inner = quad(place.left - place.swatch + 1, low + 1, right - 1, low + place.row_height - 1)
        shapes.append((inner, colour))
    return batch_of(shapes)


def _centres(codes: np.ndarray, mark: int, place: Place) -> Points:
    """Return the middles (N, 2) of the frames with a mark; of those that would lie upon each other, only one."""
    rows, frames = np.nonzero(codes & mark)
    x = place.left + (frames + 0.5) * place.width / place.frames
    y = place.top - (rows + 0.5) * place.row_height
    apart = max(1.0, place.row_height / 3)
    _, first = np.unique(rows * (place.width + place.left + 1) + x // apart, return_index=True)
    return np.stack([x, y], axis=-1)[first]


def _moving(lane: Lane, place: Place, clip: MovieClip, frame: int) -> GPUBatch:
    """Return what changes from one drawing to the next: in and out point, active object, and current frame."""
    shapes = _in_out(lane, place, clip)
    unit, low, high = place.scale, place.bottom, place.top
    at, items = clip.matting.active_object, clip.matting.objects
    active = items[at].object_id if 0 <= at < len(items) else 0
    for row in range(place.rows):
        if lane.rows[place.top_row + row].object_id == active:
            tip = np.array((place.left - place.swatch - unit, high - (row + 0.5) * place.row_height))
            shapes += [(tip + _ARROW * (size * unit), colour) for size, colour in ((6.5, _DARK), (4.5, _WHITE))]
    media = clips.media_frame(clip, frame)
    if 0 <= media < place.frames:
        x = place.x_of(media + 0.5)
        for half, colour in ((1.5 * unit, _DARK), (0.5 * unit, _WHITE)):
            shapes.append((quad(x - half, low - 3 * unit, x + half, high + 3 * unit), colour))
    return batch_of(shapes)


def _in_out(lane: Lane, place: Place, clip: MovieClip) -> Shapes:
    """Return brackets at the clip's in and out point, and a shade over what is outside; nothing if they are off."""
    matting = clip.matting
    if not matting.use_range:
        return []
    unit, low, high, right = place.scale, place.bottom, place.top, place.left + place.width
    ends = matting.range_first - lane.first, matting.range_last + 1 - lane.first
    x0, x1 = (min(max(place.x_of(end), place.left), right) for end in ends)
    shapes: Shapes = [(quad(place.left, low, x0, high), _SHADE), (quad(x1, low, right, high), _SHADE)]
    for rim, colour in ((unit, _DARK), (0.0, _WHITE)):
        for x, inward in ((x0, unit), (x1, -unit)):
            shapes.append((_upright(x, x + 2 * inward, low, high, rim), colour))
            shapes += [(_upright(x, x + 5 * inward, y, y + 2 * unit, rim), colour) for y in (low, high - 2 * unit)]
    return shapes


_DIAMOND = np.array([(-1, 0), (0, -1), (1, 0), (-1, 0), (1, 0), (0, 1)], np.float64) * (0.8, 1.0)
_BAR = np.array([(-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1)], np.float64) * (0.25, 1.0)
_ARROW = np.array([(0, 0), (-1, 0.8), (-1, -0.8)], np.float64)
_TRIANGLE = np.array([(-1, -0.9), (1, -0.9), (0, 0.9)], np.float64) * (0.8, 1.0)


def quad(left: float, low: float, right: float, high: float) -> Points:
    """Return the corners (6, 2) of a rectangle's triangles."""
    return np.array([(left, low), (right, low), (right, high), (left, low), (right, high), (left, high)], np.float64)


def _upright(x: float, other: float, low: float, high: float, rim: float) -> Points:
    """Return a rectangle between two places, and `rim` around it."""
    return quad(min(x, other) - rim, low - rim, max(x, other) + rim, high + rim)


def _repeated(shape: Points, centres: Points) -> Points:
    """Return a shape around each of the centres."""
    return (centres[:, None] + shape[None]).reshape(-1, 2)


def batch_of(shapes: Shapes) -> GPUBatch:
    """Return triangles, each with its colour."""
    points = np.concatenate([np.zeros((0, 2)), *(points for points, _ in shapes)])
    colours = np.concatenate([np.zeros((0, 4)), *(np.tile(colour, (len(points), 1)) for points, colour in shapes)])
    inputs = _as_floats({"pos": points, "color": colours})
    return batch_for_shader(gpu.shader.from_builtin("FLAT_COLOR"), "TRIS", inputs)


def _as_floats(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(values, np.float32) for name, values in inputs.items()}
