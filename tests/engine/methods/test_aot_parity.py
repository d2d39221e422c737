"""AOT, DeAOT, MAVOS and RMem give the results of their authors' programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.__main__ import main
from engine.inference.framing import Framing
from engine.inference.mask_merging import HardMaskMerger, MergedMasks
from engine.inference.propagate import Propagator
from engine.inference.sweeps import group_jointly, plan_sweeps
from engine.memory.bank import MemoryBank
from engine.memory.entry import Entry
from engine.methods.registry import find_recipe
from tests.pseudo_weights import save_pseudo_checkpoint

GOLDEN = Path(__file__).parents[2] / "parity" / "aot"
TOLERANCE = 1e-4
SOON_AFTER_TIE = 1e-2  # tolerance a few frames after a tied pixel was decided differently
AFTER_TIE = 0.15  # tolerance at any time after, since the network reads its own masks
TIE = 2e-4  # two probabilities nearer than this are tied: rounding may decide
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
MODELS, EXTRA = MANIFEST["models"], MANIFEST["extra"]
RECIPES = {
    "aotl_r50": "aot-l",
    "deaotl_r50": "deaot-l",
    "mavos_mbv2": "mavos",
    "mavos_r50": "mavos-r50",
    "mavos_swinb": "mavos-swinb",
    "rmem_aotl_r50": "aot-l+rmem",
    "rmem_deaotl_r50": "deaot-l+rmem",
}
PLANES = {"k": "key", "v": "value", "idv": "id_value"}


@cache
def golden() -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "golden.npz") as stored:
        return dict(stored)


@cache
def clip() -> Mapping[str, np.ndarray]:
    with np.load(GOLDEN / "clip.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that writes a model's checkpoint, with the official tensor names, once and returns its path."""
    folder = tmp_path_factory.mktemp("aot")

    @cache
    def checkpoint_of(model: str) -> Path:
        spec = MODELS[model]
        return save_pseudo_checkpoint(
            folder / f"{model}.pth",
            spec["shapes"],
            seed=spec["seed"],
            gains=spec["gain"],
            sums={spec["probe"]["key"]: spec["probe"]["sum"]},
            tolerance=1e-3,
            wrapped=True,
        )

    return checkpoint_of


def numbers_of(model: str, interval: int) -> dict[str, str]:
    numbers = {"memory.interval": str(interval)}
    if MODELS[model]["frames"]:
        numbers["memory.frames"] = str(MODELS[model]["frames"])
    return numbers


def propagated(
    folder: Path,
    model: str,
    file: Path,
    *,
    interval: int,
    count: int,
    masks: Mapping[int, np.ndarray],
    recipe: str = "",
) -> np.ndarray:
    """Propagate by command line, and return the dumped probabilities (frames, objects + 1, H, W)."""
    frames, keyframes = folder / "frames", folder / "keyframes"
    frames.mkdir()
    keyframes.mkdir()
    for frame, pixels in enumerate(clip()["frames"][:count]):
        Image.fromarray(pixels).save(frames / f"{frame:05d}.png")
    for frame, mask in masks.items():
        Image.fromarray(mask).save(keyframes / f"{frame:05d}.png")
    command = ["propagate", "--clip", str(frames), "--keyframes", str(keyframes), "--out", str(folder / "out")]
    command += ["--recipe", recipe or RECIPES[model], "--weights", str(file), "--device", "cpu"]
    for name, value in numbers_of(model, interval).items():
        command += ["--set", f"{name}={value}"]
    assert main([*command, "--dump-probabilities", str(folder / "out.npz")]) == 0
    with np.load(folder / "out.npz") as stored:
        return stored["probabilities"]


