"""Scene frames, media frames and file numbers of real movie clips."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from keymatte.addon import clips
from keymatte.engine.shared.errors import ClipNotFound, ClipUnreadable, KeyframeOutsideClip

from tests.png import write_png


@pytest.fixture
def film(tmp_path):
    """Return a function that writes an image for each given name and loads them as a movie clip.

    The clip is opened at the image `first`, by default the first of the names.
    """
    loaded = []

    def load(*names: str, first: str | None = None):
        for name in names:
            write_png(tmp_path / name, np.zeros((24, 32, 3)))
        loaded.append(bpy.data.movieclips.load(str(tmp_path / (first or names[0]))))
        return loaded[-1]

    yield load
    for clip in loaded:
        bpy.data.movieclips.remove(clip)


def sequence(first: int, last: int) -> list[str]:
    return [f"shot_{number:04d}.png" for number in range(first, last + 1)]


def test_video_clip_has_path_size_and_frame_count(film, tmp_path):
    clip = film(*sequence(1001, 1005))
    assert clips.video_clip(clip).path == tmp_path / "shot_1001.png"
    assert (clips.video_clip(clip).width, clips.video_clip(clip).height, clips.video_clip(clip).frame_count) == (
        32,
        24,
        5,
    )


def test_scene_and_media_frames_are_inverse(film):
    clip = film(*sequence(1001, 1005))
    clip.frame_start, clip.frame_offset = 101, 2
    assert clips.media_frame(clip, 101) == 2
    assert [clips.scene_frame(clip, clips.media_frame(clip, frame)) for frame in (-5, 0, 101)] == [-5, 0, 101]


def test_file_numbers_are_those_of_the_image_sequence(film):
    clip = film(*sequence(1001, 1005), first="shot_1003.png")
    assert clips.number(clip, 0) == 1003
    assert clips.media_frame_of(clip, 1005) == 2
    clip.frame_start, clip.frame_offset = 11, -1
    assert clips.scene_frame_of(clip, 1003) == 12


def test_an_image_without_number_has_number_0(film):
    assert clips.number(film("plate.png"), 0) == 0


def test_frames_outside_the_clip_are_refused_with_its_range(film):
    clip = film(*sequence(1, 5))
    clip.frame_start, clip.frame_offset = 101, 2
    assert [clips.media_frame_inside(clip, frame) for frame in (99, 103)] == [0, 4]
    for frame in (98, 104):
        with pytest.raises(KeyframeOutsideClip, match="frames 99 to 103"):
            clips.media_frame_inside(clip, frame)


def test_missing_file_is_named_with_its_path(film, tmp_path):
    clip = film(*sequence(1, 2))
    (tmp_path / "shot_0001.png").unlink()
    with pytest.raises(ClipNotFound, match=r"shot_0001\.png"):
        clips.video_clip(clip)


@pytest.mark.parametrize("name", ["film.mp4", "film_0001.png"])
def test_unreadable_clip_file_is_refused(tmp_path, name):
    (tmp_path / name).write_text("no film")
    clip = bpy.data.movieclips.load(str(tmp_path / name))
    with pytest.raises(ClipUnreadable, match="cannot read"):
        clips.video_clip(clip)
    bpy.data.movieclips.remove(clip)


def test_path_relative_to_the_blend_file_is_resolved(film, tmp_path):
    clip = film(*sequence(1, 2))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), copy=False)
    clip.filepath = "//shot_0001.png"
    assert clips.video_clip(clip).path == tmp_path / "shot_0001.png"
