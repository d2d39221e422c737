"""Export job: writes files of a clip's mattes for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2

from ..delivery import label_lists
from ..delivery.movies import write_movie
from ..delivery.outcome import Outcome
from ..delivery.plan import Film, Plan
from ..delivery.record import DeliveryRecord, Origin, State
from ..delivery.source import Frame, FrameContent, Source
from ..delivery.target import claimed_target
from ..shared.delivery import TRAITS, DeliveredObject, ExportJob, Format
from ..shared.errors import BadSetting, Cancelled, FramesUnreadable, MatteUnreadable, NothingPropagated, OutOfMemory
from ..shared.mask_images import counted
from ..shared.protocol import Answer, Finished, JobCancelled, Stage

_LESS = "Export fewer objects at once, or close other programs. Files already written stay valid."
_MAX_LABELS = 254  # objects of a label image; 255 is unknown, as in YouTube-VOS


def run(job: ExportJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> None:
    """Write the files that are missing or stale, and end with the report Finished or JobCancelled.

    Files that others have put there, and those that were edited, are kept and told. Raises NothingPropagated,
    BadSetting, ClipNotFound, ClipUnreadable, MixedSizes, FolderTaken, FolderInUse, FolderNotWritable, DiskFull,
    OutOfMemory.
    """

    def progress(text: str, done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, text, done, total))

    try:
        with _memory_errors():
            outcome = _export(job, progress)
    except Cancelled:
        report(JobCancelled(job.job_id))
    else:
        report(Finished(job.job_id, outcome.warning, note=outcome.note))


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Raise OutOfMemory for the out-of-memory errors of Python, OpenEXR, FFmpeg and OpenCV."""
    try:
        yield
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.STS_NO_MEM:
            raise
        raise OutOfMemory("this computer does not have enough memory for frames of this size", remedy=_LESS) from error


def _export(job: ExportJob, progress: Callable[[str, int, int], None]) -> Outcome:
    _check(job)
    source = Source.open(job, partial(progress, "Indexing the movie"))
    try:
        outcome = Outcome(job.out, source.shown, remarks=[source.note] if source.note else [])
        plan = Plan(job, source, _matted(job, source, outcome))
        with claimed_target(job.out, plan.folders(), mattes=job.folder, images=source.images) as record:
            delivery = _Delivery(plan, record, outcome, progress)
            if TRAITS[job.format].is_movie:
                delivery.write_films()
            else:
                delivery.write_stills()
        return outcome
    finally:
        source.close()


def _check(job: ExportJob) -> None:
    """Raise BadSetting if a job asks for what is not there."""
    depths = TRAITS[job.format].depths
    if job.depth not in (0, *depths):
        raise BadSetting(f"a channel of {job.format} has {' or '.join(map(str, depths))} bits, not {job.depth}")
    if not job.frames or job.frames.start < 0 or job.frames.stop > job.clip.frame_count:
        raise BadSetting(f"frames {job.frames.start} to {job.frames.stop - 1} are not frames of the clip")
    if job.rate is not None and not 0 < job.rate <= 1000:
        raise BadSetting(f"a movie cannot have {job.rate:g} pictures per second")
    if job.format in (Format.DAVIS, Format.YOUTUBE_VOS) and len(job.objects) > _MAX_LABELS:
        raise BadSetting(f"a label image can have {_MAX_LABELS} objects, not {len(job.objects)}")


def _matted(job: ExportJob, source: Source, outcome: Outcome) -> list[DeliveredObject]:
    """Return the objects with mattes on the frames, and note what is missing. Raises NothingPropagated."""
    found, without = [], []
    for one in {one.object_id: one for one in job.objects}.values():
        numbers = source.mattes.numbers(one.object_id)
        missing = [frame.number for frame in source.frames if frame.number not in numbers]
        if len(missing) == len(source.frames):
            without.append(one.name)
            continue
        found.append(one)
        if unrefined := source.mattes.refine(one, anyhow=job.refined_anyhow):
            outcome.remarks.append(
                f"{one.name} is delivered with its mattes as they are, since {counted(unrefined, 'matte')} of it "
                f"{'is' if unrefined == 1 else 'are'} not refined yet"
            )
        if not source.mattes.are_alike(one.object_id):
            outcome.remarks.append(f"Mattes of {one.name} were refined by different settings, and may flicker")
        for number in missing:
            outcome.miss(one.name, number)
    if not found:
        raise NothingPropagated(f"there are no mattes of these objects and frames in {job.folder}")
    if without:
        outcome.remarks.append(f"Skipped (no mattes on these frames): {', '.join(without)}")
    return found


class _Delivery:
    """Writes the files of a plan, and notes what has become of each."""

    def __init__(
        self, plan: Plan, record: DeliveryRecord, outcome: Outcome, progress: Callable[[str, int, int], None]
    ) -> None:
        self._plan, self._record, self._outcome, self._progress = plan, record, outcome, progress
        self._source = plan.source
        self._number = plan.source.frames[0].number  # of the frame that is being read

    def write_stills(self) -> None:
        """Write the images of all frames, and what data sets have beside them."""
        frames = self._source.frames
        renewed: set[Frame] = set()
        for frame in frames:
            self._progress("Exporting", frame.index, len(frames))
            self._number = frame.number
            content = FrameContent(self._source, frame)
            try:
                for still in self._plan.stills(content):
                    if self._write(still.path, still.inputs, still.write):
                        renewed.add(frame)
            except MatteUnreadable as error:
                self._outcome.leave_out("the frame", error.message, frame.number)
        for beside in label_lists.files_beside(self._plan, renewed):
            self._write(beside.path, beside.inputs, beside.write, origin=label_lists.ORIGIN)

    def write_films(self) -> None:
        """Write the movies one after the other."""
        films = self._plan.films()
        for index, film in enumerate(films):
            try:
                inputs = self._plan.inputs(film.shown.ids, self._contents("Comparing mattes", index, len(films)))
            except MatteUnreadable as error:
                self._outcome.leave_out(film.path.name, error.message, self._number)
                continue
            self._write(film.path, inputs, partial(self._make_film, film, index, len(films)))

    def _make_film(self, film: Film, index: int, count: int, path: Path) -> None:
        """Encode a movie, the `index`-th of `count`."""
        job, size = self._plan.job, self._source.size
        pictures = self._plan.pictures(film, self._contents("Exporting", index, count))
        write_movie(path, job.format, pictures, size, job.rate or self._source.rate)

    def _contents(self, text: str, index: int, count: int) -> Iterator[FrameContent]:
        """Yield what is on each frame for a movie, the `index`-th of `count`, and tell the progress."""
        frames = self._source.frames
        for frame in frames:
            self._progress(text, index * len(frames) + frame.index, count * len(frames))
            self._number = frame.number
            yield FrameContent(self._source, frame)

    def _write(self, path: Path, inputs: str, make: Callable[[Path], None], *, origin: Origin | None = None) -> bool:
        """Write a file unless it is up to date, or is not ours to replace; return whether it was written."""
        origin = origin or self._plan.origin
        state = self._record.state(path, origin, inputs)
        if state is State.CURRENT:
            self._outcome.current += 1
        elif state not in (State.MISSING, State.STALE):
            self._outcome.keep(state, path)
        else:
            try:
                self._record.write(path, origin, inputs, make)
                self._outcome.written += 1
                return True
            except (MatteUnreadable, FramesUnreadable) as error:
                self._outcome.leave_out(path.relative_to(self._outcome.out).as_posix(), error.message, self._number)
        return False
