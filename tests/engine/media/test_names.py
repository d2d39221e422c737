"""Names of a clip's images and of masks: which frame and which object each mask is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.media.frames import FrameReader
from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import read_keyframe, write_labels
from engine.shared.errors import ClipNotFound, EngineError, KeyframeNameUnclear, KeyframeOutsideClip, SeveralSequences
from tests.png import write_png

SIZE = (4, 6)
MASK = np.zeros(SIZE, np.uint8)
MASK[1:3, 1:3] = 255


def clip(folder: Path, *names: str) -> FrameReader:
    """Open a clip of images with these names."""
    for name in names:
        path = folder / "clip" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", SIZE[::-1]).save(path)
    return FrameReader.open(folder / "clip")


def matched(
    folder: Path, reader: FrameReader, *masks: str, told: list[str] | None = None
) -> list[tuple[str, int, int]]:
    """Write black and white masks with these names; return the name of the frame and the object that each is for."""
    for name in masks:
        path = folder / "kf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, MASK)
    names = reader.names
    keyframes = read_keyframes(
        folder / "kf", names.numbers, SIZE, stems=names.stems, tell=None if told is None else told.append
    )
    for keyframe in keyframes:
        assert set(np.unique(read_keyframe(keyframe, size=SIZE).labels)) == {0, *keyframe.objects}
    return [
        (names.stems[keyframe.frame] if names.stems else str(keyframe.frame), keyframe.frame, *keyframe.objects)
        for keyframe in keyframes
    ]


def numbered(name: str, *numbers: int) -> list[str]:
    return [name.format(number) for number in numbers]


# -- numbers of the clip ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "names, numbers",
    [
        (numbered("shot_{:04}_v2.png", 0, 1, 6), (0, 1, 6)),
        (numbered("v2_shot_{:04}.png", 0, 1, 6), (0, 1, 6)),
        (numbered("{:05}_1080p.jpg", 8, 9, 10), (8, 9, 10)),
        (["a_0001_v1.png", "a_0002_v1.png", "a_0003_v2.png"], (1, 2, 3)),
        (["s_1001_0.png", "s_1006_1.png", "s_1011_2.png"], (0, 1, 2)),
        (["p1_1.png", "p2_2.png"], (1, 2)),
        (["img_-2.png", "img_-1.png", "img_0.png", "img_1.png"], (0, 1, 2, 3)),
        (["-0002.png", "-0001.png"], (0, 1)),
        (["shot-0001.png", "shot-0002.png"], (1, 2)),
        (["clip -01.png", "clip -02.png"], (1, 2)),
    ],
)
def test_a_clips_numbers_are_those_that_vary(tmp_path, names, numbers):
    reader = clip(tmp_path, *reversed(names))
    assert reader.numbers == numbers
    assert [file.name for file in reader.files] == names


def test_time_stamps_are_one_sequence_in_order(tmp_path):
    names = [f"cam_2024-01-05_12-{minute}-{second:02}.png" for minute in (58, 59) for second in (10, 20, 30)]
    names += ["cam_2024-01-05_13-00-10.png"]
    reader = clip(tmp_path, *names)
    assert reader.numbers == tuple(range(7)) and [file.name for file in reader.files] == names
    assert matched(tmp_path, reader, "cam_2024-01-05_12-59-20.png") == [("cam_2024-01-05_12-59-20", 4, 1)]
    (tmp_path / "kf" / "cam_2024-01-05_12-59-20.png").unlink()
    both = matched(tmp_path, reader, "cam_2024-01-05_12-59-30_car.png", "cam_2024-01-05_12-59-30_man.png")
    assert both == [("cam_2024-01-05_12-59-30", 5, 1), ("cam_2024-01-05_12-59-30", 5, 2)]


def test_images_of_the_same_name_but_another_suffix_are_refused(tmp_path):
    with pytest.raises(SeveralSequences, match=r"contains both 00005\.jpg and 00005\.png"):
        clip(tmp_path, "00005.png", "00005.jpg")
    with pytest.raises(SeveralSequences, match=r"several image sequences, such as #####\.png and #####\.jpg"):
        clip(tmp_path, "00006.png", "00007.png")
    with pytest.raises(SeveralSequences, match=r"both plate\.jpg and plate\.png"):
        clip(tmp_path / "still", "plate.png", "plate.jpg")


def test_versions_of_every_image_are_several_sequences(tmp_path):
    with pytest.raises(SeveralSequences, match=r"such as s_####_v1\.png and s_####_v2\.png"):
        clip(tmp_path, *numbered("s_{:04}_v1.png", 1, 2, 3), *numbered("s_{:04}_v2.png", 1, 2, 3))


@pytest.mark.parametrize(
    "other",
    [
        "poster.png",
        "cover.jpg",
        "Screenshot 2024-01-02 at 10.11.12.png",
        "0003 (conflicted copy 2024-01-02).png",
        "0003.sync-conflict-20240102-101112-ABCDEFG.png",
        "0003~.png",
        "0003b.png",
        "contact_sheet_v2.png",
    ],
)
def test_an_image_beside_a_sequence_is_not_a_frame_of_it(tmp_path, other):
    with pytest.raises(SeveralSequences) as refusal:
        clip(tmp_path, *numbered("{:04}.png", *range(1, 11)), other)
    assert str(tmp_path / "clip" / "####.png") in refusal.value.remedy
    assert FrameReader.open(tmp_path / "clip" / "####.png").numbers == tuple(range(1, 11))


def test_names_of_other_forms_are_frames_if_all_count_by_ones(tmp_path):
    assert clip(tmp_path, "a_0001.png", "a_0002.png", "A_0003.png", "b0004.png").numbers == (1, 2, 3, 4)


def test_the_pattern_offered_matches_a_sequence_with_several_numbers(tmp_path):
    names = ["s_1001_0.png", "s_1006_1.png", "s_1011_2.png"]
    with pytest.raises(SeveralSequences, match=r"not of the sequence s_\*_\*\.png, such as cover\.png"):
        clip(tmp_path, *names, "cover.png")
    assert FrameReader.open(tmp_path / "clip" / "s_*_*.png").numbers == (0, 1, 2)


def test_a_first_image_is_counted_as_in_blender(tmp_path):
    with pytest.raises(SeveralSequences, match=r"not of the sequence img_#\.png, such as shot_0005_v2\.png"):
        clip(tmp_path, *numbered("shot_{:04}_v2.png", 5, 6), *numbered("img_{}.png", -2, -1, 0))
    assert FrameReader.open(tmp_path / "clip" / "shot_0006_v2.png").numbers == (2,)
    assert FrameReader.open(tmp_path / "clip" / "img_-1.png").numbers == (1, 2)


@pytest.mark.parametrize("pattern", ["#" * 500, "%0999d", "a%099999999999999999999d", "#" * 200, "a" * 400])
def test_an_impossible_pattern_ends_in_a_sentence(tmp_path, pattern):
    with pytest.raises(ClipNotFound, match=r"footage not found|no image names match"):
        FrameReader.open(tmp_path / f"{pattern}.png")


def test_hashes_in_a_name_may_be_the_name_itself(tmp_path):
    clip(tmp_path, "take #1_0003.png", "take #1_0004.png", "other_0009.png", "50%_01.png", "a:b_01.png")
    assert FrameReader.open(tmp_path / "clip" / "take #1_####.png").numbers == (3, 4)
    assert FrameReader.open(tmp_path / "clip" / "50%_%02d.png").numbers == (1,)
    assert FrameReader.open(tmp_path / "clip" / "a:b_01.png").numbers == (1,)


# -- masks ------------------------------------------------------------------------------------------------------------
SHOT = numbered("shot_{:04}_v2.png", 0, 1, 2, 3, 6, 7)
PLAIN = numbered("{:05}.jpg", *range(12))


@pytest.mark.parametrize(
    "images, mask, frame, object_id",
    [
        (SHOT, "shot_0006_v2.png", "shot_0006_v2", 1),
        (SHOT, "shot_0006_v3.png", "shot_0006_v2", 1),
        (SHOT, "shot_6_v2.png", "shot_0006_v2", 1),
        (SHOT, "mask_0006_v2.png", "shot_0006_v2", 1),
        (SHOT, "shot_v2_0006.png", "shot_0006_v2", 1),
        (SHOT, "shot_0006_v2_3.png", "shot_0006_v2", 1),
        (SHOT, "6.png", "shot_0006_v2", 1),
        (PLAIN, "00005_1.png", "00005", 1),
        (PLAIN, "00005_3.png", "00005", 3),
        (PLAIN, "00005_car.png", "00005", 1),
        (PLAIN, "3_00005.png", "00005", 1),
        (PLAIN, "shot_v2_0006.png", "00006", 1),
        (PLAIN, "obj2_0006.png", "00006", 2),
        (PLAIN, "0000000006.png", "00006", 1),
        (PLAIN, "²0006.png", "00006", 1),
        (PLAIN, "car/00005.png", "00005", 1),
        (PLAIN, "4/00005.png", "00005", 4),
        (numbered("img_{}.png", -2, -1, 0, 1, 2), "img_-1.png", "img_-1", 1),
    ],
)
def test_a_mask_is_for_the_frame_that_its_name_shares(tmp_path, images, mask, frame, object_id):
    reader = clip(tmp_path, *images)
    (found,) = matched(tmp_path, reader, mask)
    assert found[::2] == (frame, object_id)


def test_masks_of_one_frame_are_objects_by_name(tmp_path):
    told: list[str] = []
    reader = clip(tmp_path, *PLAIN)
    masks = ["person_00000.png", "car_00000.png", "car_00004.png"]
    assert matched(tmp_path, reader, *masks, told=told) == [("00000", 0, 1), ("00000", 0, 2), ("00004", 4, 1)]
    assert told == ["keyframes: 3 images, black and white: 2 objects (1 = car, 2 = person), 25 % of the frame"]


def test_masks_of_one_frame_are_objects_by_number(tmp_path):
    reader = clip(tmp_path, *PLAIN)
    found = matched(tmp_path, reader, "00005_4.png", "00005_2.png", "00007_2.png")
    assert found == [("00005", 5, 2), ("00005", 5, 4), ("00007", 7, 2)]


def test_folders_are_objects(tmp_path):
    told: list[str] = []
    reader = clip(tmp_path, *PLAIN)
    assert matched(tmp_path, reader, "dog/00005.png", "car/00005.png", "car/00008.png", told=told) == [
        ("00005", 5, 1),
        ("00005", 5, 2),
        ("00008", 8, 1),
    ]
    assert "2 objects (1 = car, 2 = dog)" in told[0]


def test_folders_of_images_that_all_have_the_number_1_are_objects_too(tmp_path):
    reader = clip(tmp_path, *PLAIN)
    for name in ("3", "7"):
        write_labels(tmp_path / "kf" / name / "00002.png", (MASK > 0).astype(np.uint8))
    assert matched(tmp_path, reader) == [("00002", 2, 3), ("00002", 2, 7)]


def test_the_extensions_own_keyframes_are_read_with_their_numbers(tmp_path):
    reader = clip(tmp_path, *PLAIN)
    for object_id in (2, 3):
        write_labels(tmp_path / "kf" / f"{object_id:03}" / "000004.png", MASK // 255 * np.uint8(object_id))
    (tmp_path / "kf" / "versions").mkdir()
    write_png(tmp_path / "kf" / "versions" / "0a1b2c3d.png", MASK)
    assert matched(tmp_path, reader) == [("00004", 4, 2), ("00004", 4, 3)]


def test_masks_of_a_movie_are_matched_by_number(tmp_path):
    write_png(tmp_path / "take2_0005.png", MASK)
    assert read_keyframes(tmp_path / "take2_0005.png", tuple(range(9)), SIZE)[0].frame == 5
    (tmp_path / "m").mkdir()
    write_png(tmp_path / "m" / "a_v3_7.png", MASK)
    assert read_keyframes(tmp_path / "m", tuple(range(9)), SIZE)[0].frame == 7


@pytest.mark.parametrize(
    "images, masks, message",
    [
        (numbered("{}.png", *range(12)), ["5_1.png"], r"5_1\.png could be the mask of frame 5 or of frame 1"),
        (["s_1_11.png", "s_2_12.png", "s_11_13.png"], ["m_11.png"], r"m_11\.png could be the mask of frame"),
        (PLAIN, ["5.png", "00005.png"], r"00005\.png and 5\.png are both for frame 5"),
        (PLAIN, ["00005.png", "00005.tif"], r"contains both 00005\.png and 00005\.tif"),
    ],
)
def test_names_that_can_be_read_in_two_ways_are_refused(tmp_path, images, masks, message):
    reader = clip(tmp_path, *images)
    for name in masks:
        (tmp_path / "kf").mkdir(exist_ok=True)
        Image.fromarray(MASK).save(tmp_path / "kf" / name)
    with pytest.raises(EngineError, match=message) as refusal:
        matched(tmp_path, reader)
    assert isinstance(refusal.value, KeyframeNameUnclear | SeveralSequences)


def test_images_without_numbers_are_matched_by_their_whole_names(tmp_path):
    reader = clip(tmp_path, "a.png", "b.png", "far b.png")
    assert matched(tmp_path, reader, "b_car.png", "far b_car.png") == [("b", 1, 1), ("far b", 2, 1)]
    with pytest.raises(KeyframeNameUnclear, match="b_a could be the mask of"):
        matched(tmp_path, reader, "b_a.png")


@pytest.mark.parametrize("mask, words", [("00099.png", "is for frame 99"), ("v1_0099.png", "is for frame 99")])
def test_a_mask_of_no_frame_is_refused_with_its_number(tmp_path, mask, words):
    with pytest.raises(KeyframeOutsideClip, match=words):
        matched(tmp_path, clip(tmp_path, *numbered("{:05}.jpg", 0, 2, 3)), mask)
