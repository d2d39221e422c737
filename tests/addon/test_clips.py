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


def reload(clip) -> None:
    """Have Blender load the clip's file again, as the button Reload does."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.clip.reload()


@pytest.mark.parametrize("offset", [0, 3, -2, 9])
def test_no_frame_is_lost_when_blender_loads_the_clip_with_an_offset(film, offset):
    clip = film(*sequence(1001, 1008), first="shot_1002.png")
    clip.frame_start, clip.frame_offset = 11, offset
    reload(clip)
    assert clips.frame_count(clip) == 7
    assert clips.pixel_size(clip) == (32, 24)
    assert clips.video_clip(clip).frame_count == 7
    assert clips.media_frame_inside(clip, 11 - offset + 6) == 6
    with pytest.raises(KeyframeOutsideClip, match=f"frames {11 - offset} to {17 - offset}"):
        clips.media_frame_inside(clip, 11 - offset + 7)
    clip.frame_offset = 0  # Blender still has the number of frames of the offset
    assert clips.frame_count(clip) == 7


def test_frames_are_counted_to_the_first_gap_with_the_numbers_as_they_are_written(film):
    assert clips.frame_count(film("a8.png", "a9.png", "a10.png", "a12.png")) == 3
    assert clips.frame_count(film("b08.png", "b09.png", "b10.png", "b011.png")) == 3
    assert clips.frame_count(film("plate.png")) == 1


def test_images_added_later_are_counted(film, tmp_path):
    clip = film(*sequence(1, 3))
    assert clips.frame_count(clip) == 3
    write_png(tmp_path / "shot_0004.png", np.zeros((24, 32, 3)))
    assert clips.frame_count(clip) == 4


def test_the_count_of_a_clip_whose_images_are_away_is_blenders(film, tmp_path):
    clip = film(*sequence(1, 3))
    (tmp_path / "shot_0001.png").unlink()
    assert clips.frame_count(clip) == 3


def test_the_size_of_a_clip_whose_images_are_away_and_were_never_measured_is_refused(film, tmp_path):
    clip = film(*sequence(1, 3))
    clip.frame_offset = 9
    reload(clip)
    (tmp_path / "shot_0001.png").unlink()
    with pytest.raises(ClipUnreadable, match="cannot read"):
        clips.pixel_size(clip)


def test_pixel_aspect_is_of_the_display_and_the_camera(film):
    clip = film(*sequence(1, 2))
    assert clips.pixel_aspect(clip) == 1
    clip.display_aspect, clip.tracking.camera.pixel_aspect = (2, 1), 4
    assert clips.pixel_aspect(clip) == 0.125


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
