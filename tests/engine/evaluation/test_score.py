"""J and F as DAVIS defines them, checked by hand and by brute force, and computed over folders."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.score import (
    Score,
    as_csv,
    as_table,
    contour_accuracy,
    outline_pixels,
    region_similarity,
    score_folders,
)
from engine.media.label_images import write_labels
from engine.shared.errors import KeyframeUnreadable, ScoreIncomplete, ScoreSizeMismatch
from engine.shared.mask_images import Masks
from tests.films import late_entry
from tests.png import write_png


def mask(*rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows])


# -- by hand ----------------------------------------------------------------------------------------------------------
SQUARE = mask("......", ".###..", ".###..", ".###..", "......", "......")
MOVED = mask("......", "..###.", "..###.", "..###.", "......", "......")


def test_region_of_a_square_moved_by_one_is_a_half():
    # 9 pixels each, 6 in common, 12 in all
    assert region_similarity(MOVED, SQUARE) == pytest.approx(6 / 12)


def test_the_outline_is_where_the_right_the_lower_or_the_lower_right_neighbour_differs():
    assert np.array_equal(
        outline_pixels(SQUARE) == 1,
        # the row above and the column left of the square look into it; its last row and column look out of it
        mask("####..", "#..#..", "#..#..", "####..", "......", "......"),
    )


def test_the_outline_does_not_look_beyond_the_picture():
    assert outline_pixels(np.ones((3, 3), bool)).sum() == 0
    # in the last row only the neighbour to the right counts, in the last column only the one below
    assert outline_pixels(mask("...", "...", "..#")).tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 0]]


def test_contour_tolerance_can_be_given():
    left, shifted = np.zeros((2, 24, 24), bool)
    left[5:12, 5:12] = shifted[5:12, 8:15] = True
    assert contour_accuracy(left, shifted, radius=3) == 1.0
    assert 0 < contour_accuracy(left, shifted, radius=2) < 1
    assert contour_accuracy(left, shifted, radius=0) < contour_accuracy(left, shifted, radius=2)
    assert contour_accuracy(left, shifted) == contour_accuracy(left, shifted, radius=1)  # 0.008 of the diagonal


def test_contour_by_hand():
    # The diagonal is 8.5 pixels, so near is ceil(0.068) = 1 pixel: beside, above or below, not diagonally.
    # Outlines, 12 pixels each: SQUARE #### / #..# / #..# / ####, MOVED the same, one to the right. Every pixel of
    # one has a pixel of the other beside, above or below it: columns 0 and 1, 3 and 4 adjoin.
    assert contour_accuracy(MOVED, SQUARE) == 1.0


def test_contour_by_hand_with_parts_too_far_apart():
    # A bar of 1 x 4 against one of 1 x 2, in 3 x 8 pixels: near is ceil(0.008 * 8.5) = 1 pixel.
    true = mask("........", ".####...", "........")
    made = mask("........", ".##.....", "........")
    # true outline: row 0 columns 0..4, row 1 columns 0 and 1..4 (what lies below differs): 10 pixels
    # made outline: row 0 columns 0..2, row 1 columns 0..2: 6 pixels, all of them true ones: precision 1
    # true pixels within 1 of a made one: columns 0..3 of both rows: 8 of 10: recall 0.8
    assert outline_pixels(true).sum() == 10
    assert outline_pixels(made).sum() == 6
    assert contour_accuracy(made, true) == pytest.approx(2 * 0.8 / 1.8)
    assert contour_accuracy(true, made) == pytest.approx(2 * 0.8 / 1.8)
    assert region_similarity(made, true) == pytest.approx(0.5)


def test_two_empty_masks_agree_and_one_empty_mask_does_not():
    empty = np.zeros_like(SQUARE)
    assert (region_similarity(empty, empty), contour_accuracy(empty, empty)) == (1.0, 1.0)
    for made, true in ((empty, SQUARE), (SQUARE, empty)):
        assert (region_similarity(made, true), contour_accuracy(made, true)) == (0.0, 0.0)


# -- by brute force ---------------------------------------------------------------------------------------------------
def blob(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    field = cv2.GaussianBlur(random.normal(size=(height, width)), (0, 0), random.uniform(2, 5))
    return field > np.quantile(field, random.uniform(0.5, 0.97))


def plain_outline(mask: np.ndarray) -> list[tuple[int, int]]:
    height, width = mask.shape
    found = []
    for y in range(height):
        for x in range(width):
            around = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(b < height and a < width and mask[b, a] != mask[y, x] for b, a in around):
                found.append((y, x))
    return found


def plain_contour(made: np.ndarray, true: np.ndarray) -> float:
    near = math.ceil(0.008 * math.sqrt(true.shape[0] ** 2 + true.shape[1] ** 2))
    made_edge, true_edge = plain_outline(made), plain_outline(true)

    def part(these, those):
        hits = [any((a - c) ** 2 + (b - d) ** 2 <= near**2 for c, d in those) for a, b in these]
        return sum(hits) / len(hits)

    if not made_edge or not true_edge:
        return 1.0 if made_edge == true_edge else 0.0
    precision, recall = part(made_edge, true_edge), part(true_edge, made_edge)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("seed", range(12))
def test_contour_accuracy_equals_brute_force(seed):
    random = np.random.default_rng(seed)
    height, width = [(24, 40), (40, 33), (60, 130), (110, 90)][seed % 4]  # near is 1, 1, 2 and 2 pixels
    true = blob(random, height, width)
    made = np.roll(true, random.integers(-3, 4, 2), axis=(0, 1)) if seed % 3 else blob(random, height, width)
    assert contour_accuracy(made, true) == pytest.approx(plain_contour(made, true), abs=1e-12)


# -- folders ----------------------------------------------------------------------------------------------------------
def test_ground_truth_scores_1(tmp_path):
    film = late_entry()
    film.write_labels(tmp_path / "truth")
    score = score_folders(film.write_labels(tmp_path / "results" / "labels").parent, tmp_path / "truth")
    assert score.objects == (1, 2)
    assert score.numbers == tuple(range(16))
    assert (score.region, score.contour, score.j_and_f) == (1, 1, 1)


def test_scores_are_per_object_and_frame_and_unknown_ids_count_as_background(tmp_path):
    square = SQUARE.astype(np.uint8)
    for name, true, made in [("a_1.png", square * 2, MOVED * 2), ("a_3.png", square * 7, MOVED * 9)]:
        write_labels(tmp_path / "truth" / name, true)
        write_labels(tmp_path / "made" / name.replace("a_", "00"), made.astype(np.uint8))
    write_labels(tmp_path / "made" / "0099.png", square)
    score = score_folders(tmp_path / "made", tmp_path / "truth")
    assert (score.objects, score.numbers) == ((2, 7), (1, 3))
    assert score.regions.tolist() == [[0.5, 1], [1, 0]]
    assert score.contours.tolist() == [[1, 1], [1, 0]]
    assert score.region == pytest.approx(0.625)
    assert score.contour == pytest.approx(0.75)
    assert score.j_and_f == pytest.approx(0.6875)


def test_missing_predictions_are_named_or_left_out_on_request(tmp_path):
    film = late_entry()
    truth = film.write_labels(tmp_path / "truth")
    made = film.write_keyframes(tmp_path / "made", range(0, 16, 2))
    with pytest.raises(ScoreIncomplete, match="frames 1, 3, 5, 7, 9, 11, 13, 15"):
        score_folders(made, truth)
    score = score_folders(made, truth, allow_missing=True)
    assert (score.numbers, score.missing) == (tuple(range(0, 16, 2)), tuple(range(1, 16, 2)))
    assert "frames 1, 3, 5" in as_table(score)


def test_missing_folders_objects_or_common_frames_are_refused(tmp_path):
    film = late_entry()
    truth = film.write_labels(tmp_path / "truth")
    with pytest.raises(ScoreIncomplete, match="no folder"):
        score_folders(tmp_path / "gone", truth)
    with pytest.raises(ScoreIncomplete, match="no object"):
        score_folders(truth, film.write_keyframes(tmp_path / "empty", [0], objects=[]))
    with pytest.raises(ScoreIncomplete):
        score_folders(film.write_keyframes(tmp_path / "late", [0], start=90), truth, allow_missing=True)


def test_sizes_must_agree(tmp_path):
    write_labels(tmp_path / "truth" / "1.png", SQUARE.astype(np.uint8))
    write_labels(tmp_path / "made" / "1.png", SQUARE[:, :5].astype(np.uint8))
    with pytest.raises(ScoreSizeMismatch, match=r"is 5x6 in .*made, 6x6 in .*truth"):
        score_folders(tmp_path / "made", tmp_path / "truth")


def test_a_damaged_prediction_is_named(tmp_path):
    write_labels(tmp_path / "truth" / "1.png", SQUARE.astype(np.uint8))
    (tmp_path / "made").mkdir()
    Path(tmp_path / "made" / "1.png").write_bytes(b"x")
    with pytest.raises(KeyframeUnreadable, match=r"1\.png"):
        score_folders(tmp_path / "made", tmp_path / "truth")


def test_table_has_percentages_and_csv_all_values():
    score = Score((3,), (10, 20), np.array([[0.5, 1.0]]), np.array([[0.25, 0.75]]))
    assert as_table(score, worst=1).splitlines() == [
        "object      J      F    J&F   worst frames (J)",
        "     3   75.0   50.0   62.5   10 (50.0)",
        "  mean   75.0   50.0   62.5   over 2 frames",
    ]
    assert as_csv(score).splitlines() == ["object,frame,J,F", "3,10,0.500000,0.250000", "3,20,1.000000,0.750000"]


def test_black_and_white_truth_is_object_1_and_unknown_pixels_are_not_scored(tmp_path):
    labels = np.zeros((40, 50), np.uint8)
    labels[5:25, 5:25] = 1
    write_labels(tmp_path / "results" / "labels" / "000003.png", labels)
    (tmp_path / "truth").mkdir()
    write_png(tmp_path / "truth" / "shot_0003_v2.png", labels * 255)
    write_png(tmp_path / "truth" / "shot_0004_v2.png", labels * 0)
    score = score_folders(tmp_path / "results", tmp_path / "truth", allow_missing=True)
    assert (score.objects, score.numbers, score.region, score.missing) == ((1,), (3,), 1.0, (4,))
    with pytest.raises(ScoreIncomplete):
        score_folders(tmp_path / "results", tmp_path / "truth")
    half = labels.copy()
    half[5:25, 15:25] = 255
    write_png(tmp_path / "truth" / "shot_0003_v2.png", half)
    assert score_folders(tmp_path / "results", tmp_path / "truth", allow_missing=True).region == 1.0
    exact = score_folders(tmp_path / "results", tmp_path / "truth", allow_missing=True, masks=Masks.NUMBERS)
    assert exact.objects == (1, 255) and exact.region == 0.25, "as asked, 255 is an object"
