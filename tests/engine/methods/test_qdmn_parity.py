"""QDMN gives the results of its authors' two programs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.__main__ import main
from engine.inference.framing import Framing
from engine.inference.mask_merging import SoftMaskMerger
from engine.inference.propagate import Matte, Propagator
from engine.inference.sweeps import group_jointly, plan_sweeps
from engine.layers.aggregate import aggregate
from engine.memory.bank import MemoryBank
from engine.methods.registry import find_recipe
from engine.networks.qdmn import Qdmn, QdmnState
from tests.qdmn_weights import GOLDEN, MANIFEST

XMEM_CLIPS = GOLDEN.parent / "xmem" / "clips.npz"
FULL = Path(__file__).parents[4] / "shared" / "parity" / "xmem"  # folder of complete arrays, which may be absent
TOLERANCE = 1e-4
CASES = MANIFEST["cases"]
PROGRAM = {"qdmn_davis": {"memory.published_slots": "1"}, "qdmn_yv": {"program.youtube": "1"}}  # case -> settings
LAST = 13  # frame; the authors' programs memorize nothing there


@cache
def golden() -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "golden.npz") as stored:
        return dict(stored)


@cache
def clip(name: str) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Return the frames of a clip and its keyframes: XMem's clip, with fog on some frames."""
    with np.load(XMEM_CLIPS) as stored, np.load(GOLDEN / "frames.npz") as fog:
        late = name == "fog_late"
        frames = stored["clip_late_frames" if late else "clip_main_frames"].copy()
        for key in fog.files:
            kind, _, number = key.partition(".")
            if kind == name or (kind == "fog" and int(number) > 4):
                frames[int(number)] = fog[key]
        if not late:
            return frames, {0: stored["clip_main_masks"][0]}
        return frames, {0: stored["clip_late_masks"][0], 5: np.where(stored["clip_main_masks"][5] == 2, 2, 0)}


def settings_of(case: str) -> dict[str, str]:
    config = {name: str(value) for name, value in CASES[case]["config"].items() if value is not None}
    return {**config, **PROGRAM[case]}


@pytest.mark.parametrize("case", CASES)
def test_probabilities_equal_the_authors(case: str, qdmn_weights: Path, tmp_path: Path):
    frames, keyframes = clip(CASES[case]["clip"])
    for folder, images in (("frames", dict(enumerate(frames))), ("keyframes", keyframes)):
        (tmp_path / folder).mkdir()
        for number, pixels in images.items():
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / folder / f"{number:05d}.png")
    dump = tmp_path / "out.npz"
    command = ["propagate", "--clip", str(tmp_path / "frames"), "--keyframes", str(tmp_path / "keyframes")]
    command += ["--out", str(tmp_path / "out"), "--recipe", "qdmn", "--weights", str(qdmn_weights), "--device", "cpu"]
    settings = [text for pair in settings_of(case).items() for text in ("--set", "=".join(pair))]
    assert main([*command, "--dump-probabilities", str(dump), *settings]) == 0
    with np.load(dump) as stored:
        found, objects = stored["probabilities"], stored["objects"].tolist()
    assert (found.dtype, objects) == (np.float32, [1, 2])
    assert np.abs(found[:, 1:, ::3, ::3] - golden()[f"{case}.prob"]).max() < TOLERANCE
    if FULL.is_dir():
        with np.load(FULL / f"{case}.npz") as full:
            assert np.abs(found - full["prob"]).max() < TOLERANCE


class Recorder(Qdmn):
    """QDMN that records what it computes on each frame; it shares the parts of another network."""

    def __init__(self, network: Qdmn, **settings: Any) -> None:
        self.__dict__ = {**network.__dict__, **settings}
        self.readouts: list[torch.Tensor] = []
        self.predictions: list[torch.Tensor] = []
        self.queries: list[torch.Tensor] = []
        self.gated: list[torch.Tensor] = []
        self.entries: dict[int, Any] = {}
        self.states: dict[int, QdmnState] = {}

    def _gated(self, features: Any, prior: Any) -> torch.Tensor:
        self.gated.append(super()._gated(features, prior))
        return self.gated[-1]

    def _read(self, query: Any, features: Any, memory: Any) -> torch.Tensor:
        self.queries.append(query)
        self.readouts.append(super()._read(query, features, memory))
        return self.readouts[-1]

    def segment(self, features: Any, memory: Any, state: Any) -> Any:
        prediction, state = super().segment(features, memory, state)
        self.predictions.append(prediction)
        return prediction, state

    def _entry(self, frame: int, features: Any, masks: Any) -> Any:
        self.entries[frame], scores = super()._entry(frame, features, masks)
        return self.entries[frame], scores

    def update_state(self, frame: int, features: Any, masks: Any, state: Any) -> QdmnState:
        self.states[frame] = super().update_state(frame, features, masks, state)
        return self.states[frame]


