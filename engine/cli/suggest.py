"""Command line `suggest`: suggests frames to annotate next."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from ..shared.types import SuggestionJob
from ..suggestion.limits import check_choice
from .arguments import add_clip, add_recipe, check_arguments, open_clip, parse_frame_range
from .console import print_line

if TYPE_CHECKING:
    from ..shared.names import FrameNames


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `suggest`."""
    parser.set_defaults(command=suggest)
    add_clip(parser)
    parser.add_argument(
        "--masks",
        type=Path,
        required=True,
        help="results of propagate, a folder of label images, or an .npz of --dump-probabilities",
    )
    parser.add_argument(
        "--keyframes", type=Path, help="folder of label images of the frames that are already annotated"
    )
    parser.add_argument("--chosen", help="numbers of the frames that are already annotated, such as 0,20,45")
    parser.add_argument(
        "--count",
        "-k",
        type=int,
        default=SuggestionJob.count,
        help="maximum number of frames to suggest; default: %(default)s",
    )
    parser.add_argument(
        "--alpha",
        type=float,
        default=SuggestionJob.alpha,
        help="weight of the objects: 0 compares whole frames, 1 only their objects; default: %(default)s",
    )
    parser.add_argument(
        "--min-mask",
        type=float,
        default=SuggestionJob.min_mask,
        metavar="PERCENT",
        help="do not suggest frames whose objects cover less than this; default: %(default)s",
    )
    parser.add_argument(
        "--keys", type=Path, help="folder in which the features of frames are kept; default: next to the masks"
    )
    add_recipe(parser)


def suggest(options: argparse.Namespace) -> int:
    """Print a line per suggested frame: its number, a tab, and its distance to the frames chosen before. Returns 0."""
    settings = check_arguments(options)
    check_choice(options.count, options.alpha, options.min_mask)
    if not (options.chosen or options.keyframes):
        raise BadSetting("name the frames that are already annotated, with --keyframes FOLDER or --chosen 0,20,45")
    chosen: list[int | None] = [*_numbers(options.chosen)] if options.chosen else []

    from ..jobs.suggest import run
    from ..runtime.device import pick_device
    from ..shared.matte_folder import MatteFolder
    from ..shared.protocol import Answer, Stage, Suggested
    from .progress import Progress

    pick_device(settings.device)  # raises now, before the clip is read
    with open_clip(options) as reader:
        clip, names = reader.clip, reader.names
    numbers = names.numbers
    chosen_frames = _frames_of(chosen or _numbers_in(options.keyframes, names), numbers)
    results = MatteFolder(options.masks)
    keys_of_file = options.masks.with_name(f"{options.masks.stem}_keys")
    labels = results.root / "labels"
    job = SuggestionJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        frames=parse_frame_range(options.range, clip.frame_count),
        chosen=chosen_frames,
        masks=labels if labels.is_dir() else options.masks,
        keys=options.keys or (results.keys if options.masks.is_dir() else keys_of_file),
        recipe=options.recipe,
        weights=options.weights,
        settings=settings,
        count=options.count,
        alpha=options.alpha,
        min_mask=options.min_mask,
    )
    suggested: list[tuple[int, float]] = []
    with Progress() as progress:

        def show(answer: Answer) -> None:
            match answer:
                case Stage(text=text, done=done, total=total):
                    progress.show(text, done, total)
                case Suggested(frames=frames, scores=scores):
                    suggested.extend(zip(frames, scores, strict=True))

        run(job, show, lambda: False)
    for frame, score in suggested:
        print_line(f"{numbers[frame]}\t{score:.6g}")
    return 0


def _numbers_in(keyframes: Path, names: FrameNames) -> list[int | None]:
    """Return the number of the frame that each mask in the folder `keyframes` is for; None if its name has none."""
    from ..media.keyframe_folders import mask_files
    from ..shared.mask_names import read_mask_names

    found = read_mask_names(mask_files(keyframes), keyframes, names).values()
    return [name.number if name.frame is None else names.numbers[name.frame] for name in found]


def _frames_of(chosen: Sequence[int | None], numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the media frames with the file numbers `chosen`. Raises BadSetting if the clip lacks one."""
    frame_of: dict[int | None, int] = {number: frame for frame, number in enumerate(numbers)}
    missing = [number for number in chosen if number not in frame_of]
    if missing:
        raise BadSetting(f"frame {missing[0]} is not in the clip, which has {numbers[0]} to {numbers[-1]}")
    return tuple(frame_of[number] for number in chosen)


def _numbers(text: str) -> list[int]:
    """Parse comma-separated frame numbers. Raises BadSetting."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise BadSetting(f"--chosen must look like 0,20,45, not {text!r}") from None
