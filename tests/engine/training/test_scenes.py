"""Rendered scenes: the same every time, and labels that lie on what was rendered."""

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
from engine.training.scenes.creatures import Being, make_creature
from engine.training.scenes.dancers import make_dancer
from engine.training.scenes.directing import SceneAssets, plan_scene
from engine.training.scenes.moving import go
from engine.training.scenes.plans import Thing, View, is_held_out_scene
from engine.training.scenes.scene_sampler import SceneSampler
from engine.training.scenes.shapes import box, joined, strands, tube

ROOT = Path(__file__).resolve().parents[3]
blender = pytest.mark.skipif(find_spec("bpy") is None, reason="this Python has no Blender (bpy) to render with")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder of prepared pictures: for training, and the same number held out."""
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
    """Three scenes of two frames, rendered by a Blender of their own: seed 3 twice, and seed 20."""
    out = tmp_path_factory.mktemp("scenes")
    program = (
        "import sys; from pathlib import Path; from engine.training.scenes.filming import render_scene\n"
        "prepared, out = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "for name, seed in (('first', 3), ('again', 3), ('apart', 20)):\n"
        "    size = dict(frames=2, width=96, samples=3)\n"
        "    render_scene(out / name, seed, prepared=prepared, fetched=None, **size)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, prepared, out], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "Blender's talk reached our standard output"
    return out


def masks_of(clip):
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((clip / "masks").iterdir())]


# -- rendered ----------------------------------------------------------------------------------------------------------
@blender
def test_a_scene_is_a_clip_of_pictures_and_label_images(rendered):
    clip = rendered / "first"
    assert sorted(path.name for path in clip.iterdir()) == ["about.json", "frames", "masks"]
    assert [path.name for path in sorted((clip / "frames").iterdir())] == ["frame_000000.jpg", "frame_000001.jpg"]
    picture = cv2.imread(str(clip / "frames" / "frame_000000.jpg"))
    assert picture.shape == (55, 96, 3)
    assert np.ptp(picture) > 40, "the picture is nearly plain"
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
    about = json.loads((rendered / "apart" / "about.json").read_text())
    assert about["held_out"]
    numbers = {int(source.rpartition("_")[2][0]) for source in about["sources"] if "background" in source}
    assert numbers <= {1, 3}


@blender
def test_labels_lie_on_what_was_rendered_and_holes_are_not_labelled(tmp_path):
    program = """
import sys
from pathlib import Path
import cv2, numpy as np
from engine.training.scenes.moving import look
from engine.training.scenes.plans import Scene, Thing, View
from engine.training.scenes.rendering import Set
from engine.training.scenes.shapes import Coat, sheet
holed = np.full((4, 4, 4), 255, np.uint8)
holed[:, 2:, 3] = 0  # its right half is a hole
def wall(x, coat, label):
    corners = np.array([[[[x, 0, 0], [x + 1, 0, 0]], [[x, 0, 1], [x + 1, 0, 1]]]], float)
    return Thing(sheet(corners), (coat,), label=label)
def glow(*colour):
    return Coat(colour, glow=1.0, lit=False)
things = [wall(-2.5, glow(1, 0, 0), 1), wall(-1.5, glow(0, 1, 0), 2), wall(-0.5, glow(0, 0, 1), 3),
          wall(0.5, glow(1, 1, 0), 4), wall(1.5, Coat((1, 1, 1), holed, glow=1.0, lit=False), 1)]
eye, aim = np.array([[0, -10, 0.5]]), np.array([[0, 0, 0.5]])
view = View(look(eye, aim, 0.0), np.array([60.0]), np.array([10.0]), 0.0, 0.0)
scene = Scene(tuple(things), (), view, Coat((0, 0, 0)), np.ones(1), 0.0, 0.5, False)
out = Path(sys.argv[1])
stage = Set(scene, width=120, height=60, folder=out)
pictures, labels = stage.render(range(1), samples=2)
picture = cv2.imread(str(pictures[0]))[..., ::-1]
others = []
for stops in (3, -6):
    stage.expose(stops)
    others.append(stage.render(range(1), samples=2)[1][0])
