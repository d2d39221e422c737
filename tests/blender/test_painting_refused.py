"""Painting where it is impossible, or cannot be stored: refused in words, and nothing is lost."""

from __future__ import annotations

import errno

import bpy
import numpy as np
import pytest

from tests.blender.editing import paint, painted, versions
from tests.blender.studio import part
from tests.png import write_png


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    yield
    part("addon.painting").forget()


def refused(studio, words: str, *points, **properties) -> None:
    """Check that a stroke is refused in these words, and that nothing is changed or left on the canvas."""
    before, objects = versions(studio), len(studio.clip.matting.objects)
    with pytest.raises(RuntimeError, match=f"(?i){words}"):
        paint(studio, *(points or [(30, 40)]), **properties)
    assert versions(studio) == before and len(studio.clip.matting.objects) == objects
    assert part("addon.canvas").current is None


@pytest.mark.parametrize("frame", (0, 9, 500))
def test_a_frame_outside_the_clip(studio, frame):
    studio.go(frame)
    refused(studio, f"frame {frame} is outside the clip, which has frames 1 to 8")


def test_a_missing_image(studio):
    (studio.folder / "film" / "shot_0005.png").unlink()
    studio.go(5)
    refused(studio, "an image of clip .* is missing: that of frame 5")
    studio.go(2)
    paint(studio, (30, 40))
    assert versions(studio)


def test_a_missing_clip(studio):
    (studio.folder / "film").rename(studio.folder / "moved")
    refused(studio, "footage not found: ")


def test_a_locked_object(studio):
    paint(studio, (30, 40))
    studio.clip.matting.objects[0].lock = True
    refused(studio, "Object 1 is locked")
    for operator in ("matte_start_empty", "matte_start_from_keyframe"):
        studio.go(2)
        with pytest.raises(RuntimeError, match="Object 1 is locked"):
            studio.click(operator)
    assert len(versions(studio)) == 1


def test_a_clip_replaced_by_one_of_another_size(studio):
    paint(studio, (30, 40))
    path = studio.folder / "small" / "shot_0001.png"
    path.parent.mkdir()
    for number in range(1, 9):
        write_png(path.with_name(f"shot_{number:04d}.png"), np.zeros((20, 30, 3), np.uint8))
    studio.clip.filepath = str(path)
    with studio.editor():
        bpy.ops.clip.reload()
    refused(studio, "the keyframe on frame 1 is 120x80, but clip .* is 30x20", (10, 10))
    studio.go(2)
    paint(studio, (10, 10), radius=3.0)
    assert painted(studio, frame=2).shape == (20, 30)


def test_a_computed_matte_of_another_size_is_named_and_can_be_left_out(studio):
    studio.mark(1, media=0, objects=1)
    studio.propagate()
    part("addon.png").write_grey(studio.matte_folder.matte(1, 3), np.zeros((9, 9), np.uint8))
    studio.go(3)
    refused(studio, "the computed matte on frame 3 is 9x9, but clip .* is 120x80")
    studio.click("matte_start_empty")
    paint(studio, (30, 40), radius=5.0)
    assert painted(studio, frame=3)[40, 30] == 255


def test_a_stroke_that_leaves_nothing_is_taken_back_and_says_what_to_do(studio):
    refused(studio, "would leave nothing of Object 1 on frame 1.*Not Visible", (-50, -50))
    paint(studio, (30, 40), radius=5.0)
    refused(studio, "would leave nothing of Object 1 on frame 1.*Not Visible", (30, 40), radius=20.0, remove=True)
    assert painted(studio)[40, 30] == 255


def test_a_stroke_without_points(studio):
    with pytest.raises(RuntimeError, match="no points"):
        studio.click("matte_stroke")
    assert not studio.clip.matting.objects


def fill_disk(studio, monkeypatch) -> None:
    def write(path, values):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(part("addon.png"), "write_grey", write)


