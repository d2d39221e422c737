"""Refine job: makes an object's mattes anew at the clip's full size, with edges that follow the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..media.frames import FrameReader
from ..media.label_images import encode_deep_matte
from ..output.matte_files import read_any
from ..runtime.device import memory_errors
from ..shared.errors import BadSetting, Cancelled, EngineError, NothingPropagated
from ..shared.folder_claim import claim
from ..shared.mask_images import counted
from ..shared.matte_folder import MatteFolder, named_spans
from ..shared.protocol import Answer, Finished, JobCancelled, Stage
from ..shared.refined import RefinedMattes, record_of, sources_of
from ..shared.refinement import RefinedObject, Refinement
from ..shared.types import PropagationJob, RefineJob
from ..shared.written_files import WrittenFiles
from .clip_identity import compare_with_earlier, identify
from .refine_source import RefineSource
from .setup import JobContext

Report = Callable[[Answer], None]
Progress = Callable[[str, int, int], None]
_PARTS = ("softness", "smoothing")  # settings that are 0 to 1


def run(job: RefineJob, report: Report, cancelled: Callable[[], bool]) -> None:
    """Refine the mattes of a job that are not up to date, and end with the report Finished or JobCancelled.

    Mattes that the user has edited keep their edges; refined ones that were edited are kept as they are.
    Raises NothingPropagated, BadSetting, FolderTaken, FolderInUse, DiskFull, FolderNotWritable, OutOfMemory,
    errors of the clip.
    """

    def progress(text: str, done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, text, done, total))

    folder = MatteFolder(job.folder)
    if not any(folder.matte_sequence(one.object_id).is_dir() for one in job.objects):
        raise NothingPropagated(f"{job.folder} has no mattes to refine")
    try:
        with (
            memory_errors(),
            FrameReader.expect(job.clip, lambda done, total: progress("Indexing the movie", done, total)) as reader,
        ):
            outcome = refine_mattes(folder, reader, job.objects, job.frames, progress)
            report(Finished(job.job_id, note=outcome.note, warning=outcome.warning(reader)))
    except Cancelled:
        report(JobCancelled(job.job_id))


@dataclass
class RefineOutcome:
    """What a job has done."""

    refined: int = 0
    current: int = 0  # mattes that were up to date
    kept: list[int] = field(default_factory=list)  # numbers of frames with refined mattes that the user has edited
    unreadable: list[int] = field(default_factory=list)  # numbers of frames without a picture or a matte
    set_aside: list[Path] = field(default_factory=list)  # where refined mattes that cannot be read were moved to
    is_damaged: bool = False  # whether the record is, so that refined mattes count as edited
    changed: str = ""  # that the clip's pictures are not those of which the mattes were made

    @property
    def note(self) -> str:
        """Return what was done, as sentences."""
        current = f", {self.current} up to date before" if self.current else ""
        return f"{counted(self.refined, 'matte')} refined{current}."

    def warning(self, reader: FrameReader) -> str:
        """Return what was not done, as sentences; empty if all was."""
        parts = [self.changed] if self.changed else []
        if self.kept:
            parts.append(f"Refined mattes that were edited are kept: {named_spans('frame', reader.shown(self.kept))}.")
            if self.is_damaged:
                parts.append("Their record is damaged: if you edited none, delete the folder refined and refine again.")
        if self.set_aside:
            parts.append(f"{counted(len(self.set_aside), 'refined matte')} could not be read: see {self.set_aside[0]}.")
        if self.unreadable:
            parts.append(
                "Not refined, as the matte or the picture cannot be read: "
                f"{named_spans('frame', reader.shown(self.unreadable))}."
            )
        return " ".join(parts)


def refine_mattes(
    folder: MatteFolder, reader: FrameReader, objects: Sequence[RefinedObject], frames: range, progress: Progress
) -> RefineOutcome:
    """Refine mattes that are not up to date, on media frames of the open clip; raises what `run` does, and Cancelled.

    `progress` is given a text, the steps done and their number before each matte.
    """
    for one in objects:
        check_refinement(one.refinement)
    outcome = RefineOutcome()
    with claim(folder) as claimed:
        changed = compare_with_earlier(identify(reader), claimed.earlier, folder.root, has_results=True)
        outcome.changed = f"{changed} If their pictures are others now, propagate again." if changed else ""
        due = _due(folder, reader, objects, frames, outcome)
        if not due:
            return outcome
        source, written = RefineSource(folder, reader), WrittenFiles(folder.refined)
        try:
            for done, (one, frame) in enumerate(due):
                progress("Refining edges", done, len(due))
                number = reader.numbers[frame]
                sources = sources_of(folder, one.object_id, number, one.refinement)
                record = record_of(one.refinement, _file_of(reader, frame), sources)
                alpha = source.refined(one, frame)
                if alpha is None:
                    outcome.unreadable.append(number)
                    continue
                written.write(folder.refined.matte(one.object_id, number), encode_deep_matte(alpha), record)
                outcome.refined += 1
        finally:
            written.close()
    return outcome


def _due(
    folder: MatteFolder,
    reader: FrameReader,
    objects: Sequence[RefinedObject],
    frames: range,
    outcome: RefineOutcome,
) -> list[tuple[RefinedObject, int]]:
    """List the objects and media frames whose refined mattes are to be made; those that are not go into `outcome`."""
    state, due = RefinedMattes(folder), []
    for one in objects:
        for frame in frames:
            if frame >= len(reader.numbers) or not folder.matte(one.object_id, reader.numbers[frame]).is_file():
                continue
            number = reader.numbers[frame]
            if state.is_edited(one.object_id, number) and not _set_aside(folder, one.object_id, number, outcome):
                outcome.kept.append(number)
            elif state.is_current(one, number, _file_of(reader, frame)):
                outcome.current += 1
            else:
                due.append((one, frame))
    outcome.is_damaged = state.is_damaged
    return due


def _set_aside(folder: MatteFolder, object_id: int, number: int, outcome: RefineOutcome) -> bool:
    """Move a refined matte that cannot be read out of the way; return whether it was. Raises FolderNotWritable."""
    path = folder.refined.matte(object_id, number)
    if read_any(path) is not None:
        return False
    outcome.set_aside.append(WrittenFiles(folder.refined).set_aside(path))
    return True


def _file_of(reader: FrameReader, frame: int) -> Path:
    """Return the file of a media frame's picture."""
    return reader.files[min(frame, len(reader.files) - 1)]


