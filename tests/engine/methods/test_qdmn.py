"""QDMN beyond the golden numbers: other settings, several starts, scaled frames, and weights that do not fit."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.inference.framing import Framing
from engine.inference.mask_merging import SoftMaskMerger
from engine.inference.propagate import Matte, Propagator
from engine.inference.sweeps import group_jointly, plan_sweeps
from engine.memory.bank import MemoryBank
from engine.methods.registry import find_recipe
from engine.methods.settings import describe, find_settings
from engine.networks.precision import autocast
from engine.networks.qdmn import Qdmn, QdmnState
from engine.shared.errors import BadSetting, WeightsDamaged, WeightsMissing
from engine.shared.types import Direction
from tests import qdmn_reference
from tests.engine.methods.test_qdmn_parity import Recorder
from tests.qdmn_reference import Config, Reference
from tests.qdmn_weights import load, published_tensors

SIZE = (38, 53)  # of frames, in need of padding on all sides


def film(frames: int, *, noisy: tuple[int, ...] = ()) -> np.ndarray:
    """Return frames on which three discs move; those in `noisy` are hard to see."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    pictures = []
    for frame in range(frames):
        picture = np.stack([rows * 3, columns * 2, rows + columns], 2) % 200
        for number, colour in enumerate(((250, 40, 40), (40, 250, 40), (60, 60, 250))):
            picture[disc(number + 1, frame)] = colour
        noise = rng.integers(-90, 90, picture.shape) if frame in noisy else rng.integers(-4, 4, picture.shape)
        pictures.append((picture * (0.3 if frame in noisy else 1) + noise).clip(0, 255).astype(np.uint8))
    return np.stack(pictures)


def disc(number: int, frame: int) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (rows - 10 * number) ** 2 + (columns - 8 - 4 * frame - 4 * number) ** 2 < 50


def labels(frame: int, *objects: int) -> np.ndarray:
    found = np.zeros(SIZE, np.uint8)
    for number in objects:
        found[disc(number, frame)] = number
    return found


class Propagated:
    """A run of a recipe on a film: its mattes, its network and its last memory."""

    def __init__(
        self,
        network: Qdmn,
        frames: np.ndarray,
        truth: dict[int, np.ndarray],
        *,
        recipe: str = "qdmn",
        height: int = 480,
        direction: Direction | None = None,
        precision: torch.dtype | None = None,
        **settings: str,
    ) -> None:
        method, numbers = find_recipe(recipe).with_settings(
            {name.replace("__", "."): value for name, value in settings.items()}
        )
        with torch.device("meta"):
            built = method.build(numbers, {})
        self.banks: list[MemoryBank] = []
        self.slots: dict[int, list[int]] = {}
        self.network = Recorder(network, top_k=built.top_k, kernel=built.kernel, youtube=built.youtube)
        groups = group_jointly(
            [(frame, np.unique(mask[mask > 0]).tolist()) for frame, mask in truth.items()], max_objects=None
        )
        framing = Framing.fit(*SIZE, working_height=height, stride=16, style=method.framing_style(numbers))
        used = self.network if precision is None else autocast(self.network, torch.device("cpu"), precision)
        propagator = Propagator(
            used,
            lambda: self._new_bank(method.bank(numbers, used, len(frames))),
            framing=framing,
            merger=SoftMaskMerger(framing),
            read=lambda frame: frames[frame],
            truth=truth,
            groups=groups,
            device=torch.device("cpu"),
            keyframe_policy=method.keyframe_policy_for(numbers),
        )
        self.mattes: list[Matte] = []
        for matte in propagator.propagate(plan_sweeps(groups, range(len(frames)), direction or method.direction)):
            self.mattes.append(matte)
            self.slots[matte.frame + 1] = [entry.frame for entry in self.banks[-1].view().entries]

    def _new_bank(self, bank: MemoryBank) -> MemoryBank:
        self.banks.append(bank)
        return bank

    def probabilities(self) -> np.ndarray:
        """Return the probabilities (T, 1 + O, H, W) of all objects; 0 before an object's first keyframe."""
        found = np.zeros((len(self.mattes), 1 + max(self.mattes[-1].objects), *SIZE), np.float32)
        for row, matte in zip(found, self.mattes):
            row[[0, *matte.objects]] = matte.probability
        return found


@pytest.fixture(scope="module")
def reference(qdmn_weights: Path) -> Reference:
    return Reference(torch.load(qdmn_weights, weights_only=True))


