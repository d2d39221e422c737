"""Suggestion job: encodes frames, reads their masks, and suggests the frames to annotate next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..inference.encoding import FrameEncoder
from ..inference.shots import shots_of
from ..media.label_images import label_files, read_labels
from ..shared.arrays import iterate_npz, read_npz
from ..shared.errors import (
    BadSetting,
    Cancelled,
    EngineError,
    FolderTaken,
    FramesUnreadable,
    KeyframeOutsideClip,
    MasksMissing,
)
from ..shared.files import writing_error
from ..shared.folder_claim import read_marker, recorded_cuts
from ..shared.folder_lock import locked, refuse_if_locked
from ..shared.mask_names import read_mask_names
from ..shared.matte_folder import MatteFolder, is_number
from ..shared.names import FrameNames
from ..shared.protocol import Answer, JobCancelled, Stage, Suggested
from ..shared.reasons import SHOT
from ..shared.types import Ranking, SuggestionJob
from ..suggestion.account import NO_ACCOUNT, ClipQuality, read_account
from ..suggestion.first_frame import suggest_first
from ..suggestion.joined import suggest_next
from ..suggestion.key_cache import KeyFolder
from ..suggestion.limits import check_choice
from ..suggestion.selection import SelectionConfig, Suggestion, coverage, object_weights, suggest
from .features import kept_features
from .setup import JobContext, open_job_context

_COMPARISONS_PER_REPORT = 50
_NO_QUALITY = "The quality of these mattes is not known, so the frames that look least like the keyframes are suggested"


def run(
    job: SuggestionJob,
    report: Callable[[Answer], None],
    cancelled: Callable[[], bool],
) -> None:
    """Run a suggestion job, and end with the report Suggested or JobCancelled.

    If the quality of the mattes is not known, frames are suggested as XMem++ does.
    """
    try:
        report(_run(job, report, cancelled))
    except Cancelled:
        report(JobCancelled(job.job_id))


@torch.inference_mode()
def _run(job: SuggestionJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> Suggested:
    _check(job)
    refuse_if_locked(_locked_folder(job))
    with open_job_context(job, cancelled, report) as context, _keys_locked(job):
        keys = KeyFolder.open(job.keys, context.identity())
        frames = _encode(job, context, keys, report)
        if not frames:
            raise FramesUnreadable(f"no frame of {job.clip.path} could be read")

        def step(done: int, total: int) -> None:
            context.source.check()
            if done % _COMPARISONS_PER_REPORT == 0:
                report(Stage(job.job_id, "Comparing frames", done, total))

        account = _account(job, context)
        if not job.chosen:
            found = suggest_first(
                frames, keys.read, keys.grid(frames[0]), candidates=frames, count=job.count, step=step
            )
        else:
            found = _next(job, context, keys, frames, account, step)
    return Suggested(
        job.job_id,
        frames=tuple(item.frame for item in found),
        scores=tuple(item.score for item in found),
        objects=tuple(item.object_id for item in found),
        reasons=tuple(item.reason for item in found),
        note=_note(account) if job.chosen and job.ranking is Ranking.GAIN else "",
    )


def _note(account: ClipQuality) -> str:
    """Say of which mattes the quality is not known, and by what frames are suggested then; empty if it is known."""
    sentences = [*([] if account.quality else [_NO_QUALITY]), *account.unknown]
    return ". ".join(sentence.rstrip(".") for sentence in sentences)


def _next(
    job: SuggestionJob,
    context: JobContext,
    keys: KeyFolder,
    frames: list[int],
    account: ClipQuality,
    step: Callable[[int, int], None],
) -> list[Suggestion]:
    """Suggest frames beside those annotated already.

    Raises BadSetting if all are, and MasksMissing if no other frame shows an object.
    """
    if not {*frames} - {*job.chosen}:
        raise BadSetting("every frame is annotated already, so there is none to suggest")
    grid = keys.grid(frames[0])
    usable: set[int] = set()
    weights: dict[int, Tensor] = {}
    for frame, mask in _read_masks(job, context):  # one at a time, as those of a long clip do not fit into memory
        context.source.check()
        weights[frame] = object_weights(mask, grid)
        if coverage(mask) >= job.min_mask:
            usable.add(frame)
    unmarked = _in_unmarked_shots(job, keys, frames, step) if job.ranking is Ranking.GAIN else []
    if len(unmarked) == job.count:
        return unmarked
    if not (usable | account.quality.keys()) - set(job.chosen) and not unmarked:
        raise MasksMissing(
            f"in {job.masks}, objects cover {job.min_mask:g} % or more on no frame that is not annotated already"
        )
    for frame in job.chosen:  # without a mask, no cell of the frame counts as object
        weights.setdefault(frame, torch.zeros(grid[0] * grid[1]))
    chosen = [frame for frame in job.chosen if frame in frames]
    config = SelectionConfig(job.count - len(unmarked), job.alpha, job.min_mask)
    if job.ranking is Ranking.DIVERSITY:
        return suggest(frames, keys.read, weights, chosen=chosen, usable=frozenset(usable), config=config, step=step)
    return unmarked + suggest_next(
        frames,
        keys.read,
        weights,
        account,
        chosen=chosen,
        candidates=[frame for frame in frames if frame in job.frames],
        usable=usable,
        config=config,
        step=step,
    )


def _matte_folder(job: SuggestionJob) -> MatteFolder | None:
    """Return the matte folder whose label images are the job's masks; None if they are not from one."""
    if job.masks is None or job.masks.name != "labels" or not read_marker(MatteFolder(job.masks.parent)):
        return None
    return MatteFolder(job.masks.parent)


