"""Propagate and Cancel through the operators, with the real engine."""

from __future__ import annotations

import time

import bpy
import pytest

from tests.blender.studio import FRAMES, MODULE, box, iou, part, ring, write_film


def test_every_frame_gets_a_matte_of_each_object(studio):
    studio.open_marked()
    assert studio.propagate() == {"FINISHED"}
    found = part("addon.folders").results(studio.clip)
    assert found.numbers == tuple(range(1, FRAMES + 1))
    for frame in range(FRAMES):
        assert iou(studio.matte(1, frame + 1), ring(frame)) > 0.9, f"ring on frame {frame}"
        assert iou(studio.matte(2, frame + 1), box(frame)) > 0.8, f"box on frame {frame}"


@pytest.mark.parametrize("recipe", ["keymatte", "colour"])
def test_at_a_keyframe_the_matte_has_the_shape_of_the_keyframe(studio, recipe):
    studio.open_marked()
    studio.mark(4, media=3)
    studio.propagate(recipe=recipe)
    is_soft = bool(((studio.matte(1, 4) > 0) & (studio.matte(1, 4) < 1)).any())
    assert is_soft == (recipe == "keymatte")
    assert ((studio.matte(1, 4) > 0.5) == ring(3)).all()
    assert ((studio.matte(2, 4) > 0.5) == box(3)).all()


def test_absent_object_has_an_empty_matte_at_its_keyframe(studio):
    studio.open_film()
    studio.mark(1, media=0, objects=1)
    studio.go(8)
    studio.click("matte_keyframe_from_mask", absent=True)
    studio.propagate()
    assert not studio.matte(1, 8).any()


def test_results_lie_beside_the_file_in_a_folder_named_after_the_clip(studio):
    studio.open_marked()
    studio.propagate()
    assert studio.clip.matting.folder == f"//keymatte/{studio.clip.name}"
    assert studio.matte_folder.root == studio.folder / "keymatte" / studio.clip.name


def test_in_a_file_never_saved_results_lie_in_the_users_data_or_the_cache(studio):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_film()
    studio.mark(1, media=0)
    assert studio.matte_folder.root.parent == part("addon.whereabouts").own_cache()
    first = studio.matte_folder.root
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_film()
    studio.mark(1, media=0)
    assert studio.matte_folder.root != first, "another file's mattes"
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.cache_folder = str(studio.folder / "cache")
    try:
        studio.open_film()
        studio.mark(1, media=0)
        assert studio.matte_folder.root.parent == studio.folder / "cache"
    finally:
        preferences.cache_folder = ""


def test_a_sequence_at_1001_with_offset_gets_mattes_numbered_like_its_files(studio):
    studio.open_marked(first=1001, start=101, offset=2)
    assert studio.scene.frame_current == 99
    studio.propagate()
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(1001, 1001 + FRAMES))
    assert iou(studio.matte(1, 1006), ring(5)) > 0.9


def test_a_sequence_opened_in_its_middle_begins_there(studio):
    first = write_film(studio.folder / "film", first=1001)
    studio.open(first.with_name("shot_1003.png"))
    studio.mark(1, media=2)
    studio.propagate()
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(1003, 1001 + FRAMES))
    assert iou(studio.matte(1, 1006), ring(5)) > 0.9


def test_a_movie_gets_mattes_counted_from_0(studio):
    movie = studio.folder / "film.mp4"
    write_movie(studio, movie)
    studio.open(movie, start=11)
    assert studio.clip.source == "MOVIE"
    studio.mark(13, media=2)
    studio.propagate()
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(studio.clip.frame_duration))
    assert iou(studio.matte(1, 5), ring(5)) > 0.85


def write_movie(studio, path) -> None:
    """Write the film as a movie with Blender."""
    film = bpy.data.images.load(str(write_film(studio.folder / "film")))
    scene = bpy.data.scenes.new("movie")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # before 4.4
    strip = strips.new_image("film", film.filepath, channel=1, frame_start=1)
    for frame in range(1, FRAMES):
        strip.elements.append(f"shot_{frame + 1:04d}.png")
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.resolution_x, scene.render.resolution_y = film.size
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    scene.render.ffmpeg.constant_rate_factor = "LOSSLESS"
    scene.view_settings.view_transform = "Standard"
    scene.render.use_file_extension = False
    scene.render.filepath = str(path)
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    bpy.data.images.remove(film)
    assert path.is_file()


def test_the_range_taken_from_the_preview_range_limits_a_run(studio):
    studio.open_marked(start=101)
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 103, 105
    studio.click("matte_range", action="PREVIEW")
    studio.propagate(frames="RANGE")
    assert part("addon.folders").results(studio.clip).numbers == (3, 4, 5)


def test_forward_and_backward_go_one_way_only(studio):
    studio.open_film()
    studio.mark(5, media=4)
    studio.propagate(direction="forward")
    assert part("addon.folders").results(studio.clip).numbers == (5, 6, 7, 8)
    studio.click("matte_clear")
    studio.propagate(direction="backward")
    assert part("addon.folders").results(studio.clip).numbers == (1, 2, 3, 4, 5)


def test_propagate_returns_at_once_and_reports_progress(studio):
    studio.open_marked()
    started = time.monotonic()
    studio.click("matte_propagate", recipe="colour")
    assert time.monotonic() - started < 1.0
    assert studio.session.status.busy
    with pytest.raises(RuntimeError, match="already running"):
        studio.click("matte_suggest")
    seen = set()

    def finished() -> bool:
        seen.add(studio.session.status.done)
        return studio.state == "finished"

    studio.pump_until(finished)
    assert any(seen)
    assert studio.session.status.finished.frames_per_second > 0


def test_after_the_range_the_other_buttons_do_the_whole_clip_again(studio):
    studio.open_marked()
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 3, 5
    studio.click("matte_range", action="PREVIEW")
    click_propagate_button(studio, direction="forward", frames="RANGE")
    assert part("addon.folders").results(studio.clip).numbers == (3, 4, 5)
    click_propagate_button(studio)
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(1, FRAMES + 1))


def click_propagate_button(studio, **properties) -> None:
    """Call Propagate as a button does: Blender takes properties that are not given from the last call."""
    with studio.editor():
        bpy.ops.clip.matte_propagate("EXEC_DEFAULT", True, wait=True, recipe="colour", **properties)
