"""Command line `suggest`: suggests frames to annotate next, or first."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting, MasksMissing
from ..shared.reasons import sentence
from ..shared.types import Ranking, SuggestionJob
from ..suggestion.limits import check_choice
from .arguments import (
    add_clip,
    add_feature_cache,
    add_recipe,
    check_arguments,
    feature_bytes,
    open_clip,
    parse_frame_range,
)
from .console import print_line, print_note

if TYPE_CHECKING:
    from ..shared.names import FrameNames
    from ..shared.protocol import Suggested


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `suggest`."""
    parser.set_defaults(command=suggest)
    add_clip(parser)
    parser.add_argument(
        "--masks",
        type=Path,
        help="results of propagate, a folder of label images, or an .npz of --dump-probabilities; without masks and "
        "annotated frames, the frame to annotate first is suggested",
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
        help="do not suggest frames for their looks if objects cover less than this; default: %(default)s",
    )
    parser.add_argument(
        "--ranking",
        choices=[*Ranking],
        default=SuggestionJob.ranking,
        help="gain: frames on which a keyframe would repair most, no two of them neighbours; xmem++: frames that look "
        "least like the annotated ones, as published; default: %(default)s",
    )
    parser.add_argument(
        "--keys",
        type=Path,
        help="folder in which the features of frames are kept; default: next to the masks; without masks, not kept",
    )
    add_recipe(parser)
    add_feature_cache(parser)


def suggest(options: argparse.Namespace) -> int:
    """Print a line per suggested frame: number, score, number of the object to mark or -, and why. Returns 0."""
    settings = check_arguments(options)
    check_choice(options.count, options.alpha, options.min_mask)
    is_annotated = bool(options.chosen or options.keyframes)
    if options.masks and not is_annotated:
        raise BadSetting("name the frames that are already annotated, with --keyframes FOLDER or --chosen 0,20,45")
    if is_annotated and not options.masks:
        raise MasksMissing("frames are annotated, but --masks does not name their mattes")
    chosen: list[int | None] = [*_numbers(options.chosen)] if options.chosen else []

    from ..jobs.suggest import run
    from ..runtime.device import pick_device
    from ..shared.protocol import Answer, Stage, Suggested
    from .progress import Progress

    pick_device(settings.device)  # raises now, before the clip is read
    with open_clip(options) as reader:
        clip, names = reader.clip, reader.names
    numbers = names.numbers
    if is_annotated:
        chosen = chosen or _numbers_in(options.keyframes, names)
    masks, keys = _inputs(options)
    job = SuggestionJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        frames=parse_frame_range(options.range, clip.frame_count),
        chosen=_frames_of(chosen, numbers),
        masks=masks,
        keys=keys or Path(),
        recipe=options.recipe,
        weights=options.weights,
        settings=settings,
        count=options.count,
        alpha=options.alpha,
        min_mask=options.min_mask,
        ranking=Ranking(options.ranking),
        feature_bytes=feature_bytes(options),
    )
    suggested: list[Suggested] = []
    with Progress() as progress, TemporaryDirectory() as temporary:
        if keys is None:
            job = replace(job, keys=Path(temporary) / "keys")

        def show(answer: Answer) -> None:
            match answer:
                case Stage(text=text, done=done, total=total):
                    progress.show(text, done, total)
                case Suggested():
                    suggested.append(answer)

        run(job, show, lambda: False)
    for answer in suggested:
        _print(answer, numbers)
    return 0


def _print(suggested: Suggested, numbers: tuple[int, ...]) -> None:
    """Print the suggested frames, and the note on stderr; `numbers` are those of the clip's frames."""
    if suggested.note:
        print_note(suggested.note)
    rows = zip(suggested.frames, suggested.scores, suggested.objects, suggested.reasons, strict=True)
    for frame, score, object_id, reason in rows:
        print_line(f"{numbers[frame]}\t{score:.6g}\t{object_id or '-'}\t{sentence(reason)}")


def _inputs(options: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Return the folder or file of the masks, and the folder of the keys; None: there is none, or a temporary one."""
    from ..shared.matte_folder import MatteFolder

    masks = options.masks
    if masks is None:
        return None, options.keys
    results = MatteFolder(masks)
    labels = results.root / "labels"
    next_to = results.keys if masks.is_dir() else masks.with_name(f"{masks.stem}_keys")
    return labels if labels.is_dir() else masks, options.keys or next_to


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
