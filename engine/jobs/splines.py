"""Spline job: fits Bezier splines to the mattes of some objects, for mask layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..media.label_images import read_matte
from ..output.matte_files import read_existing
from ..shared.errors import BadSetting, Cancelled, MatteUnreadable
from ..shared.matte_folder import MatteFolder
from ..shared.protocol import Answer, JobCancelled, ObjectSplines, SplinesFitted, Stage
from ..shared.refined import RefinedMattes
from ..shared.splines import save_splines
from ..shared.types import SplineJob, splines_file
from ..splines.strands import LeftOut
from ..splines.vectorise import fit_splines

_STEPS = 100  # of progress for each object


def run(job: SplineJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> None:
    """Fit splines to each object's mattes, and end with the report SplinesFitted or JobCancelled.

    Raises MatteUnreadable if an edited image cannot be read, BadSetting, DiskFull and FolderNotWritable.
    """
    fitted: list[ObjectSplines] = []

    def progress(before: int, share: float) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, "Fitting splines", round((before + share) * _STEPS), len(job.objects) * _STEPS))

    try:
        for before, object_id in enumerate(job.objects):
            if found := _fit(job, object_id, partial(progress, before)):
                fitted.append(found)
    except Cancelled:
        report(JobCancelled(job.job_id))
    else:
        report(SplinesFitted(job.job_id, tuple(fitted)))


def _fit(job: SplineJob, object_id: int, progress: Callable[[float], None]) -> ObjectSplines | None:
    """Fit splines to one object's mattes and write them; return None if it has no mattes."""
    mattes = _Mattes(job, object_id)
    left_out: list[LeftOut] = []
    tracks = fit_splines(
        mattes, pinned=mattes.edited.keys(), motions=_motions(job), progress=progress, left_out=left_out.append
    )
    if not mattes.found:
        return None
    save_splines(splines_file(job.out, object_id), tracks)
    return ObjectSplines(object_id, tuple(mattes.unreadable), left_out[0].outlines, left_out[0].share)


def _motions(job: SplineJob) -> dict[int, NDArray[np.float64]]:
    """Return the motions that carry a job's splines, by number. Raises BadSetting if they are not what they should."""
    rows = np.array(job.motions, np.float64).reshape(-1, 9) if all(len(row) == 9 for row in job.motions) else None
    if rows is None or len(rows) not in (0, len(job.numbers)) or not np.isfinite(rows).all():
        raise BadSetting("the motions of the splines are not one 3x3 matrix for each frame")
    return dict(zip(job.numbers, rows.reshape(-1, 3, 3)))


class _Mattes:
    """Reads the mattes of one object, and images that stand in for some; notes those that cannot be read."""

    def __init__(self, job: SplineJob, object_id: int) -> None:
        self._folder, self._object_id = MatteFolder(job.folder), object_id
        self._size = job.height, job.width
        self._refined = next((one for one in job.refined if one.object_id == object_id), None)
        self._state = RefinedMattes(self._folder) if self._refined else None
        self.edited = {
            one.number: one.alpha for one in job.edited if one.object_id == object_id and one.number in job.numbers
        }
        stems = {path.stem for path in self._folder.matte_sequence(object_id).glob("*.png")}
        written = {number for number in job.numbers if self._folder.matte(object_id, number).stem in stems}
        self.found = sorted(written | self.edited.keys())
        self.unreadable: list[int] = []

    def __length_hint__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for number in self.found:
            alpha = self._edited(number) if number in self.edited else self._matte(number)
            if alpha is None:
                self.unreadable.append(number)
            else:
                yield number, alpha

    def _matte(self, number: int) -> NDArray[np.float32] | None:
        path = self._state.path(self._refined, number) if self._state and self._refined else None
        return read_existing(path or self._folder.matte(self._object_id, number), self._size)

    def _edited(self, number: int) -> NDArray[np.float32]:
        path = self.edited[number]
        alpha = read_matte(path)
        if alpha.shape != self._size:
            raise MatteUnreadable(f"{path} is {alpha.shape[1]}x{alpha.shape[0]}, not {self._size[1]}x{self._size[0]}")
        return alpha