def test_a_full_disk_keeps_the_stroke_until_it_can_be_stored(studio, monkeypatch):
    paint(studio, (30, 40), radius=9.0)
    before = versions(studio)
    with monkeypatch.context() as full:
        fill_disk(studio, full)
        with pytest.raises(RuntimeError, match=r"o space is left.*stays on screen.*Store Again"):
            paint(studio, (60, 40), radius=9.0)
        assert versions(studio) == before
        shown = part("addon.canvas").current
        assert shown.alpha[40, 60] == 255 and shown.alpha[40, 30] == 255, "the overlay still shows it"
        with pytest.raises(RuntimeError, match="o space is left"):
            studio.click("matte_store_again")
        with pytest.raises(RuntimeError, match="o space is left"):
            paint(studio, (90, 40), radius=9.0)
    studio.click("matte_store_again")
    assert [painted(studio)[40, x] for x in (30, 60, 90)] == [255, 255, 255]
    assert part("addon.canvas").current is None and not part("addon.unstored").all_kept()


def test_the_next_stroke_goes_on_from_one_that_was_not_stored(studio, monkeypatch):
    with monkeypatch.context() as full:
        fill_disk(studio, full)
        with pytest.raises(RuntimeError, match="o space is left"):
            paint(studio, (60, 40), radius=9.0)
    studio.go(2)
    paint(studio, (30, 40), radius=9.0)
    assert not painted(studio, frame=2)[40, 60], "another frame has its own"
    assert part("addon.canvas").current.number == 1, "what is not stored stays shown"
    studio.go(1)
    paint(studio, (90, 40), radius=9.0)
    assert [painted(studio)[40, x] for x in (60, 90)] == [255, 255]
    assert not part("addon.unstored").all_kept()


def test_saving_stores_what_could_not_be_stored_before(studio, monkeypatch):
    with monkeypatch.context() as full:
        fill_disk(studio, full)
        with pytest.raises(RuntimeError, match="o space is left"):
            paint(studio, (60, 40), radius=9.0)
        bpy.ops.wm.save_mainfile()
        assert part("addon.unstored").all_kept() and not versions(studio)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert painted(studio)[40, 60] == 255


def test_a_stroke_that_could_not_be_stored_can_be_discarded(studio, monkeypatch):
    paint(studio, (30, 40), radius=9.0)
    with monkeypatch.context() as full:
        fill_disk(studio, full)
        with pytest.raises(RuntimeError, match="o space is left"):
            paint(studio, (60, 40), radius=9.0)
    studio.click("matte_discard_unstored")
    assert part("addon.canvas").current is None
    paint(studio, (90, 40), radius=9.0)
    assert [painted(studio)[40, x] for x in (30, 60, 90)] == [255, 0, 255]


def test_a_matte_folder_that_cannot_be_written(studio):
    paint(studio, (30, 40), radius=9.0)
    versions = studio.matte_folder.root / "keyframes" / "versions"
    moved = versions.rename(versions.with_name("moved"))
    versions.write_text("a file where the folder belongs")
    with pytest.raises(RuntimeError, match="stays on screen, but is not stored"):
        studio.go(2)
        paint(studio, (60, 40), radius=9.0)
    versions.unlink()
    moved.rename(versions)
    studio.click("matte_store_again")
    assert painted(studio, frame=2)[40, 60] == 255 and painted(studio)[40, 30] == 255


def test_two_editors_on_one_clip_paint_the_same_keyframe(studio):
    paint(studio, (30, 40), radius=9.0)
    window = bpy.context.window_manager.windows[0]
    other = window.screen.areas[1]
    other.type = "CLIP_EDITOR"
    other.spaces.active.clip = studio.clip
    region = next(region for region in other.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=other, region=region):
        bpy.ops.clip.matte_stroke(points=[{"name": "", "x": 60, "y": 40, "pressure": 1.0}], radius=9.0)
    assert [painted(studio)[40, x] for x in (30, 60)] == [255, 255] and len(versions(studio)) == 1


def test_a_linked_clip_is_refused_in_words(studio):
    paint(studio, (30, 40))
    bpy.ops.wm.save_mainfile()
    library = bpy.data.filepath
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (source, target):
        target.movieclips = source.movieclips
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip
    with pytest.raises(RuntimeError, match="is linked from"):
        paint(studio, (60, 40))
    with pytest.raises(RuntimeError, match="is linked from"):
        studio.click("matte_paint_mode")
    assert part("addon.canvas").current is None and not bpy.context.window_manager.matte_brush.use_paint
    assert studio.click("matte_paint_mode", leave=True) == {"FINISHED"}, "leaving is always possible"
