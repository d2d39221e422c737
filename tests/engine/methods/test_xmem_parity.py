"""XMem and XMem++ give what their authors' programs give, through the command line that a user runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.__main__ import main
from engine.checkpoints import loading
from engine.inference.framing import Framing
from engine.inference.mask_merging import SoftMaskMerger
from engine.inference.propagate import Propagator
from engine.inference.sweeps import group_jointly, plan_sweeps
from engine.memory.bank import MemoryBank
from engine.memory.entry import Entry
from engine.memory.long_term import LongTerm
from engine.memory.stores import Permanent
from engine.memory.tokens import Tokens
from engine.memory.working import FirstAndWorking, Working
from engine.methods.registry import find_recipe
from engine.networks.xmem import XMem
from engine.suggestion.selection import SelectionConfig, coverage, suggest, weigh
from tests.pseudo_weights import pseudo_weights

GOLDEN = Path(__file__).parents[2] / "parity" / "xmem"
FULL = Path(__file__).parents[4] / "shared" / "parity" / "xmem"  # whole arrays, where they are at hand
TOLERANCE = 1e-4
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
CASES = MANIFEST["cases"]
PAPER = {option.paper: option.name for option in find_recipe("xmem").options if option.paper}
KEYFRAMES = {  # case -> frames of the clip whose masks are given; others come from the golden file
    "xmem_base": (0,),
    "xmem_late": (0,),
    "xmem_nolt_resize": (0,),
    "xmempp_perm": (2, 7, 11),
    "xmempp_groups": (),
    "xmempp_interactive_pass1": (3, 9),
    "xmempp_interactive_pass2": (9,),
}
MORE = {  # beside the manifest's numbers
    "xmem_nolt_resize": ["--height", "80"],
    "xmempp_interactive_pass1": ["--set", "keyframes.predict=1"],
    "xmempp_interactive_pass2": ["--set", "keyframes.predict=1", "--set", "keyframes.updated=3"],
}
WITH_INNER = ("xmem_base", "xmem_late", "xmempp_perm", "xmempp_groups")


@cache
def golden() -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "golden.npz") as stored:
        return dict(stored)


@cache
def clips() -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "clips.npz") as stored:
        return dict(stored)


def masks_given(case: str) -> dict[int, np.ndarray]:
    own = clips()[f"{CASES[case]['clip']}_masks"]
    given = {frame: own[frame] for frame in KEYFRAMES[case]}
    prefix = f"mask.{case}."
    given.update({int(name[len(prefix) :]): mask for name, mask in golden().items() if name.startswith(prefix)})
    return given


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Files of official names, by seed."""
    told, files = MANIFEST["weights"], {}
    for seed in sorted({case["seed"] for case in CASES.values()}):
        files[seed] = tmp_path_factory.mktemp("weights") / f"XMem-{seed}.pth"
        state = pseudo_weights(told["shapes"], seed=seed, gains=told["gain"])
        if seed == 106:
            for name, check in told["check"].items():
                assert float(state[name].double().sum()) == pytest.approx(check["sum"], abs=1e-4), name
        torch.save(state, files[seed])
    return files


def settings_of(case: str) -> list[str]:
    pairs = [f"{PAPER[name]}={int(value)}" for name, value in CASES[case]["config"].items()]
    return [text for pair in pairs for text in ("--set", pair)]


@pytest.mark.parametrize("case", CASES)
def test_probabilities_are_the_authors(case: str, weights: dict[int, Path], tmp_path: Path):
    frames, keyframes = tmp_path / "frames", tmp_path / "keyframes"
    frames.mkdir()
    keyframes.mkdir()
    for frame, pixels in enumerate(clips()[f"{CASES[case]['clip']}_frames"]):
        Image.fromarray(pixels).save(frames / f"{frame:05d}.png")
    for frame, mask in masks_given(case).items():
        Image.fromarray(mask).save(keyframes / f"{frame:05d}.png")
    dump = tmp_path / "out.npz"
    command = ["propagate", "--clip", str(frames), "--keyframes", str(keyframes), "--out", str(tmp_path / "out")]
    command += ["--recipe", CASES[case]["recipe"], "--weights", str(weights[CASES[case]["seed"]]), "--device", "cpu"]
    assert main([*command, "--dump-probabilities", str(dump), *settings_of(case), *MORE.get(case, [])]) == 0
    with np.load(dump) as stored:
        found, objects = stored["probabilities"], stored["objects"].tolist()
        assert stored["frames"].tolist() == list(range(len(found)))
    assert (found.dtype, objects) == (np.float32, [1, 2])
    assert np.abs(found.sum(1) - 1).max() < 1e-5
    assert np.abs(found[:, 1:, ::3, ::3] - golden()[f"{case}.prob"]).max() < TOLERANCE
    if FULL.is_dir():
        with np.load(FULL / f"{case}.npz") as whole:
            assert np.abs(found - whole["prob"]).max() < TOLERANCE