class Run:
    """A case run in this process: its mattes, and the frames in memory while each frame was segmented."""

    def __init__(self, case: str, network: Qdmn, settings: Mapping[str, str]) -> None:
        frames, truth = clip(CASES[case]["clip"])
        recipe = find_recipe("qdmn")
        numbers = recipe.numbers(settings)
        self.network = Recorder(network, youtube=bool(numbers["program.youtube"]))
        self.bank: MemoryBank = recipe.bank(numbers, self.network, len(frames))
        groups = group_jointly(
            [(frame, np.unique(mask[mask > 0]).tolist()) for frame, mask in truth.items()], max_objects=None
        )
        framing = Framing.fit(*frames.shape[1:3], working_height=480, stride=16, style=recipe.framing)
        propagator = Propagator(
            self.network,
            lambda: self.bank,
            framing=framing,
            merger=SoftMaskMerger(framing),
            read=lambda frame: frames[frame],
            truth={frame: mask.astype(np.uint8) for frame, mask in truth.items()},
            groups=groups,
            device=torch.device("cpu"),
            keyframe_policy=recipe.keyframe_policy,
        )
        self.mattes: list[Matte] = []
        self.slots: dict[int, list[int]] = {}  # frame -> frames in memory, the temporary one last
        self.tokens: dict[int, dict[int, int]] = {}  # frame -> object -> number of frames with tokens of it
        for matte in propagator.propagate(plan_sweeps(groups, range(len(frames)), recipe.direction)):
            self.mattes.append(matte)
            view = self.bank.view()
            self.slots[matte.frame + 1] = [entry.frame for entry in view.entries]
            self.tokens[matte.frame + 1] = {
                index: len(group.starts) for group in view.groups for index in group.objects
            }  # fmt: skip

    def probabilities(self) -> np.ndarray:
        return np.stack([matte.probability[1:, ::3, ::3] for matte in self.mattes])


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


def test_the_davis_program_computes_and_decides_as_the_authors(qdmn: Qdmn):
    run = Run("qdmn_davis", qdmn, settings_of("qdmn_davis"))
    network = run.network
    expected = {name.partition(".")[2]: array for name, array in golden().items() if name.startswith("qdmn_davis")}
    tokens = network.entries[0].layers[0]
    assert near(tokens["object_key"][:, :16].unflatten(2, (7, 9)).numpy(), expected["memory_key_frame0"][:, :, 0])
    assert near(tokens["value"][:, :16].unflatten(2, (7, 9)).numpy(), expected["memory_value_frame0"][:, :, 0])
    assert near(np.array(network.states[0].scores), expected["score_frame0"][:, 0])
    assert near(network.gated[2].mean((2, 3)).numpy(), expected["query_gated_f16_frame2_mean"])  # 0 is the keyframe's
    assert near(network.queries[2][:16].unflatten(1, (7, 9)).numpy(), expected["query_key_frame2"][0])
    for frame in (2, 9):
        assert near(network.readouts[frame][:, :16].numpy(), expected[f"readout_frame{frame}"]), frame
    scored = range(1, LAST)
    assert near(np.array([network.states[t].scores for t in scored]), expected["score_raw"])
    relative = [np.mean(network.states[t].relative_scores()) for t in scored]
    assert near(np.array(relative), expected["score_relative"])
    written = expected["decision_write"].tolist()
    frames = [[f for f in row if f >= 0] for row in expected["slots_frames"].tolist()]
    for t, kept in enumerate(frames, 1):
        temporary = [] if t == 1 or written[t - 2] else [t - 1]
        assert run.slots[t] == [*kept, *temporary], t
        assert len(run.slots[t]) == expected["slots_used"][t - 1]


def test_the_youtube_program_computes_and_decides_as_the_authors(qdmn: Qdmn):
    run = Run("qdmn_yv", qdmn, settings_of("qdmn_yv"))
    scores = golden()["qdmn_yv.score_raw"]
    for t, row, relative in zip(
        golden()["qdmn_yv.score_frame"], scores, golden()["qdmn_yv.score_relative"], strict=True
    ):
        assert near(np.array(run.network.states[t].scores), row[row >= 0]), t
        assert np.mean(run.network.states[t].relative_scores()) == pytest.approx(relative, rel=1e-4)
    for index in (0, 1):
        used = [run.tokens[t].get(index, 0) for t in range(1, LAST + 1)]
        assert used == golden()[f"qdmn_yv.slots_used_obj{index + 1}"].tolist()
    prediction = aggregate(run.network.predictions[5])  # of the second keyframe, of which only object 1 is predicted
    assert len(prediction) == 1
    expected = golden()["qdmn_yv.prob_at_label_frame_before_interact"][1]
    assert np.abs(prediction[0, ::3, ::3].numpy() - expected).max() < TOLERANCE


def test_the_first_keyframe_stays_and_results_equal_the_authors_until_they_drop_a_wrong_frame(qdmn: Qdmn):
    settings = {name: value for name, value in settings_of("qdmn_davis").items() if name != "memory.published_slots"}
    run = Run("qdmn_davis", qdmn, settings)
    assert all(run.slots[t][0] == 0 for t in run.slots)
    assert [run.slots[t] for t in (5, 6, 8, 10, 11, 13)] == [
        [0, 1, 2, 4], [0, 1, 4, 5], [0, 1, 5, 7], [0, 1, 7, 9], [0, 7, 9, 10], [0, 9, 10, 12],
    ]  # fmt: skip
    difference = np.abs(run.probabilities() - golden()["qdmn_davis.prob"]).max((1, 2, 3))
    assert difference[:6].max() < TOLERANCE, "until frame 5, the memory is the same"
    assert difference[6:].min() > 100 * TOLERANCE
