"""Overlay of the current frame's mattes and keyframes in the clip editor."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bpy
from bpy.app.handlers import persistent
from bpy.types import Context, MovieClip, Region, Scene, SpaceClipEditor

from ..addon import canvas, clips, mask_watch, matte_pictures, matte_views, notices, wipe
from ..addon.clip_view import ClipView
from ..addon.folders import existing_folder
from ..addon.listening import redraw
from ..addon.matte_pictures import Wanted
from ..addon.matte_reader import MatteReader
from ..addon.matte_views import Kind, Layer, Source
from ..engine.shared.errors import EngineError
from ..engine.shared.kept_state import KeptState
from ..engine.shared.version_store import RunInfo
from . import lane_shader, notes, shaders
from . import wipe as wipe_line
from .canvas_tiles import CanvasTiles
from .composite import Drawn, Style, ViewDrawer
from .lane import LaneDrawer
from .matte_textures import Textures, Tile
from .screen_mesh import Bounds, ScreenMesh

_log = logging.getLogger(__name__)

_AHEAD = 8  # frames that are read before they are shown
_WAIT_PLAYING, _WAIT_PAUSED = 0.05, 0.2  # seconds to wait for the mattes of a frame, before it is drawn without
_POLL = 0.03  # seconds between looks at what has been read meanwhile
_MAX_REDUCTION = 16


@dataclass
class _Viewer:
    """An editor, and how it goes through its clip."""

    frame: int = 0
    direction: int = 1


_handle: object | None = None
_reader = MatteReader()
_textures = Textures()
_drawer = ViewDrawer()
_lane_drawer = LaneDrawer()
_viewers: dict[int, _Viewer] = {}
_tiles: CanvasTiles | None = None
_clips: dict[int, str] = {}  # matte folders of the clips drawn, by `session_uid`


def show() -> None:
    """Add the draw handler of the overlay to clip editors. Does nothing in background mode."""
    global _handle
    if _handle is None and not bpy.app.background:
        _handle = SpaceClipEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")
        bpy.app.handlers.load_pre.append(_before_load)


def hide() -> None:
    """Remove the draw handler of the overlay, end its threads and free its textures."""
    global _handle
    if _handle is not None:
        SpaceClipEditor.draw_handler_remove(_handle, "WINDOW")
        bpy.app.handlers.load_pre.remove(_before_load)
    _handle = None
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _reader.close()
    _before_load()
    shaders.free()
    lane_shader.free()


@persistent
def _before_load(*_: object) -> None:
    """Free everything that was read and drawn."""
    global _tiles
    _reader.forget()
    _textures.clear()
    _drawer.free()
    _lane_drawer.free()
    matte_pictures.cut.cache_clear()
    _viewers.clear()
    _clips.clear()
    _tiles = None


def _draw() -> None:
    context = bpy.context
    space = context.space_data
    _forget_removed_clips()
    if space.clip is None:
        return
    if space.mode == "MASK" and space.mask is not None:
        mask_watch.look(space.mask, context.scene)
    texts: list[str] = []
    try:
        if space.clip.matting.show_overlay:
            texts = _draw_clip(context, space, context.region)
        if space.clip.matting.show_lane and space.view == "CLIP":
            _lane_drawer.draw(context, space.clip)
    except (OSError, ValueError, EngineError) as error:
        _log.info("no overlay: %s", error)  # a clip that cannot be read; the editor says so itself
    notes.draw(texts, context.area, context.region, problem=notices.text_over(space.clip.session_uid))


def _draw_clip(context: Context, space: SpaceClipEditor, region: Region) -> list[str]:
    """Draw the overlay, and return what to write over it."""
    clip, viewer = space.clip, space.as_pointer()
    frame = space.clip_user.frame_current  # the frame that the editor shows
    media = clips.media_frame(clip, frame)
    if not 0 <= media < clips.frame_count(clip):
        return []
    view, size = ClipView.of(space, region), (region.width, region.height)
    mesh = ScreenMesh.of(*view.mesh(), size)
    source = _source(clip, view, mesh)
    is_playing = context.screen.is_animation_playing
    next_frames = _next_frames(viewer, frame, context.scene, is_playing=is_playing)
    if canvas.current is not None:
        next_frames = []  # nothing may delay the drawing of a stroke
    ahead = [clips.number_at(clip, at) for at in next_frames]
    number = clips.number(clip, media)
    layers = matte_views.layers(clip, [number, *ahead], source)
    compared = wipe.compared(clip) if space.view == "CLIP" else None
    earlier = _earlier(layers, compared, source)
    now, then = layers.pop(number), earlier.pop(number)
    later = [layer for at, found in layers.items() for layer in (*found, *earlier[at])]
    _read(viewer, [*now, *then], later, is_playing=is_playing)
    drawn = _drawn(now, source, mesh.shown)
    matting = clip.matting
    ground = matte_views.on_screen(matting.view_colour)
    style = Style(matting.view, matting.opacity, ground, context.preferences.system.pixel_size)
    place = wipe.place_of(clip, view, context.area, region) if compared else None
    if compared is None or place is None:
        _draw_layers(style, drawn, mesh, size)
    else:
        _draw_sides(style, (_drawn(then, source, mesh.shown), drawn), mesh, size, place)
        wipe_line.draw(place, _side_names(compared[1], then))
    is_cut = {shown.layer.object_id for shown in drawn if shown.is_cut}
    return notes.lines(reversed(now), matting.view, is_cut, _unreadable(now))


def _read(viewer: int, now: Sequence[Layer], later: Sequence[Layer], *, is_playing: bool) -> None:
    """Have the files of layers read, and wait a little for those that are shown now."""
    _reader.request(viewer, _wanted(now), _wanted(later))
    is_hasty = is_playing or canvas.current is not None  # what was read before is good enough until the next redraw
    _reader.wait(viewer, _WAIT_PLAYING if is_playing else _WAIT_PAUSED, cached=is_hasty)
    if _reader.is_working and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_POLL)


def _earlier(
    layers: Mapping[int, Sequence[Layer]], compared: tuple[KeptState, RunInfo] | None, source: Source
) -> dict[int, list[Layer]]:
    """Return the layers of each frame as they are in the state that they are compared with; none without it."""
    if compared is None:
        return {number: [] for number in layers}
    kept, _ = compared
    return {number: [matte_views.in_state(one, kept, number, source) for one in of] for number, of in layers.items()}


def _draw_layers(style: Style, drawn: Sequence[Drawn], mesh: ScreenMesh, size: tuple[int, int]) -> None:
    if drawn:
        _drawer.draw(style, drawn, mesh, size)


def _draw_sides(
    style: Style, sides: tuple[list[Drawn], list[Drawn]], mesh: ScreenMesh, size: tuple[int, int], place: wipe.Place
) -> None:
    """Draw what is on the left and on the right of the line."""
    width, height = size
    for drawn, ends in zip(sides, ((0, place.x), (place.x, width))):
        with wipe_line.within(*ends, height):
            _draw_layers(style, drawn, mesh, size)


def _side_names(info: RunInfo, then: Sequence[Layer]) -> tuple[str, str]:
    """Return what to write beside the line: also that there was no matte, which a picture without it does not say."""
    left, right = wipe.names(info)
    mattes = [layer.wanted for layer in then if layer.kind == Kind.MATTE and layer.wanted]
    is_empty = all(_reader.is_known(wanted) and _reader.picture(wanted) is None for wanted in mattes)
    return (f"{left}: no mattes" if is_empty else left), right


def _source(clip: MovieClip, view: ClipView, mesh: ScreenMesh) -> Source:
    """Return what to read: not more pixels than the editor can show."""
    folder = existing_folder(clip)
    _clips[clip.session_uid] = str(folder.root) if folder else ""
    across, down = mesh.scale
    magnified = max(across / view.width, down / view.height)
    reduction = 1
    while reduction < _MAX_REDUCTION and magnified * reduction < 0.7:
        reduction *= 2
    return Source(folder.root if folder else None, (view.width, view.height), reduction)


def _wanted(layers: Sequence[Layer]) -> list[Wanted]:
    """Return what is to be read for some layers, each once."""
    return [*dict.fromkeys(wanted for layer in layers if layer.wanted for wanted in (layer.wanted, *layer.cut_by))]


def _drawn(layers: Sequence[Layer], source: Source, shown: Bounds) -> list[Drawn]:
    """Return the layers with their textures; none if some are not read yet, as half a frame would be wrong.

    Layers whose files are missing or damaged are left out.
    """
    drawn = []
    for layer in layers:
        if layer.wanted is None:
            is_canvas = layer.kind == Kind.CANVAS
            drawn.append(Drawn(layer, _canvas_tiles(source, shown, inverted=layer.inverted) if is_canvas else ()))
        elif not all(map(_reader.is_known, (layer.wanted, *layer.cut_by))):
            return []
        elif (picture := _reader.picture(layer.wanted)) is not None:
            masks = tuple(mask for mask in map(_reader.picture, layer.cut_by) if mask is not None)
            left = matte_pictures.cut(picture, masks) if masks else picture
            tile = _textures.tile(left, left, source.size, shown)  # one for both sides of the wipe if they are alike
            is_cut = left is not picture and layer.kind == Kind.MATTE
            drawn.append(Drawn(layer, [tile] if tile else (), is_cut))
    return drawn


def _unreadable(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers of keyframes whose images were looked for, and cannot be drawn."""
    keys = [layer for layer in layers if layer.kind == Kind.KEYFRAME]
    return [
        layer
        for layer in keys
        if layer.wanted and _reader.is_known(layer.wanted) and _reader.picture(layer.wanted) is None
    ]


