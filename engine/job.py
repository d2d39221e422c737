"""One job with its files: open the clip, build the recipe, walk, write mattes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np

from . import VERSION
from .device import memory_errors, peak_memory, pick_device
from .errors import BadSetting, ClipNotFound, FramesUnreadable, KeyframeOutsideClip, NoKeyframes
from .frames import FrameReader
from .framing import Framing
from .images import read_labels
from .matte_folder import MatteFolder, spans
from .overlap import ReadAhead, WriteBehind
from .protocol import Answer, Cancelled, Finished, MatteReady, Stage
from .recipes import find_recipe
from .results import MatteWriter, OutlineTracer, ProbabilityFile
from .sweeps import group_by_keyframes, group_together, plan_sweeps
from .types import PropagationJob
from .walk import Matte, Walk

_log = logging.getLogger(__name__)
_LEAST_HEIGHT = 32  # pixels: two steps of the stride-16 grid; less shows a network nothing


def run(job: PropagationJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> None:
    """Do `job`: the last report is Finished or Cancelled. What is written before an error stays valid."""
    try:
        report(_run(job, report, cancelled))
    except _Stopped:
        report(Cancelled(job.job_id))


def _run(job: PropagationJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> Finished:
    recipe = find_recipe(job.recipe)
    numbers = recipe.numbers(job.settings.overrides)
    device = pick_device(job.settings.device)
    if job.settings.height < _LEAST_HEIGHT:
        raise BadSetting(f"a working height of {job.settings.height} pixels is too small: {_LEAST_HEIGHT} at least")
    if not job.keyframes:
        raise NoKeyframes("there is no keyframe to start from")
    with memory_errors(), FrameReader.open(job.clip.path, size=(job.clip.height, job.clip.width)) as reader:
        frames = _frames_there(job, reader)
        truth, overlaps = _read_truth(job, reader)
        report(Stage(job.job_id, "Loading the network"))
        network = recipe.network(numbers, weights=job.weights, device=device)
        group_objects = group_together if network.joint else group_by_keyframes
        annotations = ((keyframe.frame, keyframe.objects) for keyframe in job.keyframes)
        groups = group_objects(annotations, most=network.max_objects)
        sweeps = plan_sweeps(groups, frames, job.direction, ahead=network.joint and recipe.habits.permanent)
        folder = MatteFolder(job.folder)
        folder.claim(_about(job, reader))
        source = _Source(reader, cancelled)
        height, width = reader.clip.height, reader.clip.width
        walk = Walk(
            network,
            lambda: recipe.bank(numbers),
            framing=Framing.fit(
                height,
                width,
                working_height=job.settings.height,
                stride=network.stride,
                style=recipe.framing_style(numbers),
            ),
            read=source.read,
            truth=truth,
            groups=groups,
            device=device,
            habits=recipe.keyframe_habits(numbers),
        )
        objects = sorted({number for group in groups for number in group.objects})
        written = MatteWriter(folder, reader.numbers, objects, frames)
        tracing = OutlineTracer(folder, reader.numbers, objects, (height, width), partial(_tell_tracing, job, report))
        dump = ProbabilityFile(job.probabilities, objects, frames, (height, width)) if job.probabilities else None
        report(Stage(job.job_id, "Learning the keyframes"))
        done, total = 0, sum(sweep.wanted_count() for sweep in sweeps)
        began = time.monotonic()
        try:
            with source, WriteBehind() as behind:
                for done, matte in enumerate(walk.propagate(sweeps), 1):
                    behind.do(
                        partial(
                            _put,
                            matte,
                            written,
                            tracing,
                            dump,
                            MatteReady(job.job_id, matte.frame, done, total),
                            report,
                        )
                    )
            pace = done / max(time.monotonic() - began, 1e-9)
            if dump:
                dump.save()
            written.put_unread(truth, [frame for frame in frames if frame in source.failed])
            tracing.trace(source.check)
        except _Stopped:
            tracing.trace_shortly()
            raise
    return Finished(
        job.job_id,
        warning=" ".join(filter(None, (overlaps, source.warning(frames)))),
        frames_per_second=round(pace, 3),
        peak_memory=peak_memory(),
    )


def _put(
    matte: Matte,
    written: MatteWriter,
    tracing: OutlineTracer,
    dump: ProbabilityFile | None,
    told: MatteReady,
    report: Callable[[Answer], None],
) -> None:
    """Write what was found at one frame, and tell of it."""
    tracing.forget()
    written.put(matte)
    if dump:
        dump.put(matte)
    report(told)


def _tell_tracing(job: PropagationJob, report: Callable[[Answer], None], done: int, total: int) -> None:
    report(Stage(job.job_id, "Tracing outlines", done, total))


class _Stopped(Exception):
    """The job was cancelled."""


class _Source:
    """Frames of a clip; those that cannot be read are remembered, and the walk goes on without them."""

    def __init__(self, reader: FrameReader, cancelled: Callable[[], bool]) -> None:
        self._reader = reader
        self._ahead = ReadAhead(reader.read, reader.clip.frame_count)
        self._cancelled = cancelled
        self.failed: dict[int, str] = {}

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *error: object) -> None:
        self._ahead.close()

    def read(self, frame: int) -> np.ndarray | None:
        self.check()
        if frame in self.failed:
            return None
        try:
            return self._ahead.read(frame)
        except FramesUnreadable as error:
            _log.warning("%s", error.message)
            self.failed[frame] = error.message
            return None

    def check(self) -> None:
        """Stop here if the job was cancelled."""
        if self._cancelled():
            raise _Stopped

    def warning(self, frames: range) -> str:
        """What could not be read among `frames`, in words; empty if all was."""
        lost = sorted(frame for frame in self.failed if frame in frames)
        tail = range(self._reader.clip.frame_count - len(lost), self._reader.clip.frame_count)
        if len(lost) <= self._reader.slack and lost == list(tail):
            return ""  # the container told of more frames than there are
        if not lost:
            return ""
        what = "1 frame" if len(lost) == 1 else f"{len(lost)} frames"
        numbers = spans([self._reader.numbers[frame] for frame in lost])
        return FramesUnreadable(f"{what} could not be read ({numbers}): {self.failed[lost[0]]}").sentence()


def _frames_there(job: PropagationJob, reader: FrameReader) -> range:
    """The job's frames; the clip may have become another since the job was made."""
    clip = reader.clip
    if (clip.height, clip.width) != (job.clip.height, job.clip.width):
        raise ClipNotFound(
            f"{clip.path} is now {clip.width}x{clip.height}; it was {job.clip.width}x{job.clip.height}",
            remedy="Load the clip again.",
        )
    if job.frames.stop > clip.frame_count:
        raise ClipNotFound(
            f"{clip.path} has {clip.frame_count} frames now; frames up to {job.frames.stop - 1} were asked for"
        )
    if not job.frames:
        raise BadSetting("the range of frames is empty")
    return job.frames


