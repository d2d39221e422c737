"""Status of a matte folder: which mattes a run of what has changed would make, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..media.frames import FrameReader
from ..methods.settings import find_settings
from ..shared.errors import EngineError, NothingPropagated
from ..shared.folder_claim import read_marker, recorded_cuts, recorded_job
from ..shared.matte_folder import MatteFolder
from ..shared.picture_stamps import is_same_picture
from ..shared.provenance import RunInputs, Runs
from ..shared.quality_table import read_table
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
    warnings = []
    given = job.keyframes if keyframes is None else tuple(keyframes)
    there = tuple(keyframe for keyframe in given if keyframe.labels.is_file())
    try:
        with FrameReader.expect(job.clip) as reader:
            numbers, files = reader.numbers, reader.files
    except EngineError as error:
        first = _first_number(folder)
        numbers, files = tuple(range(first, first + job.clip.frame_count)), ()
        warnings.append(f"Pictures were not compared: {error.message}.")
    job = replace(job, keyframes=tuple(one for one in there if one.frame < len(numbers)))
    weights = job.weights or find_settings(job.recipe).available_weights()
    if weights is not None and not weights.is_file():
        warnings.append(f"Weights were not compared: {weights} does not exist.")
        weights = None
    inputs = run_inputs(job, numbers, [cut for cut in recorded_cuts(folder) if cut < len(numbers)], weights)
    runs = Runs.read(folder)
    if weights is None and inputs.recipe in {run.recipe for run in runs.by_id.values()}:
        last = [run for run in runs.by_id.values() if run.recipe == inputs.recipe][-1]
        inputs = replace(inputs, weights=last.weights)
    places = {number: min(place, len(files) - 1) for place, number in enumerate(numbers)}
    states = assess(
        read_table(folder).rows,
        runs,
        inputs,
        [numbers[frame] for frame in job.frames if frame < len(numbers)],
        lambda number, stamp: not files or is_same_picture(stamp, files[places[number]]),
    )
    return FolderStatus(job, inputs, runs, states, " ".join(warnings))


def _first_number(folder: MatteFolder) -> int:
    number = read_marker(folder).get("first_number")
    return number if isinstance(number, int) else 0
