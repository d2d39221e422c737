"""Copies of masks, as file managers and synchronisation name them, and masks of other clips, are no objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.media.frames import FrameReader
from engine.media.keyframe_folders import read_keyframes
from engine.shared.errors import KeyframeNameUnclear
from tests.png import write_png

MASK = np.zeros((4, 5), np.uint8)
MASK[1:3, 1:3] = 255
STEMS = tuple(f"{number:05}" for number in range(12))
COPIES = [
    "{} - Copy.png",
    "{} - Copy (2).png",
    "{} (1).png",
    "{}(1).png",
    "{} copy.png",
    "{} copy 2.png",
    "{}_copy.png",
    "Copy of {}.png",
    "{} - Kopie.png",
    "Kopie von {}.png",
    "{} - コピー.png",
    "{} (Ann's conflicted copy 2024-01-05).png",
    "{} (Case Conflict).png",
    "{}.sync-conflict-20240105-101112-ABC2DEF.png",
    "{}~.png",
]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("stems", [STEMS, ()], ids=["images", "movie"])
def test_a_copy_of_a_mask_is_no_other_object(tmp_path, copy, stems):
    assert read(tmp_path, "00001.png", copy.format("00005"), stems=stems) == [(1, (1,)), (5, (1,))]
    with pytest.raises(KeyframeNameUnclear, match=r"are both for frame 5") as refusal:
        read(tmp_path, "00005.png", stems=stems)
    assert copy.format("00005") in refusal.value.message and "00005.png" in refusal.value.message


def test_marks_that_all_masks_have_are_objects(tmp_path):
    assert read(tmp_path, "00005 (1).png", "00005 (2).png", "00007 (2).png") == [(5, (1,)), (5, (2,)), (7, (2,))]


def test_a_copy_of_an_objects_mask_is_of_this_object(tmp_path):
    found = read(tmp_path, "00000_car.png", "00000_man.png", "00004_car - Copy.png")
    assert found == [(0, (1,)), (0, (2,)), (4, (1,))]


def test_more_objects_than_there_can_be_are_to_be_propagated_by_several_runs(tmp_path):
    with pytest.raises(KeyframeNameUnclear, match="name 256 objects; there can be 255") as refusal:
        read(tmp_path, *(f"00005_{number:03d}x.png" for number in range(256)))
    assert "a run of their own" in refusal.value.remedy


def test_a_folder_of_the_clips_name_beside_others_is_one_of_several_clips(tmp_path):
    for name in ("bear", "dog", "night bus"):
        for folder, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png")):
            path = tmp_path / folder / name / f"00000{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(MASK).save(path)
    masks = tmp_path / "Annotations"
    for clip in (tmp_path / "JPEGImages" / "bear", tmp_path / "JPEGImages" / "bear" / "00000.jpg"):
        with FrameReader.open(clip) as reader:
            assert reader.title == "bear"
            with pytest.raises(
                KeyframeNameUnclear, match=r"a folder of the clip's name, bear, beside 2 others"
            ) as refusal:
                read_keyframes(masks, (0,), MASK.shape, stems=("00000",), clip_title=reader.title)
            assert str(masks / "bear") in refusal.value.remedy
            (found,) = read_keyframes(masks / "bear", (0,), MASK.shape, stems=("00000",), clip_title=reader.title)
            assert found.frame == 0
    assert len(read_keyframes(masks, (0,), MASK.shape, stems=("00000",), clip_title="another")) == 3


def read(folder: Path, *masks: str, stems: tuple[str, ...] = STEMS) -> list[tuple[int, tuple[int, ...]]]:
    """Write masks with these names, and return the frame and the objects of every mask of the folder."""
    for name in masks:
        write_png(folder / name, MASK)
    keyframes = read_keyframes(folder, tuple(range(12)), MASK.shape, stems=stems)
    return [(keyframe.frame, keyframe.objects) for keyframe in keyframes]
