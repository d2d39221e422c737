"""Keyframes from a folder of images: frames by name, objects by number, name or colour, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.editing import keys
from tests.blender.studio import HEIGHT, PALETTE, WIDTH, box, part, ring, truth
from tests.blender.test_movies import EVEN, write_movie
from tests.png import write_png

RED, GREEN, WHITE = (200, 0, 0), (0, 200, 0), (255, 255, 255)


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film(first=1001, start=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "masks of the shot"
    path.mkdir()
    return path


def import_folder(studio, folder: Path, **properties) -> None:
    assert studio.click("matte_keyframes_from_folder", directory=str(folder), **properties) == {"FINISHED"}


def soft(mask: np.ndarray) -> np.ndarray:
    """Return a mask blurred over three pixels, (H, W) uint8."""
    wide = np.pad(mask * 255.0, 1, mode="edge")
    return np.rint(sum(wide[y : y + HEIGHT, x : x + WIDTH] for y in range(3) for x in range(3)) / 9).astype(np.uint8)


def test_label_images_become_keyframes_of_all_objects(studio, folder, capfd):
    for frame in (0, 2):
        write_png(folder / f"labels_{1001 + frame}.png", truth(frame), PALETTE)
    studio.click("matte_object_add", name="ring")
    studio.clip.matting.active_object = 0
    import_folder(studio, folder)
    assert keys(studio) == [(1001, 1), (1001, 2), (1003, 1), (1003, 2)]
    assert (studio.keyframe_mask(2, 1003) == box(2)).all()
    objects = studio.clip.matting.objects
    assert [(item.object_id, item.name) for item in objects] == [(1, "ring"), (2, "Object 2")]
    assert studio.clip.matting.active_object == 0
    told = capfd.readouterr().out
    assert "4 keyframes of 2 objects set on frames 1, 3" in told
    assert "numbers read as file numbers of the clip's images" in told


def test_grey_masks_are_of_the_active_object_and_stay_soft(studio, folder, capfd):
    studio.click("matte_object_add", name="hat")
    studio.click("matte_object_add", name="ring")
    for frame in (0, 3):
        write_png(folder / f"m{1001 + frame}.png", soft(ring(frame)))
    import_folder(studio, folder)
    assert keys(studio) == [(1001, 2), (1004, 2)]
    assert (studio.keyframe_alpha(2, 1004) == soft(ring(3))).all()
    assert "soft edges are kept" in capfd.readouterr().out


def test_folders_and_names_of_objects_are_matched_with_the_list(studio, folder):
    studio.click("matte_object_add", name="other")
    studio.click("matte_object_add", name="Box")
    for name, mask in (("box", box), ("ring", ring)):
        (folder / name).mkdir()
        write_png(folder / name / "shot_1002.png", mask(1) * np.uint8(255))
    import_folder(studio, folder)
    assert [item.name for item in studio.clip.matting.objects] == ["other", "Box", "ring"]
    assert keys(studio) == [(1002, 2), (1002, 3)]
    assert (studio.keyframe_mask(3, 1002) == ring(1)).all()


def test_numbered_folders_are_objects_of_these_numbers(studio, folder):
    for number, mask in ((2, box), (5, ring)):
        (folder / str(number)).mkdir()
        write_png(folder / str(number) / "1002.png", mask(1) * np.uint8(255))
    import_folder(studio, folder)
    assert [(item.object_id, item.name) for item in studio.clip.matting.objects] == [(2, "Object 2"), (5, "Object 5")]
    assert (studio.keyframe_mask(5, 1002) == ring(1)).all()


def test_files_without_a_frame_in_the_clip_are_named_and_skipped(studio, folder, capfd):
    for number in (1001, 1008, 1009, 2000):
        write_png(folder / f"m_{number}.png", truth(0), PALETTE)
    import_folder(studio, folder)
    assert sorted({number for number, _ in keys(studio)}) == [1001, 1008]
    assert "skipped, as the clip has no such frame: m_1009.png, m_2000.png" in capfd.readouterr().out
    for path in folder.glob("m_100*"):
        path.unlink()
    with pytest.raises(RuntimeError, match=r"No image .* number of a frame.* m_2000.png; the clip has .* 1001 to 1008"):
        import_folder(studio, folder)


def test_existing_keyframes_are_kept_unless_asked_and_counted(studio, folder, capfd):
    studio.go(1)
    studio.click("matte_object_add")
    write_png(folder / "1001.png", ring(0) * np.uint8(255))
    write_png(folder / "1002.png", ring(1) * np.uint8(255))
    path = write_png(folder.parent / "box.png", box(0) * np.uint8(255))
    studio.click("matte_keyframe_from_image", filepath=str(path))
    before = studio.keyframe_alpha(1, 1001)
    capfd.readouterr()
    import_folder(studio, folder)
    assert "kept 1 keyframe already there that would change" in capfd.readouterr().out
    assert (studio.keyframe_alpha(1, 1001) == before).all()
    import_folder(studio, folder, replace=True)
    told = capfd.readouterr().out
    assert "1 keyframe of 1 object set on frame 1;" in told and "1 of them replaced earlier ones" in told
    assert (studio.keyframe_mask(1, 1001) == ring(0)).all()


def test_a_locked_object_is_left_as_it_is(studio, folder, capfd):
    studio.click("matte_object_add", name="hat")
    studio.clip.matting.objects[0].lock = True
    write_png(folder / "1001.png", truth(0), PALETTE)
    import_folder(studio, folder)
    assert keys(studio) == [(1001, 2)]
    assert "locked objects were left as they are: hat" in capfd.readouterr().out


def test_the_import_is_one_undo_step(studio, folder):
    for frame in range(3):
        write_png(folder / f"{1001 + frame}.png", truth(frame), PALETTE)
    bpy.ops.ed.undo_push(message="before")
    import_folder(studio, folder)
    bpy.ops.ed.undo_push(message="import")
    assert len(keys(studio)) == 6
    bpy.ops.ed.undo()
    assert keys(studio) == [] and not len(studio.clip.matting.objects)
    bpy.ops.ed.redo()
    assert len(keys(studio)) == 6 and (studio.keyframe_mask(1, 1002) == ring(1)).all()


def test_objects_are_absent_where_not_shown_if_asked(studio, folder):
    for frame in (0, 6):  # the box has left by then
        write_png(folder / f"{1001 + frame}.png", truth(frame), PALETTE)
    import_folder(studio, folder)
    assert (1007, 2) not in keys(studio)
    import_folder(studio, folder, absent=True)
    key = part("addon.keyframes").find_keyframe(studio.clip, 2, 1007)
    assert key is not None and key.absent


def test_images_without_objects_are_named_unless_they_mark_objects_as_not_visible(studio, folder, capfd):
    write_png(folder / "1001.png", truth(0), PALETTE)
    write_png(folder / "1003.png", np.zeros_like(truth(0)), PALETTE)
    import_folder(studio, folder)
    assert keys(studio) == [(1001, 1), (1001, 2)]
    told = capfd.readouterr().out
    assert "Warning: 2 keyframes of 2 objects set on frame 1; ignored, as they show no object: 1003.png" in told
    import_folder(studio, folder, absent=True)
    assert keys(studio) == [(1001, 1), (1001, 2), (1003, 1), (1003, 2)]
    assert "ignored" not in capfd.readouterr().out


# -- colours -----------------------------------------------------------------------------------------------------------
def painted(frame: int, background=(0, 0, 0)) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 with a red ring and a green box."""
    return np.array([background, RED, GREEN], np.uint8)[truth(frame)]


