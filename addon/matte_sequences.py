"""Showing an object's mattes in a compositor node, each on the scene frame of its clip frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bpy
from bpy.types import Image, MovieClip, Node

from . import clips
from .folders import relative_path
from .limits import MAX_FRAME, check_frames, set_number

MARK = "keymatte"  # custom property of nodes, images and clips of mattes: which clip they belong to, and their role


def node_kind(paths: Sequence[Path]) -> str:
    """Return the kind of node that can show these mattes, sorted by number.

    An Image node computes: file number = scene frame - frame_start + 1 + frame_offset, with an offset of at most
    MAX_FRAME. Images numbered higher, such as P1100331.jpg, need a Movie Clip node, which counts from the first file.
    """
    return "CompositorNodeMovieClip" if shows_gaps(paths) else "CompositorNodeImage"


def shows_gaps(paths: Sequence[Path]) -> bool:
    """Return whether the node for these mattes shows nothing on frames without a matte, as Movie Clip nodes do."""
    return int(paths[-1].stem) > MAX_FRAME


def check(clip: MovieClip, paths: Sequence[Path]) -> None:
    """Raise BlenderLimit if mattes, sorted by number, belong to frames that a scene cannot have."""
    check_frames(clips.scene_frame_of(clip, int(path.stem)) for path in (paths[0], paths[-1]))


def show(node: Node, clip: MovieClip, object_id: int, paths: Sequence[Path]) -> None:
    """Set a node of `node_kind` to show each matte on the scene frame at which Blender shows the matte's clip frame.

    Raises BlenderLimit.
    """
    first, last = int(paths[0].stem), int(paths[-1].stem)
    start, mark = clips.scene_frame_of(clip, first), f"{clip.matting.key}/{object_id}"
    name = f"{clip.name} matte {object_id}"
    if node.bl_idname == "CompositorNodeMovieClip":
        node.clip = _sequence_clip(mark, name, paths[0])
        node.clip.frame_start = start
        return
    node.image = _sequence_image(mark, name, paths[0])
    remedy = "Move the clip's Start Frame nearer to frame 1."
    for setting, value in (
        ("frame_duration", last - first + 1),
        ("frame_start", start),
        ("frame_offset", first - 1),
    ):
        set_number(node, setting, value, what=f"{setting} of the node for {paths[0].parent}", remedy=remedy)
    node.use_auto_refresh = True
    node.use_cyclic = False


def _sequence_image(mark: str, name: str, path: Path) -> Image:
    """Return the image data-block of an object's matte sequence: the existing one, set to `path`, or a new one."""
    image = next((image for image in bpy.data.images if image.get(MARK) == mark and image.library is None), None)
    if image is None:
        image = bpy.data.images.load(str(path))
        image[MARK] = mark
        image.name = name
    image.source = "SEQUENCE"
    image.filepath = relative_path(path)
    image.colorspace_settings.name = "Non-Color"
    image.reload()
    return image


def _sequence_clip(mark: str, name: str, path: Path) -> MovieClip:
    """Return a new movie clip of an object's matte sequence, in place of any existing one, whose frames are cached."""
    made = bpy.data.movieclips.load(str(path))
    old = next((clip for clip in bpy.data.movieclips if clip.get(MARK) == mark and clip.library is None), None)
    if old is not None:
        old.user_remap(made)
        name = old.name
        bpy.data.movieclips.remove(old)
    made[MARK] = mark
    made.name = name
    made.filepath = relative_path(path)
    made.colorspace_settings.name = "Non-Color"
    return made
