"""Our network: shapes, determinism, and that it needs what it is given."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from engine.checkpoints import loading
from engine.inference.framing import Framing
from engine.jobs.setup import in_precision
from engine.layers import quantised
from engine.layers.affinity import Chosen, read_top_k
from engine.layers.backbones import EfficientNetLite0, folded_lite0
from engine.layers.keymatte_decoder import DecoderOutput
from engine.memory.bank import MemoryBank
from engine.memory.stores import Permanent
from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte

CHAIR = Path(__file__).parents[2] / "clips" / "chair"


def bank_of(network: Keymatte, image: torch.Tensor, masks: torch.Tensor) -> MemoryBank:
    bank = MemoryBank([Permanent()], interval=1)
    bank.write(network.memorize(0, network.encode(image), masks, None)[0].as_pinned())
    return bank


def test_it_is_small():
    assert 3e6 < sum(weight.numel() for weight in Keymatte().parameters()) < 8e6


@pytest.mark.parametrize(("objects", "height", "width"), [(1, 32, 32), (3, 64, 96), (12, 32, 64)])
def test_probabilities_have_the_shape_of_the_frame(network, objects: int, height: int, width: int):
    image, masks = torch.rand(1, 3, height, width), torch.rand(objects, height, width).round()
    with torch.inference_mode():
        found, _ = network.segment(network.encode(image), bank_of(network, image, masks).view(), None)
    assert found.shape == (objects, height, width)
    assert 0 <= found.min() <= found.max() <= 1


def test_images_encoded_together_are_as_encoded_alone(network):
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        together, alone = network.encode_batch(images)[1], network.encode(images[1:])
    assert torch.allclose(together.query["key"], alone.query["key"], atol=1e-4)


def test_one_object_is_carried_to_the_same_frame_and_an_empty_mask_stays_empty(network):
    torch.manual_seed(1)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12), size=(192, 192), mode="nearest")
    masks = torch.zeros(2, 192, 192)
    masks[0, 48:144, 64:128] = 1
    with torch.inference_mode():
        features = network.encode(image)
        bank = bank_of(network, image, masks)
        state = network.update_state(0, features, masks, None)
        found, _ = network.segment(features, bank.view(), state)
    overlap = ((found[0] > 0.5) & (masks[0] > 0)).sum() / ((found[0] > 0.5) | (masks[0] > 0)).sum()
    assert overlap > 0.9
    assert (found[1] > 0.5).float().mean() < 0.01


def chair(network: Keymatte, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A frame of the clip as the network takes it, (1, 3, H, W), and its mask, (1, H, W)."""
    name = f"frame_{frame:06d}"
    pixels = cv2.cvtColor(cv2.imread(str(CHAIR / "frames" / f"{name}.jpg")), cv2.COLOR_BGR2RGB)
    framing = Framing.fit(*pixels.shape[:2], working_height=480, stride=network.stride)
    mask = torch.from_numpy(np.array(Image.open(CHAIR / "masks" / f"{name}.png")) > 0)
    return framing.apply(pixels, torch.device("cpu")), framing.apply_masks(mask[None].float())


def test_reads_are_shared_by_several_tokens(network):
    """Where one token alone is read, keys learn nothing in training, and a single wrong match is all that is seen."""
    kept: list[torch.Tensor] = []

    def noting(scores: torch.Tensor, *, top_k: int) -> Chosen:
        kept.append(read_top_k(scores, top_k=top_k).weight)
        return read_top_k(scores, top_k=top_k)

    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        memory = bank_of(network, *chair(network, 0))
        patch.setattr(network, "choose", noting)
        network.segment(network.encode(chair(network, 9)[0]), memory.view(), None)
    (weights,) = kept
    shared_by = (-(weights * weights.clamp(min=1e-9).log()).sum(1)).exp()  # of equally weighed tokens as many
    assert shared_by.median() > 2