def test_it_is_asked_which_colour_is_which_object_and_remembered(studio, folder, capfd):
    studio.click("matte_object_add", name="ring")
    write_png(folder / "1001.png", painted(0))
    with pytest.raises(RuntimeError, match=r"have colours, #00c800, #c80000, of which it is not known"):
        import_folder(studio, folder)
    assert keys(studio) == []
    import_folder(studio, folder, colours="#c80000=ring; #00c800=NEW")
    assert keys(studio) == [(1001, 1), (1001, 2)]
    assert (studio.keyframe_mask(1, 1001) == ring(0)).all()
    assert (studio.keyframe_mask(2, 1001) == box(0)).all()
    write_png(folder / "1003.png", painted(2))
    capfd.readouterr()
    import_folder(studio, folder)
    assert "2 images, colours: #00c800 is Object 2, #c80000 is ring" in capfd.readouterr().out
    assert (studio.keyframe_mask(1, 1003) == ring(2)).all() and len(studio.clip.matting.objects) == 2


def test_a_colour_can_be_ignored_such_as_a_white_background(studio, folder):
    write_png(folder / "1001.png", painted(0, WHITE))
    with pytest.raises(RuntimeError, match=r"#00c800, #c80000, #ffffff"):
        import_folder(studio, folder)
    import_folder(studio, folder, colours="#c80000=NEW; #00c800=IGNORE; #ffffff=IGNORE")
    assert keys(studio) == [(1001, 1)]
    assert (studio.keyframe_mask(1, 1001) == ring(0)).all()


def from_image(studio, path, frame: int, **properties) -> None:
    studio.go(frame)
    studio.click("matte_keyframe_from_image", filepath=str(path), **properties)