DAVIS = {0: labels(0, 1, 2)}
STARTS = {0: labels(0, 1), 2: labels(2, 2), 5: labels(5, 3)}
CASES = {
    "memory_thr=1": (DAVIS, Config(mem_freq=1, memory_thr=1, score_threshold=1.18), {}),
    "memory_thr=0, published slots": (
        DAVIS, Config(mem_freq=1, memory_thr=0, score_threshold=1.18, published_slots=True),
        {"memory__published_slots": "1"},
    ),
    "a larger interval, one object": ({0: labels(0, 1)}, Config(mem_freq=3, score_threshold=1.1, top_k=7), {}),
    "kernels": (DAVIS, Config(mem_freq=2, km=1.5), {"km": "1.5"}),
    "scaled frames": (DAVIS, Config(mem_freq=2, height=30), {}),
    "memory_thr=0, three starts": (
        STARTS, Config(mem_freq=1, memory_thr=0, score_threshold=0.9, youtube=True), {"program__youtube": "1"},
    ),
    "two starts, scaled": (
        {0: labels(0, 1, 3), 3: labels(3, 2)}, Config(mem_freq=2, score_threshold=0.75, height=30, youtube=True),
        {"program__youtube": "1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_results_equal_those_of_a_plain_implementation(name: str, qdmn: Qdmn, reference: Reference):
    truth, config, settings = CASES[name]
    frames = film(9, noisy=(2, 4, 5))
    expected = qdmn_reference.run(reference, frames, truth, config)
    run = Propagated(
        qdmn, frames, truth, height=config.height or 480,
        mem_freq=str(config.mem_freq), memory_thr=str(config.memory_thr), top_k=str(config.top_k),
        score_threshold=str(config.score_threshold), **settings,
    )  # fmt: skip
    decided = {
        t: [frame for frame in slots if t == 1 or frame != t - 1 or t - 1 in expected.slots.get(t, [])]
        for t, slots in run.slots.items()
    }
    assert {t: decided[t] for t in expected.slots} == expected.slots
    if "memory_thr" in name:  # frames were refused, and others dropped
        ever = {frame for slots in expected.slots.values() for frame in slots}
        assert not ever >= set(range(8))
        assert not ever <= set(expected.slots[8])
    assert np.abs(run.probabilities() - expected.prob.numpy()).max() < 1e-4
    for t, scores in expected.scores.items():
        assert run.network.states[t].scores == pytest.approx(scores, rel=1e-4)


def test_use_km_is_the_kernel_of_the_authors_program(qdmn_weights: Path):
    assert load(qdmn_weights, use_km="1").kernel == 5.6
    assert load(qdmn_weights, km="2.25").kernel == 2.25


# -- memory and quality ------------------------------------------------------------------------------------------------
def test_permanent_keyframes_are_read_before_they_are_reached_and_in_both_directions(qdmn: Qdmn):
    truth = {2: labels(2, 1), 6: labels(6, 1, 2)}
    run = Propagated(qdmn, film(9), truth, recipe="qdmn++", mem_freq="2", score_threshold="0")
    assert [matte.frame for matte in run.mattes] == [*range(2, 9), *range(6, -1, -1)]
    forward, backward = ([entry.frame for entry in bank.view().entries] for bank in run.banks)
    assert (forward[:3], backward[:2]) == ([2, 6, 4], [2, 6]), "the keyframes are first"
    assert {4, 8} <= {*forward}, "the interval starts at each keyframe"
    assert {4, 0} <= {*backward}
    for matte in run.mattes:
        for number, alpha in zip(matte.objects, matte.alpha):
            if number in np.unique(truth.get(matte.frame, 0)):
                assert np.array_equal(alpha > 0.5, truth[matte.frame] == number)


def test_the_state_holds_a_score_per_object_and_its_ratio_to_the_keyframe(qdmn: Qdmn):
    run = Propagated(qdmn, film(4), {0: labels(0, 1, 2, 3)}, mem_freq="2")
    first, later = run.network.states[0], run.network.states[2]
    assert later.reference == pytest.approx(np.mean(first.scores))
    assert later.relative_scores() == pytest.approx(np.divide(later.scores, np.mean(first.scores)))
    assert len(later.scores) == 3
    assert qdmn.estimate_quality(later).tolist() == pytest.approx([*later.scores])
    assert qdmn.estimate_quality(QdmnState(scores=(1.5, 0.2))).tolist() == pytest.approx([1, 0.2])
    assert qdmn.estimate_quality(replace(later, scores=None)) is None, "not before the frame is memorized"


@pytest.mark.parametrize("youtube", ["0", "1"])
def test_if_all_scores_are_zero_no_frame_is_remembered_and_the_log_says_so(
    youtube: str, qdmn: Qdmn, caplog: pytest.LogCaptureFixture
):
    blind = Recorder(qdmn, quality=lambda deep: torch.zeros(len(deep)))
    with caplog.at_level(logging.WARNING):
        run = Propagated(blind, film(5), {0: labels(0, 1, 2)}, mem_freq="1", program__youtube=youtube)
    assert [run.slots[t] for t in range(1, 6)] == [[0], [0, 1], [0, 2], [0, 3], [0, 4]], "the latest frame is read once"
    assert np.isfinite(run.probabilities()).all()
    assert run.network.states[3].relative_scores() == (0.0, 0.0)
    assert "the network scores the masks of a reference frame as 0" in caplog.text


@pytest.mark.parametrize("memory", ["keyframes", "recent", "all", "restricted"])
def test_other_memories_can_be_chosen(memory: str, qdmn: Qdmn):
    run = Propagated(qdmn, film(7), {0: labels(0, 1), 2: labels(2, 2)}, memory=memory, mem_freq="2", memory__gate="1")
    entries = run.banks[0].view().entries
    assert [entry.frame for entry in entries] == ([0, 2] if memory == "keyframes" else [0, 2, 4, 6])
    assert all(entry.quality > 0 for entry in entries if not entry.pinned)
    assert np.isfinite(run.probabilities()).all()


def test_half_precision_changes_little(qdmn: Qdmn):
    full = Propagated(qdmn, film(4), DAVIS, mem_freq="1")
    half = Propagated(qdmn, film(4), DAVIS, mem_freq="1", precision=torch.bfloat16)
    assert half.slots == full.slots
    difference = np.abs(half.probabilities() - full.probabilities())
    assert 0 < difference.mean() < 0.05
    entry = half.banks[0].view().entries[0]
    assert {plane.dtype for plane in entry.layers[0].planes.values()} == {torch.float32}
    assert autocast(qdmn, torch.device("cpu"), torch.bfloat16).first_state(3).objects == 3


def test_a_clip_may_have_one_frame_and_many_objects(qdmn: Qdmn):
    many = np.repeat(np.arange(1, 14, dtype=np.uint8), 4)[None, : SIZE[1]].repeat(SIZE[0], 0)
    many = np.pad(many, ((0, 0), (0, SIZE[1] - many.shape[1])))
    (matte,) = Propagated(qdmn, film(1), {0: many}).mattes
    assert matte.objects == tuple(range(1, 14))
    assert np.abs(matte.probability.sum(0) - 1).max() < 1e-5


# -- weights -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.pop("score.fc2.bias"), r"lacks 'score\.fc2\.bias' \(1 missing, 0 unknown\)"),
        (lambda t: t.pop("rgb_encoder.conv1.bias"), r"lacks 'rgb_encoder\.conv1\.bias'"),
        (lambda t: t.update({"rgb_encoder.fc.weight": torch.zeros(1)}), r"unknown tensor 'rgb_encoder\.fc\.weight'"),
        (lambda t: t.update({"mask_rgb_encoder.conv1.weight": torch.zeros(64, 4, 7, 7)}), r"is \(64, 4, 7, 7\), but"),
        (lambda t: t["concat_conv.bias"].fill_(float("nan")), r"'concat_conv\.bias' contains values"),
    ],
)
def test_the_error_for_a_damaged_checkpoint_names_the_tensor(damage, words: str, tmp_path: Path):
    tensors = published_tensors()
    assert len(tensors) == 690
    damage(tensors)
    torch.save(tensors, tmp_path / "QDMN.pth")
    with pytest.raises(WeightsDamaged, match=words):
        load(tmp_path / "QDMN.pth")


def test_the_error_for_missing_weights_tells_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEYMATTE_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsMissing, match="QDMN, which are not installed") as raised:
        find_recipe("qdmn").network({}, weights=None, device=torch.device("cpu"))
    assert "with a browser, and run `models import FILE`" in raised.value.remedy


