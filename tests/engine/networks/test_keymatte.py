"""Keymatte: shapes of its results, what its inputs contribute, and its shipped weights."""

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
from engine.jobs.setup import with_precision
from engine.layers import quantised
from engine.layers.affinity import TopK, select_top_k
from engine.layers.backbones import EfficientNetLite0, convert_lite0
from engine.layers.keymatte_decoder import DecoderOutput
from engine.memory.bank import MemoryBank
from engine.memory.stores import Permanent
from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte

CHAIR = Path(__file__).parents[2] / "clips" / "chair"


def bank_of(network: Keymatte, image: torch.Tensor, masks: torch.Tensor) -> MemoryBank:
    """Return a memory bank that holds one keyframe."""
    bank = MemoryBank([Permanent()], interval=1)
    bank.write(network.memorize(0, network.encode(image), masks, None)[0].as_pinned())
    return bank


def test_it_has_few_parameters():
    assert 3e6 < sum(weight.numel() for weight in Keymatte().parameters()) < 8e6


@pytest.mark.parametrize(("objects", "height", "width"), [(1, 32, 32), (3, 64, 96), (12, 32, 64)])
def test_probabilities_have_the_shape_of_the_frame(network, objects: int, height: int, width: int):
    image, masks = torch.rand(1, 3, height, width), torch.rand(objects, height, width).round()
    with torch.inference_mode():
        probabilities, _ = network.segment(network.encode(image), bank_of(network, image, masks).view(), None)
    assert probabilities.shape == (objects, height, width)
    assert 0 <= probabilities.min() <= probabilities.max() <= 1


def test_encoding_a_batch_equals_encoding_each_image(network):
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        in_batch, alone = network.encode_batch(images)[1], network.encode(images[1:])
    assert torch.allclose(in_batch.query["key"], alone.query["key"], atol=1e-4)


def test_an_object_is_found_again_on_the_same_frame_and_an_empty_mask_stays_empty(network):
    torch.manual_seed(1)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12), size=(192, 192), mode="nearest")
    masks = torch.zeros(2, 192, 192)
    masks[0, 48:144, 64:128] = 1
    with torch.inference_mode():
        features = network.encode(image)
        bank = bank_of(network, image, masks)
        state = network.update_state(0, features, masks, None)
        found, _ = network.segment(features, bank.view(), state)
    iou = ((found[0] > 0.5) & (masks[0] > 0)).sum() / ((found[0] > 0.5) | (masks[0] > 0)).sum()
    assert iou > 0.9
    assert (found[1] > 0.5).float().mean() < 0.01