def test_the_decoder_is_told_how_far_anything_in_memory_is_like_what_is_seen(network):
    with torch.inference_mode():
        image, masks = chair(network, 0)
        half = image.clone()
        half[..., half.shape[-1] // 2 :] = torch.rand(3)[:, None, None]
        _, _, previous, *_ = network.decoder_inputs(network.encode(half), bank_of(network, image, masks).view(), None)
    like = previous[0, 2]
    columns = like.shape[-1]
    assert 0 < like.min() <= like.max() < 1.001
    assert like[:, : columns // 3].mean() > 0.6 > 0.4 > like[:, -columns // 3 :].mean()


def test_a_keyframe_for_good_is_remembered_enlarged_too(network):
    image, masks = chair(network, 0)
    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        features = network.encode(image)
        once, _ = network.memorize_keyframe(7, features, masks, None)
        one, tenth, twelfth = (network.memorize_permanent(7, features, masks, among=count) for count in (1, 10, 12))
        patch.setattr(network, "enlarged", 1.0)
        assert len(network.memorize_permanent(7, features, masks, among=1)) == len(once)
    value = once.layers[0]["value"]
    assert network.enlarged > 1.2
    assert torch.equal(one.layers[0]["value"][..., : len(once)], value)
    assert len(one) - len(once) == pytest.approx(network.enlarged**2 * len(once), rel=0.1)
    assert len(tenth) - len(once) == pytest.approx(0.3 * (len(one) - len(once)), rel=0.01)
    assert one.frame == 7
    unoccluded_area, some = (entry.layers[0]["key"][:, len(once) :] for entry in (one, twelfth))
    height, width = (round(side * network.enlarged / 32) * 2 for side in masks.shape[1:])
    left = (unoccluded_area.T[:, None] == some.T).all(-1).any(1).reshape(height, width)
    # A quarter, and no part of the picture is without: nowhere 3 x 4 cells of which none is left.
    assert left.float().mean() == pytest.approx(0.25, rel=0.02)
    assert torch.nn.functional.max_pool2d(left[None].float(), (3, 4), stride=1).min() == 1


def test_what_comes_closer_is_known_better_from_a_keyframe_remembered_enlarged_too(network):
    image, masks = chair(network, 0)
    (top, left), (high, wide) = (0, 32), (384, 640)  # around the chair: sides multiples of 32
    larger = [round(side * network.enlarged / 32) * 32 for side in (high, wide)]
    closer, truth = (
        torch.nn.functional.interpolate(maps[..., top : top + high, left : left + wide], size=larger, mode="bilinear")
        for maps in (image, masks[None])
    )

    def overlap(memory: MemoryBank) -> float:
        """Of what is found from memory alone, with no frame before, with the truth."""
        found, there = network.segment(network.encode(closer), memory.view(), None)[0] > 0.5, truth[0] > 0.5
        return float((found & there).sum() / (found | there).sum())

    with torch.inference_mode():
        pinned = MemoryBank([Permanent()], interval=1)
        pinned.write(network.memorize_permanent(0, network.encode(image), masks, among=1).as_pinned())
        assert overlap(pinned) > overlap(bank_of(network, image, masks)) + 0.01


def twins(*places: int) -> tuple[torch.Tensor, ...]:
    """A picture with the same thing at each of these columns, and a mask of each."""
    rng = np.random.default_rng(3)
    ground = cv2.resize(rng.uniform(0, 1, (24, 40, 3)).astype(np.float32), (320, 192), interpolation=cv2.INTER_CUBIC)
    twin = cv2.resize(rng.uniform(0, 1, (6, 6, 3)).astype(np.float32), (48, 48), interpolation=cv2.INTER_NEAREST)
    picture, masks = ground.clip(0, 1), np.zeros((len(places), 192, 320), np.float32)
    for mask, left in zip(masks, places, strict=True):
        picture[72:120, left : left + 48], mask[72:120, left : left + 48] = twin, 1
    return torch.from_numpy(picture).permute(2, 0, 1)[None], *torch.from_numpy(masks)[:, None]


def test_a_twin_that_walks_in_is_not_taken_while_the_object_is_all_there(network):
    (image, mask), (later, truth, other) = twins(40), twins(46, 206)
    with torch.inference_mode():
        features, seen, bank = network.encode(image), network.encode(later), bank_of(network, image, mask)
        state = network.update_state(0, features, mask, network.memorize_keyframe(0, features, mask, None)[1])
        assert state.unoccluded_area.tolist() == [48 * 48]
        followed, state = network.segment(seen, bank.view(), state)
        trusting, _ = network.segment(seen, bank.view(), replace(state, unoccluded_area=4 * state.unoccluded_area))
        assert network.update_state(1, seen, 0 * mask, state).unoccluded_area.tolist() == [48 * 48], (
            "however little is found"
        )
        assert network.update_state(1, seen, truth + other, state).unoccluded_area.tolist() == [2 * 48 * 48], (
            "it came nearer"
        )
        assert network.memorize_keyframe(1, seen, 0 * mask, state)[1].unoccluded_area.tolist() == [0], (
            "it is away, as a keyframe says"
        )
    assert (followed > 0.5).float()[truth > 0].mean() > 0.9 > 0.05 > (followed > 0.5).float()[other > 0].mean()
    assert (trusting > 0.5).float()[other > 0].mean() > 0.5, "part of it might be hidden"


def test_of_two_twins_that_the_memory_cannot_tell_apart_the_followed_one_is_found(network):
    (image, mask, _), (later, truth, other) = twins(40, 200), twins(46, 206)
    with torch.inference_mode():
        features = network.encode(image)
        state = network.update_state(0, features, mask, None)
        followed, _ = network.segment(network.encode(later), bank_of(network, image, mask).view(), state)
    found = (followed > 0.5).float()
    assert found[truth > 0].mean() > 0.9
    assert found[other > 0].mean() < 0.1


def test_what_is_foreseen_from_two_pictures_changes_nothing_but_when(network):
    torch.manual_seed(5)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 20), size=(96, 160), mode="bicubic").clamp(0, 1)
    mask, later = torch.zeros(1, 96, 160), image.roll((3, 5), (2, 3))
    mask[:, 30:60, 40:90] = 1
    with torch.inference_mode():
        first, second = network.encode(image), network.encode(later)
        state = network.update_state(0, first, mask, None)
        told = network.attach_flow(second, first)
        assert told.flow_from_previous.luma is state.luma  # so nothing is searched for again
        for seen in (told, network.attach_flow(second, second)):  # and not believed of another frame
            assert torch.equal(network.follow(seen, state, 1), network.follow(second, state, 1))


