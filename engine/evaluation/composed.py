"""Composed films kept out of training: written once as clip folders, so that every method sees the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..media.label_images import write_labels
from ..shared.errors import FilmsChanged, FolderTaken, PicturesMissing
from ..shared.files import atomic_write
from .clips import checksum

COUNT, FRAMES, SIZE = 18, 24, 480  # films; frames of each; pixels of either side
MANIFEST = "films.json"
_SEED = 2000  # with the number of the try; the pictures are others than those of training anyway
_LEAST_SEEN = 0.5  # of the frames: each object of a film is seen on that many


def composed_films(folder: Path, prepared: Path | None, *, count: int = COUNT, size: int = SIZE) -> list[Path]:
    """Folders of the films in `folder`, each with `frames` and `masks`; those not yet written are composed now.

    `prepared` holds the pictures that train-data made, and is needed only to compose. The manifest tells each film's
    seed and checksum. Raises FilmsChanged if a film is no longer what was written, PicturesMissing, FolderTaken.
    """
    manifest = folder / MANIFEST
    try:
        told = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    except ValueError as error:
        raise FilmsChanged(f"{manifest} cannot be read ({error})") from error
    kept = told.get("films", [])[:count]
    if not told and folder.is_dir() and any(not path.name.startswith("film_") for path in folder.iterdir()):
        raise FolderTaken(f"{folder} is to hold composed films, but holds other files")
    if told and told["size"] != size:
        raise FilmsChanged(f"the films in {folder} have a side of {told['size']} pixels, not {size}")
    for film in kept:
        if _checksum(folder / film["name"]) != film["sha256"]:
            raise FilmsChanged(f"{folder / film['name']} is not what the manifest tells")
    if len(kept) < count:
        kept = _compose(folder, prepared, kept, count=count, size=size)
    return [folder / film["name"] for film in kept]


def _compose(folder: Path, prepared: Path | None, kept: list[dict], *, count: int, size: int) -> list[dict]:
    from ..training.assets import INDEX, Assets
    from ..training.films import compose

    if prepared is None or not (prepared / INDEX).is_file():
        raise PicturesMissing("the composed films are not written yet, and the pictures they are made of are not there")
    assets = Assets(prepared, held_out=True)
    films, number = list(kept), kept[-1]["seed"][1] + 1 if kept else 0
    with tqdm(total=count, initial=len(films), unit="film", desc="Composing films") as bar:
        while len(films) < count:
            seed = (_SEED, number)
            film = compose(assets, np.random.default_rng(seed), frames=FRAMES, size=size)
            number += 1
            seen = [(film.labels == object_id).any((1, 2)).mean() for object_id in range(1, film.objects + 1)]
            if min(seen) < _LEAST_SEEN:
                continue
            place = folder / f"film_{len(films):02d}"
            shutil.rmtree(place, ignore_errors=True)  # of a run that was stopped
            for frame, (image, labels) in enumerate(zip(film.images, film.labels)):
                with atomic_write(place / "frames" / f"{frame:06d}.jpg") as part:
                    Image.fromarray(image).save(part, format="JPEG", quality=95, subsampling=0)
                write_labels(place / "masks" / f"{frame:06d}.png", labels)
            films.append({"name": place.name, "seed": seed, "objects": film.objects, "sha256": _checksum(place)})
            with atomic_write(folder / MANIFEST) as part:
                part.write_text(json.dumps({"size": size, "frames": FRAMES, "films": films}, indent=1), "utf-8")
            bar.update()
    return films


def _checksum(film: Path) -> str:
    return checksum(*(sorted((film / name).glob("*")) for name in ("frames", "masks")))
