"""Mattes that a recipe makes of the films with exact alpha, and those films on the disk."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..jobs.propagate import run as propagate
from ..media.frames import FrameReader
from ..output.matte_files import read_existing
from ..shared.files import atomic_write
from ..shared.mask_images import GREY_ALPHA
from ..shared.matte_folder import MatteFolder
from ..shared.types import KeyframeFile, PropagationJob, Settings
from .edge_films import EdgeFilm

_DEPTH = 65535  # true alphas have 16 bits, so that they are exact enough for any measure
_DONE = "done"


@dataclass(frozen=True)
class MadeFilm:
    """Film on the disk, with the mattes that a recipe has made from two true alphas."""

    film: EdgeFilm
    root: Path
    scale: float  # how many times smaller the network's picture was

    @property
    def given(self) -> tuple[int, ...]:
        """Return the frames whose true alpha was given."""
        return given(self.film)

    def picture(self, frame: int) -> np.ndarray:
        """Read a frame (H, W, 3) uint8 RGB."""
        return cv2.cvtColor(_read(self.root / "frames" / f"{frame:04}.png"), cv2.COLOR_BGR2RGB)

    def true(self, frame: int) -> np.ndarray:
        """Read the true alpha (H, W) float32."""
        return _read(self.root / "alphas" / f"{frame:04}.png").astype(np.float32) / _DEPTH

    def raw(self, frame: int) -> np.ndarray:
        """Read the matte (H, W) float32 of the recipe, enlarged bilinearly; empty if there is none."""
        found = read_existing(MatteFolder(self.root / "mattes").matte(1, frame), self.film.size)
        return np.zeros(self.film.size, np.float32) if found is None else found


def given(film: EdgeFilm) -> tuple[int, ...]:
    """Return the frames whose true alpha is given: the first and the middle one."""
    return 0, film.frames // 2


def make(film: EdgeFilm, root: Path, settings: Settings, report: Callable[[str], None]) -> MadeFilm:
    """Render a film to a folder and make its mattes, unless both are there; raises the errors of a propagation."""
    made = MadeFilm(film, root, max(min(film.size) / settings.height, 1.0))
    identity = repr((film, settings))
    done = root / _DONE
    if done.is_file() and done.read_text(encoding="utf-8") == identity:
        return made
    shutil.rmtree(root, ignore_errors=True)
    keyframes = []
    for frame in range(film.frames):
        report(f"{film.name}: rendering frame {frame}")
        picture, alpha = film.frame(frame)
        _write(root / "frames" / f"{frame:04}.png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        _write(root / "alphas" / f"{frame:04}.png", np.rint(alpha * _DEPTH).astype(np.uint16))
        if frame in given(film):
            file = root / "given" / f"{frame:04}.png"
            _write(file, np.rint(alpha * 255).astype(np.uint8))
            keyframes.append(KeyframeFile(frame, file, (1,), GREY_ALPHA, 1))
    report(f"{film.name}: making mattes")
    with FrameReader.open(root / "frames") as reader:
        clip = reader.clip
    job = PropagationJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        frames=range(film.frames),
        keyframes=tuple(keyframes),
        folder=root / "mattes",
        recipe="keymatte",
        settings=settings,
    )
    propagate(job, lambda answer: None, lambda: False)
    with atomic_write(done) as part:
        part.write_text(identity, encoding="utf-8")
    return made


def _read(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None:
        raise FileNotFoundError(path)
    return found


def _write(path: Path, values: np.ndarray) -> None:
    with atomic_write(path) as part:
        part.write_bytes(cv2.imencode(".png", values)[1].tobytes())
