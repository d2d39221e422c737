"""Command line `refine`: makes the edges of mattes anew at the clip's full size."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterable
from pathlib import Path

from ..shared.errors import MasksMissing
from ..shared.folder_claim import recorded_job
from ..shared.matte_folder import MatteFolder
from ..shared.refinement import EdgeMethod, RefinedObject, Refinement
from ..shared.types import KeyframeFile, RefineJob, VideoClip
from .arguments import open_clip, parse_frame_range
from .console import print_line
from .running import parse_objects, run_job, status_of

_NUMBERS = {
    "band": "half width of the band around the edge in which alpha is found anew, in pixels; 0: chosen",
    "softness": "1: edges as soft as they are found; 0: crisp",
    "grow": "move edges outward by this many pixels; negative: inward",
    "feather": "blur edges by this many pixels",
    "holes": "fill holes up to this area in pixels",
    "specks": "remove parts up to this area in pixels",
    "smoothing": "smooth over time along the motion, 0 to 1",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `refine`."""
    parser.set_defaults(command=refine)
    parser.add_argument("--mattes", type=Path, required=True, help="results of propagate, or a matte folder of Blender")
    parser.add_argument(
        "--clip", help="the clip, if it was moved since its mattes were made; default: where it was then"
    )
    parser.add_argument("--objects", default="", metavar="1,2", help="numbers of the objects; default: all")
    parser.add_argument("--range", default=":", help="frames A:B, counted from 0, B not included; default: all")
    parser.add_argument(
        "--edges",
        choices=[method.value for method in EdgeMethod],
        default=Refinement.edges.value,
        help="guided: follow the edges of the picture; detail: closed-form matting for hair and fur, slow; keep: the "
        "matte's own; default: %(default)s",
    )
    for name, text in _NUMBERS.items():
        default = getattr(Refinement, name)
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{text}; default: %(default)g")


def refine(options: argparse.Namespace) -> int:
    """Refine the mattes of a folder. Returns 0, or 2 if something could not be done."""
    from ..jobs.refine import check_refinement, run

    refinement = Refinement(EdgeMethod(options.edges), **{name: getattr(options, name) for name in _NUMBERS})
    check_refinement(refinement)
    folder = MatteFolder(options.mattes)
    job = recorded_job(folder)
    if job is None:
        what = "does not tell its clip" if options.mattes.is_dir() else "does not exist"
        raise MasksMissing(f"{options.mattes} {what}", remedy="Give the folder of results that propagate has written.")
    clip = _clip(options, job.clip)
    frames = parse_frame_range(options.range, clip.frame_count)
    chosen = tuple(RefinedObject(number, refinement) for number in parse_objects(options.objects, folder))
    finished = run_job(run, RefineJob(uuid.uuid4().hex, clip, folder.root, frames, chosen))
    print_line(f"{finished.note[:-1]} in {folder.refined.root}")
    return status_of(finished)


def _clip(options: argparse.Namespace, recorded: VideoClip) -> VideoClip:
    """Return the clip of the options, whose frames count as those of the recorded one, which it is by default.

    Raises ClipNotFound, ClipUnreadable, MixedSizes.
    """
    if options.clip is None:
        return recorded
    options.fps = recorded.fps
    with open_clip(options) as reader:
        return reader.clip


def refined_objects(edges: str | None, keyframes: Iterable[KeyframeFile]) -> tuple[RefinedObject, ...]:
    """Return the objects that a propagation is to refine: all of the keyframes, if `edges` says how."""
    if edges is None:
        return ()
    numbers = {number for keyframe in keyframes for number in keyframe.objects}
    return tuple(RefinedObject(number, Refinement(EdgeMethod(edges))) for number in sorted(numbers))