def check_refinement(refinement: Refinement) -> None:
    """Raise BadSetting if a number among the settings is not finite, or beyond what makes sense."""
    for name, value in vars(refinement).items():
        if not isinstance(value, float | int):
            continue
        least = -np.inf if name == "grow" else 0
        most = 1 if name in _PARTS else np.inf
        if not (np.isfinite(value) and least <= value <= most):
            wanted = "from 0 to 1" if name in _PARTS else "in pixels" if name == "grow" else "that is not negative"
            raise BadSetting(f"{name} is {value:g}", remedy=f"Give a number {wanted}.")


def refine_afterwards(
    job: PropagationJob, context: JobContext, report: Report, cancelled: Callable[[], bool]
) -> tuple[str, str]:
    """Refine what a propagation job asks for; return a note and a warning.

    Whatever goes wrong becomes a warning, as the mattes themselves are done. Raises Cancelled.
    """
    if not job.refined or job.is_part:
        return "", ""

    def progress(text: str, done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, text, done, total))

    try:
        folder = MatteFolder(job.folder)
        outcome = refine_mattes(folder, context.reader, job.refined, job.frames, progress)
    except EngineError as error:
        return "", f"Edges were not refined: {error.sentence()}"
    return outcome.note, outcome.warning(context.reader)
