"""Encoding of pictures as an H.264 movie by Blender, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

from tests.demo import extension

PACE = 12  # pictures a second: slow enough to look at an edge


def encode(pictures: list[Path], movie: Path) -> None:
    """Encode the pictures of a folder, all of one size, as `movie` (.mp4)."""
    scene = bpy.context.scene
    strip = scene.sequence_editor_create().strips.new_image("pictures", str(pictures[0]), 1, 1)
    for picture in pictures[1:]:
        strip.elements.append(picture.name)
    element = bpy.data.images.load(str(pictures[0]))
    render = scene.render
    render.resolution_x, render.resolution_y = element.size
    render.resolution_percentage, render.fps = 100, PACE
    scene.frame_start, scene.frame_end = 1, len(pictures)
    scene.view_settings.view_transform = "Standard"
    render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.use_file_extension, render.filepath = False, str(movie)
    bpy.ops.render.render(animation=True)


if __name__ == "__main__":
    encode(sorted(Path(sys.argv[1]).glob("*.png")), Path(sys.argv[2]))
    extension.end(0)