def _read_truth(job: PropagationJob, reader: FrameReader) -> tuple[dict[int, np.ndarray], str]:
    """Keyframe labels (H, W) uint8 by media frame; of several on one frame the later lies on top, which is told."""
    size = (reader.clip.height, reader.clip.width)
    truth: dict[int, np.ndarray] = {}
    hidden: list[int] = []
    for keyframe in job.keyframes:
        if not 0 <= keyframe.frame < reader.clip.frame_count:
            raise KeyframeOutsideClip(
                f"keyframe {keyframe.labels.name} is frame {keyframe.frame}; "
                f"the clip has frames 0 to {reader.clip.frame_count - 1}"
            )
        labels = read_labels(keyframe.labels, size=size)
        below = truth.setdefault(keyframe.frame, np.zeros(size, np.uint8))
        mine = np.isin(labels, keyframe.objects) & (labels > 0)
        if below[mine].any():
            hidden.append(reader.numbers[keyframe.frame])
        below[mine] = labels[mine]
    told = f"Keyframes overlap on frames {spans(hidden)}: the higher object number lies on top."
    return truth, told if hidden else ""


def _about(job: PropagationJob, reader: FrameReader) -> dict:
    """What the folder's marker says of the run that filled it."""
    return {
        "keymatte": VERSION,
        "first_number": reader.numbers[0],
        "frames": [job.frames.start, job.frames.stop],
        **{name: value for name, value in asdict(job).items() if name not in ("job_id", "frames", "folder")},
    }
