"""Frames that a command is limited to: between keyframes, locked ones, and those of a task of a farm."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

from ..shared import frame_ranges
from ..shared.errors import BadSetting, MasksMissing
from ..shared.folder_claim import MARKER
from ..shared.types import EarlyEnd, Lock


def frames_between(frame: int, frames: range, keyframes: Collection[int]) -> range:
    """Return the media frames between the keyframes on both sides of a frame, among `frames`. Raises BadSetting."""
    if frame not in frames:
        raise BadSetting(f"--between {frame} is outside the frames {frames.start} to {frames.stop - 1}")
    return frame_ranges.frames_between(frame, frames, keyframes)


def parse_lock(text: str, count: int) -> Lock:
    """Parse "A:B" or "OBJECT=A:B" as a lock of a clip of `count` frames; A or B may be left out. Raises BadSetting."""
    before, equals, span = text.rpartition("=")
    try:
        object_id = int(before) if equals else None
        first, last = (int(part) if part else None for part in span.split(":"))
    except ValueError:
        raise BadSetting(f"--lock must look like 0:60 or 2=0:60, not {text!r}") from None
    frames = range(first or 0, count if last is None else last)
    if not frames or frames.start < 0 or frames.stop > count or (object_id is not None and object_id < 1):
        raise BadSetting(f"--lock {text} is empty or outside the clip, which has frames 0 to {count - 1}")
    return Lock(frames, object_id)


def add_early_end(parser: argparse._ActionsContainer) -> None:
    """Add the option that says when walks end early."""
    parser.add_argument(
        "--early-end",
        default=f"{EarlyEnd.frames}:{100 * EarlyEnd.share:g}",
        metavar="FRAMES:PERCENT",
        help="what has changed is walked through away from a changed keyframe, no further than where new and earlier "
        "mattes differ in less than this part of an object on this many frames in a row; 0: up to the next keyframe; "
        "default: %(default)s",
    )


def parse_early_end(text: str) -> EarlyEnd:
    """Parse "FRAMES:PERCENT", or "0", as the rule by which walks end early. Raises BadSetting."""
    frames, _, percent = text.partition(":")
    try:
        found = EarlyEnd(int(frames), float(percent) / 100 if percent else EarlyEnd.share)
    except ValueError:
        raise BadSetting(f"--early-end must look like 5:1, not {text!r}") from None
    if found.frames < 0 or not 0 <= found.share <= 1:
        raise BadSetting(f"--early-end {text} is none: frames must not be negative, and percent be 0 to 100")
    return found


_CLASHES = {  # options that cannot be used together, by their names in the namespace
    "task": ("join", "changed", "between", "adapt", "dump_probabilities", "refine"),
    "join": ("changed", "between", "adapt", "dump_probabilities"),
    "changed": ("dump_probabilities",),
}


def check_limits(options: argparse.Namespace) -> None:
    """Raise BadSetting if options are given that cannot be used together, or a task that is none."""
    for name, others in _CLASHES.items():
        for other in others:
            if _is_given(options, name) and _is_given(options, other):
                raise BadSetting(f"--{name} and --{other.replace('_', '-')} cannot be used together")
    parse_task(options)


def _is_given(options: argparse.Namespace, name: str) -> bool:
    return getattr(options, name) not in (None, False)


def parse_task(options: argparse.Namespace) -> tuple[int, int]:
    """Return the number of a task, from 1, and of all tasks, as the options say. Raises BadSetting."""
    if not options.task:
        return 1, 1
    try:
        task, count = (int(part) for part in options.task.split("/"))
    except ValueError:
        raise BadSetting(f"--task must look like 2/8, not {options.task!r}") from None
    if not 1 <= task <= count:
        raise BadSetting(f"--task {options.task} is none of the tasks 1 to {max(count, 1)}")
    return task, count


def parts_in(folder: Path) -> tuple[Path, ...]:
    """List the matte folders in a folder, by name. Raises MasksMissing if there are none."""
    found = sorted(path.parent for path in folder.glob(f"*/{MARKER}"))
    if not found:
        raise MasksMissing(
            f"there are no parts in {folder}", remedy="Give the folder that holds the folders of all tasks."
        )
    return tuple(found)