def chair(network: Keymatte, frame: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a frame of the bundled clip as the network takes it, (1, 3, H, W), and its mask, (1, H, W)."""
    name = f"frame_{frame:06d}"
    pixels = cv2.cvtColor(cv2.imread(str(CHAIR / "frames" / f"{name}.jpg")), cv2.COLOR_BGR2RGB)
    framing = Framing.fit(*pixels.shape[:2], working_height=480, stride=network.stride)
    mask = torch.from_numpy(np.array(Image.open(CHAIR / "masks" / f"{name}.png")) > 0)
    return framing.apply(pixels, torch.device("cpu")), framing.apply_masks(mask[None].float())


def test_several_tokens_share_a_readout(network):
    """Require several memory tokens: with one, keys would get no gradient, and one wrong match would decide all."""
    recorded: list[torch.Tensor] = []

    def recording(scores: torch.Tensor, *, top_k: int) -> TopK:
        recorded.append(select_top_k(scores, top_k=top_k).weight)
        return select_top_k(scores, top_k=top_k)

    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        memory = bank_of(network, *chair(network, 0))
        patch.setattr(network, "select_top_k", recording)
        network.segment(network.encode(chair(network, 9)[0]), memory.view(), None)
    (weights,) = recorded
    effective_tokens = (-(weights * weights.clamp(min=1e-9).log()).sum(1)).exp()  # perplexity
    assert effective_tokens.median() > 2


def test_the_decoder_gets_the_similarity_to_memory(network):
    with torch.inference_mode():
        image, masks = chair(network, 0)
        changed = image.clone()
        changed[..., changed.shape[-1] // 2 :] = torch.rand(3)[:, None, None]
        inputs = network.decoder_inputs(network.encode(changed), bank_of(network, image, masks).view(), None)
    similar = inputs.previous[0, 2]
    columns = similar.shape[-1]
    assert 0 < similar.min() <= similar.max() < 1.001
    assert similar[:, : columns // 3].mean() > 0.6 > 0.4 > similar[:, -columns // 3 :].mean()


def test_a_permanent_keyframe_is_memorized_enlarged_too(network):
    image, masks = chair(network, 0)
    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        features = network.encode(image)
        plain, _ = network.memorize_keyframe(7, features, masks, None)
        of_one, of_ten, of_twelve = (
            network.memorize_permanent(7, features, masks, among=count) for count in (1, 10, 12)
        )
        patch.setattr(network, "enlarged", 1.0)
        assert len(network.memorize_permanent(7, features, masks, among=1)) == len(plain)
    value = plain.layers[0]["value"]
    assert network.enlarged > 1.2
    assert torch.equal(of_one.layers[0]["value"][..., : len(plain)], value)
    assert len(of_one) - len(plain) == pytest.approx(network.enlarged**2 * len(plain), rel=0.1)
    assert len(of_ten) - len(plain) == pytest.approx(0.3 * (len(of_one) - len(plain)), rel=0.01)
    assert of_one.frame == 7
    all_keys, some_keys = (entry.layers[0]["key"][:, len(plain) :] for entry in (of_one, of_twelve))
    height, width = (round(side * network.enlarged / 32) * 2 for side in masks.shape[1:])
    kept = (all_keys.T[:, None] == some_keys.T).all(-1).any(1).reshape(height, width)
    # A quarter of the cells, evenly spread: at least one of any 3 x 4.
    assert kept.float().mean() == pytest.approx(0.25, rel=0.02)
    assert torch.nn.functional.max_pool2d(kept[None].float(), (3, 4), stride=1).min() == 1


def test_an_enlarged_keyframe_helps_to_find_an_object_that_came_closer(network):
    image, masks = chair(network, 0)
    (top, left), (high, wide) = (0, 32), (384, 640)  # around the chair: sides multiples of 32
    larger = [round(side * network.enlarged / 32) * 32 for side in (high, wide)]
    closer, truth = (
        torch.nn.functional.interpolate(maps[..., top : top + high, left : left + wide], size=larger, mode="bilinear")
        for maps in (image, masks[None])
    )

    def iou_from(memory: MemoryBank) -> float:
        """Return the IoU of the true mask and the one that the network finds by this memory alone."""
        found, expected = network.segment(network.encode(closer), memory.view(), None)[0] > 0.5, truth[0] > 0.5
        return float((found & expected).sum() / (found | expected).sum())

    with torch.inference_mode():
        pinned = MemoryBank([Permanent()], interval=1)
        pinned.write(network.memorize_permanent(0, network.encode(image), masks, among=1).as_pinned())
        assert iou_from(pinned) > iou_from(bank_of(network, image, masks)) + 0.01


def twins(*columns: int) -> tuple[torch.Tensor, ...]:
    """Return an image (1, 3, H, W) that shows the same object at each of `columns`, and a mask (1, H, W) of each."""
    rng = np.random.default_rng(3)
    ground = cv2.resize(rng.uniform(0, 1, (24, 40, 3)).astype(np.float32), (320, 192), interpolation=cv2.INTER_CUBIC)
    twin = cv2.resize(rng.uniform(0, 1, (6, 6, 3)).astype(np.float32), (48, 48), interpolation=cv2.INTER_NEAREST)
    picture, masks = ground.clip(0, 1), np.zeros((len(columns), 192, 320), np.float32)
    for mask, left in zip(masks, columns, strict=True):
        picture[72:120, left : left + 48], mask[72:120, left : left + 48] = twin, 1
    return torch.from_numpy(picture).permute(2, 0, 1)[None], *torch.from_numpy(masks)[:, None]


def test_a_twin_that_enters_is_dropped_while_the_object_is_completely_visible(network):
    (image, mask), (later, truth, other) = twins(40), twins(46, 206)
    with torch.inference_mode():
        features, features_later, bank = network.encode(image), network.encode(later), bank_of(network, image, mask)
        state = network.update_state(0, features, mask, network.memorize_keyframe(0, features, mask, None)[1])
        assert state.unoccluded_area.tolist() == [48 * 48]
        found, state = network.segment(features_later, bank.view(), state)
        larger = replace(state, unoccluded_area=4 * state.unoccluded_area)
        found_if_larger, _ = network.segment(features_later, bank.view(), larger)
        lost = network.update_state(1, features_later, 0 * mask, state)
        assert lost.unoccluded_area.tolist() == [48 * 48], "a smaller mask does not change the area"
        closer = network.update_state(1, features_later, truth + other, state)
        assert closer.unoccluded_area.tolist() == [2 * 48 * 48], "a larger mask does"
        absent = network.memorize_keyframe(1, features_later, 0 * mask, state)[1]
        assert absent.unoccluded_area.tolist() == [0], "a keyframe without the object resets the area"
    assert (found > 0.5).float()[truth > 0].mean() > 0.9 > 0.05 > (found > 0.5).float()[other > 0].mean()
    assert (found_if_larger > 0.5).float()[other > 0].mean() > 0.5, "kept if part of the object may be occluded"


def test_of_two_equal_objects_the_one_in_the_previous_mask_is_found(network):
    (image, mask, _), (later, truth, other) = twins(40, 200), twins(46, 206)
    with torch.inference_mode():
        features = network.encode(image)
        state = network.update_state(0, features, mask, None)
        probabilities, _ = network.segment(network.encode(later), bank_of(network, image, mask).view(), state)
    found = (probabilities > 0.5).float()
    assert found[truth > 0].mean() > 0.9
    assert found[other > 0].mean() < 0.1


def test_attached_flow_gives_the_same_as_flow_computed_later(network):
    torch.manual_seed(5)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 20), size=(96, 160), mode="bicubic").clamp(0, 1)
    mask, later = torch.zeros(1, 96, 160), image.roll((3, 5), (2, 3))
    mask[:, 30:60, 40:90] = 1
    with torch.inference_mode():
        first, second = network.encode(image), network.encode(later)
        state = network.update_state(0, first, mask, None)
        attached = network.attach_flow(second, first)
        assert attached.flow_from_previous.luma is state.luma  # so the flow is not computed again
        for features in (attached, network.attach_flow(second, second)):  # the flow from another frame is ignored
            assert torch.equal(network.warp_previous(features, state, 1), network.warp_previous(second, state, 1))


def test_the_quantised_network_finds_the_same():
    if not quantised.AVAILABLE:
        pytest.skip("quantised convolutions are not available")
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
        network, kind = with_precision(network, torch.device("cpu"), precision)
        assert kind == (torch.float32 if precision == "float32" else torch.int8)
        with torch.inference_mode():
            state = network.update_state(0, network.encode(images[0]), mask, None)
            bank = bank_of(network, images[0], mask)
            found.append(network.segment(network.encode(images[1]), bank.view(), state)[0])
    in_floats, in_integers = (probability > 0.5 for probability in found)
    assert not torch.equal(*found)
    assert (in_floats & in_integers).sum() / (in_floats | in_integers).sum() > 0.97


def test_the_shipped_weights_are_rounded_and_have_the_size_in_their_model_card():
    weights = loading.BUNDLED / "keymatte.safetensors"
    card = weights.with_suffix(".md").read_text(encoding="utf-8")
    sizes = re.search(r"([\d.]+) M parameters, ([\d.]+) MB", card)
    assert sizes[1] == f"{sum(tensor.numel() for tensor in loading.read(weights).values()) / 1e6:.1f}"
    assert sizes[2] == f"{weights.stat().st_size / 1e6:.1f}"
    assert loading.metadata(weights)["rounded"] == "int8"


def test_parts_initialised_to_zero_are_trained_in_the_shipped_network(network):
    for part in (network.fold.out, network.fold.narrow, network.decoder.moved_8, network.decoder.edges.correct):
        assert part.weight.abs().max() > 1e-3, "still zero"


def test_folded_weights_compute_the_same_as_batch_norm():
    torch.manual_seed(0)
    trunk = EfficientNetLite0()
    published = {}

    def norm(name: str, channels: int) -> None:
        published[f"{name}.weight"], published[f"{name}.bias"] = torch.rand(channels) + 0.5, torch.randn(channels)
        published[f"{name}.running_mean"] = torch.randn(channels)
        published[f"{name}.running_var"] = torch.rand(channels) + 0.5

    published["_conv_stem.weight"] = torch.randn_like(trunk.stem.weight)
    norm("_bn0", 32)
    for index, block in zip((*range(13), 15), trunk.blocks, strict=True):  # blocks left out are not converted
        for part, name, bn in (
            (block.expand, "_expand_conv", "_bn0"),
            (block.depthwise, "_depthwise_conv", "_bn1"),
            (block.project, "_project_conv", "_bn2"),
        ):
            if part is not None:
                published[f"_blocks.{index}.{name}.weight"] = torch.randn_like(part.weight)
                norm(f"_blocks.{index}.{bn}", part.weight.shape[0])
    state = convert_lite0(published)
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


def test_spurious_components_are_suppressed_in_the_result(network):
    image, mask = torch.rand(1, 3, 96, 224), torch.zeros(1, 96, 224)
    mask[:, 20:70, 10:80] = 1
    found = torch.where(mask > 0, 5.0, -5.0)
    found[:, 40:46, 180:186] = 5.0  # a spurious component

    def replace_logits(module: torch.nn.Module, inputs: tuple, output: DecoderOutput) -> DecoderOutput:
        return replace(output, logits=found)

    handle = network.decoder.register_forward_hook(replace_logits)
    try:
        with torch.inference_mode():
            features, bank = network.encode(image), bank_of(network, image, mask)
            state = network.update_state(0, features, mask, None)
            filtered, _ = network.segment(network.encode(image), bank.view(), state)
            unfiltered, _ = network.segment(network.encode(image), bank.view(), None)
    finally:
        handle.remove()
    assert torch.equal(filtered > 0.5, mask > 0)
    assert torch.equal(unfiltered > 0.5, found > 0)  # without a previous mask nothing is suppressed
