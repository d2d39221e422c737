"""Label images, mattes and keyframes are read as written; invalid ones are refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import PALETTE, read_labels, read_matte, write_labels
from engine.shared.errors import (
    FolderNotWritable,
    KeyframeNotLabels,
    KeyframeOutsideClip,
    KeyframeSizeMismatch,
    KeyframeUnreadable,
    MatteUnreadable,
    NoKeyframes,
)
from tests.films import late_entry, write_matte
from tests.png import write_png

LABELS = np.array([[0, 0, 1], [2, 255, 1]], np.uint8)


# -- labels -----------------------------------------------------------------------------------------------------------
def test_labels_come_back_as_written_in_the_davis_palette(tmp_path):
    labels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    write_labels(tmp_path / "new" / "ä 1.png", labels)
    assert np.array_equal(read_labels(tmp_path / "new" / "ä 1.png"), labels)
    with Image.open(tmp_path / "new" / "ä 1.png") as image:
        assert image.mode == "P"
        colours = image.getpalette()
    # as published with the DAVIS data set
    assert colours[:18] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128, 128, 0, 128]
    assert PALETTE[[8, 9, 22, 255]].tolist() == [[64, 0, 0], [192, 0, 0], [0, 192, 128], [224, 224, 192]]


def test_grey_values_are_object_ids(tmp_path):
    write_png(tmp_path / "a.png", LABELS)
    assert np.array_equal(read_labels(tmp_path / "a.png"), LABELS)


def test_grey_of_sixteen_bits_is_read_if_its_ids_fit(tmp_path):
    write_png(tmp_path / "a.png", LABELS, bit_depth=16)
    assert np.array_equal(read_labels(tmp_path / "a.png"), LABELS)
    write_png(tmp_path / "b.png", LABELS.astype(np.uint16) + 1, bit_depth=16)
    with pytest.raises(KeyframeNotLabels, match="up to 256"):
        read_labels(tmp_path / "b.png")


def test_low_bit_depths_are_not_rescaled(tmp_path):
    for bit_depth, labels in ((1, [[1, 0, 1, 1]]), (2, [[3, 0, 1, 2]]), (4, [[15, 0, 1, 7]])):
        path = write_png(tmp_path / f"{bit_depth}.png", np.array(labels), bit_depth=bit_depth)
        assert read_labels(path).tolist() == labels


def test_colours_are_refused_unless_all_channels_are_equal(tmp_path):
    grey = np.repeat(LABELS[:, :, None], 3, axis=2)
    write_png(tmp_path / "grey.png", grey)
    assert np.array_equal(read_labels(tmp_path / "grey.png"), LABELS)
    opaque = np.full((2, 3, 1), 255, np.uint8)
    write_png(tmp_path / "alpha.png", np.concatenate([grey, opaque], axis=2))
    assert np.array_equal(read_labels(tmp_path / "alpha.png"), LABELS)
    grey[0, 0] = (0, 0, 1)
    write_png(tmp_path / "blue.png", grey)
    with pytest.raises(KeyframeNotLabels, match="colour image"):
        read_labels(tmp_path / "blue.png")


def test_a_mask_of_black_and_white_is_object_255_and_a_soft_one_is_refused(tmp_path):
    ramp = np.linspace(0, 255, 40).astype(np.uint8)[None].repeat(4, axis=0)
    write_png(tmp_path / "hard.png", np.where(ramp > 127, 255, 0))
    assert set(np.unique(read_labels(tmp_path / "hard.png"))) == {0, 255}
    write_png(tmp_path / "soft.png", ramp)
    with pytest.raises(KeyframeNotLabels, match="40 values"):
        read_labels(tmp_path / "soft.png")


def test_a_photograph_with_a_palette_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).quantize(200).save(tmp_path / "a.png")
    with pytest.raises(KeyframeNotLabels):
        read_labels(tmp_path / "a.png")


def test_size_other_than_the_clips_is_refused_with_both_sizes(tmp_path):
    write_labels(tmp_path / "a.png", LABELS)
    assert read_labels(tmp_path / "a.png", size=(2, 3)).shape == (2, 3)
    with pytest.raises(KeyframeSizeMismatch, match=r"a\.png is 3x2, but the clip is 2x3"):
        read_labels(tmp_path / "a.png", size=(3, 2))


@pytest.mark.parametrize("part", [0, 20, 0.7])
def test_truncated_label_image_is_an_error(tmp_path, part):
    write_labels(tmp_path / "a.png", np.random.default_rng(0).integers(0, 9, (50, 50)).astype(np.uint8))
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: part if part != 0.7 else int(len(data) * part)])
    with pytest.raises(KeyframeUnreadable, match=r"a\.png"):
        read_labels(tmp_path / "a.png")


def test_a_missing_label_image_is_an_error(tmp_path):
    with pytest.raises(KeyframeUnreadable):
        read_labels(tmp_path / "gone.png")


def test_writing_replaces_the_file_and_leaves_no_temporary_file(tmp_path):
    for labels in (LABELS, LABELS[::-1]):
        write_labels(tmp_path / "a.png", labels)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert np.array_equal(read_labels(tmp_path / "a.png"), LABELS[::-1])


def test_unwritable_path_raises_folder_not_writable(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderNotWritable):
        write_labels(tmp_path / "file" / "a.png", LABELS)
    with pytest.raises(FolderNotWritable):
        write_matte(tmp_path / "file" / "a.png", LABELS / 255)


# -- mattes -----------------------------------------------------------------------------------------------------------
def test_a_matte_comes_back_within_half_a_step_and_is_rounded(tmp_path):
    alpha = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    alpha[0, :4] = (-0.1, 0.0, 1.0, 1.2)
    write_matte(tmp_path / "m.png", alpha)
    back = read_matte(tmp_path / "m.png")
    assert back.dtype == np.float32
    assert np.abs(back - alpha.clip(0, 1)).max() <= 0.5 / 255 + 1e-6
    assert back[0, :4].tolist() == [0, 0, 1, 1]


def test_a_matte_of_sixteen_bits_is_read_on_the_same_scale(tmp_path):
    write_png(tmp_path / "m.png", np.array([[0, 65535, 32768]]), bit_depth=16)
    assert read_matte(tmp_path / "m.png").tolist() == [[0, 1, pytest.approx(0.5, abs=1e-5)]]


def test_a_damaged_matte_is_an_error(tmp_path):
    (tmp_path / "m.png").write_bytes(b"x")
    with pytest.raises(MatteUnreadable, match=r"m\.png"):
        read_matte(tmp_path / "m.png")


# -- keyframes --------------------------------------------------------------------------------------------------------
def test_keyframes_are_matched_to_media_frames_by_the_number_in_their_name(tmp_path):
    film = late_entry()
    folder = film.write_keyframes(tmp_path, [0, 10], start=1001, step=5)
    numbers = tuple(range(1001, 1001 + 5 * 16, 5))
    first, second = read_keyframes(folder, numbers, (96, 128))
    assert (first.frame, first.objects, first.labels.name) == (0, (1,), "shot_1001.png")
    assert (second.frame, second.objects, second.labels.name) == (10, (1, 2), "shot_1051.png")


def test_unlabelled_object_may_count_as_absent(tmp_path):
    folder = late_entry().write_keyframes(tmp_path, [0, 10])
    frames = read_keyframes(folder, tuple(range(16)), (96, 128), unlabelled="absent")
    assert [keyframe.objects for keyframe in frames] == [(1, 2), (1, 2)]


def test_two_images_on_one_frame_do_not_call_each_others_objects_absent(tmp_path):
    film = late_entry()
    film.write_keyframes(tmp_path, [10], objects=[1])
    (tmp_path / "shot_0010.png").rename(tmp_path / "disc_0010.png")
    film.write_keyframes(tmp_path, [10], objects=[2])
    film.write_keyframes(tmp_path, [12], objects=[1])
    frames = read_keyframes(tmp_path, tuple(range(16)), (96, 128), unlabelled="absent")
    assert [(keyframe.labels.name, keyframe.objects) for keyframe in frames] == [
        ("disc_0010.png", (1,)),
        ("shot_0010.png", (2,)),
        ("shot_0012.png", (1, 2)),
    ]


def test_empty_image_is_ignored_or_marks_all_objects_absent(tmp_path):
    write_labels(tmp_path / "3.png", np.zeros((4, 4), np.uint8))
    write_labels(tmp_path / "5.png", np.eye(4, dtype=np.uint8))
    assert [keyframe.frame for keyframe in read_keyframes(tmp_path, tuple(range(9)), (4, 4))] == [5]
    both = read_keyframes(tmp_path, tuple(range(9)), (4, 4), unlabelled="absent")
    assert [(keyframe.frame, keyframe.objects) for keyframe in both] == [(3, (1,)), (5, (1,))]


def test_one_image_may_be_named_in_place_of_a_folder(tmp_path):
    write_labels(tmp_path / "2.png", np.eye(4, dtype=np.uint8))
    assert read_keyframes(tmp_path / "2.png", (0, 1, 2), (4, 4))[0].frame == 2


def test_a_mask_of_the_number_after_a_movies_last_may_be_counted_from_1(tmp_path):
    write_png(tmp_path / "0009.png", LABELS)
    with pytest.raises(KeyframeOutsideClip, match=r"is for frame 9; .* 0 to 8") as refusal:
        read_keyframes(tmp_path, tuple(range(9)), LABELS.shape)
    assert "counted from 0" in refusal.value.remedy and "subtract 1" in refusal.value.remedy
    with pytest.raises(KeyframeOutsideClip) as refusal:  # images have their own numbers
        read_keyframes(tmp_path, tuple(range(9)), LABELS.shape, stems=tuple(f"{number:04}" for number in range(9)))
    assert "counted" not in refusal.value.remedy


def test_a_movie_of_masks_is_refused_as_what_it_is(tmp_path):
    (tmp_path / "masks_0003.mov").write_bytes(b"not read")
    with pytest.raises(NoKeyframes, match=r"masks_0003\.mov is a movie; keyframes are images"):
        read_keyframes(tmp_path / "masks_0003.mov", tuple(range(9)), LABELS.shape)


@pytest.mark.parametrize("name, words", [("7.png", "is for frame 7"), ("mask.png", "has no frame number")])
def test_keyframe_outside_the_clip_is_refused_with_the_clips_range(tmp_path, name, words):
    write_labels(tmp_path / name, LABELS)
    with pytest.raises(KeyframeOutsideClip, match=rf"{name} {words}.* 8 to 9"):
        read_keyframes(tmp_path, (8, 9), (2, 3))


def test_missing_folder_images_or_objects_raise_no_keyframes(tmp_path):
    with pytest.raises(NoKeyframes, match="no folder"):
        read_keyframes(tmp_path / "gone", (0,), (2, 3))
    with pytest.raises(NoKeyframes, match="no label images"):
        read_keyframes(tmp_path, (0,), (2, 3))
    write_labels(tmp_path / "0.png", LABELS * 0)
    with pytest.raises(NoKeyframes, match="show no objects"):
        read_keyframes(tmp_path, (0,), (2, 3), unlabelled="absent")
