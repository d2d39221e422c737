"""What a job redoes: the stretches of frames whose mattes are missing or stale, and how new mattes are signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..inference.frame_use import FrameUse
from ..inference.soft_masks import SoftKeyframes
from ..inference.sweeps import Sweep
from ..media.frames import FrameReader
from ..shared.folder_claim import recorded_walks
from ..shared.frame_ranges import runs_of
from ..shared.matte_folder import MatteFolder
from ..shared.picture_stamps import is_same_picture, picture_stamp
from ..shared.provenance import RunInputs, Runs
from ..shared.quality import OWN_EDGE, MatteQuality
from ..shared.quality_table import Rows, Status, read_table
from ..shared.staleness import assess
from ..shared.types import Lock, PropagationJob, Redo
from .sides import Known, Section, sections_of


def due_sections(
    job: PropagationJob, reader: FrameReader, inputs: RunInputs, use: FrameUse, *, restarts: bool
) -> tuple[Section, ...]:
    """Return the media frames that a job makes mattes for, ascending, in sections; none if nothing has changed.

    `restarts` is that of the recipe: only then a side of a keyframe is the same whether walked on its own or not.
    """
    if job.redo is Redo.EVERYTHING:
        return (Section(job.frames),)
    folder = MatteFolder(job.folder)
    rows: Rows = read_table(folder).rows if job.folder.is_dir() else {}
    numbers = {reader.numbers[frame]: frame for frame in job.frames}
    runs = Runs.read(folder)

    def is_same(number: int, stamp: str) -> bool:
        return is_same_picture(stamp, _file_of(reader, numbers[number]))

    states = assess(rows, runs, inputs, numbers, is_same)
    # An interrupted run of the same inputs is taken up where it stopped, so what it has made counts as due, too.
    is_interrupted = any(folder.unfinished_jobs())
    recorded = recorded_walks(folder, inputs.id) if is_interrupted else []
    again = {frame for start, stop, _ in recorded for frame in range(start, stop)}
    due = {
        numbers[number]
        for object_id, of in states.items()
        for number, state in of.items()
        if (state.is_due or (numbers[number] in again and _is_made_by(inputs.id, rows, object_id, number)))
        and not _is_locked(job.locks, object_id, numbers[number])
    }
    shown = {other for frame in due for other in use.showing(use.source(frame)) if other in job.frames}
    found = runs_of(shown)
    if not (restarts and job.early_end.frames) or job.is_part or use.shown_by:
        return tuple(map(Section, found))
    if is_interrupted:  # the mattes that it has replaced do not tell any more
        return _as_recorded(recorded, found)
    known = Known(reader.numbers, rows, states, runs, inputs, is_same)
    locked = {frame for lock in job.locks for frame in lock.frames}
    return tuple(
        section
        for stretch in found
        for section in (sections_of(stretch, known) if locked.isdisjoint(stretch) else [Section(stretch)])
    )


def _as_recorded(recorded: Iterable[tuple[int, int, bool | None]], found: Sequence[range]) -> tuple[Section, ...]:
    """Return the recorded sections of an interrupted run if they are what is due now; else the stretches `found`."""
    sections = tuple(Section(range(start, stop), away) for start, stop, away in recorded)
    frames = [frame for section in sections for frame in section.frames]
    return sections if frames == [frame for stretch in found for frame in stretch] else tuple(map(Section, found))


def _is_made_by(run: str, rows: Rows, object_id: int, number: int) -> bool:
    row = rows.get(object_id, {}).get(number)
    return bool(row and row.quality and row.status is not Status.EDITED and row.quality.vouched_by == run)


def _is_locked(locks: Iterable[Lock], object_id: int, frame: int) -> bool:
    return any(lock.covers(object_id, frame) for lock in locks)


def _file_of(reader: FrameReader, frame: int) -> Path:
    return reader.files[min(frame, len(reader.files) - 1)]


@dataclass(frozen=True)
class Signer:
    """Adds to the quality of a new matte what it was made from."""

    run: str  # id of the run
    reader: FrameReader
    sweeps: Sequence[Sweep]
    use: FrameUse
    soft: SoftKeyframes

    def __call__(self, quality: MatteQuality, frame: int, object_id: int, finished: bool) -> MatteQuality:
        """Return the quality of an object's matte on a media frame; unless `finished`, another sweep may reach it."""
        unfinished = not finished and self._is_two_sided(frame, object_id)
        stamp = picture_stamp(_file_of(self.reader, frame))
        has_edge = quality.is_given and object_id in self.soft.get(frame, {})
        signals = {**quality.signals, OWN_EDGE: 1.0} if has_edge else quality.signals
        return replace(quality, signals=signals, run=self.run, picture=stamp, unfinished=unfinished)

    def _is_two_sided(self, frame: int, object_id: int) -> bool:
        source = self.use.source(frame)
        reaching = [
            sweep
            for sweep in self.sweeps
            if frame in sweep.wanted
            for group in sweep.groups
            for number, keyframes in group.keyframes_by_object()
            if number == object_id and sweep.reaches(keyframes, source)
        ]
        return len(reaching) > 1
