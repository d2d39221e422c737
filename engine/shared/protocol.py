"""Messages between Blender and the engine process, each a line of JSON; images are passed as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, get_args

from .codec import from_json, to_json
from .delivery import ExportJob
from .errors import BadMessage
from .quality import MatteQuality
from .quality_table import MatteRow, Status, Unknown, row_of
from .text import printable
from .types import PreviewJob, PropagationJob, RefineJob, SegmentationJob, SplineJob, SuggestionJob


# -- requests ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Propagate:
    """Start a propagation job; the answers are Stage and MatteReady, then Finished, JobCancelled or Failed."""

    job: PropagationJob


@dataclass(frozen=True)
class Suggest:
    """Suggest frames to annotate next; the answers are Stage, then Suggested, JobCancelled or Failed."""

    job: SuggestionJob


@dataclass(frozen=True)
class Segment:
    """Segment one object on one frame; the answers are Stage, then Segmented, JobCancelled or Failed.

    It is answered beside the job that runs, and needs no network: even before Ready.
    """

    job: SegmentationJob


@dataclass(frozen=True)
class FitSplines:
    """Fit splines to mattes; the answers are Stage, then SplinesFitted, JobCancelled or Failed."""

    job: SplineJob


@dataclass(frozen=True)
class Refine:
    """Refine mattes; the answers are Stage, then Finished, JobCancelled or Failed."""

    job: RefineJob


@dataclass(frozen=True)
class Preview:
    """Refine one matte; the answers are Stage, then Previewed, JobCancelled or Failed. It is answered like Segment."""

    job: PreviewJob


@dataclass(frozen=True)
class Export:
    """Write files for other programs; the answers are Stage, then Finished, JobCancelled or Failed."""

    job: ExportJob


@dataclass(frozen=True)
class Cancel:
    """Cancel a job; the answer is JobCancelled, unless the job has already ended."""

    job_id: str


@dataclass(frozen=True)
class Download:
    """Download and install published weights in `folder`; `name` is that in the catalogue.

    The answers are Stage, then Finished, JobCancelled or Failed.
    """

    job_id: str
    name: str
    folder: Path
    again: bool = False  # install them even if they are there


@dataclass(frozen=True)
class Import:
    """Install published weights in `folder` from a file that the user has downloaded.

    The answers are Stage, then Finished, JobCancelled or Failed.
    """

    job_id: str
    name: str
    file: Path
    folder: Path
    again: bool = False  # install them even if they are there


# -- answers ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Ready:
    """The engine has started and runs jobs; its first message, except for answers to Segment."""

    version: str
    device: str  # the one that 'auto' picks on this machine
    note: str = ""  # why it is the processor although there is a GPU, and the next step


@dataclass(frozen=True)
class Stage:
    """Progress of a stage of a job, such as loading weights; the frames themselves are reported by MatteReady."""

    job_id: str
    text: str
    done: int = 0  # steps of this stage
    total: int = 0  # 0: not known


@dataclass(frozen=True)
class ObjectQuality:
    """Quality of an object's matte that was just written: a row of the quality table, without what was measured."""

    object_id: int
    status: Status
    value: float | None = None  # probability, 0..1, that an artist would leave the matte as it is; None: not known
    reason: str = ""  # key of `REASONS`
    method: str = ""  # recipe
    unknown: Unknown | None = None  # why the quality is not known
    run: str = ""  # these are those of `MatteQuality`
    picture: str = ""
    unfinished: bool = False
    kept_by: str = ""
    seam: bool = False

    @classmethod
    def of(cls, object_id: int, row: MatteRow) -> ObjectQuality:
        """Return what a row of the quality table says."""
        of = row.quality or MatteQuality(None)
        origin = of.run, of.picture, of.unfinished, of.kept_by, of.seam
        return cls(object_id, row.status, row.value, of.reason, of.method, row.unknown, *origin)

    def row(self) -> MatteRow:
        """Return the row of the quality table."""
        origin = self.run, self.picture, self.unfinished, self.kept_by, self.seam
        quality = MatteQuality(self.value, self.reason, self.method, {}, *origin)
        return MatteRow(self.status, quality, self.unknown)


@dataclass(frozen=True)
class MatteReady:
    """The mattes of one frame are written to disk."""

    job_id: str
    frame: int  # media frame whose files are now on disk
    done: int  # steps done
    total: int  # steps in all; a frame reached from both sides counts twice
    qualities: tuple[ObjectQuality, ...] = ()  # of the mattes written; none of those that were left as they are

    def with_qualities(self, written: Mapping[int, MatteQuality]) -> MatteReady:
        """Return the message with the qualities of the mattes that were written, given by object."""
        return replace(self, qualities=tuple(ObjectQuality.of(key, row_of(written[key])) for key in sorted(written)))


