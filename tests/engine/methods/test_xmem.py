"""XMem in cases that the authors' programs do not cover: other sizes, late objects, bad weights, full memories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.checkpoints import loading
from engine.inference.framing import Framing
from engine.inference.mask_merging import SoftMaskMerger
from engine.inference.propagate import Propagator
from engine.inference.sweeps import group_jointly, plan_sweeps
from engine.memory.entry import Entry
from engine.memory.long_term import LongTerm
from engine.memory.tokens import Tokens
from engine.memory.working import FirstAndWorking, Working
from engine.methods.registry import find_recipe
from engine.networks.xmem import XMem, XMemSizes
from engine.shared.errors import BadSetting, WeightsDamaged, WeightsMissing
from engine.shared.types import Direction
from tests.engine.methods.test_xmem_parity import MANIFEST
from tests.pseudo_weights import pseudo_weights

SHAPES = {name: tuple(shape) for name, shape in MANIFEST["weights"]["shapes"].items()}
GAINS = MANIFEST["weights"]["gain"]
SENSORY = ("decoder.hidden_update.", "value_encoder.hidden_reinforce.")


def state(changes: dict[str, tuple[int, ...]] | None = None, *, without: tuple[str, ...] = ()) -> dict:
    shapes = {name: shape for name, shape in {**SHAPES, **(changes or {})}.items() if not name.startswith(without)}
    return pseudo_weights(shapes, seed=1, gains=GAINS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "XMem.pth"
    torch.save(state(), path)
    return path


def loaded(path: Path, recipe: str = "xmem", **numbers: str) -> XMem:
    method = find_recipe(recipe)
    return method.network(method.numbers(numbers), weights=path, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def network(saved: Path) -> XMem:
    """Return one network for all tests, which can share it as it stores nothing of a clip."""
    return loaded(saved)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def propagated(
    network: XMem,
    recipe: str,
    truth: dict[int, np.ndarray],
    *,
    frames: int,
    direction: Direction = Direction.FORWARD,
    size: tuple[int, int] = (64, 80),
    **numbers: str,
):
    method = find_recipe(recipe)
    groups = group_jointly(
        [(frame, np.unique(mask[mask > 0]).tolist()) for frame, mask in truth.items()], max_objects=None
    )
    framing = Framing.fit(*size, working_height=480, stride=16, style=method.framing)
    propagator = Propagator(
        network,
        lambda: method.bank(
            method.numbers({name.replace("__", "."): value for name, value in numbers.items()}), network, frames
        ),
        framing=framing,
        merger=SoftMaskMerger(framing),
        read=lambda frame: picture(*size, seed=frame),
        truth=truth,
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=method.keyframe_policy,
    )
    before_first = method.keyframe_policy.permanent
    return list(propagator.propagate(plan_sweeps(groups, range(frames), direction, before_first=before_first)))


def mask(*objects: int, size: tuple[int, int] = (64, 80)) -> np.ndarray:
    labels = np.zeros(size, np.uint8)
    for index, number in enumerate(objects):
        labels[4 + 2 * index : size[0] // 2, index * 16 : index * 16 + 12] = number
    return labels


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({}, XMemSizes()),
        (
            {
                "key_proj.key_proj.weight": (32, 1024, 3, 3),
                "key_proj.key_proj.bias": (32,),
                "key_proj.e_proj.weight": (32, 1024, 3, 3),
                "key_proj.e_proj.bias": (32,),
            },
            XMemSizes(key=32),
        ),
    ],
)
def test_sizes_are_read_from_the_weights(changes: dict, sizes: XMemSizes, tmp_path: Path):
    torch.save(state(changes), tmp_path / "w.pth")
    assert loaded(tmp_path / "w.pth").sizes == sizes


def test_weights_without_a_sensory_memory_run_without_one(tmp_path: Path):
    changes = {
        "decoder.fuser.block1.conv1.weight": (512, 1536, 3, 3),
        "decoder.fuser.block1.downsample.weight": (512, 1536, 3, 3),
    }
    torch.save(state(changes, without=SENSORY), tmp_path / "w.pth")
    network = loaded(tmp_path / "w.pth")
    assert network.sense is None
    assert len(propagated(network, "xmem", {0: mask(1)}, frames=3)) == 3


def test_weights_for_single_objects_get_a_zero_input_for_other_masks(tmp_path: Path):
    torch.save(state({"value_encoder.conv1.weight": (64, 4, 7, 7)}), tmp_path / "w.pth")
    stem = loaded(tmp_path / "w.pth").values.encoder.stem.weight
    assert stem.shape[1] == 5
    assert stem[:, 4].abs().max() == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.pop("decoder.pred.bias"), r"lacks 'decoder\.pred\.bias'"),
        (lambda t: t.update({"encoder.conv1.weight": torch.zeros(1)}), r"unknown tensor 'encoder\.conv1\.weight'"),
        (lambda t: t.update({"decoder.pred.bias": torch.zeros(2)}), r"'decoder\.pred\.bias' is \(2,\)"),
        (lambda t: t["decoder.pred.bias"].fill_(float("nan")), r"'decoder\.pred\.bias' contains values"),
        (lambda t: (t.clear(), t.update({"stem.weight": torch.zeros(3)})), "unknown tensor|lacks"),
    ],
)
def test_the_error_for_a_damaged_checkpoint_names_the_tensor(damage, words: str, tmp_path: Path):
    tensors = state()
    damage(tensors)
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(WeightsDamaged, match=words):
        loaded(tmp_path / "w.pth")


def test_weights_of_another_network_are_refused(saved: Path):
    keymatte = loading.BUNDLED / "keymatte.safetensors"
    with pytest.raises(WeightsDamaged, match=r"keymatte\.safetensors does not fit this network"):
        loaded(keymatte)
    with pytest.raises(WeightsDamaged, match=r"XMem\.pth does not fit this network"):
        find_recipe("keymatte").network(
            {"read.top_k": 3, "previous.follow": 1, "keyframes.enlarged": 100},
            weights=saved,
            device=torch.device("cpu"),
        )


def test_a_channel_count_other_than_the_weights_is_refused(saved: Path):
    with pytest.raises(WeightsDamaged, match=r"network\.key_channels is set to 32, but the weights have 64"):
        loaded(saved, **{"network.key_channels": "32"})


def test_the_error_for_missing_weights_tells_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEYMATTE_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsMissing, match="XMem, which are not installed") as raised:
        find_recipe("xmem++").network({}, weights=None, device=torch.device("cpu"))
    assert "models download XMem" in raised.value.remedy


@pytest.mark.parametrize(("size", "recipe"), [((9, 7), "xmem++"), ((33, 95), "xmem"), ((95, 33), "xmem")])
def test_mattes_have_the_size_of_the_frames(size: tuple[int, int], recipe: str, network: XMem):
    labels = np.zeros(size, np.uint8)
    labels[: size[0] // 2, : size[1] // 2] = 3
    mattes = propagated(network, recipe, {0: labels}, frames=3, size=size)
    assert [matte.alpha.shape for matte in mattes] == [(1, *size)] * 3
    assert np.array_equal(mattes[0].alpha[0] > 0.5, labels == 3)
    assert all(np.isfinite(matte.alpha).all() for matte in mattes)


def test_a_clip_may_have_one_frame(network: XMem):
    (matte,) = propagated(network, "xmem", {0: mask(1, 2)}, frames=1)
    assert matte.objects == (1, 2)


@pytest.mark.parametrize(
    ("recipe", "direction"),
    [("xmem", Direction.BOTH), ("xmem++", Direction.FORWARD), ("xmem++", Direction.BACKWARD)],
)
def test_objects_may_appear_late_and_have_any_numbers(recipe: str, direction: Direction, network: XMem):
    truth = {2: mask(1, 4), 4: mask(2, 7)}
    mattes = propagated(network, recipe, truth, frames=6, direction=direction)
    for matte in mattes:
        labels = truth.get(matte.frame)
        for number, alpha in zip(matte.objects, matte.alpha):
            assert np.isfinite(alpha).all()
            if labels is not None and number in np.unique(labels):
                assert np.array_equal(alpha > 0.5, labels == number)
    assert {number for matte in mattes for number in matte.objects} == {1, 2, 4, 7}
    assert {matte.frame for matte in mattes} == set(range(6))


def test_twelve_objects_in_one_frame(network: XMem):
    labels = np.repeat(np.arange(1, 13, dtype=np.uint8), 8)[None].repeat(64, 0)
    mattes = propagated(network, "xmem", {0: labels}, frames=2, size=(64, 96))
    assert mattes[-1].alpha.shape == (12, 64, 96)
    assert mattes[-1].alpha.sum(0).max() < 1.0001


def test_late_objects_do_not_stop_a_full_long_term_memory(network: XMem):
    numbers = {
        "memory__interval": "1",
        "memory__min_frames": "1",
        "memory__max_frames": "3",
        "memory__prototypes": "8",
        "memory__long_term_tokens": "16",
    }
    for recipe in ("xmem", "xmem++"):
        mattes = propagated(network, recipe, {0: mask(1), 3: mask(2)}, frames=10, **numbers)
        assert len(mattes) == 10
        assert all(np.isfinite(matte.alpha).all() for matte in mattes)


def entry(frame: int, *, tokens: int = 4) -> Entry:
    planes = {
        "key": torch.full((2, tokens), float(frame)),
        "shrinkage": torch.ones(1, tokens),
        "selection": torch.ones(2, tokens),
        "value": torch.full((1, 3, tokens), float(frame)),
    }
    return Entry(frame, (Tokens(planes),), objects=(0,))


def frames(store: Working | FirstAndWorking | LongTerm) -> list[int]:
    return [stored.frame for stored in store.entries()]


def test_working_memory_evicts_older_frames_in_batches():
    store = Working(2, 4)
    evicted = [[stored.frame for stored in store.write([entry(frame)])] for frame in range(8)]
    assert evicted == [[], [], [], [0, 1], [], [2, 3], [], [4, 5]]
    assert frames(store) == [6, 7]


@pytest.mark.parametrize(("min_frames", "kept"), [(1, [0]), (2, [0, 3]), (3, [0, 2, 3])])
def test_the_first_frame_is_never_evicted(min_frames: int, kept: list[int]):
    store = FirstAndWorking(min_frames, 4)
    for frame in range(4):
        evicted = store.write([entry(frame)])
    assert frames(store) == kept
    assert [stored.frame for stored in evicted] == [frame for frame in range(4) if frame not in kept]


def test_long_term_memory_drops_the_least_used_tokens_to_stay_within_its_limit():
    store = LongTerm(
        lambda entries, count: entry(entries[-1].frame, tokens=count), prototypes=4, max_tokens=8, counting=True
    )
    for frame in range(3):
        store.write([entry(frame)])
        assert sum(len(stored) for stored in store.entries()) <= 8
        for stored in store.entries():  # tokens of even frames are read more; no two equally
            stored.usage.add(torch.arange(1.0, 5.0)[: len(stored)] * (10 if stored.frame % 2 == 0 else 1))
    assert frames(store) == [0, 2]


def test_long_term_memory_without_counting_drops_the_oldest():
    store = LongTerm(
        lambda entries, count: entry(entries[-1].frame, tokens=count), prototypes=4, max_tokens=8, counting=False
    )
    for frame in range(4):
        store.write([entry(frame)])
    assert frames(store) == [2, 3]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"memory.min_frames": "10"}, r"memory\.max_frames must be greater than memory\.min_frames, which is 10"),
        ({"memory.long_term_tokens": "100"}, r"memory\.long_term_tokens must be at least memory\.prototypes"),
    ],
)
def test_contradictory_options_are_refused(numbers: dict[str, str], words: str):
    with pytest.raises(BadSetting, match=words):
        find_recipe("xmem++").numbers(numbers)
