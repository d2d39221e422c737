"""Account of a propagation job: what was made of what was asked for, and what became of files already there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..inference.keyframe_memory import Labels
from ..media.frames import FrameReader
from ..output.dropped_objects import DroppedObject
from ..output.mattes import AGREED, MatteWriter
from ..shared.errors import FolderNotWritable, FramesUnreadable
from ..shared.mask_images import counted
from ..shared.matte_folder import MatteFolder, named_spans, spans
from ..shared.quality_table import DAMAGED_RECORD, read_table
from ..shared.stretches import bad_stretches
from ..shared.types import PropagationJob, Redo
from .setup import JobContext

if TYPE_CHECKING:
    from .plan import JobPlan

_MAX_STRETCHES = 3  # that a note names
_frames = partial(named_spans, "frame")
_COMPUTE_AGAIN = "To have a matte computed again, delete its file."


@dataclass(frozen=True)
class Account:
    """How many frames were done, and a warning about the others; empty if there are none."""

    frames_done: int
    frames_asked: int
    warning: str


def refuse_without_pictures(context: JobContext, truth: Labels) -> None:
    """Raise FramesUnreadable if the picture of no keyframe can be read, since nothing can be propagated then."""
    frames = sorted(truth)
    if frames and all(context.source.read(frame) is None for frame in frames):
        reason = context.source.failed[frames[0]]
        raise FramesUnreadable(
            f"the picture{_of_keyframes(context, frames)} cannot be read, so nothing can be propagated: {reason}",
            remedy="Repair or replace the picture, or mark the objects on another frame, and run again.",
        )


def take_account(job: PropagationJob, context: JobContext, plan: JobPlan, written: NDArray[np.int64]) -> Account:
    """Compare the mattes that were made with those that the keyframes reach.

    `written` (frames, objects) is that of `MatteWriter`. Raises FramesUnreadable if none was made.
    """
    asked = np.array([[number in found for number in plan.objects] for found in map(partial(_asked, plan), job.frames)])
    asked &= written != AGREED
    made = (written != 0) & asked
    wanted = asked.any(axis=1)
    done, total = int((wanted & (made == asked).all(axis=1)).sum()), int(wanted.sum())
    if not total:
        return Account(0, 0, "No keyframe reaches these frames in this direction, so no matte was made.")
    if not made.any():
        raise FramesUnreadable(f"no matte was made: {next(iter(context.source.failed.values()), 'no frame was read')}")
    sentences = [*_unread(job, context), *_unused(context, plan.truth)]
    if sentences:
        sentences.append(_counts(made, asked, plan.objects))
        sentences.append(FramesUnreadable.default_remedy)
    return Account(done, total, " ".join(sentences))


def _asked(plan: JobPlan, frame: int) -> set[int]:
    """Return the objects of which mattes were asked for on a frame: those that a sweep reaches, and blank ones."""
    source = plan.use.source(frame)
    reached = {
        number
        for sweep in plan.sweeps
        if frame in sweep.wanted
        for group in sweep.groups
        for number, keyframes in group.keyframes_by_object()
        if sweep.reaches(keyframes, source)
    }
    return reached.union(*(blank.objects for blank in plan.blanks if frame in blank.frames))


def _unread(job: PropagationJob, context: JobContext) -> list[str]:
    """Return a sentence about the frames of the job that could not be read; none if there are none."""
    failed = context.source.failed
    frames = sorted(frame for frame in failed if frame in job.frames)
    if not frames:
        return []
    count = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
    return [f"{count} could not be read ({_numbers(context, frames)}): {failed[frames[0]]}."]


def _unused(context: JobContext, truth: Labels) -> list[str]:
    """Return a sentence about the keyframes whose pictures could not be read; none if there are none."""
    frames = sorted(frame for frame in context.source.failed if frame in truth)
    return [f"Nothing was propagated from the picture{_of_keyframes(context, frames)}."] if frames else []


def check_present(context: JobContext, plan: JobPlan, frames: range, written: NDArray[np.int64]) -> None:
    """Raise FolderNotWritable if mattes that were written on the job's `frames` are no longer in the folder."""
    numbers = context.reader.numbers
    pairs = [(numbers[frames[row]], plan.objects[column]) for row, column in np.argwhere(written > 0)]
    gone = {number for number, object_id in pairs if not plan.folder.matte(object_id, number).is_file()}
    if gone:
        raise FolderNotWritable(
            f"mattes in {plan.folder.root} were deleted or moved while results were written "
            f"(frames {spans(context.reader.shown(gone))})",
            remedy="Run again; leave the folder as it is until the run has ended.",
        )