@dataclass(frozen=True)
class Finished:
    """The job has ended; `warning` says what could not be done, if anything."""

    job_id: str
    warning: str = ""  # what could not be done, for the user; empty if nothing is amiss
    frames_per_second: float = 0.0  # steps per second, without loading and keyframes
    peak_memory: int = 0  # bytes of main memory; 0 where the system does not report it
    note: str = ""  # what the user should know although all was done; empty if there is nothing
    frames_done: int = 0  # frames for which all mattes asked for were made
    frames_asked: int = 0  # frames for which mattes were asked for; 0 if the job makes none
    to_fix: str = ""  # which frames need a fix, by file numbers, for clients that do not list them; empty if none do


@dataclass(frozen=True)
class Suggested:
    """The frames to annotate next, or first; ends a job that Suggest has started."""

    job_id: str
    frames: tuple[int, ...]  # media frames, best first; fewer than asked for if no others are worth it
    scores: tuple[float, ...]  # one per frame; comparable among frames with the same reason only
    objects: tuple[int, ...]  # one per frame: the object that needs a keyframe most; 0: none in particular
    reasons: tuple[str, ...]  # one per frame: a key of `reasons.SENTENCES`
    note: str = ""  # what the user should know of the choice; empty if there is nothing

    def __post_init__(self) -> None:
        lengths = {len(values) for values in (self.frames, self.scores, self.objects, self.reasons)}
        if len(lengths) > 1:
            raise ValueError(f"{len(self.frames)} frames are suggested, but other lists have lengths {sorted(lengths)}")


@dataclass(frozen=True)
class Segmented:
    """The object's alpha is written; ends a job that Segment has started."""

    job_id: str
    alpha: Path  # the file that the job named


@dataclass(frozen=True)
class Previewed:
    """The refined alpha is written; ends a job that Preview has started."""

    job_id: str
    alpha: Path  # the file that the job named


@dataclass(frozen=True)
class ObjectSplines:
    """What a spline job has done for one object that has mattes."""

    object_id: int
    unreadable: tuple[int, ...] = ()  # numbers of frames whose mattes are damaged or of another size
    left_out: int = 0  # outlines that are too small for splines, each counted once for all its frames
    share: float = 0.0  # their area relative to the matte's, on the frame where it is largest


@dataclass(frozen=True)
class SplinesFitted:
    """The splines of all objects that have mattes are written; ends a job that FitSplines has started."""

    job_id: str
    objects: tuple[ObjectSplines, ...]


@dataclass(frozen=True)
class JobCancelled:
    """The job has ended since it was cancelled; mattes written so far are kept."""

    job_id: str


@dataclass(frozen=True)
class Failed:
    """A job has failed, or the engine has received a line that is not a request; see `EngineError`."""

    job_id: str  # empty if no job is to blame
    code: str
    message: str
    remedy: str


MatteJob = Propagate | Refine | Export  # jobs that make files of a clip's mattes, and end with Finished
JobRequest = MatteJob | Suggest | Segment | Preview | FitSplines  # those that hold a job
Request = JobRequest | Cancel | Download | Import
JobAnswer = MatteReady | Suggested | Segmented | Previewed | SplinesFitted
Answer = Ready | Stage | JobAnswer | Finished | JobCancelled | Failed
Message = Request | Answer

_SHOWN = 120  # characters of a line that errors show
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (*get_args(Request), *get_args(Answer))}


def encode(message: Message) -> str:
    """Format a message as one line of JSON, with a line break at the end."""
    return json.dumps({"kind": type(message).__name__, **to_json(message)}) + "\n"


def decode(line: str | bytes) -> Message:
    """Parse one line of JSON as a message. Raises BadMessage if it is not one."""
    try:
        text = line if isinstance(line, str) else line.decode("utf-8")
        fields = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        return from_json(_KINDS[fields.pop("kind")], fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        start = line[:_SHOWN] if isinstance(line, str) else line[:_SHOWN].decode("utf-8", "replace")
        raise BadMessage(f"not a message of the engine: {printable(start)!r} ({printable(str(error))})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a JSON object. Raises ValueError if two have the same name."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    """Raise ValueError for NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{constant} is not a number in JSON")