def comparable_frames(found: np.ndarray, masks: np.ndarray) -> int:
    """Return the first frame on which our masks differ from the authors' `masks`, or T if there is none.

    `found` are our probabilities (T, C, H, W); `masks` (T - 1, H, W) start at frame 1. Objects may differ only in
    pixels whose two best classes are nearly equal, where rounding decides. As the network reads its own masks, frames
    after such a difference cannot be compared.
    """
    for frame, (probabilities, mask) in enumerate(zip(found[1:], masks, strict=True), 1):
        unused = np.clip(1 - probabilities.sum(0), 0, 1)  # probability of identities without an object, as in RMem
        classes = np.concatenate([probabilities, unused[None]])
        differs = classes.argmax(0) != np.minimum(mask, len(probabilities))
        two_best = np.sort(classes, axis=0)[-2:]
        gap = two_best[1] - two_best[0]
        # Several identities share `unused`: each of them may be less probable than another class.
        of_objects = (mask < len(probabilities)) & (classes.argmax(0) < len(probabilities))
        wrong = differs & (gap >= TIE) & of_objects
        assert not wrong.any(), f"frame {frame}: {wrong.sum()} pixels differ without being tied"
        if (differs & of_objects).any():
            return frame
    return len(found)


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_equal_the_authors(model: str, weights: Callable[[str], Path], tmp_path: Path):
    spec = MODELS[model]
    found = propagated(tmp_path, model, weights(model), interval=spec["interval"], count=12, masks={0: clip()["mask"]})
    comparable = comparable_frames(found, golden()[f"{model}.masks"]) if not spec["kept"] else 1
    assert comparable >= 1
    for name, expected in golden().items():
        if name.startswith(f"{model}.probs_t"):
            frame = int(name.rpartition("_t")[2])
            error = np.abs(found[frame][:, ::4, ::4] - expected).max()
            assert error < TOLERANCE or (frame > comparable and error < AFTER_TIE), (name, error, comparable)


@pytest.mark.parametrize("name", EXTRA)
def test_probabilities_of_late_and_many_objects_equal_the_authors(
    name: str, weights: Callable[[str], Path], tmp_path: Path
):
    model, late = EXTRA[name]["model"], name.startswith("newobj")
    masks = {0: clip()["mask"], 4: golden()[f"{name}.new_label_t4"]} if late else {0: golden()[f"{name}.mask0"]}
    found = propagated(
        tmp_path, model, weights(model), interval=EXTRA[name]["interval"], count=8 if late else 6, masks=masks
    )
    comparable = 1
    if late:
        authors_masks = golden()[f"{name}.masks"].copy()
        given = masks[4] > 0  # the authors paste the new object in after segmenting the frame
        authors_masks[3][given] = found[4].argmax(0)[given]
        comparable = comparable_frames(found, authors_masks)
    for key, expected in golden().items():
        if key.startswith(f"{name}.probs_t"):
            frame = int(key.rpartition("_t")[2])
            probabilities = found[frame][:, ::4, ::4]
            error = np.abs(probabilities - expected[: len(probabilities)]).max()
            tolerance = TOLERANCE if late else SOON_AFTER_TIE
            assert error < tolerance or (frame > comparable and error < AFTER_TIE), (key, error, comparable)


class RecordingBank(MemoryBank):
    """Memory bank that records, by frame, its entries after each write."""

    def __init__(self, bank: MemoryBank, interval: int) -> None:
        super().__init__(bank._stores, interval=interval)
        self.after: dict[int, list[Entry]] = {}

    def write(self, entry: Entry) -> None:
        super().write(entry)
        self.after[entry.frame] = list(self.view().entries)


