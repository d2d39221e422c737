"""Views in a real run: one is an ordinary run to the bit, and mirrored and scaled ones are merged as by hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.evaluation.benchmarks import types
from engine.evaluation.benchmarks.given import GivenMasks
from engine.evaluation.benchmarks.predicting import Clock, LoadedMethod, predict
from engine.evaluation.benchmarks.types import Benchmark, Given, Rules
from engine.evaluation.benchmarks.views import merge, views
from engine.inference.framing import Framing
from engine.inference.propagate import Propagator
from engine.inference.sweeps import group_jointly, plan_sweeps
from engine.methods.recipe import for_inference
from engine.methods.registry import find_recipe
from engine.shared.types import Direction

SIZE, FRAMES = (70, 90), 4
YOUTUBE = Benchmark("made", "Made", Rules.YOUTUBE, Given.EVERY_OBJECT)
MASK = np.zeros(SIZE, np.uint8)
MASK[10:50, 8:40], MASK[20:60, 45:80] = 1, 2


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Write blurred noise that moves to the right, and return the files."""
    folder, random = tmp_path_factory.mktemp("frames"), np.random.default_rng(28)
    wide = Image.fromarray(random.integers(0, 255, (18, 30, 3), np.uint8)).resize((120, 70), Image.Resampling.BICUBIC)
    paths = tuple(folder / f"{number:05d}.png" for number in range(FRAMES))
    for number, path in enumerate(paths):
        wide.crop((3 * number, 0, 3 * number + 90, 70)).save(path)
    return paths


@pytest.fixture(scope="module", params=["xmem", "deaot-l-mbv2"])
def method(request: pytest.FixtureRequest) -> LoadedMethod:
    """Return a method with random weights, always the same."""
    recipe, cpu = find_recipe(request.param), torch.device("cpu")
    torch.manual_seed(28)
    network = recipe.build(recipe.numbers({}), {})
    assert isinstance(network, torch.nn.Module)
    return LoadedMethod(recipe, recipe.numbers({}), for_inference(network, cpu), cpu)


def evaluated(method: LoadedMethod, pictures: tuple[Path, ...], **options: object) -> list[np.ndarray]:
    """Return the labels of all frames as an evaluation predicts them."""
    stems = tuple(path.stem for path in pictures)
    sequence = types.Sequence("made", pictures, {}, {}, stems)
    given = GivenMasks(SIZE, {0: MASK}, {0: (1, 2)}, pictures[0])
    found = views(method.recipe, method.numbers, YOUTUBE, SIZE, stride=method.network.stride, height=64, **options)  # type: ignore[arg-type]
    labels = dict(predict(sequence, given, method, found, partial(merge, recipe=method.recipe), Clock()))
    return [labels[frame] for frame in range(FRAMES)]


def by_hand(
    method: LoadedMethod, pictures: tuple[Path, ...], framing: Framing, *, mirrored: bool = False
) -> list[np.ndarray]:
    """Return the probabilities (3, H, W) of all frames, computed as an ordinary run does; of mirrored ones if asked to.

    They are those of the mirrored frames, not mirrored back.
    """

    def seen(pixels: np.ndarray) -> np.ndarray:
        return np.flip(pixels, axis=1).copy() if mirrored else pixels

    recipe, network = method.recipe, method.network
    policy = recipe.keyframe_policy_for(method.numbers)
    groups = group_jointly([(0, (1, 2))], max_objects=network.max_objects)
    propagator = Propagator(
        network,
        lambda: recipe.bank(method.numbers, network, FRAMES),
        framing=framing,
        merger=recipe.mask_merger(framing),
        read=lambda frame: seen(np.array(Image.open(pictures[frame]))),
        truth={0: seen(MASK)},
        groups=groups,
        device=method.device,
        keyframe_policy=policy,
    )
    sweeps = plan_sweeps(groups, range(FRAMES), Direction.FORWARD, before_first=policy.before_first)
    return [matte.probability for matte in propagator.propagate(sweeps)]


def likeliest(probabilities: list[np.ndarray]) -> list[np.ndarray]:
    """Return labels; on the first frame they are the mask that was given."""
    return [MASK, *(one.argmax(0) for one in probabilities[1:])]


def framing_at(method: LoadedMethod, height: int, width: int) -> Framing:
    """Return a framing with this working size, as the method has it."""
    style, stride = method.recipe.framing_style(method.numbers), method.network.stride
    if style.fitted:
        return Framing(*SIZE, height, width, 0, 0, 0, 0, style)
    rows, columns = -height % stride, -width % stride
    return Framing(
        *SIZE, height, width, rows // 2, columns // 2, rows - rows // 2, columns - columns // 2, style
    )  # fmt: skip


def test_one_view_is_an_ordinary_run_to_the_bit(method, pictures):
    style = method.recipe.framing_style(method.numbers)
    framing = Framing.fit(*SIZE, working_height=64, stride=method.network.stride, style=style)
    expected = likeliest(by_hand(method, pictures, framing))
    assert all(map(np.array_equal, evaluated(method, pictures), expected))
    assert any(len(np.unique(labels)) > 1 for labels in expected[1:])  # not all background


def test_with_flip_the_run_is_merged_with_that_of_mirrored_frames(method, pictures):
    style = method.recipe.framing_style(method.numbers)
    framing = Framing.fit(*SIZE, working_height=64, stride=method.network.stride, style=style)
    plain = by_hand(method, pictures, framing)
    mirrored = [np.flip(one, axis=2) for one in by_hand(method, pictures, framing, mirrored=True)]
    if method.recipe.name == "xmem":  # whole bytes, rounded down, are added
        merged = [
            (one * 255).astype(np.uint8).astype(np.float32) + (other * 255).astype(np.uint8)
            for one, other in zip(plain, mirrored)
        ]
    else:
        merged = [(one + other) / 2 for one, other in zip(plain, mirrored)]
    expected = likeliest(merged)
    assert all(map(np.array_equal, evaluated(method, pictures, flip=True), expected))
    assert not all(map(np.array_equal, expected, likeliest(plain)))  # the mirror image does change something


def test_scales_are_merged(method, pictures):
    # The factors are 1 and 1.5 of a height of 64. XMem: 70x90 becomes 64x82 (90 * 64 / 70 = 82.3) and 96x123 (123.4).
    # AOT's code limits the sides to 64 * 1.3 = 83.2 and 138.7, which they are within: 70x90 and 105x135. Less one, they
    # are 4.3, 5.6, 6.5 and 8.4 times 16, rounded 4, 6, 6 (to the even one) and 8: 65x97 and 97x129.
    sizes = [(64, 82), (96, 123)] if method.recipe.name == "xmem" else [(65, 97), (97, 129)]
    one, other = (by_hand(method, pictures, framing_at(method, *size)) for size in sizes)
    bytewise = method.recipe.name == "xmem"
    merged = [np.floor(a * 255) + np.floor(b * 255) if bytewise else (a + b) / 2 for a, b in zip(one, other)]
    assert all(map(np.array_equal, evaluated(method, pictures, scales=(1.0, 1.5)), likeliest(merged)))
