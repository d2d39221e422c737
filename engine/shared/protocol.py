"""The messages between Blender and the engine process: one line of JSON each; pixels travel as files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, get_args

from .errors import BadMessage
from .types import Direction, KeyframeFile, PropagationJob, Settings, SuggestionJob, VideoClip


# -- requests ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Propagate:
    job: PropagationJob


@dataclass(frozen=True)
class Suggest:
    """Which frames to annotate next; the answers are Stage, then Suggested."""

    job: SuggestionJob


@dataclass(frozen=True)
class Cancel:
    job_id: str


@dataclass(frozen=True)
class Download:
    """Fetch published weights and install them in `folder`; see `catalogue`. The answers are Stage, then an end."""

    job_id: str
    name: str
    folder: Path
    again: bool = False  # even if they are installed


@dataclass(frozen=True)
class Import:
    """Install published weights in `folder` from a file that the user has."""

    job_id: str
    name: str
    file: Path
    folder: Path
    again: bool = False  # even if they are installed


# -- answers ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Ready:
    """First line of every engine."""

    version: str
    device: str  # what 'auto' means here


@dataclass(frozen=True)
class Stage:
    """What the job is doing now, in words, before or after the frames."""

    job_id: str
    text: str
    done: int = 0  # steps of this stage
    total: int = 0  # 0: not known


@dataclass(frozen=True)
class MatteReady:
    job_id: str
    frame: int  # media frame whose files are now on disk
    done: int  # steps done
    total: int  # steps in all; a frame reached from both sides counts twice


@dataclass(frozen=True)
class Finished:
    job_id: str
    warning: str = ""  # what could not be done, in words; empty if all was
    frames_per_second: float = 0.0  # steps per second, keyframes and loading not counted
    peak_memory: int = 0  # bytes of main memory the engine has held at most; 0 where the system does not tell


@dataclass(frozen=True)
class Suggested:
    job_id: str
    frames: tuple[int, ...]  # media frames, the most wanted first; fewer than asked for if no more are unlike
    scores: tuple[float, ...]  # how unlike the frames chosen before


@dataclass(frozen=True)
class JobCancelled:
    job_id: str


@dataclass(frozen=True)
class Failed:
    job_id: str  # empty if no job is to blame
    code: str
    message: str
    remedy: str


Request = Propagate | Suggest | Cancel | Download | Import
Answer = Ready | Stage | MatteReady | Suggested | Finished | JobCancelled | Failed
Message = Request | Answer

_KINDS: dict[str, type] = {kind.__name__: kind for kind in (*get_args(Request), *get_args(Answer))}


def encode(message: Message) -> str:
    """One line of JSON, with its line end."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)}, default=_plain) + "\n"


def decode(line: str) -> Message:
    """The message in one line. Raises BadMessage if there is none."""
    try:
        fields = json.loads(line)
        kind = _KINDS[fields.pop("kind")]
        if kind is Propagate:
            return Propagate(_propagation(fields["job"]))
        if kind is Suggest:
            return Suggest(_suggestion(fields["job"]))
        if kind is Suggested:
            fields.update(frames=tuple(fields["frames"]), scores=tuple(fields["scores"]))
        paths = {field.name: Path(fields[field.name]) for field in dataclass_fields(kind) if field.type == "Path"}
        return kind(**{**fields, **paths})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMessage(f"not a message of the engine: {line.strip()[:120]!r} ({error})") from error


def _plain(value: Any) -> Any:
    if isinstance(value, range):
        return [value.start, value.stop]
    return str(value)


def _propagation(fields: dict) -> PropagationJob:
    keys, probabilities = fields.pop("keys"), fields.pop("probabilities")
    return PropagationJob(
        keyframes=tuple(
            KeyframeFile(item["frame"], Path(item["labels"]), tuple(item["objects"]))
            for item in fields.pop("keyframes")
        ),
        folder=Path(fields.pop("folder")),
        keys=Path(keys) if keys else None,
        probabilities=Path(probabilities) if probabilities else None,
        direction=Direction(fields.pop("direction")),
        **_common(fields),
    )


def _suggestion(fields: dict) -> SuggestionJob:
    masks, keys, chosen = (fields.pop(name) for name in ("masks", "keys", "chosen"))
    return SuggestionJob(masks=Path(masks), keys=Path(keys), chosen=tuple(chosen), **_common(fields))


def _common(fields: dict) -> dict:
    """What both kinds of jobs have, each as its type, and the rest as it is."""
    clip, weights = fields.pop("clip"), fields.pop("weights")
    return {
        "clip": VideoClip(**{**clip, "path": Path(clip["path"])}),
        "frames": range(*fields.pop("frames")),
        "weights": Path(weights) if weights else None,
        "settings": Settings(**fields.pop("settings")),
        **fields,
    }