def test_in_whole_numbers_the_shipped_network_finds_the_same():
    if not quantised.ABLE:
        pytest.skip("this PyTorch has no whole numbers on the processor")
    recipe = find_recipe("keymatte")
    frames = [Image.open(CHAIR / "frames" / f"frame_{index:06d}.jpg").resize((384, 224)) for index in (0, 3)]
    images = [torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() / 255 for frame in frames]
    label = (
        np.asarray(Image.open(CHAIR / "masks" / "frame_000000.png").resize((384, 224), Image.Resampling.NEAREST)) > 0
    )
    mask = torch.from_numpy(label.astype(np.float32))[None]
    found = []
    for precision in ("float32", "auto"):
        network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
        network, kind = in_precision(network, torch.device("cpu"), precision)
        assert kind == (torch.float32 if precision == "float32" else torch.int8)
        with torch.inference_mode():
            state = network.update_state(0, network.encode(images[0]), mask, None)
            bank = bank_of(network, images[0], mask)
            found.append(network.segment(network.encode(images[1]), bank.view(), state)[0])
    plain, unoccluded_area = (probability > 0.5 for probability in found)
    assert not torch.equal(*found)
    assert (plain & unoccluded_area).sum() / (plain | unoccluded_area).sum() > 0.97


def test_the_shipped_weights_are_rounded_and_as_large_as_their_card_says():
    weights = loading.BUNDLED / "keymatte.safetensors"
    card = weights.with_suffix(".md").read_text(encoding="utf-8")
    told = re.search(r"([\d.]+) M parameters, ([\d.]+) MB", card)
    assert told[1] == f"{sum(tensor.numel() for tensor in loading.read(weights).values()) / 1e6:.1f}"
    assert told[2] == f"{weights.stat().st_size / 1e6:.1f}"
    assert loading.metadata(weights)["rounded"] == "int8"


def test_every_part_of_the_shipped_network_is_trained(network):
    for part in (network.fold.out, network.fold.narrow, network.decoder.moved_8, network.decoder.edges.correct):
        assert part.weight.abs().max() > 1e-3, "it is as it began, and does nothing"


def test_the_folded_trunk_computes_what_batch_norm_would():
    torch.manual_seed(0)
    trunk = EfficientNetLite0()
    published = {}

    def norm(name: str, channels: int) -> None:
        published[f"{name}.weight"], published[f"{name}.bias"] = torch.rand(channels) + 0.5, torch.randn(channels)
        published[f"{name}.running_mean"] = torch.randn(channels)
        published[f"{name}.running_var"] = torch.rand(channels) + 0.5

    published["_conv_stem.weight"] = torch.randn_like(trunk.stem.weight)
    norm("_bn0", 32)
    for index, block in zip((*range(13), 15), trunk.blocks, strict=True):  # those that are left out are not read
        for part, name, bn in (
            (block.expand, "_expand_conv", "_bn0"),
            (block.depthwise, "_depthwise_conv", "_bn1"),
            (block.project, "_project_conv", "_bn2"),
        ):
            if part is not None:
                published[f"_blocks.{index}.{name}.weight"] = torch.randn_like(part.weight)
                norm(f"_blocks.{index}.{bn}", part.weight.shape[0])
    state = folded_lite0(published)
    assert state.keys() == trunk.state_dict().keys()
    trunk.load_state_dict(state)
    image = torch.randn(1, 3, 32, 32)
    plain = torch.nn.functional.conv2d(
        torch.nn.functional.pad(image, (0, 1, 0, 1)), published["_conv_stem.weight"], stride=2
    )
    plain = torch.nn.functional.batch_norm(
        plain, *(published[f"_bn0.{name}"] for name in ("running_mean", "running_var", "weight", "bias")), eps=1e-3
    )
    assert torch.allclose(trunk.stem(image), torch.nn.functional.relu6(plain), atol=1e-4)


def test_specks_that_the_decoder_finds_away_from_the_object_are_not_given_out(network):
    image, mask = torch.rand(1, 3, 96, 224), torch.zeros(1, 96, 224)
    mask[:, 20:70, 10:80] = 1
    found = torch.where(mask > 0, 5.0, -5.0)
    found[:, 40:46, 180:186] = 5.0  # a speck

    def instead(module: torch.nn.Module, given: tuple, truth: DecoderOutput) -> DecoderOutput:
        return replace(truth, logits=found)

    handle = network.decoder.register_forward_hook(instead)
    try:
        with torch.inference_mode():
            features, bank = network.encode(image), bank_of(network, image, mask)
            state = network.update_state(0, features, mask, None)
            given, _ = network.segment(network.encode(image), bank.view(), state)
            first, _ = network.segment(network.encode(image), bank.view(), None)
    finally:
        handle.remove()
    assert torch.equal(given > 0.5, mask > 0)
    assert torch.equal(first > 0.5, found > 0)  # where it was is not known
