"""Planned and rendered scenes: reproducible, with labels that match the picture."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.__main__ import main
from engine.training.assets import Item, write_index
from engine.training.rendered import clip_name
from engine.training.scenes.creatures import make_creature
from engine.training.scenes.dancers import make_dancer
from engine.training.scenes.description import Camera, SceneObject, is_held_out_scene
from engine.training.scenes.meshes import box, joined, strands, tube
from engine.training.scenes.models import Model3D
from engine.training.scenes.motion import sample_trajectory
from engine.training.scenes.planning import SceneAssets, plan_scene
from engine.training.scenes.scene_sampler import SceneSampler

ROOT = Path(__file__).resolve().parents[3]
blender = pytest.mark.skipif(find_spec("bpy") is None, reason="this Python has no Blender (bpy) to render with")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a folder of prepared pictures, half of them held out."""
    folder = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(3)
    items = []
    for number in range(4):
        for kind, size in (("background", (96, 160)), ("texture", (64, 64))):
            pixels = cv2.resize(rng.integers(0, 256, (5, 8, 3)).astype(np.uint8), size[::-1])
            cv2.imwrite(str(folder / f"{kind}_{number}.jpg"), pixels)
            items.append(Item(f"{kind}_{number}.jpg", kind, "made-here", "CC0", held_out=number % 2 == 1))
    write_index(folder, items)
    return folder


@pytest.fixture(scope="module")
def rendered(prepared, tmp_path_factory):
    """Render three clips of two frames in a separate process: seed 3 twice, and seed 20, which is held out."""
    out = tmp_path_factory.mktemp("scenes")
    program = (
        "import sys; from pathlib import Path; from engine.training.scenes.clip_rendering import render_scene\n"
        "prepared, out = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "for name, seed in (('first', 3), ('again', 3), ('held_out', 20)):\n"
        "    size = dict(frames=2, width=96, samples=3)\n"
        "    render_scene(out / name, seed, prepared=prepared, fetched=None, **size)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, prepared, out], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == "", "Blender's messages reached the standard output"
    return out


def masks_of(clip):
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((clip / "masks").iterdir())]


# -- rendered ----------------------------------------------------------------------------------------------------------
@blender
def test_a_rendered_scene_is_a_folder_of_pictures_and_label_images(rendered):
    clip = rendered / "first"
    assert sorted(path.name for path in clip.iterdir()) == ["about.json", "frames", "masks"]
    assert [path.name for path in sorted((clip / "frames").iterdir())] == ["frame_000000.jpg", "frame_000001.jpg"]
    picture = cv2.imread(str(clip / "frames" / "frame_000000.jpg"))
    assert picture.shape == (55, 96, 3)
    assert np.ptp(picture) > 40, "the picture has almost no contrast"
    masks = masks_of(clip)
    assert len(masks) == 2
    for mask in masks:
        assert mask.shape == (55, 96)
        assert mask.dtype == np.uint8
    about = json.loads((clip / "about.json").read_text())
    objects = masks[0].max()
    assert set(about["objects"]) == {str(label) for label in range(1, objects + 1)}
    assert set(np.unique(masks[0])) - {0} == set(range(1, objects + 1))
    assert max(mask.max() for mask in masks) <= objects <= 4
    assert not about["held_out"]
    assert about["licences"] == {"made-here": "unknown"}
    assert not list(rendered.glob("*.part"))


@blender
def test_the_same_seed_gives_the_same_masks(rendered):
    for first, again in zip(masks_of(rendered / "first"), masks_of(rendered / "again"), strict=True):
        assert np.array_equal(first, again)


@blender
def test_a_held_out_scene_is_made_of_held_out_pictures(rendered):
    about = json.loads((rendered / "held_out" / "about.json").read_text())
    assert about["held_out"]
    numbers = {int(source.rpartition("_")[2][0]) for source in about["sources"] if "background" in source}
    assert numbers <= {1, 3}