def note_dropped(dropped: Iterable[DroppedObject]) -> str:
    """Say which results were removed because their objects have no keyframes; empty if none were."""
    sentences = []
    for item in dropped:
        sentence = f"Object {item.object_id} has no keyframes any more: its {_mattes(item.removed)} removed"
        if item.set_aside:
            count = _mattes(len(item.set_aside)).removesuffix("s were").removesuffix(" was")
            sentence += f", and {count} edited by hand moved to {item.set_aside[0].parent}"
        sentences.append(f"{sentence}.")
    return " ".join(sentences)


def note_kept(writer: MatteWriter, reader: FrameReader) -> str:
    """Say which edited images were kept instead of the computed ones; empty if none were."""
    kept = {object_id: reader.shown(numbers) for object_id, numbers in writer.kept().items() if numbers}
    kept_labels = reader.shown(writer.kept_labels)
    sentences = []
    if kept:
        where = "; ".join(f"object {object_id}, {_frames(numbers)}" for object_id, numbers in kept.items())
        count = sum(map(len, kept.values()))
        text = "1 matte that was edited by hand was" if count == 1 else f"{count} mattes that were edited by hand were"
        sentences.append(f"{text} kept ({where}). {_COMPUTE_AGAIN}")
    if kept_labels:
        sentences.append(f"Label images that were edited by hand were kept ({_frames(kept_labels)}).")
    if writer.set_aside:
        sentences.append(f"Damaged images were moved to {writer.set_aside[0].parent} and made again.")
    if writer.record_damaged and (kept or writer.kept_labels):
        sentences.append(f"{DAMAGED_RECORD}.")
    return " ".join(sentences)


def note_earlier(job: PropagationJob, writer: MatteWriter, reader: FrameReader) -> str:
    """Say on which frames mattes of earlier runs are left, which may have had other keyframes; empty if on none."""
    numbers = writer.of_earlier_runs()
    if not numbers:
        return ""
    if job.redo is Redo.CHANGED:
        others = "frame" if len(numbers) == 1 else f"{len(numbers)} frames"
        return f"Nothing has changed on the other {others}, whose mattes were kept."
    return f"Mattes of earlier runs were left as they are on {_frames(reader.shown(numbers))}."


def note_ends(ends: Iterable[int], left: Iterable[int], reader: FrameReader) -> str:
    """Say where walks from changed keyframes ended early, and which mattes were left; empty if none did."""
    seams = reader.shown_frames(sorted(ends))
    if not seams:
        return ""
    return (
        f"New and earlier mattes agree up to {_frames(seams)}, so those beyond "
        f"({_frames(reader.shown_frames(sorted(left)))}) were left as they were."
    )


def note_nothing_due(job: PropagationJob) -> str:
    """Say that a job has nothing to redo."""
    locked = " or is locked" if job.locks else ""
    if read_table(MatteFolder(job.folder)).has_lost:
        return f"Nothing to redo. {DAMAGED_RECORD}."
    return f"Nothing to redo: every matte on {counted(len(job.frames), 'frame')} is up to date{locked}."


def note_to_fix(job: PropagationJob, context: JobContext, folder: MatteFolder) -> str:
    """Say which of the job's frames need a fix, by object, and why; empty if none do, or if that is not known."""
    numbers = {context.reader.numbers[frame] for frame in job.frames}
    known = read_table(folder).known()
    here = {object_id: {n: row for n, row in rows.items() if n in numbers} for object_id, rows in known.items()}
    stretches = sorted(bad_stretches(here), key=lambda stretch: -stretch.count)
    if not stretches:
        return ""
    told = [f"object {one.object_id}, {one.frames} ({one.words})" for one in stretches[:_MAX_STRETCHES]]
    if others := len(stretches) - len(told):
        told.append(f"and {others} more")
    return f"To fix: {'; '.join(told)}."


def _counts(made: NDArray[np.bool_], asked: NDArray[np.bool_], objects: Sequence[int]) -> str:
    """Return how many of the frames asked for have mattes: "22 of 30 frames have mattes."; by object if they differ."""
    counts = [f"{np.count_nonzero(made[:, i])} of {np.count_nonzero(asked[:, i])} frames" for i in range(len(objects))]
    if len(set(counts)) == 1:
        return f"{counts[0]} have mattes."
    return f"Mattes were made on {', '.join(f'{count} of object {i}' for i, count in zip(objects, counts))}."


def _numbers(context: JobContext, frames: Iterable[int]) -> str:
    return spans(context.reader.shown_frames(frames))


def _of_keyframes(context: JobContext, frames: Sequence[int]) -> str:
    """Return the end of "the pictures of keyframes 3, 7", or of "the picture of keyframe 3"."""
    plural = "s" if len(frames) > 1 else ""
    return f"{plural} of keyframe{plural} {_numbers(context, frames)}"


def _mattes(count: int) -> str:
    return "1 matte was" if count == 1 else f"{count} mattes were"
