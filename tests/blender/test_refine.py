"""Refining in Blender: settings, the job, previews, and what results are made of."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, part, truth


@pytest.fixture
def refined(studio):
    """A studio with propagated mattes of two objects, of which the first has its edges refined."""
    studio.open_film()
    studio.mark(1, media=0)
    settings(studio).use = True
    settings(studio).grow = 2.0
    studio.propagate()
    return studio


def settings(studio, row: int = 0):
    return studio.clip.matting.objects[row].refinement


def files(studio, object_id: int) -> list:
    return part("addon.matte_files").matte_files(studio.clip, object_id)


def counts(studio) -> tuple[int, int]:
    found = part("addon.refining").watch(studio.clip)
    return found.current, found.due


def test_propagate_refines_the_objects_that_ask_for_it(refined):
    folder = part("addon.folders").existing_folder(refined.clip)
    assert [path.parent for path in files(refined, 1)] == [folder.refined.matte_sequence(1)] * FRAMES
    assert [path.parent for path in files(refined, 2)] == [folder.matte_sequence(2)] * FRAMES
    assert counts(refined) == (FRAMES, 0)
    png = part("addon.png")
    refined_area = (png.read(files(refined, 1)[3], deep=True).values >= 128).sum()
    assert refined_area > (png.read(folder.matte(1, 4)).values >= 128).sum() + 100, "grown by two pixels"


def test_refined_mattes_are_read_as_blender_reads_them(refined):
    import bpy

    path = files(refined, 1)[2]
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    values = np.empty(WIDTH * HEIGHT * 4, np.float32)
    image.pixels.foreach_get(values)
    blenders = values.reshape(HEIGHT, WIDTH, 4)[::-1, :, 0]
    ours = part("addon.png").read(path, deep=True).values
    assert np.abs(ours / 255 - blenders).max() < 1 / 255


def test_other_settings_make_them_stale_until_they_are_refined_again(refined):
    settings(refined).grow = 0.0
    assert counts(refined) == (0, FRAMES)
    folder = part("addon.folders").existing_folder(refined.clip)
    assert files(refined, 1)[0].parent == folder.matte_sequence(1), "stale ones are not used"
    assert refined.click("matte_refine") == {"FINISHED"}
    assert counts(refined) == (FRAMES, 0)
    settings(refined).use = False
    assert files(refined, 1)[0].parent == folder.matte_sequence(1)


def test_mask_layers_and_compositor_are_made_of_refined_mattes(refined):
    import bpy

    refined.click("matte_to_mask_layers")
    refined.click("matte_to_compositor")
    shown = {image.filepath for image in bpy.data.images if image.source == "SEQUENCE"}
    assert any("refined" in path and "001" in path for path in shown)
    assert any("refined" not in path and "002" in path for path in shown)
    settings(refined).use = False
    part("addon.compositor_watch").fit_all()
    assert not any("refined" in image.filepath for image in bpy.data.images if image.source == "SEQUENCE")


def test_settings_are_copied_to_all_objects_and_to_duplicates(refined):
    refined.clip.matting.active_object = 0
    settings(refined).edges = "DETAIL"
    assert refined.click("matte_refine_copy") == {"FINISHED"}
    other = settings(refined, 1)
    assert (other.use, other.edges, other.grow) == (True, "DETAIL", 2.0)
    refined.clip.matting.active_object = 0
    refined.click("matte_object_duplicate")
    copy = refined.clip.matting.objects[refined.clip.matting.active_object].refinement
    assert (copy.use, copy.edges, copy.grow) == (True, "DETAIL", 2.0)


def test_nothing_to_refine_is_said(studio):
    studio.open_film()
    studio.mark(1, media=0)
    with pytest.raises(RuntimeError, match="Refine Edges is off for all objects"):
        studio.click("matte_refine")
    settings(studio).use = True
    with pytest.raises(RuntimeError, match="has no mattes yet"):
        studio.click("matte_refine")


def test_a_preview_shows_the_settings_of_now_on_the_frame_that_is_shown(refined):
    preview, session = part("addon.refine_preview"), refined.session
    folder = part("addon.folders").existing_folder(refined.clip)
    assert preview.shown_file(refined.clip, 1, 4, ask=True) == folder.refined.matte(1, 4), "it is up to date"
    settings(refined).grow = 4.0
    assert preview.shown_file(refined.clip, 1, 4, ask=True) is None
    preview._tick()  # Blender calls it in a window only
    limit = time.monotonic() + 60
    while preview.is_pending(refined.clip) and time.monotonic() < limit:
        session.pump()
        time.sleep(0.01)
    path = preview.shown_file(refined.clip, 1, 4, ask=True)
    assert path is not None and path.name != "000004.png", preview.problem(refined.clip)
    shown, kept = (part("addon.png").read(one, deep=True).values for one in (path, folder.refined.matte(1, 4)))
    assert (shown >= 128).sum() > (kept >= 128).sum() > (truth(3) == 1).sum(), "grown by four pixels, by two, by none"
    layers = part("addon.matte_views").layers
    source = part("addon.matte_views").Source(folder.root, (WIDTH, HEIGHT), 1)
    drawn = {layer.object_id: layer.wanted.file for layer in layers(refined.clip, [4, 5], source)[4]}
    assert drawn == {1: str(path), 2: ""}


def test_clearing_removes_refined_mattes_but_those_that_were_edited(refined):
    folder = part("addon.folders").existing_folder(refined.clip)
    edited = folder.refined.matte(1, 3)
    edited.write_bytes(folder.matte(1, 3).read_bytes())
    clearing = part("addon.clearing")
    assert clearing.edited_images(refined.clip) == 1
    assert clearing.clear_results(refined.clip).kept == 1
    assert [path.name for path in folder.refined.root.rglob("*.png")] == ["000003.png"]
    assert clearing.clear_results(refined.clip, edited=True).kept == 0
    assert not folder.refined.root.exists()