class Watched(XMem):
    """XMem that keeps what it read, sensed and memorized."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.reads: list[torch.Tensor] = []
        self.sensed: dict[int, torch.Tensor] = {}
        self.values_of: dict[int, torch.Tensor] = {}

    def _read(self, features: Any, memory: Any) -> torch.Tensor:
        self.reads.append(super()._read(features, memory))
        return self.reads[-1]

    def update_state(self, frame: int, features: Any, masks: Any, state: Any) -> Any:
        state = super().update_state(frame, features, masks, state)
        self.sensed[frame] = state.now
        return state

    def memorize(self, frame: int, features: Any, masks: Any, state: Any) -> Any:
        entry, state = super().memorize(frame, features, masks, state)
        self.values_of[frame] = entry.layers[0]["value"]
        return entry, state


class Spied(MemoryBank):
    """A bank whose stores can be looked at."""

    def sizes(self, *kinds: type) -> int:
        return sum(len(entry) for store in self._stores if isinstance(store, kinds) for entry in store.entries())


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("case", WITH_INNER)
def test_what_is_inside_is_the_authors_too(case: str, weights: dict[int, Path]):
    told, frames = CASES[case], clips()[f"{CASES[case]['clip']}_frames"]
    recipe = find_recipe(told["recipe"])
    numbers = recipe.numbers({PAPER[name]: str(int(value)) for name, value in told["config"].items()})
    tensors = loading.read(weights[told["seed"]])
    network = Watched(recipe.build(numbers, tensors).sizes, top_k=numbers["read.top_k"])
    loading.fill(network, tensors, source=weights[told["seed"]], names=recipe.names(tensors))
    network.eval().requires_grad_(False)
    distilled: list[tuple[list[Entry], Entry]] = []

    def distil(entries: list[Entry], count: int) -> Entry:
        distilled.append((list(entries), XMem.distil(entries, count)))
        return distilled[-1][1]

    published = told["recipe"] == "xmem"
    working = (FirstAndWorking if published else Working)(numbers["memory.least_frames"], numbers["memory.most_frames"])
    long_term = LongTerm(
        distil,
        prototypes=numbers["memory.prototypes"],
        max_tokens=numbers["memory.long_term_tokens"],
        counting=bool(numbers["memory.count_long_term"]),
    )
    bank = Spied([*([] if published else [Permanent()]), working, long_term], interval=numbers["memory.interval"])
    given = masks_given(case)
    objects = {frame: [n for n in (1, 2) if (mask == n).any() or not published] for frame, mask in given.items()}
    groups = group_jointly(objects.items(), max_objects=None)
    height, width = frames.shape[1:3]
    framing = Framing.fit(height, width, working_height=480, stride=16, style=recipe.framing)
    walk = Propagator(
        network,
        lambda: bank,
        framing=framing,
        merger=SoftMaskMerger(framing),
        read=lambda frame: frames[frame],
        truth=given,
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=recipe.keyframe_policy,
    )
    first = network.encode(framing.apply(frames[0], torch.device("cpu")))
    for plane in ("key", "shrinkage", "selection"):
        expected = golden()[f"{case}.{plane}_frame0"][0]
        assert near(first.query[plane].unflatten(1, first.grid).numpy(), expected), plane
    working_sizes, long_sizes, read_at = [], [], {}
    for matte in walk.propagate(plan_sweeps(groups, range(len(frames)), recipe.direction, before_first=not published)):
        working_sizes.append(bank.sizes(Working, FirstAndWorking))
        long_sizes.append(bank.sizes(LongTerm))
        read_at[matte.frame] = network.reads[-1].numpy() if network.reads else None
    last = len(frames) - 1  # their programs write nothing on the very last frame
    assert working_sizes[:last] == golden()[f"{case}.size_work"].tolist()[:last]
    assert long_sizes[:last] == golden()[f"{case}.size_long"].tolist()[:last]
    if not published:
        assert bank.sizes(Permanent) == golden()[f"{case}.size_permanent"][-1]
    for frame in (0, 2, 9):
        name = f"{case}.readout_frame{frame}"
        if name in golden():
            assert near(read_at[frame][:, :16], golden()[name]), name
    assert near(network.sensed[3][None].numpy(), golden()[f"{case}.hidden_after_frame3"])
    if published:
        assert near(network.values_of[0][:, :16].numpy(), golden()[f"{case}.value_frame0"])
    for (entries, made), chosen, shrinkage in zip(
        distilled, golden()[f"{case}.cons_idx"], golden()[f"{case}.cons_shrinkage"], strict=False
    ):
        keys = torch.cat([entry.layers[0]["key"] for entry in entries], -1)
        assert torch.equal(made.layers[0]["key"], keys[:, torch.from_numpy(chosen).long()])
        assert near(made.layers[0]["shrinkage"][0].numpy(), shrinkage)
    assert len(distilled) >= len(golden()[f"{case}.cons_frame"])


@pytest.mark.parametrize("name", [name for name in MANIFEST["candidates"] if not name.startswith("soft")])
def test_the_frames_suggested_are_the_authors(name: str):
    told = MANIFEST["candidates"][name]
    with np.load(GOLDEN / "candidates.npz") as stored:
        planes = {
            plane: torch.from_numpy(stored[f"{plane}s"]).flatten(2) for plane in ("key", "shrinkage", "selection")
        }
        edited = told["masks"] == "edited"
        masks = torch.from_numpy(stored["masks_edited" if edited else "masks_onehot"]).float()
        scores = stored[f"{name}__scores"]
    if told["masks"] == "davis_rgb":  # as the program reads them back: by the brightest channel of the colour
        masks *= 128 / 255
    frames, before = range(len(masks)), told["previously_chosen"]
    least = told["min_mask_presence_percent"]
    found = suggest(
        frames,
        lambda frame: Tokens({plane: values[frame] for plane, values in planes.items()}),
        {frame: weigh(masks[frame], (7, 9)) for frame in frames},
        chosen=before,
        usable=frozenset(frame for frame in frames if coverage(masks[frame]) >= least),
        wish=SelectionConfig(told["k"], told["alpha"], least),
        step=lambda done, total: None,
    )
    chosen = [one.frame for one in found]
    assert (chosen if told["only_new_candidates"] else [*before, *chosen]) == told["selected"]
    for turn, one in enumerate(found):
        assert one.score == pytest.approx(scores[turn][one.frame], rel=1e-5)
