"""Splines of masks in files: exported and imported again by Blender, and read by its own importer of SVG."""

from __future__ import annotations

import addon_utils
import bpy
import numpy as np
import pytest

from tests.blender.editing import do
from tests.blender.mask_editing import key_by_hand, layer_of
from tests.blender.studio import FRAMES, HEIGHT, WIDTH, add_spline, circle, iou, mask_by_node, part

BETWEEN = [frame + share for frame in range(0, FRAMES + 2) for share in (0.0, 0.37)]


def with_edited_layers(studio, **film) -> None:
    """Make mask layers of mattes, move one on a frame, and draw layers of the artist's with all kinds of settings."""
    studio.open_film(**film)
    start = studio.clip.frame_start - studio.clip.frame_offset
    studio.mark(start, media=0)
    studio.propagate()
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    soft = mask.layers.new(name="Größe, <soft>")
    add_spline(soft, circle(0.4, 0.6, 0.1, 7, clockwise=True), "AUTO")
    soft.splines[0].points.foreach_set("weight", np.linspace(0, 0.08, 7, dtype=np.float32))
    key_by_hand(
        studio,
        soft,
        {start + 1: circle(0.4, 0.6, 0.1, 7, clockwise=True), start + 5: circle(0.5, 0.4, 0.2, 7, clockwise=True)},
    )
    cut = mask.layers.new(name="cut")
    spline = add_spline(cut, circle(0.3, 0.5, 0.06, 6), "VECTOR")
    spline.points[2].handle_type = "FREE"
    spline.points[2].handle_left = (0.123456789, 0.51)
    cut.blend, cut.alpha, cut.falloff, cut.invert = "MERGE_SUBTRACT", 0.625, "LINEAR", False
    spline.offset_mode, spline.use_fill = "SMOOTH", True
    line = add_spline(mask.layers.new(name="line"), circle(0.8, 0.7, 0.1, 3), "FREE")
    line.use_cyclic = False
    part("addon.curves").key_alpha(cut, {start: 0.25, start + 3: 0.625})


def copied(studio, suffix: str):
    """Export the clip's mask and import it into a new one, which the editor shows; return both."""
    mask = studio.clip.matting.mask
    path = studio.folder / f"Kürzel 1{suffix}"
    studio.space.mode, studio.space.mask = "MASK", mask
    assert studio.click("matte_export_splines", filepath=str(path)) == {"FINISHED"}
    studio.space.mask = bpy.data.masks.new("copy")
    assert studio.click("matte_import_splines", filepath=str(path)) == {"FINISHED"}
    assert studio.space.mask.name == "copy"
    return mask, studio.space.mask


def points_on(studio, mask, frame: float) -> list[np.ndarray]:
    """Return the points (N, 7) of each layer as they are on a frame or between two."""
    studio.scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
    depsgraph = bpy.context.window_manager.windows[0].view_layer.depsgraph
    return [part("addon.mask_points").points_of(layer) for layer in mask.evaluated_get(depsgraph).layers]


def keys_of(studio, mask) -> dict[str, list[int]]:
    export = part("addon.shape_export")
    return export._key_frames(mask, range(-40, 1200), bpy.context.window_manager.windows[0], studio.area)


@pytest.mark.parametrize("suffix", [".json", ".svg"])
def test_a_mask_that_was_exported_and_imported_is_the_same_to_the_last_bit(studio, suffix):
    """Points, handles and feathers on and between frames, keys, alpha, settings, and the pixels that Blender draws."""
    with_edited_layers(studio)
    mask, copy = copied(studio, suffix)
    assert [layer.name for layer in mask.layers] == [layer.name for layer in copy.layers]
    for one, other in zip(mask.layers, copy.layers):
        for name in ("blend", "falloff", "invert", "use_fill_holes", "use_fill_overlap", "fill_solver"):
            assert getattr(one, name, None) == getattr(other, name, None), name
        for spline, twin in zip(one.splines, other.splines, strict=True):
            for name in ("use_cyclic", "offset_mode", "weight_interpolation", "use_fill"):
                assert getattr(spline, name) == getattr(twin, name), name
            kinds = [[point.handle_type for point in which.points] for which in (spline, twin)]
            assert kinds[0] == kinds[1]
    keys = keys_of(studio, mask)
    assert keys == keys_of(studio, copy)
    assert keys["Größe, <soft>"] == [2, 6] and len(keys["Object 1"]) > 1 and keys["cut"] == []
    for frame in BETWEEN:
        for one, other in zip(points_on(studio, mask, frame), points_on(studio, copy, frame), strict=True):
            assert one.dtype == np.float32 and np.array_equal(one[:, [0, 1, 6]], other[:, [0, 1, 6]]), frame
            assert np.abs(one - other).max() <= 6e-8, (
                "Blender aligns handles anew on each frame, to the last bit but one"
            )
        assert [layer.alpha for layer in mask.layers] == [layer.alpha for layer in copy.layers], frame
    for name, frames in keys.items():
        place = mask.layers.find(name)
        for frame in frames or [1]:
            assert np.array_equal(points_on(studio, mask, frame)[place], points_on(studio, copy, frame)[place]), frame
    for frame in (1, 4, FRAMES):  # 4 is between keys
        drawn, again = mask_by_node(mask, frame, studio.folder), mask_by_node(copy, frame, studio.folder)
        assert drawn.any() and np.array_equal(drawn, again), frame