class ForcedMasks:
    """Mask merger that records its own results, but feeds the authors' masks back to the network."""

    def __init__(self, mask_merger: HardMaskMerger, masks: np.ndarray) -> None:
        self.mask_merger = mask_merger
        self.masks = torch.from_numpy(masks)
        self.merged: list[MergedMasks] = []
        self.was_given = False

    def merge(self, groups, given):
        merged = self.mask_merger.merge(groups, given)
        is_edge = self.was_given and not given  # the prediction that only softens the edge of the keyframe before
        self.was_given = bool(given)
        if groups[0].prediction is not None and not is_edge:
            self.merged.append(merged)
            label = self.masks[len(self.merged) - 1]
            merged = replace(merged, masks=(self.mask_merger._one_hot(label, len(groups[0].objects)),))
        return merged


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("model", MODELS)
def test_with_the_authors_masks_fed_back_everything_equals_the_authors(model: str, weights: Callable[[str], Path]):
    spec, recipe, frames = MODELS[model], find_recipe(RECIPES[model]), clip()["frames"]
    numbers = recipe.numbers(numbers_of(model, spec["interval"]))
    network = recipe.network(numbers, weights=weights(model), device=torch.device("cpu"))
    bank = RecordingBank(recipe.bank(numbers, network, len(frames)), spec["interval"])
    framing = Framing.fit(*frames.shape[1:3], working_height=480, stride=network.stride, style=recipe.framing)
    groups = group_jointly([(0, (1, 2))], max_objects=network.max_objects)
    mask_merger = ForcedMasks(recipe.mask_merger(framing), golden()[f"{model}.masks"])
    propagator = Propagator(
        network,
        lambda: bank,
        framing=framing,
        merger=mask_merger,
        read=lambda frame: frames[frame],
        truth={0: clip()["mask"]},
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=recipe.keyframe_policy,
    )
    features = network.encode(framing.apply(frames[0], torch.device("cpu")))
    assert near(features.query["key"][::4, ::4].numpy(), golden()[f"{model}.enc_proj"])
    assert len(list(propagator.propagate(plan_sweeps(groups, range(12), recipe.direction)))) == 12
    for name, expected in golden().items():
        if name.startswith(f"{model}.probs_t"):
            merged = mask_merger.merged[int(name.rpartition("_t")[2]) - 1]
            probabilities = torch.stack([merged.background, merged.probability[1], merged.probability[2]]).numpy()
            assert np.abs(probabilities[:, ::4, ::4] - expected).max() < TOLERANCE, name
        if name.startswith(f"{model}.mem_t"):  # memory of the newest entry, or of the one that it was merged into
            _, frame, block, plane, _ = name.split(".")[1].split("_")
            newest = bank.after[int(frame[1:])][-1].layers[int(block[3:])]
            assert near(newest[PLANES[plane]].T[:, ::8].numpy(), expected), name
        if name.startswith(f"{model}.bank_mean_t"):
            _, _, frame, block, plane, _ = name.split(".")[1].split("_")
            means = [entry.layers[int(block[3:])][PLANES[plane]].mean(1) for entry in bank.after[int(frame[1:])]]
            assert near(torch.stack(means)[:, ::4].numpy(), expected), name
    for frame, kept in enumerate(spec["kept"], 1):
        assert [entry.frame for entry in bank.after[frame]] == kept
    folded = RECIPES[model].startswith("mavos")
    if folded:
        assert all(len(entries) <= 2 for entries in bank.after.values())


@pytest.mark.parametrize("name", [name for name in EXTRA if name.startswith("newobj")])
def test_with_the_authors_masks_fed_back_a_late_object_equals_the_authors(name: str, weights: Callable[[str], Path]):
    model, frames, late = EXTRA[name]["model"], clip()["frames"][:8], golden()[f"{name}.new_label_t4"]
    recipe = find_recipe(RECIPES[model])
    numbers = recipe.numbers(numbers_of(model, EXTRA[name]["interval"]))
    network = recipe.network(numbers, weights=weights(model), device=torch.device("cpu"))
    framing = Framing.fit(*frames.shape[1:3], working_height=480, stride=network.stride, style=recipe.framing)
    groups = group_jointly([(0, (1, 2)), (4, (3,))], max_objects=network.max_objects)
    mask_merger = ForcedMasks(recipe.mask_merger(framing), golden()[f"{name}.masks"])
    propagator = Propagator(
        network,
        lambda: recipe.bank(numbers, network, len(frames)),
        framing=framing,
        merger=mask_merger,
        read=lambda frame: frames[frame],
        truth={0: clip()["mask"], 4: late},
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=recipe.keyframe_policy,
    )
    assert len(list(propagator.propagate(plan_sweeps(groups, range(8), recipe.direction)))) == 8
    for key, expected in golden().items():
        if key.startswith(f"{name}.probs_t"):
            merged = mask_merger.merged[int(key.rpartition("_t")[2]) - 1]
            classes = [merged.background, *(merged.probability[number] for number in (1, 2, 3))]
            assert np.abs(torch.stack(classes).numpy()[:, ::4, ::4] - expected[:4]).max() < TOLERANCE, key


def test_mavos_plus_plus_equals_mavos_with_one_keyframe_on_the_first_frame(
    weights: Callable[[str], Path], tmp_path: Path
):
    options = {"interval": 2, "count": 8, "masks": {0: clip()["mask"]}}
    (tmp_path / "mavos").mkdir()
    (tmp_path / "mavos++").mkdir()
    published = propagated(tmp_path / "mavos", "mavos_mbv2", weights("mavos_mbv2"), **options)
    permanent = propagated(tmp_path / "mavos++", "mavos_mbv2", weights("mavos_mbv2"), recipe="mavos++", **options)
    assert np.array_equal(published, permanent)
