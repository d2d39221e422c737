"""Provenance: what a matte depends on, told by the frames on which a change of a run's inputs is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.shared.matte_folder import MatteFolder
from engine.shared.provenance import (
    Cause,
    Dependences,
    ExclusionInputs,
    Mark,
    ObjectInputs,
    RunInputs,
    Runs,
    Span,
    difference,
)
from engine.shared.quality import MatteQuality
from engine.shared.quality_table import EDITED, NOT_RECORDED, MatteRow, Status
from engine.shared.staleness import (
    FRESH,
    MISSING,
    OWN,
    UNKNOWN,
    Freshness,
    MatteState,
    assess,
    due_numbers,
    stale_stretches,
)
from engine.shared.types import Direction


def run_of(*objects: ObjectInputs, **changes) -> RunInputs:
    fields = {"recipe": "keymatte", "weights": "ab", "settings": "{}", "direction": Direction.BOTH, "objects": objects}
    return RunInputs(**{**fields, **changes})


def keyed(object_id: int, *numbers: int, digest: str = "a", absences: tuple[Span, ...] = ()) -> ObjectInputs:
    return ObjectInputs(object_id, tuple(Mark(number, digest) for number in numbers), absences)


def changed(before: RunInputs, after: RunInputs, object_id: int = 1, count: int = 30) -> dict[int, Cause]:
    """Return why mattes of an object on the frames 0 to `count` are stale, by number."""
    one, other = Dependences(after, object_id), Dependences(before, object_id)
    causes = {n: difference(one.at(n), other.at(n)) for n in range(count)}
    return {number: cause for number, cause in causes.items() if cause}


def frames(first: int, last: int, cause: Cause = Cause.KEYFRAME) -> dict[int, Cause]:
    return dict.fromkeys(range(first, last + 1), cause)


BASE = run_of(keyed(1, 5, 15, 25), keyed(2, 5))


@pytest.mark.parametrize(
    ("keyframes", "expected"),
    [
        ((5, 15, 25), {}),
        ((5, 10, 15, 25), frames(6, 14)),
        ((5, 25), frames(6, 24)),
        ((15, 25), frames(0, 14)),
        ((5, 15), frames(16, 29)),
        ((), frames(0, 29)),
        ((2, 5, 15, 25), frames(0, 4)),
    ],
)
def test_a_keyframe_counts_up_to_its_neighbours(keyframes, expected):
    after = run_of(keyed(1, *keyframes), keyed(2, 5))
    assert changed(BASE, after) == expected
    assert changed(BASE, after, object_id=2) == {}


def test_another_image_of_a_keyframe_counts_on_both_sides():
    after = run_of(ObjectInputs(1, (Mark(5, "a"), Mark(15, "b"), Mark(25, "a"))), keyed(2, 5))
    assert changed(BASE, after) == frames(6, 24)


def test_a_keyframe_counts_in_its_own_shot_only():
    cut = replace(BASE, cuts=(10,))
    assert changed(cut, replace(cut, objects=(keyed(1, 5, 8, 15, 25), keyed(2, 5)))) == frames(6, 9)
    assert changed(BASE, cut) == frames(6, 14)


@pytest.mark.parametrize(
    ("direction", "expected"), [(Direction.FORWARD, frames(10, 14)), (Direction.BACKWARD, frames(6, 10))]
)
def test_a_keyframe_counts_in_the_direction_of_the_run(direction, expected):
    before, after = (
        replace(BASE, direction=direction),
        run_of(keyed(1, 5, 10, 15, 25), keyed(2, 5), direction=direction),
    )
    assert changed(before, after) == expected


@pytest.mark.parametrize(("direction", "first", "last"), [(Direction.FORWARD, 0, 24), (Direction.BACKWARD, 6, 29)])
def test_the_direction_counts_where_a_keyframe_lies_on_the_other_side(direction, first, last):
    expected = frames(first, last, Cause.DIRECTION)
    assert changed(BASE, replace(BASE, direction=direction)) == expected
    assert changed(replace(BASE, direction=direction), BASE) == expected


def test_the_direction_does_not_count_across_a_cut():
    cut = replace(BASE, cuts=(10,))
    assert changed(cut, replace(cut, direction=Direction.FORWARD)) == frames(0, 4, Cause.DIRECTION) | frames(
        10, 24, Cause.DIRECTION
    )
    assert changed(cut, replace(cut, direction=Direction.BACKWARD)) == frames(6, 9, Cause.DIRECTION) | frames(
        16, 29, Cause.DIRECTION
    )


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"recipe": "xmem"}, Cause.RECIPE),
        ({"weights": "cd"}, Cause.WEIGHTS),
        ({"settings": '{"height": 240}'}, Cause.SETTINGS),
    ],
)
def test_another_recipe_weights_or_settings_count_everywhere(changes, cause):
    assert changed(BASE, replace(BASE, **changes)) == frames(0, 29, cause)


def test_another_version_of_the_program_does_not_count():
    assert changed(BASE, replace(BASE, program="9.9")) == {}


def test_a_range_without_the_object_counts_between_its_keyframes():
    after = run_of(keyed(1, 5, 15, 25, absences=(Span(17, 19),)), keyed(2, 5))
    assert changed(BASE, after) == frames(16, 24, Cause.ABSENCE)


def test_an_exclusion_counts_from_its_image_to_the_next_for_the_objects_that_it_covers():
    def hold_out(*images: Mark) -> RunInputs:
        return replace(BASE, exclusions=(ExclusionInputs(images, (1,)),))

    before = hold_out(Mark(3, "x"), Mark(10, "y"))
    assert changed(before, hold_out(Mark(3, "x"), Mark(10, "z"))) == frames(10, 29, Cause.EXCLUSION)
    assert changed(before, hold_out(Mark(3, "z"), Mark(10, "y"))) == frames(0, 9, Cause.EXCLUSION)
    assert changed(before, hold_out(Mark(3, "x"), Mark(10, "y"), Mark(20, "z"))) == frames(20, 29, Cause.EXCLUSION)
    assert changed(before, hold_out(Mark(3, "x"), Mark(10, "z")), object_id=2) == {}


def test_the_order_of_objects_counts_for_those_that_are_newly_in_front():
    after = run_of(keyed(2, 5), keyed(1, 5, 15, 25))
    assert changed(BASE, after) == frames(0, 29, Cause.ORDER)
    behind = run_of(keyed(3, 5), keyed(1, 5, 15, 25), keyed(2, 5))
    assert changed(behind, behind) == {}


def test_runs_are_read_as_written_and_damaged_lines_left_out(tmp_path):
    folder = MatteFolder(tmp_path)
    run = run_of(
        keyed(1, 5, absences=(Span(1, 3),)),
        exclusions=(ExclusionInputs((Mark(0, "x"),), None, True),),
        cuts=(10,),
        direction=Direction.FORWARD,
    )
    Runs().with_run(BASE, keep=frozenset()).with_run(run, keep=frozenset({BASE.id})).write(folder)
    assert Runs.read(folder).by_id == {BASE.id: BASE, run.id: run}
    with folder.runs.open("ab") as file:
        file.write(b'{"recipe": 3}\n[1]\n\xff\xfe\n{"recipe"')
    assert Runs.read(folder).by_id == {BASE.id: BASE, run.id: run}
    assert Runs.read(folder).with_run(run, keep=frozenset()).by_id == {run.id: run}
    assert Runs.read(MatteFolder(tmp_path / "none")).by_id == {}


# -- states ------------------------------------------------------------------------------------------------------------
def row(run: str = BASE.id, **changes) -> MatteRow:
    return MatteRow(Status.COMPUTED, replace(MatteQuality(0.9, method="keymatte", run=run, picture="1-2-3"), **changes))


def test_the_state_of_each_matte_is_told():
    rows = {1: {0: row(), 1: EDITED, 2: NOT_RECORDED, 3: row("gone"), 4: row(unfinished=True), 6: row(), 7: row()}}
    states = assess(rows, Runs({BASE.id: BASE}), BASE, range(9), lambda number, stamp: number != 7)
    stale = Freshness.STALE
    assert states[1] == {
        0: FRESH,
        1: OWN,
        2: UNKNOWN,
        3: UNKNOWN,
        4: MatteState(stale, Cause.UNFINISHED),
        5: MISSING,
        6: FRESH,
        7: MatteState(stale, Cause.PICTURE),
        8: MISSING,
    }
    assert due_numbers({1: states[1]}) == [2, 3, 4, 5, 7, 8]
    assert [(one.numbers, one.state) for one in stale_stretches({1: states[1]})] == [
        ((2, 3), UNKNOWN),
        ((4,), MatteState(stale, Cause.UNFINISHED)),
        ((5,), MISSING),
        ((7,), MatteState(stale, Cause.PICTURE)),
        ((8,), MISSING),
    ]


def test_frames_that_no_keyframe_reaches_are_not_missing():
    run = run_of(keyed(1, 5), direction=Direction.FORWARD)
    assert sorted(assess({}, Runs(), run, range(8))[1]) == [5, 6, 7]


@pytest.mark.parametrize(
    ("keyframes", "direction", "expected"),
    [
        ((5, 25), Direction.BOTH, {*range(30)}),
        ((5, 25), Direction.FORWARD, {*range(5, 10), *range(25, 30)}),
        ((5,), Direction.FORWARD, {*range(5, 30)}),
        ((25,), Direction.FORWARD, {*range(25, 30)}),
        ((25,), Direction.BACKWARD, {*range(26)}),
        ((), Direction.BOTH, set()),
    ],
)
def test_mattes_are_missing_where_a_run_across_a_cut_makes_one(keyframes, direction, expected):
    """Test that those of a shot without keyframes are, since they are made empty, but none that nothing reaches."""
    today = run_of(keyed(1, *keyframes), cuts=(10,), direction=direction)
    assert assess({}, Runs(), today, range(30)) == {1: dict.fromkeys(expected, MISSING)}
