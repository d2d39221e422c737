"""A small shot for tests of delivery: numbered images of two discs that move and touch, and their soft mattes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from engine.jobs.export import run
from engine.media.label_images import encode_matte
from engine.shared.delivery import DeliveredObject, ExportJob
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished
from engine.shared.types import VideoClip

HEIGHT, WIDTH, FIRST, COUNT = 54, 96, 41, 5
STEMS = [f"plate_v2.{number:04d}" for number in range(FIRST, FIRST + COUNT)]
NAMES = ("red/ball: 1", "Größe 日本.")  # as users may name objects
FOLDERS = ("red_ball_ 1", "Größe 日本")

COLOURS = ((220, 40, 30), (30, 90, 230))  # R, G, B of the discs


def alphas(frame: int) -> np.ndarray:
    """Return the alphas (2, H, W) float32 of both objects, in steps of 1/255."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    centres = ((20 + 5 * frame, 25), (68 - 3 * frame, 30))
    soft = [np.clip((14 - np.hypot(columns - x, rows - y)) / 4 + 0.5, 0, 1) for x, y in centres]
    soft[1] = np.minimum(soft[1], 1 - soft[0])
    return (np.rint(np.stack(soft) * 255) / 255).astype(np.float32)


def picture(frame: int) -> np.ndarray:
    """Return the picture (H, W, 3) uint8: a gradient with both discs on it."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    made = np.stack([rows * 3, columns * 2, np.full_like(rows, 40 + frame)], axis=2).astype(np.float32)
    for alpha, colour in zip(alphas(frame), COLOURS):
        made += (np.array(colour) - made) * alpha[:, :, None]
    return np.rint(made).astype(np.uint8)


def write_shot(root: Path) -> ExportJob:
    """Write images and mattes, and return a job that delivers both objects to `root / "out"`."""
    images, folder = root / "plates", MatteFolder(root / "mattes of it")
    images.mkdir(parents=True)
    for frame, stem in enumerate(STEMS):
        (images / f"{stem}.png").write_bytes(cv2.imencode(".png", picture(frame)[..., ::-1])[1].tobytes())
        for object_id in (1, 2):
            write_matte(folder, object_id, frame, alphas(frame)[object_id - 1])
    clip = VideoClip(images, HEIGHT, WIDTH, COUNT)
    objects = tuple(DeliveredObject(object_id, name) for object_id, name in zip((1, 2), NAMES))
    return ExportJob("e", clip, folder.root, range(COUNT), objects, root / "out")


def write_matte(folder: MatteFolder, object_id: int, frame: int, alpha: np.ndarray) -> Path:
    path = folder.matte(object_id, FIRST + frame)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_matte(alpha))
    return path


def deliver(job: ExportJob, **changes: object) -> Finished:
    """Run a job with some fields changed, and return its last answer."""
    answers: list = []
    run(replace(job, **changes), answers.append, lambda: False)
    return answers[-1]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of all files in a folder but the record, by their paths from it."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "keymatte-export.txt")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
