"""One request for suggestions with its files: keys of the frames, masks found on them, frames to annotate next."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..media.label_images import label_files, read_labels
from ..shared.errors import BadSetting, Cancelled, EngineError, FramesUnreadable, KeyframeOutsideClip, MasksMissing
from ..shared.matte_folder import number_in
from ..shared.protocol import Answer, JobCancelled, Stage, Suggested
from ..shared.types import SuggestionJob
from ..suggestion.key_cache import KeyFolder
from ..suggestion.selection import SelectionConfig, coverage, suggest, weigh
from .setup import JobContext, open_job_context

_TOLD_EVERY = 50  # comparisons


def run(job: SuggestionJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> None:
    """Do `job`: the last report is Suggested or JobCancelled."""
    try:
        report(_run(job, report, cancelled))
    except Cancelled:
        report(JobCancelled(job.job_id))


@torch.inference_mode()
def _run(job: SuggestionJob, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> Suggested:
    _check(job)
    report(Stage(job.job_id, "Loading the network"))
    with open_job_context(job, cancelled) as context:
        keys = KeyFolder.open(job.keys, context.identity())
        frames = _encode(job, context, keys, report)
        if not frames:
            raise FramesUnreadable(f"no frame of {job.clip.path} could be read")
        grid = keys.grid(frames[0])
        usable: set[int] = set()
        weights: dict[int, Tensor] = {}
        for frame, mask in _masks(job, context):  # one at a time: those of a long clip do not fit into memory together
            context.source.check()
            weights[frame] = weigh(mask, grid)
            if coverage(mask) >= job.least_mask:
                usable.add(frame)
        if not usable - set(job.chosen):
            raise MasksMissing(
                f"no frame beside the chosen ones has objects on {job.least_mask:g} % of it or more in {job.masks}"
            )
        for frame in job.chosen:  # one without a mask is compared as it is where masks have no say
            weights.setdefault(frame, torch.zeros(grid[0] * grid[1]))

        def step(done: int, total: int) -> None:
            context.source.check()
            if done % _TOLD_EVERY == 0:
                report(Stage(job.job_id, "Comparing frames", done, total))

        found = suggest(
            frames,
            keys.read,
            weights,
            chosen=[frame for frame in job.chosen if frame in frames],
            usable=frozenset(usable),
            wish=SelectionConfig(job.count, job.alpha, job.least_mask),
            step=step,
        )
    return Suggested(job.job_id, tuple(one.frame for one in found), tuple(one.score for one in found))


def _check(job: SuggestionJob) -> None:
    if not job.chosen:
        raise BadSetting("suggestions need at least one frame that is annotated already")
    outside = [frame for frame in job.chosen if not 0 <= frame < job.clip.frame_count]
    if outside:
        raise KeyframeOutsideClip(f"frame {outside[0]} is not in the clip, which has {job.clip.frame_count} frames")
    if not 0 <= job.alpha <= 1:
        raise BadSetting(f"alpha must be from 0 to 1, not {job.alpha:g}")
    if job.count < 1:
        raise BadSetting(f"at least 1 frame must be asked for, not {job.count}")
    if not 0 <= job.least_mask <= 100:
        raise BadSetting(f"the least mask is a percentage from 0 to 100, not {job.least_mask:g}")


def _encode(job: SuggestionJob, context: JobContext, keys: KeyFolder, report: Callable[[Answer], None]) -> list[int]:
    """Make the keys that are not there yet; the frames that could be read."""
    wanted = sorted({*job.frames, *job.chosen})
    lacking = [frame for frame in wanted if not _is_whole(keys, frame)]
    for done, frame in enumerate(lacking):
        pixels = context.source.read(frame)
        if pixels is not None:
            features = context.network.encode(context.framing.apply(pixels, context.device))
            keys.write(frame, features.query, features.grid)
        report(Stage(job.job_id, "Looking at the frames", done + 1, len(lacking)))
    return [frame for frame in wanted if frame not in context.source.failed]


def _is_whole(keys: KeyFolder, frame: int) -> bool:
    if not keys.has(frame):
        return False
    try:
        keys.read(frame)
    except (OSError, ValueError, EOFError):
        return False
    return True


def _masks(job: SuggestionJob, context: JobContext) -> Iterator[tuple[int, Tensor]]:
    """Media frame and (C, H, W) 0..1, as far as there are any. Raises MasksMissing."""
    if job.masks.suffix == ".npz":
        yield from _probabilities(job.masks)
        return
    frame_of = {number: frame for frame, number in enumerate(context.reader.numbers)}
    size = (context.reader.clip.height, context.reader.clip.width)
    try:
        files = label_files(job.masks)
    except EngineError as error:
        raise MasksMissing(error.message) from error
    for path in files:
        frame = frame_of.get(number_in(path.stem))
        if frame is not None:
            labels = read_labels(path, size=size)
            yield frame, torch.from_numpy(labels > 0)[None].float()


def _probabilities(path: Path) -> Iterator[tuple[int, Tensor]]:
    """As `--dump-probabilities` writes them, read one frame after another."""
    try:
        with np.load(path) as stored:
            frames = stored["frames"]
        with zipfile.ZipFile(path) as archive, archive.open("probabilities.npy") as file:
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            for frame in frames:
                found = np.frombuffer(file.read(math.prod(shape[1:]) * kind.itemsize), kind).reshape(shape[1:])
                yield int(frame), torch.from_numpy(found[1:].astype(np.float32))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise MasksMissing(f"{path} holds no probabilities ({error})") from error
