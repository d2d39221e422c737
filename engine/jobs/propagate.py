"""One job with its files: open the clip, build the recipe, walk, write mattes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from .. import VERSION
from ..inference.propagate import Matte, Walk
from ..inference.sweeps import group_by_keyframes, group_together, plan_sweeps
from ..media.frames import FrameReader
from ..media.label_images import read_labels
from ..networks.network import Features
from ..output.mattes import MatteWriter, OutlineTracer, ProbabilityFile
from ..runtime.device import peak_memory
from ..runtime.prefetch import WriteBehind
from ..shared.errors import KeyframeOutsideClip, MatteUnreadable, NoKeyframes
from ..shared.matte_folder import MatteFolder, spans
from ..shared.protocol import Answer, Cancelled, Finished, MatteReady, Stage
from ..shared.types import PropagationJob
from ..suggestion.key_cache import KeyFolder
from .adapt import adapt
from .resume import Since, Unfinished, identity_of
from .setup import Source, Stopped, equipped


def run(job: PropagationJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> None:
    """Do `job`: the last report is Finished or Cancelled. What is written before an error stays valid."""
    try:
        report(_run(job, report, cancelled))
    except Stopped:
        report(Cancelled(job.job_id))


def _run(job: PropagationJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> Finished:
    if not job.keyframes:
        raise NoKeyframes("there is no keyframe to start from")
    report(Stage(job.job_id, "Loading the network"))
    with equipped(job, cancelled) as with_:
        reader, source, recipe, network = with_.reader, with_.source, with_.recipe, with_.network
        truth, overlaps = _read_truth(job, reader)
        if recipe.habits.joint and not any(labels.any() for labels in truth.values()):
            raise NoKeyframes("no object is marked on any keyframe")
        group_objects = group_together if recipe.habits.joint else group_by_keyframes
        annotations = ((keyframe.frame, keyframe.objects) for keyframe in job.keyframes)
        groups = group_objects(annotations, most=network.max_objects)
        sweeps = plan_sweeps(groups, job.frames, job.direction, ahead=recipe.habits.ahead)
        folder = MatteFolder(job.folder)
        folder.claim(_about(job, reader))
        if job.settings.adapt:
            adapt(with_, folder, truth, groups, partial(_tell, job, report))
        habits = recipe.keyframe_habits(with_.numbers)
        unfinished = Unfinished(folder, identity_of(job, with_, truth, groups, folder))
        lasting = job.probabilities is None  # those of an interrupted run are gone, so that nothing could go on
        objects = sorted({number for group in groups for number in group.objects})
        size = (reader.clip.height, reader.clip.width)
        results = _Results(
            mattes=MatteWriter(
                folder, reader.numbers, objects, job.frames, first=unfinished.first if lasting else None
            ),
            outlines=OutlineTracer(
                folder, reader.numbers, objects, size, partial(_tell, job, report, "Tracing outlines")
            ),
            probabilities=ProbabilityFile(job.probabilities, objects, job.frames, size) if job.probabilities else None,
        )
        walk = Walk(
            network,
            lambda: recipe.bank(with_.numbers, network, reader.clip.frame_count),
            framing=with_.framing,
            judge=recipe.judge(with_.framing),
            read=source.read,
            truth=truth,
            groups=groups,
            device=with_.device,
            habits=habits,
            watch=_keeping(KeyFolder.open(job.keys, with_.identity())) if job.keys else None,
        )
        since = _since(unfinished, results, source, truth if habits.permanent else {}) if lasting else None
        if since is None:
            unfinished.forget()
        report(Stage(job.job_id, "Learning the keyframes" + (", then going on where it stopped" if since else "")))
        before, total = since.done if since else 0, sum(sweep.wanted_count() for sweep in sweeps)
        done, began = before, time.monotonic()
        try:
            with WriteBehind() as behind:
                due = unfinished.due if lasting else lambda: False
                mattes = walk.propagate(sweeps, since=since.point if since else None, due=due)
                for done, matte in enumerate(mattes, before + 1):
                    told = MatteReady(job.job_id, matte.frame, done, total)
                    behind.do(partial(results.put, matte, lambda told=told: report(told)))
                    if matte.point:
                        kept = matte.point, done, results.mattes.written, walk.readable, source.failed
                        behind.do(partial(unfinished.keep, *kept))
                    source.check()  # frames may have been read long before
            pace = (done - before) / max(time.monotonic() - began, 1e-9)
            results.mattes.put_unread(truth, [frame for frame in job.frames if frame in source.failed])
            results.outlines.trace(source.check)
            if results.probabilities:
                results.probabilities.save()
            unfinished.forget()
        except MatteUnreadable:  # so that a run that goes on does not stumble over it again and again
            unfinished.forget()
            raise
        except Stopped:
            results.outlines.trace_shortly()
            raise
        finally:
            if results.probabilities:
                results.probabilities.close()
    return Finished(
        job.job_id,
        warning=" ".join(filter(None, (overlaps, source.warning(job.frames)))),
        frames_per_second=round(pace, 3),
        peak_memory=peak_memory(),
    )


def _since(unfinished: Unfinished, results: _Results, source: Source, truth: Mapping[int, np.ndarray]) -> Since | None:
    """Where the same job was interrupted, if all that it wrote is there, and the same frames can be read as then.

    `truth` is of the keyframes that are remembered from the beginning.
    """
    since = unfinished.since()
    if since is None:
        return None
    read = {frame: source.read(frame) is not None for frame in sorted({*truth, *since.failed})}
    same = {frame for frame in truth if read[frame]} == since.readable and not any(map(read.get, since.failed))
    return since if same and results.mattes.go_on(since.written, unfinished.place_of_first) else None


@dataclass(frozen=True)
class _Results:
    """All that a job writes."""

    mattes: MatteWriter
    outlines: OutlineTracer
    probabilities: ProbabilityFile | None

    def put(self, matte: Matte, tell: Callable[[], None]) -> None:
        """Write what was found at one frame, and tell of it."""
        self.outlines.forget()
        self.mattes.put(matte)
        if self.probabilities:
            self.probabilities.put(matte)
        tell()


def _keeping(keys: KeyFolder) -> Callable[[int, Features], None]:
    """Keep the keys of every frame that the network sees, once."""

    def keep(frame: int, features: Features) -> None:
        if not keys.has(frame):
            keys.write(frame, features.query, features.grid)

    return keep


def _tell(job: PropagationJob, report: Callable[[Answer], None], text: str, done: int, total: int) -> None:
    report(Stage(job.job_id, text, done, total))


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