@blender
def test_labels_match_the_picture_and_holes_are_not_labelled(tmp_path):
    program = """
import sys
from pathlib import Path
import cv2, numpy as np
from engine.training.scenes.motion import look_at
from engine.training.scenes.description import Camera, Scene, SceneObject
from engine.training.scenes.rendering import SceneRenderer
from engine.training.scenes.meshes import SurfaceMaterial, grid
holed = np.full((4, 4, 4), 255, np.uint8)
holed[:, 2:, 3] = 0  # its right half is a hole
def wall(x, material, label):
    corners = np.array([[[[x, 0, 0], [x + 1, 0, 0]], [[x, 0, 1], [x + 1, 0, 1]]]], float)
    return SceneObject(grid(corners), (material,), label=label)
def emissive(*colour):
    return SurfaceMaterial(colour, lit=False)
objects = [wall(-2.5, emissive(1, 0, 0), 1), wall(-1.5, emissive(0, 1, 0), 2), wall(-0.5, emissive(0, 0, 1), 3),
           wall(0.5, emissive(1, 1, 0), 4), wall(1.5, SurfaceMaterial((1, 1, 1), holed, lit=False), 1)]
eye, aim = np.array([[0, -10, 0.5]]), np.array([[0, 0, 0.5]])
camera = Camera(look_at(eye, aim), np.array([60.0]), np.array([10.0]), 0.0, 0.0)
scene = Scene(tuple(objects), (), camera, SurfaceMaterial((0, 0, 0)), np.ones(1), 0.0, 0.5, False)
out = Path(sys.argv[1])
renderer = SceneRenderer(scene, width=120, height=60, folder=out)
pictures, labels = renderer.render(range(1), samples=2)
picture = cv2.imread(str(pictures[0]))[..., ::-1]
others = []
for stops in (3, -6):
    renderer.change_exposure(stops)
    others.append(renderer.render(range(1), samples=2)[1][0])
np.savez(out / "seen.npz", picture=picture, labels=labels[0], others=others)
"""
    process = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    with np.load(tmp_path / "seen.npz") as seen:
        picture, labels = seen["picture"].astype(int), seen["labels"]
        for repeated in seen["others"]:
            assert np.array_equal(labels, repeated), "labels depend on the exposure"
    colours = {1: (255, 0, 0), 2: (0, 255, 0), 3: (0, 0, 255), 4: (255, 255, 0)}
    for label, colour in colours.items():
        alike = np.abs(picture - colour).max(axis=2) < 70
        inside = labels == label
        if label == 1:
            inside[:, 60:] = False  # the wall with the hole is white
        assert alike.sum() > 200
        for one, repeated in ((alike, inside), (inside, alike)):  # JPEG mixes colours in the outermost pixels
            core = cv2.erode(np.uint8(one), np.ones((3, 3))) > 0
            assert core.sum() > 150
            assert (core & repeated).sum() > 0.98 * core.sum(), f"label {label} lies elsewhere"
    white = (picture > 180).all(axis=2)
    assert (white & (labels == 1)).sum() > 0.93 * white.sum() > 90
    assert (labels[:, 60:] == 1).sum() < 1.1 * white.sum(), "the hole is labelled"