def test_from_image_knows_the_colours_that_were_answered_for_a_folder(studio, folder, capfd):
    studio.click("matte_object_add", name="hat")
    write_png(folder / "1001.png", painted(0, WHITE))
    import_folder(studio, folder, colours="#c80000=hat; #00c800=NEW; #ffffff=IGNORE")
    path = write_png(folder.parent / "other.png", painted(2, WHITE))
    capfd.readouterr()
    from_image(studio, path, 3, all_objects=True, masks="COLOURS")
    assert "#00c800 is Object 2, #c80000 is hat, #ffffff is ignored" in capfd.readouterr().out
    assert (studio.keyframe_mask(1, 1003) == ring(2)).all() and (studio.keyframe_mask(2, 1003) == box(2)).all()
    assert len(studio.clip.matting.objects) == 2
    studio.clip.matting.active_object = 0
    from_image(studio, path, 4, masks="COLOURS")
    assert (studio.keyframe_mask(1, 1004) == ring(2)).all(), "the active object's own colour, whatever its order"


def test_a_folder_knows_the_colours_of_an_image_and_new_colours_are_new_objects(studio, folder):
    path = write_png(folder.parent / "first.png", np.array([(0, 0, 0), RED, (0, 0, 0)], np.uint8)[truth(0)])
    studio.click("matte_object_add", name="hat")
    from_image(studio, path, 1, all_objects=True, masks="COLOURS")
    path = write_png(folder.parent / "second.png", np.array([(0, 0, 0), (0, 0, 0), GREEN], np.uint8)[truth(0)])
    from_image(studio, path, 2, all_objects=True, masks="COLOURS")
    assert keys(studio) == [(1001, 1), (1002, 2)], "the second image's only colour is not the hat's"
    write_png(folder / "1003.png", painted(2))
    import_folder(studio, folder)
    assert (studio.keyframe_mask(1, 1003) == ring(2)).all() and (studio.keyframe_mask(2, 1003) == box(2)).all()


def test_an_image_of_ignored_colours_sets_nothing(studio, folder):
    write_png(folder / "1001.png", painted(0))
    import_folder(studio, folder, colours="#c80000=NEW; #00c800=IGNORE")
    path = write_png(folder.parent / "box.png", np.array([(0, 0, 0), (0, 0, 0), GREEN], np.uint8)[truth(0)])
    with pytest.raises(RuntimeError, match="shows only colours that are ignored"):
        from_image(studio, path, 2, all_objects=True, masks="COLOURS")
    with pytest.raises(RuntimeError, match=r"box\.png does not show this object, as #00c800 is ignored"):
        from_image(studio, path, 2, masks="COLOURS")
    assert keys(studio) == [(1001, 1)]


def test_a_colour_of_an_object_that_is_gone_is_asked_about_again(studio, folder):
    write_png(folder / "1001.png", painted(0))
    import_folder(studio, folder, colours="#c80000=NEW; #00c800=IGNORE")
    studio.click("matte_object_remove")
    with pytest.raises(RuntimeError, match=r"have colours, #c80000, of which"):
        import_folder(studio, folder)
    with pytest.raises(RuntimeError, match=r"object 'nobody', which is not in the list"):
        import_folder(studio, folder, colours="#c80000=nobody")


# -- refusals ----------------------------------------------------------------------------------------------------------
def test_images_of_another_size_are_refused_before_anything_is_set(studio, folder):
    write_png(folder / "1001.png", truth(0), PALETTE)
    write_png(folder / "1002.png", truth(0)[:-2], PALETTE)
    with pytest.raises(RuntimeError, match=rf"1002.png is {WIDTH}x{HEIGHT - 2}, but the clip is {WIDTH}x{HEIGHT}"):
        import_folder(studio, folder)
    assert keys(studio) == [] and not len(studio.clip.matting.objects)


def test_a_folder_without_images_is_refused(studio, folder):
    with pytest.raises(RuntimeError, match="There are no images in"):
        import_folder(studio, folder)
    write_png(folder / "1001.png", truth(0) * np.uint8(0))
    with pytest.raises(RuntimeError, match="show no objects"):
        import_folder(studio, folder)


def test_numbers_are_scene_frames_for_a_movie(studio, folder, capfd):
    movie = write_movie(studio.folder, "film.mp4", EVEN)
    studio.open(movie, start=11)
    for frame in (11, 13):
        write_png(folder / f"mask_{frame:04d}.png", truth(frame - 11), PALETTE)
    import_folder(studio, folder)
    assert "numbers read as scene frames" in capfd.readouterr().out
    frame_of = part("addon.clips").scene_frame_of
    assert {frame_of(studio.clip, number) for number, _ in keys(studio)} == {11, 13}
    assert (studio.keyframe_mask(1, 2) == ring(2)).all()
