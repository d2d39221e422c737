"""Only spurious components of masks are suppressed: small isolated ones, and ones too large for a part reappearing."""

from __future__ import annotations

import pytest
import torch

from engine.layers.specks import suppress_spurious_components, unoccluded_area

BODY = (slice(40, 100), slice(20, 90))
FAR = (slice(60, 66), slice(170, 176))
UNKNOWN = torch.zeros(1)


def logits_of(*boxes: tuple[slice, slice]) -> torch.Tensor:
    """Return logits (1, 128, 224) that are positive in the given boxes."""
    logits = torch.full((1, 128, 224), -6.0)
    for rows, columns in boxes:
        logits[:, rows, columns] = 4.0
    return logits


def warped(*boxes: tuple[slice, slice]) -> torch.Tensor:
    """Return the mask of the given boxes at half size: the warped previous mask if nothing has moved."""
    return torch.nn.functional.avg_pool2d((logits_of(*boxes) > 0).float(), 2)[:, None]


def test_a_small_component_away_from_the_previous_mask_is_dropped():
    logits = suppress_spurious_components(logits_of(BODY, FAR), warped(BODY), UNKNOWN)
    assert (logits[0][FAR] < 0).all()
    assert torch.equal(logits > 0, logits_of(BODY) > 0)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ((BODY, FAR), (BODY, FAR)),  # in the previous mask too
        ((BODY, (slice(60, 66), slice(92, 98))), (BODY,)),  # next to the object
        ((BODY, (slice(50, 66), slice(160, 176))), (BODY,)),  # large
        ((BODY, (slice(20, 110), slice(170, 171))), (BODY,)),  # thin, but long
        ((FAR,), (BODY,)),  # the only component
        (((slice(60, 66), slice(30, 36)), FAR), (BODY,)),  # as large as the other component
        ((), (BODY,)),
    ],
)
def test_other_components_are_kept(now: tuple, before: tuple):
    logits = logits_of(*now)
    assert torch.equal(suppress_spurious_components(logits, warped(*before), UNKNOWN), logits)


def test_a_thin_diagonal_line_is_kept():
    logits = logits_of(BODY)
    across = torch.arange(40)
    logits[0, 40 + across, 150 + across] = 4.0
    assert torch.equal(suppress_spurious_components(logits, warped(BODY), UNKNOWN), logits)


def test_a_soft_component_is_dropped_with_its_border():
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(224), indexing="ij")
    logits = logits_of(BODY)
    speck = 4.0 - 2.0 * ((rows - 63.5).square() + (columns - 175.5).square()).sqrt()
    logits = torch.maximum(logits, speck[None])
    filtered = suppress_spurious_components(logits, warped(BODY), UNKNOWN)
    assert filtered[0, 50:80, 160:190].sigmoid().max() < 0.01
    assert torch.equal(filtered[0][BODY], logits[0][BODY])


def test_isolated_components_are_found_per_object():
    logits = torch.cat([logits_of(BODY, FAR), logits_of(FAR)])
    filtered = suppress_spurious_components(logits, torch.cat([warped(BODY), warped(FAR)]), torch.zeros(2))
    assert (filtered[0][FAR] < 0).all()
    assert torch.equal(filtered[1], logits[1])


OTHER = (slice(30, 110), slice(150, 200))
PART = (slice(40, 70), slice(150, 180))
WHOLE = torch.tensor([60 * 70.0])


@pytest.mark.parametrize(
    ("piece", "unoccluded_area"),
    [
        (OTHER, WHOLE),
        (OTHER, 1.25 * WHOLE),  # part of the object is occluded, but smaller than the component
        (PART, 1.1 * WHOLE),  # hardly any part is occluded: may be another object entering
    ],
)
def test_a_component_larger_than_the_occluded_part_is_dropped(piece: tuple, unoccluded_area: torch.Tensor):
    logits = suppress_spurious_components(logits_of(BODY, piece), warped(BODY), unoccluded_area)
    assert torch.equal(logits > 0, logits_of(BODY) > 0)
    assert torch.equal(logits[0][BODY], logits_of(BODY)[0][BODY])


