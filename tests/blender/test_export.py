"""Export from the clip editor, and what Blender itself makes of the files: Cryptomatte, layers and sequences."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, new_compositor, part, picture, read_image

NAMES = ("Ring: äußerer", "箱, box")  # a comma parts names in Blender's Cryptomatte node
STEMS = [f"shot_{number:04d}" for number in range(1, FRAMES + 1)]


@pytest.fixture
def matted(studio):
    """Yield a studio with mattes of two objects with names of their own."""
    studio.open_marked()
    studio.propagate()
    for item, name in zip(studio.clip.matting.objects, NAMES, strict=True):
        item.name = name
    return studio


def exported(studio, **choices) -> Path:
    """Export to a folder beside the .blend, and return it."""
    assert studio.click("matte_export", directory="//for others/", wait=True, **choices) == {"FINISHED"}
    return studio.folder / "for others"


def rendered(scene, frame: int, path: Path) -> np.ndarray:
    """Render the compositor to an EXR, and return its first channel (H, W) as it is stored."""
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Raw"
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGB", "32"
    scene.render.filepath = str(path)
    scene.frame_set(frame)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return read_image(path)[..., 0]


def sequence(path: Path):
    """Load an image of a sequence."""
    image = bpy.data.images.load(str(path))
    image.source = "SEQUENCE"
    return image


def test_mattes_are_exported_by_the_names_of_objects_and_frames(matted):
    out = exported(matted)
    assert sorted(path.name for path in out.iterdir()) == ["Ring_ äußerer", "keymatte-export.txt", "箱, box"]
    for number, stem in enumerate(STEMS, start=1):
        assert np.array_equal(read_image(out / "Ring_ äußerer" / f"{stem}.png")[..., 0], matted.matte(1, number))
    status = matted.session.status
    assert status.summary == f"Done. {2 * FRAMES} files written to {out}"
    exported(matted)
    assert f"0 files written to {out}; {2 * FRAMES} files up to date already" in matted.session.status.summary
    assert part("addon.delivery").last_folder(matted.clip).rstrip("/") == str(out)


def test_blenders_cryptomatte_node_picks_each_object(matted):
    """The rendered matte of a picked name is the object's matte, on several frames of the sequence."""
    matted.clip.matting.objects[1].name = "箱"  # a comma parts names in this node
    out = exported(matted, format="EXR")
    tree, output = new_compositor(matted.scene)
    node = tree.nodes.new("CompositorNodeCryptomatteV2")
    node.source, node.image = "IMAGE", bpy.data.images.load(str(out / f"{STEMS[0]}.exr"))
    assert node.layer_name == "CryptoKeymatte"
    node.image.source = "SEQUENCE"  # whose layers Blender 5.2 cannot list, but uses
    node.frame_duration, node.frame_start = FRAMES, 1
    tree.links.new(node.outputs["Matte"], output.inputs[0])
    for object_id, name in ((1, NAMES[0]), (2, "箱")):
        node.matte_id = name
        for frame in (1, 4, FRAMES):
            made, matte = rendered(matted.scene, frame, matted.folder / "picked.exr"), matted.matte(object_id, frame)
            assert np.abs(made - matte).max() < 1e-6
            assert matte.any() == (object_id == 1 or frame < FRAMES), "the box has left the picture at the end"
    node.matte_id = "nobody"
    assert not rendered(matted.scene, 1, matted.folder / "picked.exr").any()


@pytest.mark.parametrize(("depth", "error"), [("STANDARD", 2**-11), ("HIGH", 1e-6)])
def test_blenders_image_node_has_a_socket_for_each_object(matted, depth, error):
    out = exported(matted, format="EXR", depth=depth)
    tree, output = new_compositor(matted.scene)
    node = tree.nodes.new("CompositorNodeImage")
    node.image = sequence(out / f"{STEMS[0]}.exr")
    node.frame_duration, node.frame_start = FRAMES, 1
    assert [socket.name for socket in node.outputs if socket.enabled] == [
        "CryptoKeymatte00",
        "Ring__äußerer",
        "箱__box",
    ]
    for object_id, name in ((1, "Ring__äußerer"), (2, "箱__box")):
        tree.links.new(node.outputs[name], output.inputs[0])
        for frame in (1, 3):
            made = rendered(matted.scene, frame, matted.folder / "layer.exr")
            assert np.abs(made - matted.matte(object_id, frame)).max() <= error