def test_frames_in_the_file_are_those_of_the_clips_files_whatever_its_start_and_offset(studio):
    with_edited_layers(studio, first=1001, start=101, offset=2)
    mask, copy = copied(studio, ".json")
    roto, _ = part("engine.shared.shape_files.formats").load_roto(studio.folder / "Kürzel 1.json")
    assert (roto.first, roto.last, roto.width, roto.height) == (1001, 1000 + FRAMES, WIDTH, HEIGHT)
    soft = next(layer for layer in roto.layers if layer.name.startswith("Größe"))
    assert soft.keys == (1002, 1006), "scene frame 100 shows the file 1002"
    assert [layer.object_name for layer in roto.layers][:2] == ["Object 1", "Object 2"]
    assert keys_of(studio, mask) == keys_of(studio, copy)
    pixels = part("addon.mask_space").of_clip(studio.clip).to_pixels(points_on(studio, mask, 99)[0][:, :2])
    assert np.allclose(pixels, np.concatenate([s.points[0, :, 1] for s in roto.layers[0].splines]), atol=1e-4)


def test_edits_of_the_artist_are_what_is_exported(studio):
    with_edited_layers(studio)
    layer = layer_of(studio)
    key_by_hand(studio, layer, {3: circle(0.3, 0.5, 0.15, len(layer.splines[0].points), clockwise=True)})
    _, copy = copied(studio, ".svg")
    assert 3 in keys_of(studio, copy)["Object 1"]
    studio.go(3)
    places = np.array([point.co for point in copy.layers["Object 1"].splines[0].points])
    assert np.allclose(np.hypot(*(places - (0.3, 0.5)).T), 0.15, atol=1e-6)


def test_a_nuke_script_brings_back_what_it_was_written_from(studio):
    with_edited_layers(studio)
    mask, copy = copied(studio, ".nk")
    for which in (mask, copy):
        which.layers["cut"].hide_render = True  # whose blend Nuke has no equal of
    for frame in (1, 4, FRAMES):
        drawn, again = mask_by_node(mask, frame, studio.folder), mask_by_node(copy, frame, studio.folder)
        assert iou(drawn, again) > 0.995, frame


def test_blenders_own_importer_of_svg_finds_the_same_curves(studio):
    """Its places are in the drawing's units, y up; the first shapes are those of the first keys."""
    with_edited_layers(studio)
    copied(studio, ".svg")
    roto, _ = part("engine.shared.shape_files.formats").load_roto(studio.folder / "Kürzel 1.svg")
    addon_utils.enable("io_curve_svg")
    before = set(bpy.data.objects)
    assert bpy.ops.import_curve.svg(filepath=str(studio.folder / "Kürzel 1.svg")) == {"FINISHED"}
    curves = [one.data for one in bpy.data.objects if one not in before]
    found = [
        np.array([[*point.handle_left, *point.co, *point.handle_right] for point in spline.bezier_points])
        for curve in curves
        for spline in curve.splines
    ]
    expected = [spline for layer in roto.layers for spline in layer.splines]
    assert len(found) == len(expected) > 4
    for points, spline in zip(found, expected):
        places = points[: spline.points.shape[1], 3:5]  # it may repeat the first point at the end
        scale = np.ptp(spline.points[0, :, 1], axis=0) / np.ptp(places, axis=0)
        assert np.allclose(scale, scale[0], rtol=1e-3)
        wanted = spline.points[0, :, 1] * (1, -1) / scale
        assert np.allclose(places - places[0], wanted - wanted[0], atol=1e-3 / scale[0])
        handles = points[: len(places) - 1, 6:8]
        wanted_handles = spline.points[0, : len(places) - 1, 2] * (1, -1) / scale
        assert np.allclose(handles - places[0], wanted_handles - wanted[0], atol=2e-3 / scale[0])


