"""One job with its files: open the clip, build the recipe, walk, write mattes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import numpy as np

from . import VERSION
from .contours import write_outlines
from .device import memory_errors, peak_memory, pick_device
from .errors import BadSetting, ClipNotFound, FramesUnreadable, KeyframeOutsideClip, NoKeyframes
from .frames import FrameReader
from .framing import Framing
from .images import read_labels, read_matte, write_labels, write_matte
from .matte_folder import MatteFolder
from .protocol import Answer, Cancelled, Finished, MatteReady, Stage
from .recipes import find_recipe
from .sweeps import group_objects, plan_sweeps
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
        truth = _read_truth(job, reader)
        groups = group_objects(((keyframe.frame, keyframe.objects) for keyframe in job.keyframes), most=None)
        sweeps = plan_sweeps(groups, frames, job.direction)
        report(Stage(job.job_id, "Loading the network"))
        network = recipe.network(numbers, weights=job.weights, device=device)
        folder = MatteFolder(job.folder)
        folder.claim(_about(job, reader))
        source = _Source(reader, cancelled)
        height, width = reader.clip.height, reader.clip.width
        walk = Walk(
            network,
            lambda: recipe.bank(numbers),
            framing=Framing.fit(height, width, working_height=job.settings.height, stride=network.stride),
            read=source.read,
            truth=truth,
            groups=groups,
            device=device,
        )
        objects = sorted({number for group in groups for number in group.objects})
        written = _Writer(folder, reader.numbers, objects, frames, check=source.check)
        report(Stage(job.job_id, "Learning the keyframes"))
        total, done = sum(sweep.wanted_count() for sweep in sweeps), 0
        began = time.monotonic()
        for matte in walk.propagate(sweeps):
            written.put(matte)
            done += 1
            report(MatteReady(job.job_id, matte.frame, done, total))
        pace = done / max(time.monotonic() - began, 1e-9)
        written.put_unread(truth, [frame for frame in frames if frame in source.failed])
        tracing = _Tracing(job.job_id, total=2 * len(objects) * written.count(), report=report)
        for object_id in objects:
            write_outlines(folder.outlines(object_id), lambda number=object_id: tracing.follow(written.mattes(number)))
    return Finished(
        job.job_id,
        warning=source.warning(frames),
        frames_per_second=round(pace, 3),
        peak_memory=peak_memory(),
    )


class _Stopped(Exception):
    """The job was cancelled."""


class _Tracing:
    """Tells how far the tracing of outlines is, which looks at each matte twice, seldom more often."""

    _EVERY = 20  # mattes

    def __init__(self, job_id: str, *, total: int, report: Callable[[Answer], None]) -> None:
        self._job_id = job_id
        self._total = total
        self._report = report
        self._done = 0

    def follow(self, mattes: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
        for matte in mattes:
            if self._done % self._EVERY == 0:
                self._report(Stage(self._job_id, "Tracing outlines", min(self._done, self._total), self._total))
            self._done += 1
            yield matte


class _Source:
    """Frames of a clip; those that cannot be read are remembered, and the walk goes on without them."""

    def __init__(self, reader: FrameReader, cancelled: Callable[[], bool]) -> None:
        self._reader = reader
        self._cancelled = cancelled
        self.failed: dict[int, str] = {}

    def read(self, frame: int) -> np.ndarray | None:
        self.check()
        if frame in self.failed:
            return None
        try:
            return self._reader.read(frame)
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
        if not lost:
            return ""
        numbers = _spans([self._reader.numbers[frame] for frame in lost])
        return FramesUnreadable(f"{len(lost)} frames could not be read ({numbers}): {self.failed[lost[0]]}").sentence()


class _Writer:
    """Mattes on disk: joins the two sweeps of a frame and keeps the label images in step."""

    def __init__(
        self,
        folder: MatteFolder,
        numbers: tuple[int, ...],
        objects: list[int],
        frames: range,
        *,
        check: Callable[[], None],
    ) -> None:
        self._check = check  # stops a cancelled job
        self._folder = folder
        self._numbers = numbers
        self._objects = objects
        self._frames = frames
        # What this run wrote; older files of an earlier run do not count.
        self._fresh = np.zeros((len(frames), len(objects)), bool)

    def put(self, matte: Matte) -> None:
        """Write one sweep's matte, joined with what the other sweep wrote before."""
        number, row = self._numbers[matte.frame], matte.frame - self._frames.start
        alphas = np.zeros((len(self._objects), *matte.alpha.shape[1:]), np.float32)
        for i, object_id in enumerate(self._objects):
            path = self._folder.matte(object_id, number)
            fresh = self._fresh[row, i]
            if object_id in matte.objects:
                at = matte.objects.index(object_id)
                alphas[i], share = matte.alpha[at], matte.shares[at]
                if fresh and share < 1:
                    alphas[i] = share * alphas[i] + (1 - share) * read_matte(path)
            elif fresh:
                alphas[i] = read_matte(path)
                continue
            write_matte(path, alphas[i])
            self._fresh[row, i] = object_id in matte.objects
        write_labels(self._folder.labels(number), labels_of(alphas, self._objects))

    def put_unread(self, truth: dict[int, np.ndarray], frames: list[int]) -> None:
        """A keyframe stands even where the film cannot be read."""
        for frame in frames:
            if frame in truth:
                alpha = np.stack([truth[frame] == number for number in self._objects]).astype(np.float32)
                self.put(Matte(frame, tuple(self._objects), alpha, (1.0,) * len(self._objects)))

    def count(self) -> int:
        """Frames that this run wrote."""
        return int(self._fresh.any(1).sum())

    def mattes(self, object_id: int) -> Iterator[tuple[int, np.ndarray]]:
        """One object's mattes of this run, read one at a time: (media frame, alpha (H, W))."""
        for row in np.flatnonzero(self._fresh.any(1)):
            self._check()
            frame = self._frames[row]
            yield frame, read_matte(self._folder.matte(object_id, self._numbers[frame]))


