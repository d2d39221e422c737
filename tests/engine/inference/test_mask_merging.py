"""Mask merging: annotated masks are kept, each pixel goes to one identity, and groups of objects are joined."""

from __future__ import annotations

import pytest
import torch

from engine.inference.framing import Framing, FramingStyle
from engine.inference.mask_merging import GroupPrediction, HardMaskMerger, SoftMaskMerger

SIZE = (32, 48)


def framing() -> Framing:
    return Framing.fit(*SIZE, working_height=480, stride=1, style=FramingStyle(smooth=False, fitted=16))


def hard(*, every_identity: bool = False) -> HardMaskMerger:
    return HardMaskMerger(framing(), align_corners=False, every_identity=every_identity)


def logits(*identities: tuple[int, slice]) -> torch.Tensor:
    """Return logits (11, H / 4, W / 4) in which the background wins, except in some columns.

    Each (identity, columns) pair of `identities` makes that identity win in those columns.
    """
    values = torch.zeros(11, SIZE[0] // 4, SIZE[1] // 4)
    values[0] = 5
    for identity, columns in identities:
        values[identity, :, columns] = 10
    return values


def mask(columns: slice) -> torch.Tensor:
    values = torch.zeros(SIZE)
    values[:, columns] = 1
    return values


def test_most_probable_identity_becomes_the_networks_mask():
    merged = hard().merge([GroupPrediction((7, 9), 2, logits((1, slice(0, 4)), (2, slice(6, 9))))], {})
    assert merged.masks[0].shape == (2, *SIZE)
    assert merged.masks[0][0, :, :12].all()
    assert merged.masks[0][1, :, 28:32].all()
    assert merged.masks[0].sum(0).max() == 1
    total = merged.background + merged.probability[7] + merged.probability[9]
    assert torch.allclose(total, torch.ones(SIZE), atol=1e-5)


def test_unused_identity_takes_no_pixel_unless_all_compete():
    predictions = [GroupPrediction((7,), 1, logits((1, slice(0, 4)), (5, slice(6, 9))))]
    assert hard().merge(predictions, {}).masks[0].shape[0] == 1
    all_identities = hard(every_identity=True).merge(predictions, {})
    assert all_identities.masks[0].shape[0] == 10
    assert all_identities.masks[0][4].any()


def test_annotated_object_is_exactly_its_mask_and_others_keep_the_rest():
    predictions = [GroupPrediction((7, 9), 2, logits((1, slice(0, 6)), (2, slice(6, 12))))]
    merged = hard().merge(predictions, {7: mask(slice(20, 28))})
    assert torch.equal(merged.masks[0][0], mask(slice(20, 28))), "the prediction for an annotated object is ignored"
    assert merged.masks[0][1, :, 28:].all()
    assert not merged.masks[0][1, :, :28].any()


def test_two_groups_of_identities_share_the_pixels():
    left = GroupPrediction((1,), 1, logits((1, slice(0, 6))))
    right = GroupPrediction((11,), 1, logits((1, slice(6, 12))))
    merged = hard().merge([left, right], {})
    assert merged.masks[0][0, :, :20].all()
    assert merged.masks[1][0, :, 28:].all()
    assert not (merged.masks[0][0] * merged.masks[1][0]).any()


def test_first_keyframe_gives_the_annotated_masks_alone():
    merged = hard().merge([GroupPrediction((3, 4), 0, None)], {3: mask(slice(0, 10)), 4: mask(slice(30, 40))})
    assert torch.equal(merged.masks[0], torch.stack([mask(slice(0, 10)), mask(slice(30, 40))]))
    assert torch.equal(merged.background, 1 - mask(slice(0, 10)) - mask(slice(30, 40)))


def test_confidence_covers_probable_pixels_only():
    merger = SoftMaskMerger(framing())
    prediction = torch.stack([mask(slice(0, 10)) * 0.9 + 0.05])
    merged = merger.merge([GroupPrediction((1,), 1, prediction)], {})
    assert merged.confidence([1]) == pytest.approx(float(merged.probability[1][0, 0]), abs=1e-4)
    empty = merger.merge([GroupPrediction((1,), 1, torch.full((1, *SIZE), 0.01))], {})
    assert empty.confidence([1]) == 1.0