np.savez(out / "seen.npz", picture=picture, labels=labels[0], others=others)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "seen.npz") as seen:
        picture, labels = seen["picture"].astype(int), seen["labels"]
        for other in seen["others"]:
            assert np.array_equal(labels, other), "labels depend on the exposure"
    colours = {1: (255, 0, 0), 2: (0, 255, 0), 3: (0, 0, 255), 4: (255, 255, 0)}
    for label, colour in colours.items():
        alike = np.abs(picture - colour).max(axis=2) < 70
        inside = labels == label
        if label == 1:
            inside[:, 60:] = False  # the wall with the hole is white
        assert alike.sum() > 200
        for one, other in ((alike, inside), (inside, alike)):  # JPEG mixes colours in the outermost pixels
            core = cv2.erode(np.uint8(one), np.ones((3, 3))) > 0
            assert core.sum() > 150
            assert (core & other).sum() > 0.98 * core.sum(), f"label {label} lies elsewhere"
    white = (picture > 180).all(axis=2)
    assert (white & (labels == 1)).sum() > 0.93 * white.sum() > 90
    assert (labels[:, 60:] == 1).sum() < 1.1 * white.sum(), "the hole is labelled"


@blender
def test_the_command_keeps_what_is_there(prepared, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    (data / "prepared").symlink_to(prepared)
    there = out / clip_name(7)
    there.mkdir(parents=True)
    (there / "about.json").write_text('{"held_out": false}')
    arguments = ["render-scenes", "--data", data, "--out", out, "--count", "1", "--first-seed", "7"]
    done = subprocess.run(
        [sys.executable, "-m", "engine", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in out.rglob("*")] == [clip_name(7), "about.json"]


def test_without_blender_the_command_says_so_in_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("engine.training.scenes.command.find_spec", lambda name: None)
    assert main(["render-scenes", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no module bpy" in capsys.readouterr().err


# -- planned -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [1, 2, 4, 20])
def test_a_plan_is_the_same_for_the_same_seed_and_is_whole(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=is_held_out_scene(seed))
    first, again = (plan_scene(scene_assets, seed, 0, frames=5) for _ in range(2))
    labels = [thing.label for thing in first.things if thing.label]
    assert 1 <= max(labels) <= 4
    assert set(labels) == set(range(1, max(labels) + 1))
    assert len(first.things) == len(again.things)
    assert np.array_equal(first.view.places, again.view.places)
    for thing, other in zip(first.things, again.things):
        assert np.array_equal(thing.shape.points, other.shape.points)
        assert np.isfinite(thing.shape.points).all()
        assert np.isfinite(thing.places).all()
        assert len(thing.shape.points) in (1, 7)
        assert len(thing.places) in (1, 7)
        assert thing.shape.faces.max() < thing.shape.points.shape[1]
        assert thing.shape.coats.max() < len(thing.coats)


def test_another_attempt_is_another_scene(prepared):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    views = [plan_scene(scene_assets, 1, attempt, frames=3).view.places for attempt in range(2)]
    assert not np.allclose(*views)


def test_every_twentieth_scene_is_held_out():
    assert [seed for seed in range(1, 61) if is_held_out_scene(seed)] == [20, 40, 60]


@pytest.mark.parametrize("seed", range(12))
def test_creatures_move_and_have_faces_of_some_size(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    being = make_creature(SceneSampler(np.random.default_rng(seed), np.arange(6) / 12, scene_assets.assets))
    assert len(being.shape.points) == 6
    assert np.abs(being.shape.points[3] - being.shape.points[0]).max() > 0.01
    assert 0.2 < np.linalg.norm(being.shape.high - being.shape.low) < 8


@pytest.mark.parametrize("seed", range(6))
def test_dancers_move_their_limbs_and_never_sink_into_the_ground(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    body = make_dancer(SceneSampler(np.random.default_rng(seed), np.arange(8) / 12, scene_assets.assets)).shape
    assert body.points[..., 2].min() > -1e-6
    assert np.abs(body.points[7] - body.points[0]).max() > 0.05
    assert 1.0 < (body.high - body.low)[2] < 3.5


@pytest.mark.parametrize("seed", range(6))
def test_who_tumbles_turns_about_the_middle_and_lands_on_the_ground(prepared, seed):
    scene_assets = SceneAssets.open(prepared, None, held_out=False)
    sampler = SceneSampler(np.random.default_rng(seed), np.arange(40) / 20, scene_assets.assets)
    places = go(sampler, Being(box(np.ones(3)), (), "tumble"), np.zeros(3), extent=1.8)
    ups = (places @ np.array([0, 0, 0.9, 1.0]))[:, 2]
    assert ups.min() > 0.9 - 1e-6  # its middle is never nearer to the ground than when it stands
    since_first = places[0, :3, :3].T @ places[:, :3, :3]
    turned = np.degrees(np.arccos(np.clip((np.trace(since_first, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert turned.max() > 90


def test_held_out_scenes_stay_as_they_were_when_others_get_livelier(prepared, monkeypatch):
    def plans() -> dict[int, list[tuple]]:
        scene_assets_by_split = {
            seed: SceneAssets.open(prepared, None, held_out=is_held_out_scene(seed)) for seed in (1, 20)
        }
        return {
            seed: [
                (thing.kind, thing.shape.points.tobytes(), thing.places.tobytes(), repr(thing.coats))
                for thing in plan_scene(scene_assets, seed, 0, frames=3).things
            ]
            for seed, scene_assets in scene_assets_by_split.items()
        }

    before = plans()
    for name in ("_DANCERS", "_TUMBLING", "_PAINTED_ALIKE", "_OF_ONE_TONE"):
        monkeypatch.setattr(f"engine.training.scenes.directing.{name}", 1.0)
    after = plans()
    assert after[20] == before[20]
    assert "dancer" in {kind for kind, *_ in after[1]}


def test_what_stands_still_can_be_joined_with_what_moves():
    pole = tube(np.array([[[0, 0, 0], [0, 0, 2.0]]]), np.full(2, 0.1))
    line = np.zeros((3, 2, 3))
    line[:, 1, 0] = [1, 2, 3]
    both = joined(pole, tube(line, np.full(2, 0.1)), box(np.ones(3)))
    assert both.points.shape[0] == 3
    assert np.allclose(both.points[0, : pole.points.shape[1]], both.points[2, : pole.points.shape[1]])
    assert both.high[0] >= 3


def test_strands_reach_from_their_roots_to_their_tips():
    roots = np.zeros((2, 4, 3))
    tips = roots + np.array([0, 0, 1.0]) + np.arange(4)[None, :, None] * np.array([0.1, 0, 0])
    hair = strands(roots, tips, np.full(4, 0.01))
    assert hair.points.shape == (2, 4 * 8, 3)
    assert hair.high[2] == pytest.approx(1.0, abs=0.02)
    assert hair.high[0] == pytest.approx(0.3, abs=0.02)
    assert hair.faces.max() == hair.points.shape[1] - 1


def test_the_camera_sees_things_where_they_are():
    place = np.eye(4)
    place[:3, 3] = [0, 0, 5]  # looks down from above
    view = View(place[None], np.array([36.0]), np.array([5.0]), 0, 0)
    x, y, distance = view.project(np.array([[0, 0, 0], [2.5, 0, 0], [0, 2.5 / 2, 0], [0, 0, 9.0]]), 0, 2.0).T
    assert np.allclose(distance, [5, 5, 5, -4])
    assert np.allclose(x[:3], [0.5, 1.0, 0.5])
    assert np.allclose(y[:3], [0.5, 0.5, 0.0])


def test_a_thing_is_where_its_place_says():
    place = np.eye(4)
    place[:3, 3] = [1, 2, 3]
    thing = Thing(box(np.ones(3)), (), place[None])
    assert np.allclose(thing.at(4).min(axis=0), [0.5, 1.5, 3])