# -- settings ----------------------------------------------------------------------------------------------------------
def test_each_program_has_its_own_defaults_which_settings_override():
    settings = find_settings("qdmn")
    names = ("memory.interval", "memory.max_written", "memory.min_score", "read.top_k")
    assert [settings.numbers({})[name] for name in names] == [5, 20, 800_000, 50]
    assert [settings.numbers({"program.youtube": "1"})[name] for name in names] == [5, 10, 750_000, 50]
    changed = settings.numbers({"memory_thr": "7", "program.youtube": "1", "score_threshold": "0.125"})
    assert [changed[name] for name in names] == [5, 7, 125_000, 50]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("good", r"memory\.min_score must be a number such as 0\.8, not 'good'"),
        ("nan", "must be a number such as 0.8, not 'nan'"),
        ("0.8000001", "can have at most 6 digits after the point, not '0.8000001'"),
        ("-0.1", "must be at least 0, not -0.1"),
        ("101", "must be at most 100, not 101"),
        ("1e999999999", "must be a number such as 0.8, not '1e999999999'"),
    ],
)
def test_a_score_that_is_no_fraction_is_refused(text: str, words: str):
    with pytest.raises(BadSetting, match=words):
        find_settings("qdmn").numbers({"score_threshold": text})


def test_the_description_lists_the_settings_under_the_names_in_the_authors_programs():
    rows = {row.split()[1].strip(","): row.split() for row in describe(find_settings("qdmn")).splitlines()}
    assert {name: rows[name][2] for name in ("top_k", "mem_freq", "memory_thr", "score_threshold", "use_km", "km")} == {
        "top_k": "50", "mem_freq": "5", "memory_thr": "20", "score_threshold": "0.8", "use_km": "0", "km": "0",
    }  # fmt: skip