def _account(job: SuggestionJob, context: JobContext) -> ClipQuality:
    """Return the account of the quality of the mattes that the job's masks are from; empty without one."""
    folder = _matte_folder(job)
    return read_account(folder, context.reader.numbers) if folder else NO_ACCOUNT


def _in_unmarked_shots(
    job: SuggestionJob, keys: KeyFolder, frames: list[int], step: Callable[[int, int], None]
) -> list[Suggestion]:
    """Suggest the frame to annotate first of each shot without a keyframe, whose mattes are empty; long shots first."""
    folder = _matte_folder(job)
    cuts = recorded_cuts(folder) if folder else ()
    shots = [shot for shot in shots_of(range(frames[0], frames[-1] + 1), cuts) if not {*shot} & {*job.chosen}]
    found: list[Suggestion] = []
    for shot in sorted(shots, key=len, reverse=True)[: job.count] if cuts else ():
        inside = [frame for frame in frames if frame in shot and frame in job.frames]
        first = suggest_first(inside, keys.read, keys.grid(frames[0]), candidates=inside, count=1, step=step)
        found += [replace(suggestion, reason=SHOT) for suggestion in first]
    return found


def _locked_folder(job: SuggestionJob) -> Path:
    """Return the folder to lock while keys are written: the matte folder that holds them, else their own."""
    return job.keys.parent if read_marker(MatteFolder(job.keys.parent)) else job.keys


@contextmanager
def _keys_locked(job: SuggestionJob) -> Iterator[None]:
    """Hold the lock of the folder of the keys during the `with` block. Raises FolderInUse, and FolderTaken for a file.

    Also raises FolderNotWritable, DiskFull.
    """
    if job.keys.exists() and not job.keys.is_dir():
        raise FolderTaken(f"{job.keys} is a file, not a folder")
    try:
        job.keys.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(job.keys, error) from error
    with locked(_locked_folder(job)):
        yield


def _check(job: SuggestionJob) -> None:
    """Raise BadSetting, MasksMissing or KeyframeOutsideClip if a parameter of `job` is out of range."""
    outside = [frame for frame in job.chosen if not 0 <= frame < job.clip.frame_count]
    if outside:
        raise KeyframeOutsideClip(f"frame {outside[0]} is outside the clip, which has {job.clip.frame_count} frames")
    if job.chosen and job.masks is None:
        raise MasksMissing("frames are annotated, but there are no masks to tell the objects by")
    check_choice(job.count, job.alpha, job.min_mask)


def _encode(job: SuggestionJob, context: JobContext, keys: KeyFolder, report: Callable[[Answer], None]) -> list[int]:
    """Encode frames whose attention keys are not cached, and cache these; return all readable frames, ascending."""
    frames = sorted({*job.frames, *job.chosen})
    missing = [frame for frame in frames if not _is_readable(keys, frame)]
    with kept_features(context, job.feature_bytes) as cache:
        encoder = FrameEncoder(context.network, context.framing, context.source.read, context.device, cache)
        for done, frame in enumerate(missing):
            features = encoder.encode(frame)
            if features is not None:
                keys.write(frame, features.query, features.grid)
            report(Stage(job.job_id, "Encoding frames", done + 1, len(missing)))
    return [frame for frame in frames if frame not in context.source.failed]


def _is_readable(keys: KeyFolder, frame: int) -> bool:
    """Return whether the keys of `frame` are cached and intact."""
    if not keys.has(frame):
        return False
    try:
        keys.read(frame)
    except (OSError, ValueError, EOFError):
        return False
    return True


def _read_masks(job: SuggestionJob, context: JobContext) -> Iterator[tuple[int, Tensor]]:
    """Yield each media frame that has masks, with its masks (C, H, W) 0..1. Raises MasksMissing."""
    assert job.masks is not None, "checked before"
    if job.masks.suffix == ".npz":
        yield from _read_probabilities(job.masks)
        return
    size = (context.reader.clip.height, context.reader.clip.width)
    try:
        files = label_files(job.masks)
    except EngineError as error:
        raise MasksMissing(error.message) from error
    is_result = all(is_number(path.stem) for path in files)  # named by the frames' numbers alone
    names = FrameNames(context.reader.numbers) if is_result else context.reader.names
    for path, name in read_mask_names(files, job.masks, names).items():
        if name.frame is not None:
            labels = read_labels(path, size=size)
            yield name.frame, torch.from_numpy(labels > 0)[None].float()


def _read_probabilities(path: Path) -> Iterator[tuple[int, Tensor]]:
    """Yield frames and masks, one at a time, from a file that `--dump-probabilities` wrote. Raises MasksMissing."""
    try:
        frames = read_npz(path, "frames")["frames"]
        for frame, probabilities in zip(frames, iterate_npz(path, "probabilities"), strict=True):
            if probabilities.ndim != 3:
                raise ValueError(f"a frame has the shape {probabilities.shape}")
            yield int(frame), torch.from_numpy(probabilities[1:].astype(np.float32))
    except (OSError, ValueError) as error:
        raise MasksMissing(f"{path} contains no probabilities ({error})") from error