@pytest.mark.parametrize(
    ("now", "before", "unoccluded_area"),
    [
        ((BODY, OTHER), (BODY, OTHER), WHOLE),  # in the previous mask too
        ((BODY, OTHER), (BODY,), 1.5 * WHOLE),  # much of the object is occluded: the component may be that part
        ((BODY, PART), (BODY,), 1.25 * WHOLE),  # the occluded part is as large as the component
        ((OTHER,), (BODY,), WHOLE),  # the only component
        ((BODY, OTHER), (BODY,), UNKNOWN),  # unknown area
        ((BODY, (slice(50, 60), slice(86, 200))), (BODY,), WHOLE),  # connected to the object
        ((BODY, (slice(40, 100), slice(100, 180))), (BODY,), WHOLE),  # next to it, as behind a pole
        ((), (BODY,), WHOLE),
    ],
)
def test_components_that_may_be_part_of_the_object_are_kept(now: tuple, before: tuple, unoccluded_area: torch.Tensor):
    logits = logits_of(*now)
    assert torch.equal(suppress_spurious_components(logits, warped(*before), unoccluded_area), logits)


def test_implausible_components_are_found_per_object():
    logits = torch.cat([logits_of(BODY, OTHER)] * 2)
    filtered = suppress_spurious_components(logits, torch.cat([warped(BODY)] * 2), torch.cat([WHOLE, 1.5 * WHOLE]))
    assert torch.equal(filtered > 0, torch.cat([logits_of(BODY), logits_of(BODY, OTHER)]) > 0)


def propagated(*frames: tuple[tuple[slice, slice], ...], unoccluded_area: torch.Tensor) -> torch.Tensor:
    """Return the masks of the last frame (1, H, W) bool after suppressing spurious components frame by frame.

    Each frame is given by its boxes. The first frame is not filtered, and serves as the previous mask of the second.
    """
    masks = (logits_of(*frames[0]) > 0).float()
    for pieces in frames[1:]:
        previous = torch.nn.functional.avg_pool2d(masks, 2)[:, None]
        masks = (suppress_spurious_components(logits_of(*pieces), previous, unoccluded_area) > 0).float()
    return masks > 0


def test_an_object_that_enters_gradually_is_dropped():
    slices = [(BODY, (slice(20, 120), slice(224 - wide, 224))) for wide in (4, 12, 24, 36, 48, 56)]
    assert torch.equal(propagated((BODY,), *slices, unoccluded_area=1.1 * WHOLE), logits_of(BODY) > 0)


def test_a_part_that_was_occluded_reappears():
    body, legs = (slice(8, 72), slice(40, 120)), (slice(104, 124), slice(50, 110))
    unoccluded_area = torch.tensor([64 * 80.0 + 20 * 60])
    assert torch.equal(
        propagated((body, legs), (body,), (body,), (body, legs), unoccluded_area=unoccluded_area),
        logits_of(body, legs) > 0,
    )


@pytest.mark.parametrize(
    ("pieces", "size"),
    [
        ((BODY,), 60 * 70),
        ((BODY, (slice(60, 64), slice(98, 102))), 60 * 70 + 16),  # a small component beside it
        ((), 0),
        (((slice(40, 50), slice(40, 50)),), 0),  # too small
        ((BODY, OTHER), 0),  # in two components, as if occluded
        (((slice(40, 128), slice(20, 90)),), 0),  # continues below the image
        (((slice(40, 120), slice(20, 90)),), 0),  # continues below, if the last rows are padding
    ],
)
def test_unoccluded_area_is_known_of_objects_that_are_completely_visible(pieces: tuple, size: int):
    masks = (logits_of(*pieces) > 0).float()
    assert unoccluded_area(masks).tolist() == [size]
    assert unoccluded_area(masks * 0.98 + 0.01).tolist() == [size], "of soft masks too"
