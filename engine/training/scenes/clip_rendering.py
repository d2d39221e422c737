"""Rendering of scenes into clip folders: one per seed, with pictures, label images and metadata."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import bpy
import cv2
import numpy as np
from tqdm import tqdm

from ..films import visible_label_table
from ..rendered import ABOUT, clip_name
from ..sources import find_source
from .blender_scene import linear
from .description import WIDTH, is_held_out_scene
from .planning import ASPECT, SceneAssets, plan_scene
from .rendering import SceneRenderer

log = logging.getLogger(__name__)

SAMPLES = 4  # light paths per pixel, before denoising
MAX_ATTEMPTS = 12
# Fractions of the picture on the first frame.
MIN_OBJECT_AREA = 0.006  # that the largest object must cover
MAX_TOTAL_AREA = 0.5  # that all objects together may cover


class NoVisibleObjectError(RuntimeError):
    """In every attempt at a scene, the objects are not visible enough."""


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
    """Render the clip of a seed: `frames/frame_000000.jpg`.., `masks/frame_000000.png`.. (labels), `about.json`.

    The clip is written to a temporary folder, which is renamed to `out` when complete. If `scene_assets` is None, the
    assets are opened from `prepared` and `fetched`. Raises NoVisibleObjectError if no attempt shows an object.
    """
    scene_assets = scene_assets or SceneAssets.open(prepared, fetched, held_out=is_held_out_scene(seed))
    partial = out.with_name(out.name + ".part")
    for attempt in range(MAX_ATTEMPTS):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        scene = plan_scene(scene_assets, seed, attempt, frames=frames)
        renderer = SceneRenderer(scene, width=width, height=round(width / ASPECT), folder=partial)
        if not _adjust_exposure(renderer, frames, scene.target_brightness):
            log.debug("scene %d, attempt %d: no object is visible enough", seed, attempt)
            continue
        _, labels = renderer.render(range(frames), samples=samples)
        new_labels = visible_label_table(labels[0])
        if new_labels.max() == 0:
            continue
        _write_masks(partial, new_labels[labels])
        about = scene.metadata | {"attempt": attempt, "samples": samples, "blender": bpy.app.version_string}
        about["objects"] = {
            str(new_labels[int(label)]): kind for label, kind in about["objects"].items() if new_labels[int(label)]
        }
        about["licences"] = _licences(about["sources"])
        (partial / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        partial.rename(out)
        return
    shutil.rmtree(partial, ignore_errors=True)
    raise NoVisibleObjectError(
        f"scene {seed}: no object is visible enough in {MAX_ATTEMPTS} attempts; try another seed"
    )


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
    """Render the scenes of `count` seeds from `first_seed` on below `out`; return the number of new clips.

    Existing clips are kept. `width` is that of training scenes; held-out scenes always have `WIDTH`, so that scores
    stay comparable.
    """
    seeds = [seed for seed in range(first_seed, first_seed + count) if not (out / clip_name(seed) / ABOUT).is_file()]
    scene_assets_by_split: dict[bool, SceneAssets] = {}
    out.mkdir(parents=True, exist_ok=True)
    for seed in tqdm(seeds, desc="scenes", unit="scene"):
        held_out = is_held_out_scene(seed)
        if held_out not in scene_assets_by_split:
            scene_assets_by_split[held_out] = SceneAssets.open(prepared, fetched, held_out=held_out)
        clip = out / clip_name(seed)
        try:
            size = WIDTH if held_out else width
            render_scene(
                clip,
                seed,
                prepared=prepared,
                fetched=fetched,
                width=size,
                samples=samples,
                scene_assets=scene_assets_by_split[held_out],
            )
        except NoVisibleObjectError as error:
            log.warning("%s", error)
    return sum((out / clip_name(seed) / ABOUT).is_file() for seed in seeds)


def _adjust_exposure(renderer: SceneRenderer, frames: int, target_brightness: float) -> bool:
    """Set the exposure from small previews, so that the median pixel gets about the brightness `target_brightness`.

    Returns False if the objects are too small or too large, or if the contrast is too low.
    """
    times = range(0, frames, max(1, (frames - 1) // 2))
    pictures, labels = renderer.render(times, samples=3, percent=40)
    first = np.bincount(labels[0].ravel(), minlength=2) / labels[0].size
    if first[1:].max() < MIN_OBJECT_AREA or first[1:].sum() > MAX_TOTAL_AREA:
        return False
    if not any((frame_labels > 0).mean() > MIN_OBJECT_AREA / 4 for frame_labels in labels[1:]):
        return False
    for _ in range(3):  # iterated, since the view transform is not linear
        greys = np.stack([cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE) for picture in pictures]) / 255
        ratio = linear(np.array(target_brightness)) / max(1e-3, linear(np.clip(np.median(greys), 0.02, 0.98)))
        if 0.7 < ratio < 1.4:
            break
        renderer.change_exposure(float(np.clip(np.log2(ratio), -4, 4)))
        pictures, _ = renderer.render(times, samples=3, percent=25)
    greys = greys[0]
    return bool(np.percentile(greys, 95) - np.percentile(greys, 5) > 0.08)


def _write_masks(folder: Path, labels: np.ndarray) -> None:
    """Write label images (T, H, W) as PNG files, and delete the coverage images that they were made from."""
    for coverage in folder.glob("cover_*"):
        coverage.unlink()
    (folder / "masks").mkdir()
    for frame, image in enumerate(labels):
        cv2.imwrite(str(folder / "masks" / f"frame_{frame:06d}.png"), image)


def _licences(sources: list[str]) -> dict[str, str]:
    """Return the licence of each package that occurs in `sources`, strings of the form `package: file`."""
    return {package: _licence(package) for package in sorted({source.partition(": ")[0] for source in sources})}


def _licence(package: str) -> str:
    try:
        return find_source(package).licence
    except KeyError:  # pictures that the user added
        return "unknown"
