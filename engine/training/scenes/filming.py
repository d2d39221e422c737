"""Renders the scene of a seed into a clip folder, and many of them one after another."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import bpy
import cv2
import numpy as np
from tqdm import tqdm

from ..films import numbering
from ..rendered import ABOUT, clip_name
from ..sources import find_source
from .building import linear
from .directing import ASPECT, SceneAssets, plan_scene
from .plans import WIDTH, is_held_out_scene
from .rendering import Set

log = logging.getLogger(__name__)

SAMPLES = 4  # light paths per pixel, before the noise is taken out
ATTEMPTS = 12
SMALLEST_PART, LARGEST = (
    0.006,
    0.5,
)  # of the picture, that the largest object, and all of them together, may cover on the first frame


class NothingSeen(RuntimeError):
    """No attempt at a scene showed an object."""


def render_scene(
    out: Path,
    seed: int,
    *,
    prepared: Path,
    fetched: Path | None,
    frames: int = 16,
    width: int = WIDTH,
    samples: int = SAMPLES,
    scene_assets: SceneAssets | None = None,
) -> None:
    """Write the clip of a seed: `frames/frame_000000.jpg`.., `masks/frame_000000.png`.. (labels), `about.json`.

    It is written beside `out` and renamed when it is whole. A `scene_assets` that is at hand saves opening one.
    Raises NothingSeen.
    """
    scene_assets = scene_assets or SceneAssets.open(prepared, fetched, held_out=is_held_out_scene(seed))
    half = out.with_name(out.name + ".part")
    for attempt in range(ATTEMPTS):
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        scene = plan_scene(scene_assets, seed, attempt, frames=frames)
        stage = Set(scene, width=width, height=round(width / ASPECT), folder=half)
        if not _looks_right(stage, frames, scene.brightness):
            log.debug("scene %d, attempt %d: too little to be seen", seed, attempt)
            continue
        _, labels = stage.render(range(frames), samples=samples)
        table = numbering(labels[0])
        if table.max() == 0:
            continue
        _write(half, table[labels])
        about = scene.about | {"attempt": attempt, "samples": samples, "blender": bpy.app.version_string}
        about["objects"] = {str(table[int(old)]): kind for old, kind in about["objects"].items() if table[int(old)]}
        about["licences"] = _licences(about["sources"])
        (half / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        half.rename(out)
        return
    shutil.rmtree(half, ignore_errors=True)
    raise NothingSeen(f"scene {seed} showed no object in {ATTEMPTS} attempts")


def render_many(
    out: Path,
    *,
    prepared: Path,
    fetched: Path | None,
    count: int,
    first_seed: int,
    width: int = WIDTH,
    samples: int = SAMPLES,
) -> int:
    """Render the scenes of `count` seeds below `out`, those that are there excepted; returns how many are new.

    `width` is of those for training: held-out ones are of one width always, as scores are compared.
    """
    seeds = [seed for seed in range(first_seed, first_seed + count) if not (out / clip_name(seed) / ABOUT).is_file()]
    scene_assets_by_split: dict[bool, SceneAssets] = {}
    out.mkdir(parents=True, exist_ok=True)
    for seed in tqdm(seeds, desc="scenes", unit="scene"):
        apart = is_held_out_scene(seed)
        if apart not in scene_assets_by_split:
            scene_assets_by_split[apart] = SceneAssets.open(prepared, fetched, held_out=apart)
        place = out / clip_name(seed)
        try:
            size = WIDTH if apart else width
            render_scene(
                place,
                seed,
                prepared=prepared,
                fetched=fetched,
                width=size,
                samples=samples,
                scene_assets=scene_assets_by_split[apart],
            )
        except NothingSeen as problem:  # one seed less
            log.warning("%s", problem)
    return sum((out / clip_name(seed) / ABOUT).is_file() for seed in seeds)


def _looks_right(stage: Set, frames: int, brightness: float) -> bool:
    """Look at three small, rough pictures: set the exposure by them; False when no object is well in sight."""
    times = range(0, frames, max(1, (frames - 1) // 2))
    pictures, labels = stage.render(times, samples=3, percent=40)
    first = np.bincount(labels[0].ravel(), minlength=2) / labels[0].size
    if first[1:].max() < SMALLEST_PART or first[1:].sum() > LARGEST:
        return False
    if not any((later > 0).mean() > SMALLEST_PART / 4 for later in labels[1:]):
        return False
    for _ in range(3):  # the curve from light to grey is not straight, so it is approached
        greys = np.stack([cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE) for picture in pictures]) / 255
        off = linear(np.array(brightness)) / max(1e-3, linear(np.clip(np.median(greys), 0.02, 0.98)))
        if 0.7 < off < 1.4:
            break
        stage.expose(float(np.clip(np.log2(off), -4, 4)))
        pictures, _ = stage.render(times, samples=3, percent=25)
    greys = greys[0]
    return bool(np.percentile(greys, 95) - np.percentile(greys, 5) > 0.08)


def _write(folder: Path, labels: np.ndarray) -> None:
    for scrap in folder.glob("cover_*"):
        scrap.unlink()
    (folder / "masks").mkdir()
    for frame, image in enumerate(labels):
        cv2.imwrite(str(folder / "masks" / f"frame_{frame:06d}.png"), image)


def _licences(sources: list[str]) -> dict[str, str]:
    """The licence of every package that assets are from."""
    return {package: _licence(package) for package in sorted({source.partition(": ")[0] for source in sources})}


def _licence(package: str) -> str:
    try:
        return find_source(package).licence
    except KeyError:  # pictures of someone's own
        return "unknown"
