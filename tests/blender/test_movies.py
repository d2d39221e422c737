"""Movies in Blender: each frame's matte is that of the picture which Blender shows on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.conftest import ENGINE_PYTHON, ROOT
from tests.blender.studio import HEIGHT, PALETTE, WIDTH, iou, new_compositor, picture, render, ring
from tests.png import write_png

WRITE = """
import json
import sys
import numpy as np
from pathlib import Path
from tests.movie_files import write_movie
write_movie(Path(sys.argv[1]), np.load(sys.argv[2]), times=json.loads(sys.argv[3]), codec=sys.argv[4])
"""
PICTURES = 8
EVEN = [40 * index for index in range(PICTURES)]  # milliseconds
UNEVEN = [0, 40, 80, 120, 240, 360, 480, 600]


def write_movie(folder: Path, name: str, times: list[int], codec: str = "libx264") -> Path:
    """Write the film as a movie, with its pictures at `times`, by the Python that runs the engine."""
    np.save(folder / "pictures.npy", np.stack([picture(frame) for frame in range(PICTURES)]))
    command = [ENGINE_PYTHON, "-c", WRITE, folder / name, folder / "pictures.npy", str(times), codec]
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True, timeout=120, capture_output=True)
    return folder / name


def shown_pixels(studio, frame: int) -> np.ndarray:
    """Return what Blender shows of the clip on a scene frame, (H, W, 3) 0..255."""
    scene = bpy.data.scenes.new("look")
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    tree, output = new_compositor(scene)
    node = tree.nodes.new("CompositorNodeMovieClip")
    node.clip = studio.clip
    tree.links.new(node.outputs[0], output.inputs[0])
    studio.go(frame)
    scene.frame_set(frame)
    pixels = render(scene, studio.folder / "shown.png")[..., :3] * 255
    bpy.data.scenes.remove(scene)
    return pixels


def shown(studio, frame: int) -> int:
    """Return the number of the picture that Blender shows of the clip on a scene frame."""
    pixels = shown_pixels(studio, frame)
    return min(range(PICTURES), key=lambda number: np.abs(pixels - picture(number)).mean())


@pytest.mark.parametrize(
    "name, times, codec, frames, pictures",
    [
        ("even.mp4", EVEN, "libx264", 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("uneven.mov", UNEVEN, "mpeg4", None, None),
        ("uneven.mkv", UNEVEN, "libx264", 16, [0, 1, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7]),
        ("late.mov", [time + 500 for time in EVEN], "mpeg4", 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("new.mp4", EVEN, "libsvtav1", 8, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_the_matte_of_a_frame_is_that_of_the_picture_shown(studio, name, times, codec, frames, pictures):
    clip = studio.open(write_movie(studio.folder, name, times, codec))
    pictures = pictures or [shown(studio, frame + 1) for frame in range(clip.frame_duration)]
    assert len(set(pictures)) == PICTURES and clip.frame_duration == (frames or clip.frame_duration)
    studio.mark(1, media=0, objects=1)
    assert studio.propagate() == {"FINISHED"}
    assert not studio.session.status.warning
    for frame, number in enumerate(pictures):
        assert shown(studio, frame + 1) == number
        assert iou(studio.matte(1, frame), ring(number)) > 0.85, f"picture {number} on frame {frame}"
    assert len(list(studio.matte_folder.matte_sequence(1).iterdir())) == clip.frame_duration


def test_pictures_that_blender_never_shows_are_told(studio):
    first = write_movie(studio.folder, "one.ts", EVEN)
    (studio.folder / "joined.ts").write_bytes(first.read_bytes() * 2)
    clip = studio.open(studio.folder / "joined.ts")
    assert clip.frame_duration == PICTURES
    studio.mark(1, media=0, objects=1)
    assert studio.propagate() == {"FINISHED"}
    assert f"has {2 * PICTURES} pictures" in studio.session.status.warning
    assert f"only the first {PICTURES} are shown" in studio.session.status.warning


def test_the_mattes_of_a_movie_filmed_upside_down_fit_what_blender_shows(studio):
    path = write_movie(studio.folder, "upside down.mp4", EVEN)
    data = bytearray(path.read_bytes())
    matrix = data.rindex(b"tkhd") + 4 + 4 + 20 + 16  # after version and flags, times and length, layer and volume
    half_a_turn = (-(1 << 16), 0, 0, 0, -(1 << 16), 0, WIDTH << 16, HEIGHT << 16, 1 << 30)
    data[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in half_a_turn)
    path.write_bytes(data)
    studio.open(path)
    shows = shown_pixels(studio, 1)
    turns = min((0, 2), key=lambda turns: np.abs(shows - np.rot90(picture(0), turns)).mean())
    assert turns == (2 if bpy.app.version >= (4, 4, 0) else 0)
    studio.go(1)
    keyframe = write_png(studio.folder / "ring.png", np.rot90(ring(0), turns).astype(np.uint8), PALETTE)
    studio.click("matte_keyframe_from_image", filepath=str(keyframe), all_objects=True)
    assert studio.propagate() == {"FINISHED"}
    for frame in range(PICTURES):
        assert iou(studio.matte(1, frame), np.rot90(ring(frame), turns)) > 0.85, frame
