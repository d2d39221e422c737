"""XMem and XMem++ give the results of their authors' programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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
from engine.suggestion.selection import SelectionConfig, coverage, object_weights, suggest
from tests.pseudo_weights import save_pseudo_checkpoint

GOLDEN = Path(__file__).parents[2] / "parity" / "xmem"
FULL = Path(__file__).parents[4] / "shared" / "parity" / "xmem"  # folder of complete arrays, which may be absent
TOLERANCE = 1e-4
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
CASES = MANIFEST["cases"]
PAPER = {option.paper: option.name for option in find_recipe("xmem").settings.options if option.paper}
KEYFRAMES = {  # case -> frames whose masks in the clip file are keyframes; further ones are in the golden file
    "xmem_base": (0,),
    "xmem_late": (0,),
    "xmem_nolt_resize": (0,),
    "xmempp_perm": (2, 7, 11),
    "xmempp_groups": (),
    "xmempp_interactive_pass1": (3, 9),
    "xmempp_interactive_pass2": (9,),
}
EXTRA_OPTIONS = {  # options in addition to the manifest's
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


def keyframe_masks(case: str) -> dict[int, np.ndarray]:
    masks = clips()[f"{CASES[case]['clip']}_masks"]
    keyframes = {frame: masks[frame] for frame in KEYFRAMES[case]}
    prefix = f"mask.{case}."
    keyframes.update({int(name[len(prefix) :]): mask for name, mask in golden().items() if name.startswith(prefix)})
    return keyframes


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Return a function that writes a checkpoint for a seed once, with official tensor names, and returns its path."""
    folder, spec = tmp_path_factory.mktemp("xmem"), MANIFEST["weights"]

    @cache
    def checkpoint_of(seed: int) -> Path:
        sums = {name: check["sum"] for name, check in spec["check"].items()} if seed == 106 else {}
        path = folder / f"XMem-{seed}.pth"
        return save_pseudo_checkpoint(path, spec["shapes"], seed=seed, gains=spec["gain"], sums=sums, tolerance=1e-4)

    return checkpoint_of


def settings_of(case: str) -> list[str]:
    pairs = [f"{PAPER[name]}={int(value)}" for name, value in CASES[case]["config"].items()]
    return [text for pair in pairs for text in ("--set", pair)]


@pytest.mark.parametrize("case", CASES)
def test_probabilities_equal_the_authors(case: str, weights: Callable[[int], Path], tmp_path: Path):
    frames, keyframes = tmp_path / "frames", tmp_path / "keyframes"
    frames.mkdir()
    keyframes.mkdir()
    for frame, pixels in enumerate(clips()[f"{CASES[case]['clip']}_frames"]):
        Image.fromarray(pixels).save(frames / f"{frame:05d}.png")
    for frame, mask in keyframe_masks(case).items():
        Image.fromarray(mask).save(keyframes / f"{frame:05d}.png")
    dump = tmp_path / "out.npz"
    command = ["propagate", "--clip", str(frames), "--keyframes", str(keyframes), "--out", str(tmp_path / "out")]
    command += ["--recipe", CASES[case]["recipe"], "--weights", str(weights(CASES[case]["seed"])), "--device", "cpu"]
    assert main([*command, "--dump-probabilities", str(dump), *settings_of(case), *EXTRA_OPTIONS.get(case, [])]) == 0
    with np.load(dump) as stored:
        found, objects = stored["probabilities"], stored["objects"].tolist()
        assert stored["frames"].tolist() == list(range(len(found)))
    assert (found.dtype, objects) == (np.float32, [1, 2])
    assert np.abs(found.sum(1) - 1).max() < 1e-5
    assert np.abs(found[:, 1:, ::3, ::3] - golden()[f"{case}.prob"]).max() < TOLERANCE
    if FULL.is_dir():
        with np.load(FULL / f"{case}.npz") as full:
            assert np.abs(found - full["prob"]).max() < TOLERANCE


