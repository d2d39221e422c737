"""Inputs of a propagation run, as recorded beside its mattes: by them it is told later which are stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import VERSION
from .codec import to_json
from .crop_inputs import CROP, SMALL
from .errors import KeyframeUnreadable
from .mask_images import Meaning
from .provenance import ExclusionInputs, Mark, ObjectInputs, RunInputs, Span
from .types import Absence, Exclusion, KeyframeFile, PropagationJob

_DIGEST_LENGTH = 16  # hexadecimal digits


def run_inputs(
    job: PropagationJob,
    numbers: Sequence[int],
    cuts: Sequence[int],
    weights: Path | None,
    small: Sequence[int] | None = None,
) -> RunInputs:
    """Return what the mattes of a job depend on; `numbers` are those of all media frames, `cuts` media frames.

    `small` are the objects that crops can follow, whether the job lets them or not; None: unknown.

    Raises KeyframeUnreadable if an image cannot be read.
    """
    settings: dict[str, Any] = {
        "height": job.settings.height,
        "precision": job.settings.precision,
        "overrides": dict(sorted(job.settings.overrides.items())),
        "adapt": job.settings.adapt,
        CROP: job.crop,
    }
    if small is not None:
        settings[SMALL] = list(small)
    if job.stabilization:  # not otherwise, as records of earlier versions do not have it
        settings["stabilization"] = hashlib.sha256(repr(job.stabilization).encode()).hexdigest()[:_DIGEST_LENGTH]
    return RunInputs(
        recipe=job.recipe,
        weights=_sha256(weights),
        settings=json.dumps(settings),
        direction=job.direction,
        objects=_objects(job.keyframes, job.absences, numbers),
        exclusions=tuple(_exclusion(one, numbers) for one in job.exclusions if one.images),
        cuts=tuple(numbers[cut] for cut in cuts),
        program=VERSION,
    )


def _objects(
    keyframes: Sequence[KeyframeFile], absences: Sequence[Absence], numbers: Sequence[int]
) -> tuple[ObjectInputs, ...]:
    marks: dict[int, dict[int, list[str]]] = {}
    for keyframe in keyframes:
        for object_id in keyframe.objects:
            found = marks.setdefault(object_id, {}).setdefault(numbers[keyframe.frame], [])
            found.append(_digest(keyframe.labels, keyframe.meaning, keyframe.object_id))
    spans: dict[int, list[Span]] = {}
    for one in absences:
        spans.setdefault(one.object_id, []).append(Span(numbers[one.frames.start], numbers[one.frames.stop - 1]))
    return tuple(
        ObjectInputs(
            object_id,
            tuple(Mark(number, " ".join(found)) for number, found in sorted(by_number.items())),
            tuple(spans.get(object_id, ())),
        )
        for object_id, by_number in marks.items()
    )


def _exclusion(exclusion: Exclusion, numbers: Sequence[int]) -> ExclusionInputs:
    images = tuple(Mark(numbers[one.frame], _digest(one.path, one.meaning, None)) for one in exclusion.images)
    return ExclusionInputs(images, exclusion.objects, exclusion.inverted)


def _digest(path: Path, meaning: Meaning, object_id: int | None) -> str:
    """Return a hash of an image's file and of how it is read. Raises KeyframeUnreadable."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyframeUnreadable(f"mask {path} cannot be read ({error.strerror})") from error
    read_as = json.dumps([to_json(meaning), object_id])
    return hashlib.sha256(read_as.encode() + content).hexdigest()[:_DIGEST_LENGTH]


def _sha256(weights: Path | None) -> str:
    if weights is None:
        return ""
    status = weights.stat()
    return _sha256_of_version(weights, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _sha256_of_version(weights: Path, size: int, date: int) -> str:
    """Return the SHA-256 of a weights file; size and date make the cache forget a file that was replaced."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