def test_importing_changes_nothing_that_is_there_and_names_stay_apart(studio):
    with_edited_layers(studio)
    copied(studio, ".json")
    mask = studio.clip.matting.mask
    before = {layer.name: part("addon.mask_points").points_of(layer) for layer in mask.layers}
    keys = keys_of(studio, mask)
    studio.space.mask = mask
    studio.click("matte_import_splines", filepath=str(studio.folder / "Kürzel 1.json"))
    assert len(mask.layers) == 2 * len(before) and "Object 1.001" in mask.layers
    for name, points in before.items():
        assert np.array_equal(part("addon.mask_points").points_of(mask.layers[name]), points)
        assert keys_of(studio, mask)[name] == keys[name]
    made = part("addon.mask_layers").made_layers(studio.clip, 1)
    assert [layer.name for layer in made] == ["Object 1"], "imported layers are the artist's"


def test_one_undo_takes_an_import_back_and_redo_brings_it_again(studio):
    with_edited_layers(studio)
    studio.click("matte_export_splines", filepath=str(studio.folder / "a.json"))
    before = [layer.name for layer in studio.clip.matting.mask.layers]
    bpy.ops.ed.undo_push(message="start")
    do(studio, "matte_import_splines", filepath=str(studio.folder / "a.json"))
    assert len(studio.clip.matting.mask.layers) == 2 * len(before)
    bpy.ops.ed.undo()
    assert [layer.name for layer in studio.clip.matting.mask.layers] == before
    bpy.ops.ed.redo()
    mask = studio.clip.matting.mask
    assert len(mask.layers) == 2 * len(before) and keys_of(studio, mask)["Object 1.001"] == [1, FRAMES]


def test_a_drawing_of_another_program_becomes_layers_at_the_clips_size(studio):
    studio.open_film()
    path = studio.folder / "logo.svg"
    shapes = '<rect id="box" x="10" y="10" width="40" height="20"/><circle id="dot" cx="60" cy="60" r="10"/>'
    shapes += '<path id="ring" fill-rule="evenodd" d="M80 20h30v30h-30zM90 30h10v10h-10z"/>'  # both one way round
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 80">{shapes}</svg>', "utf-8")
    studio.click("matte_import_splines", filepath=str(path))
    mask = studio.space.mask
    assert studio.space.mode == "MASK" and [layer.name for layer in mask.layers] == ["box", "dot", "ring"]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    truth = ((x > 10) & (x < 50) & (y > 10) & (y < 30)) | (np.hypot(x - 60, y - 60) < 10)
    truth |= (np.maximum(abs(x - 95), abs(y - 35)) < 15) & ~(np.maximum(abs(x - 95), abs(y - 35)) < 5)
    drawn = mask_by_node(mask, 1, studio.folder)
    assert iou(drawn, truth) > 0.85, "Blender's soft edge is half a pixel further out"
    assert drawn[35, 95] < 0.01 and drawn[35, 85] > 0.99, "a hole is a hole in every version of Blender"


def test_points_that_follow_a_track_are_refused(studio):
    studio.open_film()
    mask = bpy.data.masks.new("tracked")
    add_spline(mask.layers.new(name="carried"), circle(0.5, 0.5, 0.1), "FREE")
    track = studio.clip.tracking.tracks.new(name="t", frame=1)
    studio.follow(track, mask)
    with pytest.raises(RuntimeError, match="oints of carried follow a track"):
        studio.click("matte_export_splines", filepath=str(studio.folder / "a.json"))
    assert not (studio.folder / "a.json").exists()


def test_what_cannot_be_done_is_said_and_changes_nothing(studio):
    studio.open_film()
    with pytest.raises(RuntimeError, match="poll"):
        studio.click("matte_export_splines", filepath=str(studio.folder / "a.json"))
    (studio.folder / "bad.json").write_text("{", "utf-8")
    for name, why in (("bad.json", "not valid JSON"), ("missing.svg", "cannot be read"), ("a.fxs", "be imported")):
        with pytest.raises(RuntimeError, match=why):
            studio.click("matte_import_splines", filepath=str(studio.folder / name))
    assert not bpy.data.masks
    mask = bpy.data.masks.new("drawn")
    studio.space.mode, studio.space.mask = "MASK", mask
    with pytest.raises(RuntimeError, match="has no splines"):
        studio.click("matte_export_splines", filepath=str(studio.folder / "a.json"))
    add_spline(mask.layers.new(name="a"), circle(0.5, 0.5, 0.1), "FREE")
    with pytest.raises(RuntimeError, match="which format"):
        studio.click("matte_export_splines", filepath=str(studio.folder / "a.mocha"))
