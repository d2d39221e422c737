"""Keyframes that overlap: what is reported, and which object lies on top."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.studio import HEIGHT, PALETTE, WIDTH, part


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    studio.click("matte_object_add")


def test_pixels_under_another_objects_keyframe_are_reported(studio, capfd):
    square = np.zeros((HEIGHT, WIDTH), np.uint8)
    square[10:30, 10:30] = 255
    studio.import_keyframe(square)
    studio.click("matte_object_add", name="coat")
    capfd.readouterr()
    studio.import_keyframe(np.roll(square, 15, axis=1))
    assert "400 pixels; 100 pixels of coat are covered by Object 1" in capfd.readouterr().out
    studio.clip.matting.active_object = 0
    studio.import_keyframe(np.roll(square, 5, axis=1))
    assert "400 pixels; 200 pixels of coat are covered by Object 1" in capfd.readouterr().out
    studio.import_keyframe(np.roll(square, 40, axis=1))
    assert "under" not in capfd.readouterr().out
    studio.import_keyframe((np.roll(square, 5, axis=1) > 0).astype(np.uint8), PALETTE, all_objects=True)
    assert "1 objects set on frame 1; 200 pixels of coat are covered by Object 1" in capfd.readouterr().out


def test_the_first_object_of_the_list_lies_on_top(studio, capfd):
    square = np.zeros((HEIGHT, WIDTH), np.uint8)
    square[10:50, 10:50] = 255
    studio.import_keyframe(square)
    studio.click("matte_object_add", name="coat")
    studio.import_keyframe(np.roll(square, 20, axis=1))
    files = part("addon.keyframes").keyframe_files(studio.clip)
    assert [file.object_id for file in files] == [2, 1], "the engine lays the later on top"
    studio.propagate()
    assert (studio.matte(1, 1)[square > 0] == 1).all()
    studio.clip.matting.objects.move(1, 0)
    studio.propagate()
    shifted = np.roll(square, 20, axis=1) > 0
    assert (studio.matte(2, 1)[shifted] == 1).all()
    assert not studio.matte(1, 1)[shifted].any()
