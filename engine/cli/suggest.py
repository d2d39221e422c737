"""Command line `suggest`: which frames to annotate next."""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

from ..shared.errors import BadSetting
from ..shared.types import SuggestionJob
from .arguments import add_clip, add_recipe, frames_in, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `suggest`."""
    parser.set_defaults(command=suggest)
    add_clip(parser)
    parser.add_argument(
        "--masks",
        type=Path,
        required=True,
        help="results of propagate, a folder of label images, or an .npz of --dump-probabilities",
    )
    parser.add_argument("--keyframes", type=Path, help="folder of label images: the frames that are annotated already")
    parser.add_argument("--chosen", help="numbers of the frames that are annotated already, such as 0,20,45")
    parser.add_argument("--count", "-k", type=int, default=SuggestionJob.count, help="frames to suggest, at most")
    parser.add_argument(
        "--alpha",
        type=float,
        default=SuggestionJob.alpha,
        help="0 to 1: what the masks have to say; 0: whole frames are compared, 1: their objects alone",
    )
    parser.add_argument(
        "--least-mask",
        type=float,
        default=SuggestionJob.least_mask,
        metavar="PERCENT",
        help="frames whose objects cover less are not suggested",
    )
    parser.add_argument("--keys", type=Path, help="folder to keep the frames' keys in; default: with the masks")
    add_recipe(parser)


def suggest(options: argparse.Namespace) -> int:
    """Print one line per frame: its number, a tab, how unlike the annotated ones it is."""
    from tqdm import tqdm

    from ..jobs.suggest import run
    from ..media.frames import FrameReader
    from ..media.label_images import label_files
    from ..shared.matte_folder import MatteFolder, number_in
    from ..shared.protocol import Answer, Stage, Suggested

    with FrameReader.open(options.clip) as reader:
        clip, numbers = reader.clip, reader.numbers
    if options.chosen:
        chosen = _numbers(options.chosen)
    elif options.keyframes:
        chosen = [number_in(path.stem) for path in label_files(options.keyframes)]
    else:
        raise BadSetting("say which frames are annotated already, with --keyframes FOLDER or --chosen 0,20,45")
    frame_of = {number: frame for frame, number in enumerate(numbers)}
    strangers = [number for number in chosen if number not in frame_of]
    if strangers:
        raise BadSetting(f"frame {strangers[0]} is not in the clip, which has {numbers[0]} to {numbers[-1]}")
    results = MatteFolder(options.masks)
    beside = options.masks.with_name(f"{options.masks.stem}_keys")  # of a file with probabilities
    labels = results.root / "labels"
    job = SuggestionJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        frames=frames_in(options.range, clip.frame_count),
        chosen=tuple(frame_of[number] for number in chosen),
        masks=labels if labels.is_dir() else options.masks,
        keys=options.keys or (results.keys if options.masks.is_dir() else beside),
        recipe=options.recipe,
        weights=options.weights,
        settings=settings_of(options),
        count=options.count,
        alpha=options.alpha,
        least_mask=options.least_mask,
    )
    with tqdm(file=sys.stderr) as bar:

        def show(answer: Answer) -> None:
            match answer:
                case Stage(text=text, done=done, total=total):
                    bar.set_description(text)
                    bar.total = total or None
                    bar.update(done - bar.n)
                case Suggested(frames=frames, scores=scores):
                    bar.close()
                    for frame, score in zip(frames, scores, strict=True):
                        sys.stdout.write(f"{numbers[frame]}\t{score:.6g}\n")

        run(job, show, lambda: False)
    return 0


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise BadSetting(f"--chosen must look like 0,20,45, not {text!r}") from None