@blender
def test_the_command_keeps_existing_clips(prepared, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    (data / "prepared").symlink_to(prepared)
    existing = out / clip_name(7)
    existing.mkdir(parents=True)
    (existing / "about.json").write_text('{"held_out": false}')
    arguments = ["render-scenes", "--data", data, "--out", out, "--count", "1", "--first-seed", "7"]
    process = subprocess.run(
        [sys.executable, "-m", "engine", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    assert [path.name for path in out.rglob("*")] == [clip_name(7), "about.json"]


def test_without_blender_the_command_reports_the_missing_module(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("engine.training.scenes.command.find_spec", lambda name: None)
    assert main(["render-scenes", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no module bpy" in capsys.readouterr().err


# -- planned -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [1, 2, 4, 20])
def test_a_plan_is_reproducible_and_complete(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=is_held_out_scene(seed))
    first, again = (plan_scene(scene_assets, seed, 0, frames=5) for _ in range(2))
    labels = [item.label for item in first.objects if item.label]
    assert 1 <= max(labels) <= 4
    assert set(labels) == set(range(1, max(labels) + 1))
    assert len(first.objects) == len(again.objects)
    assert np.array_equal(first.camera.transforms, again.camera.transforms)
    for item, repeated in zip(first.objects, again.objects):
        assert np.array_equal(item.mesh.points, repeated.mesh.points)
        assert np.isfinite(item.mesh.points).all()
        assert np.isfinite(item.transforms).all()
        assert len(item.mesh.points) in (1, 7)
        assert len(item.transforms) in (1, 7)
        assert item.mesh.faces.max() < item.mesh.points.shape[1]
        assert item.mesh.material_indices.max() < len(item.materials)


def test_another_attempt_is_another_scene(prepared):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    cameras = [plan_scene(scene_assets, 1, attempt, frames=3).camera.transforms for attempt in range(2)]
    assert not np.allclose(*cameras)


def test_every_twentieth_scene_is_held_out():
    assert [seed for seed in range(1, 61) if is_held_out_scene(seed)] == [20, 40, 60]


@pytest.mark.parametrize("seed", range(12))
def test_creatures_move_and_have_a_reasonable_size(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    model = make_creature(SceneSampler(np.random.default_rng(seed), np.arange(6) / 12, scene_assets.assets))
    assert len(model.mesh.points) == 6
    assert np.abs(model.mesh.points[3] - model.mesh.points[0]).max() > 0.01
    assert 0.2 < np.linalg.norm(model.mesh.upper_corner - model.mesh.lower_corner) < 8


@pytest.mark.parametrize("seed", range(6))
def test_dancers_move_their_limbs_and_stay_above_the_ground(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    body = make_dancer(SceneSampler(np.random.default_rng(seed), np.arange(8) / 12, scene_assets.assets)).mesh
    assert body.points[..., 2].min() > -1e-6
    assert np.abs(body.points[7] - body.points[0]).max() > 0.05
    assert 1.0 < (body.upper_corner - body.lower_corner)[2] < 3.5


@pytest.mark.parametrize("seed", range(6))
def test_tumbling_models_rotate_about_their_centre_and_stay_above_the_ground(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    sampler = SceneSampler(np.random.default_rng(seed), np.arange(40) / 20, scene_assets.assets)
    transforms = sample_trajectory(sampler, Model3D(box(np.ones(3)), (), "tumble"), np.zeros(3), extent=1.8)
    heights = (transforms @ np.array([0, 0, 0.9, 1.0]))[:, 2]
    assert heights.min() > 0.9 - 1e-6  # the centre is never lower than when standing
    relative = transforms[0, :3, :3].T @ transforms[:, :3, :3]
    turned = np.degrees(np.arccos(np.clip((np.trace(relative, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert turned.max() > 90


def test_variations_for_training_leave_held_out_scenes_unchanged(prepared, monkeypatch):
    def plans() -> dict[int, list[tuple]]:
        assets = {seed: SceneAssets.open(prepared, None, held_out=is_held_out_scene(seed)) for seed in (1, 20)}
        return {
            seed: [
                (item.kind, item.mesh.points.tobytes(), item.transforms.tobytes(), repr(item.materials))
                for item in plan_scene(scene_assets, seed, 0, frames=3).objects
            ]
            for seed, scene_assets in assets.items()
        }

    before = plans()
    probs = "scene_actors._DANCER_PROB scene_actors._TUMBLE_PROB planning._CAMOUFLAGE_PROB planning._SINGLE_TONE_PROB"
    for name in probs.split():
        monkeypatch.setattr(f"engine.training.scenes.{name}", 1.0)
    after = plans()
    assert after[20] == before[20]
    assert "dancer" in {kind for kind, *_ in after[1]}


def test_static_meshes_can_be_joined_with_animated_ones():
    pole = tube(np.array([[[0, 0, 0], [0, 0, 2.0]]]), np.full(2, 0.1))
    line = np.zeros((3, 2, 3))
    line[:, 1, 0] = [1, 2, 3]
    both = joined(pole, tube(line, np.full(2, 0.1)), box(np.ones(3)))
    assert both.points.shape[0] == 3
    assert np.allclose(both.points[0, : pole.points.shape[1]], both.points[2, : pole.points.shape[1]])
    assert both.upper_corner[0] >= 3


def test_strands_reach_from_their_roots_to_their_tips():
    roots = np.zeros((2, 4, 3))
    tips = roots + np.array([0, 0, 1.0]) + np.arange(4)[None, :, None] * np.array([0.1, 0, 0])
    hair = strands(roots, tips, np.full(4, 0.01))
    assert hair.points.shape == (2, 4 * 8, 3)
    assert hair.upper_corner[2] == pytest.approx(1.0, abs=0.02)
    assert hair.upper_corner[0] == pytest.approx(0.3, abs=0.02)
    assert hair.faces.max() == hair.points.shape[1] - 1


def test_the_camera_projects_points_to_the_image():
    transform = np.eye(4)
    transform[:3, 3] = [0, 0, 5]  # looks down from above
    camera = Camera(transform[None], np.array([36.0]), np.array([5.0]), 0, 0)
    x, y, distance = camera.project(np.array([[0, 0, 0], [2.5, 0, 0], [0, 2.5 / 2, 0], [0, 0, 9.0]]), 0, 2.0).T
    assert np.allclose(distance, [5, 5, 5, -4])
    assert np.allclose(x[:3], [0.5, 1.0, 0.5])
    assert np.allclose(y[:3], [0.5, 0.5, 0.0])


def test_an_object_is_placed_by_its_transform():
    transform = np.eye(4)
    transform[:3, 3] = [1, 2, 3]
    item = SceneObject(box(np.ones(3)), (), transform[None])
    assert np.allclose(item.points_at(4).min(axis=0), [0.5, 1.5, 3])