class RecordingXMem(XMem):
    """XMem that records all memory readouts, and the sensory memory and memorized values of each frame."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.readouts: list[torch.Tensor] = []
        self.sensory: dict[int, torch.Tensor] = {}
        self.memorized_values: dict[int, torch.Tensor] = {}

    def _read(self, features: Any, memory: Any) -> torch.Tensor:
        self.readouts.append(super()._read(features, memory))
        return self.readouts[-1]

    def update_state(self, frame: int, features: Any, masks: Any, state: Any) -> Any:
        state = super().update_state(frame, features, masks, state)
        self.sensory[frame] = state.after
        return state

    def memorize(self, frame: int, features: Any, masks: Any, state: Any) -> Any:
        entry, state = super().memorize(frame, features, masks, state)
        self.memorized_values[frame] = entry.layers[0]["value"]
        return entry, state


class InspectableBank(MemoryBank):
    """Bank whose stores can be measured."""

    def tokens_in(self, *kinds: type) -> int:
        """Return the number of tokens in all stores of the given classes."""
        return sum(len(entry) for store in self._stores if isinstance(store, kinds) for entry in store.entries())


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.abs(found - expected).max() < TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("case", WITH_INNER)
def test_intermediate_values_equal_the_authors(case: str, weights: Callable[[int], Path]):
    spec, frames = CASES[case], clips()[f"{CASES[case]['clip']}_frames"]
    recipe = find_recipe(spec["recipe"])
    numbers = recipe.numbers({PAPER[name]: str(int(value)) for name, value in spec["config"].items()})
    tensors = loading.read(weights(spec["seed"]))
    network = RecordingXMem(recipe.build(numbers, tensors).sizes, top_k=numbers["read.top_k"])
    loading.fill(network, tensors, source=weights(spec["seed"]), names=recipe.names(tensors))
    network.eval().requires_grad_(False)
    distilled: list[tuple[list[Entry], Entry]] = []

    def distil(entries: list[Entry], count: int) -> Entry:
        distilled.append((list(entries), XMem.distil(entries, count)))
        return distilled[-1][1]

    published = spec["recipe"] == "xmem"
    working = (FirstAndWorking if published else Working)(numbers["memory.min_frames"], numbers["memory.max_frames"])
    long_term = LongTerm(
        distil,
        prototypes=numbers["memory.prototypes"],
        max_tokens=numbers["memory.long_term_tokens"],
        counting=bool(numbers["memory.count_long_term"]),
    )
    bank = InspectableBank(
        [*([] if published else [Permanent()]), working, long_term], interval=numbers["memory.interval"]
    )
    keyframes = keyframe_masks(case)
    objects = {frame: [n for n in (1, 2) if (mask == n).any() or not published] for frame, mask in keyframes.items()}
    groups = group_jointly(objects.items(), max_objects=None)
    height, width = frames.shape[1:3]
    framing = Framing.fit(height, width, working_height=480, stride=16, style=recipe.framing)
    propagator = Propagator(
        network,
        lambda: bank,
        framing=framing,
        merger=SoftMaskMerger(framing),
        read=lambda frame: frames[frame],
        truth=keyframes,
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=recipe.keyframe_policy,
    )
    first = network.encode(framing.apply(frames[0], torch.device("cpu")))
    for plane in ("key", "shrinkage", "selection"):
        expected = golden()[f"{case}.{plane}_frame0"][0]
        assert near(first.query[plane].unflatten(1, first.grid).numpy(), expected), plane
    working_sizes, long_term_sizes, readouts = [], [], {}
    sweeps = plan_sweeps(groups, range(len(frames)), recipe.direction, before_first=not published)
    for matte in propagator.propagate(sweeps):
        working_sizes.append(bank.tokens_in(Working, FirstAndWorking))
        long_term_sizes.append(bank.tokens_in(LongTerm))
        readouts[matte.frame] = network.readouts[-1].numpy() if network.readouts else None
    last = len(frames) - 1  # the authors' programs memorize nothing on the last frame
    assert working_sizes[:last] == golden()[f"{case}.size_work"].tolist()[:last]
    assert long_term_sizes[:last] == golden()[f"{case}.size_long"].tolist()[:last]
    if not published:
        assert bank.tokens_in(Permanent) == golden()[f"{case}.size_permanent"][-1]
    for frame in (0, 2, 9):
        name = f"{case}.readout_frame{frame}"
        if name in golden():
            assert near(readouts[frame][:, :16], golden()[name]), name
    assert near(network.sensory[3][None].numpy(), golden()[f"{case}.hidden_after_frame3"])
    if published:
        assert near(network.memorized_values[0][:, :16].numpy(), golden()[f"{case}.value_frame0"])
    for (entries, prototypes), chosen, shrinkage in zip(
        distilled, golden()[f"{case}.cons_idx"], golden()[f"{case}.cons_shrinkage"], strict=False
    ):
        keys = torch.cat([entry.layers[0]["key"] for entry in entries], -1)
        assert torch.equal(prototypes.layers[0]["key"], keys[:, torch.from_numpy(chosen).long()])
        assert near(prototypes.layers[0]["shrinkage"][0].numpy(), shrinkage)
    assert len(distilled) >= len(golden()[f"{case}.cons_frame"])


@pytest.mark.parametrize("name", [name for name in MANIFEST["candidates"] if not name.startswith("soft")])
def test_suggested_frames_equal_the_authors(name: str):
    spec = MANIFEST["candidates"][name]
    with np.load(GOLDEN / "candidates.npz") as stored:
        planes = {
            plane: torch.from_numpy(stored[f"{plane}s"]).flatten(2) for plane in ("key", "shrinkage", "selection")
        }
        edited = spec["masks"] == "edited"
        masks = torch.from_numpy(stored["masks_edited" if edited else "masks_onehot"]).float()
        scores = stored[f"{name}__scores"]
    if spec["masks"] == "davis_rgb":  # the authors' program reads the brightest channel of the colour back
        masks *= 128 / 255
    frames, previous = range(len(masks)), spec["previously_chosen"]
    min_coverage = spec["min_mask_presence_percent"]
    suggestions = suggest(
        frames,
        lambda frame: Tokens({plane: values[frame] for plane, values in planes.items()}),
        {frame: object_weights(masks[frame], (7, 9)) for frame in frames},
        chosen=previous,
        usable=frozenset(frame for frame in frames if coverage(masks[frame]) >= min_coverage),
        config=SelectionConfig(spec["k"], spec["alpha"], min_coverage),
        step=lambda done, total: None,
    )
    chosen = [suggestion.frame for suggestion in suggestions]
    assert (chosen if spec["only_new_candidates"] else [*previous, *chosen]) == spec["selected"]
    for turn, suggestion in enumerate(suggestions):
        assert suggestion.score == pytest.approx(scores[turn][suggestion.frame], rel=1e-5)
