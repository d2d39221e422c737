"""Bad stretches: where they begin and end, what joins and parts them, and what is said of each."""

from __future__ import annotations

from engine.shared.quality import FIX_BELOW, GIVEN, REASONS, MatteQuality
from engine.shared.stretches import MAX_HOLE, Stretch, bad_stretches, reason_words

OWN = MatteQuality(1.0, signals={GIVEN: 1.0})


def qualities(values: dict[int, float | None], reason: str = "edge") -> dict[int, MatteQuality]:
    return {number: MatteQuality(value, reason) for number, value in values.items()}


def ends(values: dict[int, MatteQuality], **options) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in bad_stretches({1: values}, **options)]


def test_a_run_of_bad_frames_is_one_stretch_with_its_worst_frame():
    values = {0: 0.9, 1: 0.4, 2: 0.1, 3: 0.3, 4: 0.9}
    assert bad_stretches({7: qualities(values)}) == [Stretch(7, 1, 3, 2, 0.1, "edge", 3)]
    assert bad_stretches({7: qualities(values)})[0].frames == "frames 1 to 3"


def test_the_limit_itself_needs_no_fix():
    assert bad_stretches({1: qualities({0: FIX_BELOW})}) == []
    assert ends(qualities({0: FIX_BELOW - 1e-6})) == [(0, 0)]
    assert ends(qualities({0: 0.9}), below=0.95) == [(0, 0)]


def test_small_holes_are_joined_and_large_ones_are_not():
    inside = {0: 0.1, **dict.fromkeys(range(1, 1 + MAX_HOLE), 0.9), 1 + MAX_HOLE: 0.1}
    assert ends(qualities(inside)) == [(0, 1 + MAX_HOLE)]
    assert bad_stretches({1: qualities(inside)})[0].count == 2, "only frames that need a fix are counted"
    apart = {0: 0.1, **dict.fromkeys(range(1, 2 + MAX_HOLE), 0.9), 2 + MAX_HOLE: 0.1}
    assert ends(qualities(apart)) == [(0, 0), (2 + MAX_HOLE, 2 + MAX_HOLE)]


def test_frames_without_a_known_quality_are_a_hole_too():
    assert ends(qualities({0: 0.1, 1: None, 2: 0.1})) == [(0, 2)] == ends(qualities({0: 0.1, 1: 0.9, 2: 0.1}))
    assert ends(qualities({0: 0.1, 1: 0.1, 500: 0.1})) == [(0, 1), (500, 500)]


def test_the_users_own_matte_parts_a_stretch():
    assert ends({**qualities({0: 0.1, 2: 0.1}), 1: OWN}) == [(0, 0), (2, 2)]
    assert ends({**qualities({1: 0.1, 2: 0.1}), 0: OWN, 3: OWN}) == [(1, 2)]


def test_clips_numbered_by_tens_are_joined_like_others():
    assert ends(qualities({10: 0.1, 20: 0.1, 30: 0.9, 40: 0.1, 90: 0.1, 100: 0.9})) == [(10, 40), (90, 90)]


def test_the_main_reason_is_that_of_most_doubt():
    mixed = {
        0: MatteQuality(0.45, "edge"),
        1: MatteQuality(0.4, "edge"),
        2: MatteQuality(0.02, "twin"),
        3: MatteQuality(0.05, "twin"),
    }
    assert bad_stretches({1: mixed})[0].reason == "twin"
    assert bad_stretches({1: {**mixed, **{n: MatteQuality(0.4, "edge") for n in range(4, 9)}}})[0].reason == "edge"
    unnamed = {0: MatteQuality(0.1, ""), 1: MatteQuality(0.3, "far"), 2: MatteQuality(0.1, "")}
    assert bad_stretches({1: unnamed})[0].reason == "far"
    assert bad_stretches({1: qualities({0: 0.1}, "")})[0].reason == ""


def reasoned(reasons: str) -> list[tuple[int, int, str]]:
    """Return ends and reason of the stretches of bad frames with these reasons: t for another object, e for edges."""
    bad = {n: MatteQuality(0.1, {"t": "twin", "e": "edge"}[letter]) for n, letter in enumerate(reasons)}
    return [(one.first, one.last, one.reason) for one in bad_stretches({1: bad})]


def test_mattes_on_another_object_are_a_stretch_of_their_own():
    assert reasoned("eeeetttteeee") == [(0, 3, "edge"), (4, 7, "twin"), (8, 11, "edge")]
    assert reasoned("eeeettettttt") == [(0, 3, "edge"), (4, 11, "twin")]
    assert reasoned("eeettttttttee") == [(0, 12, "twin")], "a few frames before or after are no other task"
    assert reasoned("eetttttteeeee") == [(0, 7, "twin"), (8, 12, "edge")]
    assert reasoned("eeeettteeee") == [(0, 10, "edge")], "a few frames may be mistaken"
    assert reasoned("etetetetettttt") == [(0, 8, "edge"), (9, 13, "twin")]
    by_tens = {10 * n: MatteQuality(0.1, "twin" if n < 4 else "edge") for n in range(8)}
    assert ends(by_tens) == [(0, 30), (40, 70)]


def test_reasons_are_told_in_words():
    assert all(reason_words(key) == words for key, words in REASONS.items())
    assert reason_words("") == reason_words("of another version") == "no single reason"


def test_objects_and_frames_are_in_order_and_nothing_gives_nothing():
    both = {9: qualities({3: 0.1}), 2: qualities({50: 0.1, 1: 0.1})}
    assert [(one.object_id, one.first) for one in bad_stretches(both)] == [(2, 1), (2, 50), (9, 3)]
    assert bad_stretches({}) == bad_stretches({1: {}}) == []
    assert ends(qualities({0: 0.2})) == [(0, 0)], "a clip of one frame"
