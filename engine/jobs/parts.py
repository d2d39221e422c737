"""Parts of a job that run on several machines, and have the same mattes as in one run; and how they are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..inference.shots import shots_of
from ..media.looks import Looks
from ..output.mattes import MatteWriter
from ..shared.errors import BadSetting, MasksMissing
from ..shared.folder_claim import is_finished, recorded_job
from ..shared.matte_folder import MatteFolder, named_spans
from ..shared.provenance import RunInputs, Runs
from ..shared.types import KeyframeFile, PropagationJob
from ..shared.written_files import WrittenFiles
from .plan import JobPlan


def task_ranges(
    frames: range, keyframes: Sequence[KeyframeFile], looks: Looks, count: int, *, restarts: bool, across_cuts: bool
) -> list[range]:
    """Split media `frames` into at most `count` ranges of about the same length, whose mattes do not depend on others.

    They end at hard cuts and, if keyframes restart what a recipe remembers, on frames that are keyframes of all objects
    of their shot.
    """
    cuts = [] if across_cuts else [cut for cut in looks.cuts if frames.start < cut < frames.stop]
    shots = shots_of(frames, cuts) if restarts else []
    ends = {*cuts, *(frame + 1 for shot in shots for frame in _common_keyframes(shot, keyframes))}
    repeated = {frame for frame in looks.frames if looks.repeats[frame - looks.start]}
    possible = [frames.start, *sorted(end for end in ends - repeated if frames.start < end < frames.stop), frames.stop]
    wanted = [frames.start + round(len(frames) * i / count) for i in range(count + 1)]
    chosen = sorted({min(possible, key=lambda end: (abs(end - place), end)) for place in wanted})
    return [range(first, after) for first, after in zip(chosen, chosen[1:])]


def _common_keyframes(shot: range, keyframes: Sequence[KeyframeFile]) -> list[int]:
    """List the frames of a shot that are keyframes of all objects that have any in it."""
    annotated: dict[int, set[int]] = {}
    for keyframe in keyframes:
        if keyframe.frame in shot:
            annotated.setdefault(keyframe.frame, set()).update(keyframe.objects)
    everything = set().union(*annotated.values())
    return [frame for frame, objects in annotated.items() if objects == everything]


def join_parts(
    job: PropagationJob,
    plan: JobPlan,
    numbers: Sequence[int],
    mattes: MatteWriter,
    report: Callable[[str, int, int], None],
) -> None:
    """Take the mattes of a job's parts over to its own folder, as they are.

    `numbers` are those of all media frames; `report` is called with what is being done, the frames done and their
    number. Raises MasksMissing if frames are in no part, BadSetting if a part was made from other inputs.
    """
    sources = {frame: folder for folder in map(MatteFolder, job.parts) for frame in _frames_of(folder, plan.inputs)}
    missing = [frame for frame in job.frames if frame not in sources]
    if missing:
        where = named_spans("frame", (numbers[frame] for frame in missing))
        raise MasksMissing(f"no part has the mattes of {where}", remedy="Run these tasks again, then join the parts.")
    records: dict[Path, WrittenFiles] = {}
    for done, frame in enumerate(job.frames):
        report("Joining parts", done, len(job.frames))
        folder = sources[frame]
        written = records.setdefault(folder.root, WrittenFiles(folder))
        for object_id in plan.objects:
            path = folder.matte(object_id, numbers[frame])
            quality = written.quality(path)
            if quality is not None:
                mattes.take(frame, object_id, path.read_bytes(), quality)
        labels = folder.labels(numbers[frame])
        if labels.is_file():
            mattes.take_labels(frame, labels.read_bytes())


def _frames_of(folder: MatteFolder, inputs: RunInputs) -> range:
    """Return the media frames of a part. Raises MasksMissing, BadSetting if it is none of a job with these inputs."""
    part = recorded_job(folder)
    if part is None or not part.is_part:
        raise MasksMissing(f"{folder.root} is no part of a job", remedy="Give the folders that propagate --task wrote.")
    if not is_finished(folder):
        raise MasksMissing(f"the part in {folder.root} is not finished", remedy="Run its task again; it goes on there.")
    runs = Runs.read(folder).by_id.values()
    if not any(replace(run, cuts=()) == replace(inputs, cuts=()) for run in runs):
        raise BadSetting(
            f"the part in {folder.root} was made from other keyframes, settings or weights, or by another version",
            remedy="Run its task again with the same ones, in a new folder.",
        )
    return part.frames