def test_blender_reads_cutouts_as_the_clip_and_its_mattes(matted):
    out = exported(matted, format="CUTOUT_PNG")
    for frame, stem in enumerate(STEMS):
        read = read_image(out / "Ring_ äußerer_cutout" / f"{stem}.png")
        matte = matted.matte(1, frame + 1)
        assert np.array_equal(read[..., 3], matte)
        assert np.abs(read[..., :3] - picture(frame) / 255)[matte == 1].max() < 1e-6
    clip = bpy.data.movieclips.load(str(out / "Ring_ äußerer_cutout" / f"{STEMS[0]}.png"))
    assert (clip.frame_duration, tuple(clip.size)) == (FRAMES, (WIDTH, HEIGHT))


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("CUTOUT_EXR", FRAMES),
        ("PRORES", 1),
        ("VP9", 1),
        ("OVERLAY", 1),
        ("DAVIS", FRAMES + 1),
        ("YOUTUBE_VOS", FRAMES + 1),
    ],
)
def test_each_format_is_exported_of_the_active_object(matted, kind, count):
    matted.scene.render.fps, matted.scene.render.fps_base = 24, 1.001
    out = exported(matted, format=kind, which="ACTIVE")
    made = [path for path in out.rglob("*") if path.is_file() and path.name != "keymatte-export.txt"]
    assert len(made) == count
    assert not matted.session.status.warning
    if kind in ("PRORES", "OVERLAY"):
        clip = bpy.data.movieclips.load(str(made[0]))
        assert (clip.frame_duration, tuple(clip.size)) == (FRAMES, (WIDTH, HEIGHT))
        assert abs(clip.fps - 24 / 1.001) < 1e-3


def test_only_the_in_out_range_is_exported_on_request(matted):
    matted.go(3)
    matted.click("matte_range", action="IN")
    matted.go(5)
    matted.click("matte_range", action="OUT")
    out = exported(matted, frames="RANGE")
    assert sorted(path.stem for path in (out / "箱, box").iterdir()) == STEMS[2:5]


def test_missing_mattes_are_told_by_scene_frames_and_files_of_others_are_kept(matted):
    matted.clip.frame_start = 101
    matted.matte_folder.matte(1, 2).unlink()
    other = matted.folder / "for others" / "箱, box" / f"{STEMS[0]}.png"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"mine")
    exported(matted)
    warning = matted.session.status.warning
    assert f"{NAMES[0]} has no matte on frame 102: it is empty there" in warning
    assert "not from Keymatte, and kept" in warning
    assert other.read_bytes() == b"mine"


def test_what_cannot_be_exported_is_refused_with_a_sentence(studio):
    studio.open_marked()
    with pytest.raises(RuntimeError, match=r"poll\(\).*has no mattes yet"):
        studio.click("matte_export", directory="//out/", wait=True)
    studio.propagate()
    with pytest.raises(RuntimeError, match=r"No folder is chosen"):
        studio.click("matte_export", wait=True)
    with pytest.raises(RuntimeError, match=r"inside the matte folder"):
        studio.click("matte_export", directory=str(studio.matte_folder.root / "out"), wait=True)
    with pytest.raises(RuntimeError, match=r"folder of the clip's images"):
        studio.click("matte_export", directory="//film/", wait=True)
    with pytest.raises(RuntimeError, match=r"no in/out range"):
        studio.click("matte_export", directory="//out/", frames="RANGE", wait=True)


def test_mattes_can_be_exported_though_the_clips_files_are_gone(matted):
    for path in (matted.folder / "film").iterdir():
        path.unlink()
    with pytest.raises(RuntimeError, match=r"Footage not found: "):
        matted.click("matte_export", directory="//out/", format="CUTOUT_PNG", wait=True)
    out = exported(matted)
    assert sorted(path.stem for path in (out / "箱, box").iterdir()) == STEMS


def test_an_export_cannot_be_paused_as_a_run_can(matted):
    """Pause would cancel the export, and Resume would propagate."""
    with matted.editor():
        choices = part("addon.delivery").Choices()
        job = part("addon.delivery").gather_export(matted.clip, matted.scene, [1, 2], "//out/", choices)
    matted.session.start(part("engine.shared.protocol").Export(job), matted.clip.name, what="files")
    assert part("addon.job_queue").is_on(matted.clip)
    assert not part("addon.job_queue").can_pause()
    assert "files written" in matted.session.wait().summary


def test_refined_mattes_are_exported(matted):
    item = matted.clip.matting.objects[0]
    item.refinement.use, item.refinement.edges, item.refinement.grow = True, "KEEP", 2.0
    exported(matted, depth="HIGH")
    assert f"{NAMES[0]} is delivered with its mattes as they are" in matted.session.status.warning
    matted.click("matte_refine", wait=True)
    out = exported(matted, depth="HIGH")
    assert not matted.session.status.warning
    refined = matted.matte_folder.refined
    for number, stem in enumerate(STEMS, start=1):
        made = read_image(out / "Ring_ äußerer" / f"{stem}.png")[..., 0]
        assert np.array_equal(made, read_image(refined.matte(1, number))[..., 0])
        assert not np.array_equal(made, matted.matte(1, number))
