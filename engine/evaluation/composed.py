"""Composed films for evaluation: clips made of images kept out of training, written once and then reused."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..media.label_images import write_labels
from ..shared.errors import FolderTaken
from ..shared.files import atomic_write
from .clips import checksum
from .errors import FilmsChanged, PicturesMissing

COUNT, SIZE = 18, 480  # films of the study; pixels of either side
MANIFEST = "films.json"
_MIN_VISIBLE = 0.5  # fraction of the frames on which each object of a film is visible


@dataclass(frozen=True)
class FilmStyle:
    """What distinguishes one set of composed films from another."""

    seed: int  # first part of each film's seed; the second is the number of the attempt
    frames: int
    pace: tuple[float, float] | None = None  # see `motion.clip_times`; None: any


STUDY = FilmStyle(2000, 24)
CALIBRATION = FilmStyle(7000, 48, (0.1, 2.0))  # moves from frame to frame as shots of 24 to 30 frames per second do


def composed_films(
    folder: Path, prepared: Path | None, *, count: int = COUNT, size: int = SIZE, style: FilmStyle = STUDY
) -> list[Path]:
    """Return the film folders in `folder`, each with subfolders `frames` and `masks`; compose films that are missing.

    `prepared` is the folder of images made by `train-data`, needed only to compose films; other styles are other films.
    The manifest holds the seed and checksum of each film. Raises FilmsChanged if a film differs from its checksum,
    PicturesMissing, FolderTaken.
    """
    manifest = folder / MANIFEST
    try:
        contents = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    except ValueError as error:
        raise FilmsChanged(f"{manifest} cannot be read ({error})") from error
    films = contents.get("films", [])[:count]
    if not contents and folder.is_dir() and any(not path.name.startswith("film_") for path in folder.iterdir()):
        raise FolderTaken(f"{folder} cannot be used for composed films: it contains other files")
    if contents and contents["size"] != size:
        raise FilmsChanged(f"the films in {folder} have sides of {contents['size']} pixels, not {size}")
    for film in films:
        if _checksum(folder / film["name"]) != film["sha256"]:
            raise FilmsChanged(f"{folder / film['name']} differs from its checksum in {MANIFEST}")
    if len(films) < count:
        films = _compose(folder, prepared, films, count=count, size=size, style=style)
    return [folder / film["name"] for film in films]


def _compose(
    folder: Path, prepared: Path | None, kept: list[dict[str, Any]], *, count: int, size: int, style: FilmStyle
) -> list[dict[str, Any]]:
    """Compose and write films until there are `count`; return the manifest rows of all films, old and new."""
    from ..training.assets import INDEX, Assets
    from ..training.films import compose
    from ..training.motion import ANY_PACE

    if prepared is None or not (prepared / INDEX).is_file():
        raise PicturesMissing("the composed films do not exist yet, and the pictures to compose them from are missing")
    assets = Assets(prepared, held_out=True)
    films, number = list(kept), kept[-1]["seed"][1] + 1 if kept else 0
    with tqdm(total=count, initial=len(films), unit="film", desc="Composing films") as bar:
        while len(films) < count:
            seed = (style.seed, number)
            rng = np.random.default_rng(seed)
            film = compose(assets, rng, frames=style.frames, size=size, pace=style.pace or ANY_PACE)
            number += 1
            visible = [(film.labels == object_id).any((1, 2)).mean() for object_id in range(1, film.objects + 1)]
            if min(visible) < _MIN_VISIBLE:
                continue
            clip_folder = folder / f"film_{len(films):02d}"
            shutil.rmtree(clip_folder, ignore_errors=True)  # left by a run that was stopped
            for frame, (image, labels) in enumerate(zip(film.images, film.labels)):
                with atomic_write(clip_folder / "frames" / f"{frame:06d}.jpg") as part:
                    Image.fromarray(image).save(part, format="JPEG", quality=95, subsampling=0)
                write_labels(clip_folder / "masks" / f"{frame:06d}.png", labels)
            films.append(
                {"name": clip_folder.name, "seed": seed, "objects": film.objects, "sha256": _checksum(clip_folder)}
            )
            with atomic_write(folder / MANIFEST) as part:
                part.write_text(json.dumps({"size": size, "frames": style.frames, "films": films}, indent=1), "utf-8")
            bar.update()
    return films


def _checksum(film: Path) -> str:
    """Return the checksum of a film's frames and masks."""
    return checksum(*(sorted((film / name).glob("*")) for name in ("frames", "masks")))