def labels_of(alphas: np.ndarray, objects: list[int]) -> np.ndarray:
    """(O, H, W) soft alphas -> (H, W) uint8 object ids: the likeliest of the objects and the background."""
    background = np.clip(1 - alphas.sum(0, keepdims=True), 0, 1)
    ids = np.array([0, *objects], np.uint8)
    return ids[np.concatenate([background, alphas]).argmax(0)]


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
    return job.frames


def _read_truth(job: PropagationJob, reader: FrameReader) -> dict[int, np.ndarray]:
    """Keyframe labels (H, W) uint8 by media frame; of several on one frame the later lies on top."""
    size = (reader.clip.height, reader.clip.width)
    truth: dict[int, np.ndarray] = {}
    for keyframe in job.keyframes:
        if not 0 <= keyframe.frame < reader.clip.frame_count:
            raise KeyframeOutsideClip(
                f"keyframe {keyframe.labels.name} is frame {keyframe.frame}; "
                f"the clip has frames 0 to {reader.clip.frame_count - 1}"
            )
        labels = read_labels(keyframe.labels, size=size)
        below = truth.setdefault(keyframe.frame, np.zeros(size, np.uint8))
        mine = np.isin(labels, keyframe.objects) & (labels > 0)
        below[mine] = labels[mine]
    return truth


def _about(job: PropagationJob, reader: FrameReader) -> dict:
    """What the folder's marker says of the run that filled it."""
    return {
        "keymatte": VERSION,
        "first_number": reader.numbers[0],
        "frames": [job.frames.start, job.frames.stop],
        **{name: value for name, value in asdict(job).items() if name not in ("job_id", "frames", "folder")},
    }


def _spans(numbers: list[int]) -> str:
    """3, 4, 5, 9 -> '3-5, 9'."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
