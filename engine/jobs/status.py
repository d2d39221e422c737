"""Status of a matte folder: which mattes a run of what has changed would make, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..media.frames import FrameReader
from ..methods.settings import find_settings
from ..shared.errors import EngineError, NothingPropagated
from ..shared.folder_claim import read_marker, recorded_cuts, recorded_job
from ..shared.matte_folder import MatteFolder
from ..shared.picture_stamps import is_same_picture
from ..shared.provenance import RunInputs, Runs
from ..shared.quality_table import DAMAGED_RECORD, read_table
from ..shared.run_inputs import run_inputs
from ..shared.staleness import States, assess
from ..shared.types import KeyframeFile, PropagationJob


@dataclass(frozen=True)
class FolderStatus:
    """What is known of the mattes in a folder."""

    job: PropagationJob  # the last one
    inputs: RunInputs  # of a run of today
    runs: Runs
    states: States
    warning: str  # what could not be compared; empty if all was


def folder_status(folder: MatteFolder, keyframes: Sequence[KeyframeFile] | None = None) -> FolderStatus:
    """Compare the mattes in a folder with what its last job would make of the files as they are now.

    Given `keyframes` take the place of the job's. Raises NothingPropagated if no job is recorded, FolderNotWritable if
    the folder cannot be read.
    """
    job = recorded_job(folder)
    if job is None:
        raise NothingPropagated(
            f"{folder.root} does not tell what its mattes were made from",
            remedy="Propagate once more; an earlier version of Keymatte made them, or none did.",
        )
    given = job.keyframes if keyframes is None else tuple(keyframes)
    numbers, files, unread = _open(job, folder)
    runs = Runs.read(folder)
    weights, unweighed = _weights(job)
    there = tuple(one for one in given if one.labels.is_file() and one.frame < len(numbers))
    job = replace(job, keyframes=there)
    inputs = run_inputs(job, numbers, [cut for cut in recorded_cuts(folder) if cut < len(numbers)], weights)
    if unweighed:
        inputs = replace(inputs, weights=runs.weights_of(job.recipe))
    places = {number: min(place, len(files) - 1) for place, number in enumerate(numbers)}
    table = read_table(folder)
    states = assess(
        table.rows,
        runs,
        inputs,
        [numbers[frame] for frame in job.frames if frame < len(numbers)],
        lambda number, stamp: not files or is_same_picture(stamp, files[places[number]]),
    )
    damaged = f"{DAMAGED_RECORD}." if table.has_lost else ""
    return FolderStatus(job, inputs, runs, states, " ".join(filter(None, (unread, unweighed, damaged))))


def _open(job: PropagationJob, folder: MatteFolder) -> tuple[tuple[int, ...], tuple[Path, ...], str]:
    """Return the numbers of all frames of the clip and its files; no files and a warning if it cannot be opened."""
    try:
        with FrameReader.expect(job.clip) as reader:
            return reader.numbers, reader.files, ""
    except EngineError as error:
        first = read_marker(folder).get("first_number")
        start = first if isinstance(first, int) else 0
        numbers = tuple(range(start, start + job.clip.frame_count))
        return numbers, (), f"Pictures were not compared: {error.message}."


def _weights(job: PropagationJob) -> tuple[Path | None, str]:
    """Return the weights file of a job, if it has any; and a warning if that is not there."""
    weights = job.weights or find_settings(job.recipe).available_weights()
    if weights is None or weights.is_file():
        return weights, ""
    return None, f"Weights were not compared: {weights} does not exist."
