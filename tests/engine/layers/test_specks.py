"""Pieces away from all that an object was: small ones, and more than is missing of it; nothing else is touched."""

from __future__ import annotations

import pytest
import torch

from engine.layers.specks import suppress_spurious_components, unoccluded_area

BODY = (slice(40, 100), slice(20, 90))
FAR = (slice(60, 66), slice(170, 176))


UNKNOWN = torch.zeros(1)


def found(*places: tuple[slice, slice]) -> torch.Tensor:
    logits = torch.full((1, 128, 224), -6.0)
    for rows, columns in places:
        logits[:, rows, columns] = 4.0
    return logits


def was(*places: tuple[slice, slice]) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d((found(*places) > 0).float(), 2)[:, None]


def test_a_small_piece_far_from_all_that_was_is_taken_away():
    logits = suppress_spurious_components(found(BODY, FAR), was(BODY), UNKNOWN)
    assert (logits[0][FAR] < 0).all()
    assert torch.equal(logits > 0, found(BODY) > 0)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ((BODY, FAR), (BODY, FAR)),  # it was there before
        ((BODY, (slice(60, 66), slice(92, 98))), (BODY,)),  # beside the object
        ((BODY, (slice(50, 66), slice(160, 176))), (BODY,)),  # large
        ((BODY, (slice(20, 110), slice(170, 171))), (BODY,)),  # long, and as thin as a wire
        ((FAR,), (BODY,)),  # all there is
        (((slice(60, 66), slice(30, 36)), FAR), (BODY,)),  # as large as the rest
        ((), (BODY,)),
    ],
)
def test_nothing_else_is_changed(now: tuple, before: tuple):
    logits = found(*now)
    assert torch.equal(suppress_spurious_components(logits, was(*before), UNKNOWN), logits)


def test_a_thin_strand_across_is_no_speck():
    logits = found(BODY)
    across = torch.arange(40)
    logits[0, 40 + across, 150 + across] = 4.0
    assert torch.equal(suppress_spurious_components(logits, was(BODY), UNKNOWN), logits)


def test_a_soft_speck_is_taken_away_with_its_rim():
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(224), indexing="ij")
    logits = found(BODY)
    speck = 4.0 - 2.0 * ((rows - 63.5).square() + (columns - 175.5).square()).sqrt()
    logits = torch.maximum(logits, speck[None])
    left = suppress_spurious_components(logits, was(BODY), UNKNOWN)
    assert left[0, 50:80, 160:190].sigmoid().max() < 0.01
    assert torch.equal(left[0][BODY], logits[0][BODY])


def test_each_object_is_judged_by_itself():
    logits = torch.cat([found(BODY, FAR), found(FAR)])
    left = suppress_spurious_components(logits, torch.cat([was(BODY), was(FAR)]), torch.zeros(2))
    assert (left[0][FAR] < 0).all()
    assert torch.equal(left[1], logits[1])


OTHER = (slice(30, 110), slice(150, 200))
PART = (slice(40, 70), slice(150, 180))
WHOLE = torch.tensor([60 * 70.0])


@pytest.mark.parametrize(
    ("piece", "unoccluded_area"),
    [
        (OTHER, WHOLE),
        (OTHER, 1.25 * WHOLE),  # some of it is hidden, but not so much
        (PART, 1.1 * WHOLE),  # hardly any is hidden: the first of something larger
    ],
)
def test_more_than_is_missing_is_another_that_walks_in(piece: tuple, unoccluded_area: torch.Tensor):
    logits = suppress_spurious_components(found(BODY, piece), was(BODY), unoccluded_area)
    assert torch.equal(logits > 0, found(BODY) > 0)
    assert torch.equal(logits[0][BODY], found(BODY)[0][BODY])


@pytest.mark.parametrize(
    ("now", "before", "unoccluded_area"),
    [
        ((BODY, OTHER), (BODY, OTHER), WHOLE),  # it was there before
        ((BODY, OTHER), (BODY,), 1.5 * WHOLE),  # most of the object is hidden, and this may be it
        ((BODY, PART), (BODY,), 1.25 * WHOLE),  # as much is missing
        ((OTHER,), (BODY,), WHOLE),  # all there is
        ((BODY, OTHER), (BODY,), UNKNOWN),  # how large it is nobody has said
        ((BODY, (slice(50, 60), slice(86, 200))), (BODY,), WHOLE),  # grown together with the rest
        ((BODY, (slice(40, 100), slice(100, 180))), (BODY,), WHOLE),  # behind a pole
        ((), (BODY,), WHOLE),
    ],
)
def test_what_may_be_the_object_stays(now: tuple, before: tuple, unoccluded_area: torch.Tensor):
    logits = found(*now)
    assert torch.equal(suppress_spurious_components(logits, was(*before), unoccluded_area), logits)


def test_newcomers_are_told_object_by_object():
    logits = torch.cat([found(BODY, OTHER)] * 2)
    left = suppress_spurious_components(logits, torch.cat([was(BODY)] * 2), torch.cat([WHOLE, 1.5 * WHOLE]))
    assert torch.equal(left > 0, torch.cat([found(BODY), found(BODY, OTHER)]) > 0)


def followed(*films: tuple[tuple[slice, slice], ...], unoccluded_area: torch.Tensor) -> torch.Tensor:
    """What is left on the last of several frames that show some pieces each; the first is believed."""
    masks = (found(*films[0]) > 0).float()
    for pieces in films[1:]:
        moved = torch.nn.functional.avg_pool2d(masks, 2)[:, None]
        masks = (suppress_spurious_components(found(*pieces), moved, unoccluded_area) > 0).float()
    return masks > 0


def test_what_walks_in_slice_by_slice_is_not_taken():
    slices = [(BODY, (slice(20, 120), slice(224 - wide, 224))) for wide in (4, 12, 24, 36, 48, 56)]
    assert torch.equal(followed((BODY,), *slices, unoccluded_area=1.1 * WHOLE), found(BODY) > 0)


def test_a_part_that_was_hidden_for_a_while_is_there_again():
    body, legs = (slice(8, 72), slice(40, 120)), (slice(104, 124), slice(50, 110))
    unoccluded_area = torch.tensor([64 * 80.0 + 20 * 60])
    assert torch.equal(
        followed((body, legs), (body,), (body,), (body, legs), unoccluded_area=unoccluded_area), found(body, legs) > 0
    )


@pytest.mark.parametrize(
    ("pieces", "size"),
    [
        ((BODY,), 60 * 70),
        ((BODY, (slice(60, 64), slice(98, 102))), 60 * 70 + 16),  # a crumb beside it
        ((), 0),
        (((slice(40, 50), slice(40, 50)),), 0),  # hardly there
        ((BODY, OTHER), 0),  # as if something stood in front
        (((slice(40, 128), slice(20, 90)),), 0),  # it goes on below the picture
        (((slice(40, 120), slice(20, 90)),), 0),  # it does, where the last rows are padding
    ],
)
def test_how_large_an_object_is_when_whole_is_known_of_one_that_is_all_in_sight(pieces: tuple, size: int):
    masks = (found(*pieces) > 0).float()
    assert unoccluded_area(masks).tolist() == [size]
    assert unoccluded_area(masks * 0.98 + 0.01).tolist() == [size], "of soft masks too"