def _canvas_tiles(source: Source, shown: Bounds, *, inverted: bool) -> Sequence[Tile]:
    global _tiles
    painted = canvas.current
    if painted is None or painted.alpha.shape != source.size[::-1]:
        return ()
    if _tiles is None or _tiles.canvas is not painted or _tiles.inverted != inverted:
        _tiles = CanvasTiles(painted, inverted=inverted)
    return _tiles.tiles(source.reduction, shown)


def _next_frames(viewer: int, frame: int, scene: Scene, *, is_playing: bool) -> list[int]:
    """Return the scene frames that the editor will probably show next, the nearest first."""
    seen = _viewers.setdefault(viewer, _Viewer(frame))
    if 0 < abs(frame - seen.frame) <= _AHEAD:  # a longer step is a jump, such as that back to the start
        seen.direction = 1 if frame > seen.frame else -1
    seen.frame = frame
    if not is_playing:
        return [frame + step * seen.direction for step in range(1, _AHEAD + 1)]
    if scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    else:
        first, last = scene.frame_start, scene.frame_end
    count = max(1, last - first + 1)  # playing begins anew at the end
    return [first + (frame + step * seen.direction - first) % count for step in range(1, _AHEAD + 1)]


def _forget_removed_clips() -> None:
    """Free what was read and drawn of clips that are no longer in the file."""
    global _tiles
    if canvas.current is None:
        _tiles = None
    gone = _clips.keys() - {clip.session_uid for clip in bpy.data.movieclips}
    if gone:
        for uid in gone:
            del _clips[uid]
        _reader.forget(except_roots=_clips.values())
        _textures.clear()


def _tick() -> float | None:
    """Redraw the clip editors when something they show has been read."""
    is_working = _reader.is_working
    if _reader.take_news():
        redraw()
    return _POLL if is_working else None
