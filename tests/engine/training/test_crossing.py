"""Passers-by of composed films: one crosses an object, is none itself, and looks as one thing all the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.training import crossing
from engine.training.actors import Actor, Manner, Sprite, Strands, paint
from engine.training.crossing import crossed
from engine.training.motion import random_motion
from engine.training.stage import Stage

SIZE, FRAMES = 160, 8


@pytest.fixture(autouse=True)
def only_the_alike(monkeypatch):
    monkeypatch.setattr(crossing, "_ALIKE", 1.0)  # others are cut-outs, which there are none of here


def stage_of(seed: int) -> Stage:
    ground = np.zeros((SIZE, SIZE, 3), np.uint8)
    return Stage(None, np.random.default_rng(seed), np.arange(0.0, FRAMES), SIZE, np.tile(np.eye(3), (8, 1, 1)), ground)


def thing(stage: Stage, *, side: int = 40, label: int = 1) -> Actor:
    """An orange square in the middle that stands still."""
    motion = random_motion(stage.rng, stage.times, x=80, y=80, size=SIZE, vigour=0.0)
    return Actor(
        Sprite((np.full((side, side, 4), (250, 120, 10, 255), np.uint8),) * FRAMES, motion, stage.camera), Manner(label)
    )


@pytest.mark.parametrize("seed", range(8))
def test_another_of_its_kind_meets_the_object_and_is_no_object(seed: int):
    stage = stage_of(seed)
    actor = thing(stage)
    cast = crossed(stage, [actor])
    assert len(cast) == 2
    assert sum(one is actor for one in cast) == 1
    (passer,) = (one for one in cast if one is not actor)
    assert passer.manner.label == 0
    away = [np.linalg.norm(passer.drawing.centre(frame) - actor.drawing.centre(frame)) for frame in range(FRAMES)]
    assert min(away[1:]) < 30, "it meets the object, not on the first frame"
    assert max(away) > min(away) + 10, "and goes on"
    for rgba in passer.drawing.pictures:
        assert (rgba[..., :3] <= rgba[..., 3:]).all(), "colours are multiplied by alpha"
    assert len({rgba.tobytes() for rgba in passer.drawing.pictures}) == 1, "its colours stay what they are"


def test_it_passes_in_front_and_behind():
    shown = set()
    for seed in range(12):
        stage = stage_of(seed)
        cast = crossed(stage, [thing(stage)])
        labels = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
        for frame in range(FRAMES):
            for actor in cast:
                paint(np.zeros((SIZE, SIZE, 3), np.uint8), labels[frame], actor, frame)
        counts = (labels == 1).sum((1, 2))
        shown.add(bool(counts.min() < 0.9 * counts.max()))
    assert shown == {False, True}


def test_nobody_crosses_what_fills_the_picture_is_no_object_or_is_a_string():
    stage = stage_of(1)
    large, scenery = thing(stage, side=140), thing(stage, label=0)
    string = replace(large, drawing=Strands((np.zeros((FRAMES, 12, 2)),), ((0, 0, 0),), (2.0,)))
    assert crossed(stage, [scenery, large, string]) == [scenery, large, string]


def test_a_single_frame_shows_nothing_blurred_by_movement():
    labels = np.zeros((6, SIZE, SIZE), np.uint8)
    for seed in range(6):
        stage = stage_of(seed)
        stage = replace(stage, times=stage.times[:1], camera=stage.camera[:1])
        for actor in crossed(stage, [thing(stage)]):
            paint(np.zeros((SIZE, SIZE, 3), np.uint8), labels[seed], actor, 0)
            assert actor.manner.shutter == 0
    assert labels.any()
