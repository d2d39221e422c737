"""Judges: what is given stands, wholly; identities compete; groups of identities are joined."""

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


def logits(*where: tuple[int, slice]) -> torch.Tensor:
    """(11, H / 4, W / 4), the background likely but in these columns, where an identity is."""
    found = torch.zeros(11, SIZE[0] // 4, SIZE[1] // 4)
    found[0] = 5
    for identity, columns in where:
        found[identity, :, columns] = 10
    return found


def mask(columns: slice) -> torch.Tensor:
    found = torch.zeros(SIZE)
    found[:, columns] = 1
    return found


def test_the_likeliest_identity_is_what_the_network_goes_on_with():
    verdict = hard().merge([GroupPrediction((7, 9), 2, logits((1, slice(0, 4)), (2, slice(6, 9))))], {})
    assert verdict.masks[0].shape == (2, *SIZE)
    assert verdict.masks[0][0, :, :12].all()
    assert verdict.masks[0][1, :, 28:32].all()
    assert verdict.masks[0].sum(0).max() == 1
    total = verdict.background + verdict.probability[7] + verdict.probability[9]
    assert torch.allclose(total, torch.ones(SIZE), atol=1e-5)


def test_an_identity_that_no_object_has_takes_no_pixel_unless_all_compete():
    said = [GroupPrediction((7,), 1, logits((1, slice(0, 4)), (5, slice(6, 9))))]
    assert hard().merge(said, {}).masks[0].shape[0] == 1
    everyone = hard(every_identity=True).merge(said, {})
    assert everyone.masks[0].shape[0] == 10
    assert everyone.masks[0][4].any()


def test_an_object_that_is_given_is_nowhere_else_and_others_keep_what_is_left():
    said = [GroupPrediction((7, 9), 2, logits((1, slice(0, 6)), (2, slice(6, 12))))]
    verdict = hard().merge(said, {7: mask(slice(20, 28))})
    assert torch.equal(verdict.masks[0][0], mask(slice(20, 28))), "what the network thought of it counts no more"
    assert verdict.masks[0][1, :, 28:].all()
    assert not verdict.masks[0][1, :, :28].any()


def test_two_groups_of_identities_share_the_pixels():
    one, other = (
        GroupPrediction((1,), 1, logits((1, slice(0, 6)))),
        GroupPrediction((11,), 1, logits((1, slice(6, 12)))),
    )
    verdict = hard().merge([one, other], {})
    assert verdict.masks[0][0, :, :20].all()
    assert verdict.masks[1][0, :, 28:].all()
    assert not (verdict.masks[0][0] * verdict.masks[1][0]).any()


def test_on_a_first_keyframe_what_is_given_is_all_there_is():
    verdict = hard().merge([GroupPrediction((3, 4), 0, None)], {3: mask(slice(0, 10)), 4: mask(slice(30, 40))})
    assert torch.equal(verdict.masks[0], torch.stack([mask(slice(0, 10)), mask(slice(30, 40))]))
    assert torch.equal(verdict.background, 1 - mask(slice(0, 10)) - mask(slice(30, 40)))


def test_confidence_is_that_of_the_likely_pixels():
    judge = SoftMaskMerger(framing())
    prediction = torch.stack([mask(slice(0, 10)) * 0.9 + 0.05])
    verdict = judge.merge([GroupPrediction((1,), 1, prediction)], {})
    assert verdict.confidence([1]) == pytest.approx(float(verdict.probability[1][0, 0]), abs=1e-4)
    nothing = judge.merge([GroupPrediction((1,), 1, torch.full((1, *SIZE), 0.01))], {})
    assert nothing.confidence([1]) == 1.0
