"""Scores of tiny sequences by each benchmark's rules, with values derived by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.evaluation.benchmarks.scoring import score_sequences
from engine.evaluation.benchmarks.summary import headline, measures_of, summarize
from engine.evaluation.benchmarks.types import Rules
from engine.media.label_images import write_labels
from engine.shared.errors import ScoreIncomplete

from .made_sequences import benchmark, labels, results, sequence

# One row of four pixels. With a width of 4, the radius of F is ceil(0.008 * 4.12) = 1. In a single row the outline is
# where the right neighbour differs, and the last pixel is never on it.
NONE, ONE, TWO, THREE, ALL = ["0000"], ["1000"], ["1100"], ["1110"], ["1111"]
#                    outline:  {}       {0}      {1}      {2}      {}


def summary(tmp_path: Path, rules: Rules, truth: dict, made: dict, **more: object) -> dict[str, float]:
    """Score sequences, given by name, and return the means."""
    known = [sequence(tmp_path, name, masks) for name, masks in truth.items()]
    for name, masks in made.items():
        results(tmp_path, name, masks)
    scored = score_sequences(benchmark(rules, **more), known, tmp_path / "results")
    assert scored.problems == ()
    return summarize(rules, scored.objects)


def test_davis_leaves_out_the_first_and_the_last_frame(tmp_path):
    # Frames 1, 2, 3 of 0..4 count; the wrong frames 0 and 4 do not.
    # Frame 1: truth 1100, result 1100: J 1, F 1.
    # Frame 2: truth 1100, result 1000: J 1/2; outlines {1} and {0} are 1 apart: F 1.
    # Frame 3: truth 1100, result 0000: J 0; only one has an outline: F 0.
    means = summary(
        tmp_path, Rules.DAVIS, {"a": [TWO] * 5}, {"a": [NONE, TWO, ONE, NONE, NONE]}
    )  # fmt: skip
    assert means["J"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert means["F"] == pytest.approx((1 + 1 + 0) / 3)
    assert means["J&F"] == pytest.approx((0.5 + 2 / 3) / 2)
    # Above one half are J 1 of (1, 1/2, 0), and F 1, 1 of (1, 1, 0).
    assert (means["J_recall"], means["F_recall"]) == pytest.approx((1 / 3, 2 / 3))
    # n = 3: 1, 1.5, 2, 2.5, 3, rounded (+ 1e-10) 1, 2, 2, 3, 3: as indices 0, 1, 1, 2, 2. First 0..1, last 2..2.
    assert (means["J_decay"], means["F_decay"]) == pytest.approx((0.75 - 0, 1 - 0))


def test_davis_averages_over_objects_of_all_sequences_not_over_sequences(tmp_path):
    # Sequence a has one object, J 1. Sequence b has two: object 1 J 1, object 2 J 0, although it has an empty truth
    # later: an empty truth with a result is 0.
    both, first_only = ["1200"], ["1000"]
    means = summary(
        tmp_path,
        Rules.DAVIS,
        {"a": [TWO] * 3, "b": [both, first_only, first_only]},
        {"a": [TWO] * 3, "b": [both, both, both]},
    )
    assert means["J"] == pytest.approx((1 + 1 + 0) / 3)


def test_davis_objects_are_those_up_to_the_highest_value_of_the_first_mask(tmp_path):
    # Value 1 is missing from the first mask: it still is an object, empty in truth and result: J 1, F 1. Value 3 shows
    # up only later and is none. Value 255 is background.
    scored = score_sequences(
        benchmark(Rules.DAVIS),
        [sequence(tmp_path, "a", [["2200"], ["22x3"], ["2200"]])],
        results(tmp_path, "a", [["2200"], ["2200"], ["2200"]]),
    )
    assert [(one.object_id, one.regions.tolist()) for one in scored.objects] == [(1, [1.0]), (2, [1.0])]


def test_davis_counts_results_on_void_pixels_as_wrong(tmp_path):
    # Truth 1, 1, 255, 0 against 1, 1, 1, 0: the toolkit makes 255 background, so J is 2/3.
    means = summary(tmp_path, Rules.DAVIS, {"a": [TWO, ["11x0"], TWO]}, {"a": [TWO, THREE, TWO]})
    assert means["J"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("rules", [Rules.DAVIS16, Rules.LONG_TIME])
def test_davis_2016_and_long_time_video_make_all_objects_one(tmp_path, rules):
    # Objects 1 and 2 swapped are the same when merged; results of 0 and 255 are masks too.
    means = summary(
        tmp_path,
        rules,
        {"a": [["1200"], ["1200"], ["xx00"], TWO]},
        {"a": [NONE, ["2100"], ["x000"], NONE]},
        merged=True,
    )
    # Frame 1: the same. Frame 2: 1 of 2 pixels.
    assert means["J"] == pytest.approx((1 + 1 / 2) / 2)


def test_vost_scores_all_frames_and_those_of_the_last_quarter(tmp_path):
    # Frames 1..8 of 0..9 count: 8 frames, the last quarter from index floor(8 * 0.75) = 6: frames 7 and 8.
    # J: 1 on frames 1..6, 1/2 on frame 7, 0 on frame 8.
    truth, made = [TWO] * 10, [TWO] * 7 + [ONE, NONE, NONE]
    means = summary(tmp_path, Rules.VOST, {"a": truth}, {"a": made})
    assert means["J"] == pytest.approx((6 + 1 / 2) / 8)
    assert means["J_tr"] == pytest.approx((1 / 2 + 0) / 2)
    assert "F" not in means
    assert headline(means).keys() == {"J", "J_tr"}


def test_vost_makes_ignored_pixels_background_as_its_toolkit_does(tmp_path):
    means = summary(
        tmp_path, Rules.VOST, {"a": [TWO, ["11xx"], TWO]}, {"a": [TWO, THREE, TWO]}, ignored=255
    )  # fmt: skip
    assert means["J"] == pytest.approx(2 / 3)


def test_youtube_scores_an_object_after_its_first_frame_and_splits_by_category(tmp_path):
    # Object 1 (a cat: seen) is there from frame 0: frames 1, 2, 3 count: J 1, 1, 1/2.
    # Object 2 (a mongoose: unseen) appears on frame 1: frames 2, 3 count: J 0, 1. On frame 1 its J would be 0.
    truth = [["1100"], ["1122"], ["1122"], ["1122"]]
    made = [["1100"], ["1100"], ["1100"], ["1022"]]
    known = sequence(tmp_path, "a", truth, first_seen={2: "00001"}, categories={1: "cat", 2: "mongoose"})
    scored = score_sequences(benchmark(Rules.YOUTUBE), [known], results(tmp_path, "a", made))
    means = summarize(Rules.YOUTUBE, scored.objects)
    assert means["J_seen"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert means["J_unseen"] == pytest.approx((0 + 1) / 2)
    four = [means[name] for name in ("J_seen", "J_unseen", "F_seen", "F_unseen")]
    assert means["J&F"] == pytest.approx(sum(four) / 4)


def test_youtube_without_categories_has_plain_means(tmp_path):
    means = summary(tmp_path, Rules.YOUTUBE, {"a": [ONE, ONE, ONE]}, {"a": [NONE, ONE, NONE]})
    assert means["J"] == pytest.approx(1 / 2)
    assert "J_seen" not in means


def test_lvos_leaves_out_both_ends_of_an_objects_range_and_splits_by_video(tmp_path):
    # Video a is seen. Object 1 from frame 0 to the last, 4: frames 1, 2, 3 count: J 1, 1, 0.
    # Object 2 has the range 1..3 in the meta file: only frame 2 counts: J 1.
    truth = [["1100"], ["1122"], ["1122"], ["1122"], ["1122"]]
    made = [["0000"], ["1100"], ["1122"], ["0000"], ["0000"]]
    known = [
        sequence(tmp_path, "a", truth, first_seen={1: "00000", 2: "00001"}, last_seen={2: "00003"}, unseen=False),
        sequence(tmp_path, "b", [TWO] * 4, unseen=True),
    ]
    results(tmp_path, "a", made)
    # Video b is unseen: frames 1 and 2 of 0..3 count: J 1/2 and 1.
    results(tmp_path, "b", [NONE, ONE, TWO, NONE])
    scored = score_sequences(benchmark(Rules.LVOS), known, tmp_path / "results")
    assert [one.stems for one in scored.objects] == [
        ("00001", "00002", "00003"),
        ("00002",),
        ("00001", "00002"),
    ]
    means = summarize(Rules.LVOS, scored.objects)
    assert means["J_seen"] == pytest.approx(((1 + 1 + 0) / 3 + 1) / 2)
    assert means["J_unseen"] == pytest.approx((1 / 2 + 1) / 2)
    assert means["J"] == pytest.approx((5 / 6 + 3 / 4) / 2)
    # V of video b: J 1/2, 1; F 1, 1 (outlines one apart): J&F 3/4, 1; variance 1/64 = 0.015625, rounded 0.0156.
    assert means["V_unseen"] == math.sqrt(0.0156)


def test_plain_folders_score_every_frame_that_was_not_given(tmp_path):
    # Frames 0 and 2 were given to object 1: only frame 1 counts for it. Object 2 was given on frame 2 only.
    truth, made = [["1122"]] * 3, [["1122"], ["1022"], ["1120"]]
    scored = score_sequences(
        benchmark(Rules.PLAIN),
        [sequence(tmp_path, "a", truth)],
        results(tmp_path, "a", made),
        given={"a": {"00000": (1,), "00002": (1, 2)}},
    )
    assert [measures_of(Rules.PLAIN, one)["J"] for one in scored.objects] == pytest.approx([1 / 2, 1.0])
    assert [one.stems for one in scored.objects] == [("00001",), ("00000", "00001")]


def test_jobs_change_nothing(tmp_path):
    known = [sequence(tmp_path, name, [TWO, ONE, TWO, TWO]) for name in "abcdef"]
    for name in "abcdef":
        results(tmp_path, name, [TWO, TWO, ONE, TWO])
    one, many = (
        score_sequences(benchmark(Rules.DAVIS), known, tmp_path / "results", jobs=jobs).objects for jobs in (1, 4)
    )
    assert [(a.sequence, a.regions.tolist()) for a in one] == [(b.sequence, b.regions.tolist()) for b in many]


# -- bad input ---------------------------------------------------------------------------------------------------------
def problem_of(tmp_path: Path) -> str:
    """Score the sequences good and bad; return the one sentence about bad, which is left out."""
    known = [sequence(tmp_path, name, [TWO] * 4) for name in ("bad", "good")]
    results(tmp_path, "good", [TWO] * 4)
    scored = score_sequences(benchmark(Rules.DAVIS), known, tmp_path / "results")
    assert scored.left_out == ("bad",)
    assert [one.sequence for one in scored.objects] == ["good"]
    [problem] = scored.problems
    return problem


def test_a_missing_result_is_named_and_the_rest_is_scored(tmp_path):
    results(tmp_path, "bad", [TWO])
    problem = problem_of(tmp_path)
    assert str(Path("bad", "00001.png")) in problem
    assert "1 more" in problem


def test_a_result_of_another_size_is_named(tmp_path):
    results(tmp_path, "bad", [TWO, TWO, ["11000"], TWO])
    problem = problem_of(tmp_path)
    assert f"{Path('bad', '00002.png')} is 5x1, but its true mask is 4x1" in problem


def test_a_soft_result_is_named(tmp_path):
    folder = results(tmp_path, "bad", [TWO] * 4) / "bad"
    from PIL import Image

    Image.linear_gradient("L").save(folder / "00001.png")
    assert str(folder / "00001.png") in problem_of(tmp_path)


def test_a_damaged_result_is_named(tmp_path):
    folder = results(tmp_path, "bad", [TWO] * 4) / "bad"
    (folder / "00002.png").write_bytes((folder / "00002.png").read_bytes()[:40])
    assert str(folder / "00002.png") in problem_of(tmp_path)


def test_an_unknown_object_is_named_and_counts_as_background(tmp_path):
    folder = results(tmp_path, "a", [TWO, ["1170"], TWO, TWO])
    scored = score_sequences(benchmark(Rules.DAVIS), [sequence(tmp_path, "a", [TWO] * 4)], folder)
    assert scored.objects[0].regions.tolist() == [1.0, 1.0]
    assert scored.left_out == ()
    [problem] = scored.problems
    assert f"{Path('a', '00001.png')} has the value 7" in problem


def test_sequences_without_results_are_named_in_one_sentence(tmp_path):
    known = [sequence(tmp_path, f"s{number}", [TWO] * 3) for number in range(12)]
    scored = score_sequences(benchmark(Rules.DAVIS), known, results(tmp_path, "s3", [TWO] * 3))
    [problem] = scored.problems
    assert "s0, s1, s2, s4, s5, s6, s7, s8 and 3 more" in problem
    assert len(scored.left_out) == 11


def test_results_of_no_sequence_at_all_are_an_error(tmp_path):
    with pytest.raises(ScoreIncomplete, match="nowhere has no folder for the sequence a"):
        score_sequences(benchmark(Rules.DAVIS), [sequence(tmp_path, "a", [TWO] * 3)], tmp_path / "nowhere")


def test_a_sequence_too_short_to_score_is_an_error(tmp_path):
    write_labels(tmp_path / "results" / "a" / "00000.png", labels(TWO))
    with pytest.raises(ScoreIncomplete):
        score_sequences(benchmark(Rules.DAVIS), [sequence(tmp_path, "a", [TWO] * 2)], tmp_path / "results")
