"""Command line `process-video`: XMem++'s program, from frames and masks to masks and overlays."""

from __future__ import annotations

import argparse
import uuid
from pathlib import Path

from ..shared.mask_images import Masks, counted
from ..shared.matte_folder import MatteFolder
from ..shared.types import PropagationJob
from .arguments import add_masks, add_recipe, check_arguments
from .console import print_line
from .import_project import tell_kept
from .running import run_job, status_of

_RECIPE = "xmem++"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `process-video`."""
    parser.set_defaults(command=process_video, fps=None)
    parser.add_argument("--video", type=Path, required=True, help="movie, or folder of frames")
    parser.add_argument(
        "--keyframes",
        type=Path,
        required=True,
        help="folder of masks, which are all used; the first integer in a name is the position of its frame, from 0",
    )
    add_masks(parser)
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for masks/ in the colours of the given masks, and overlay/"
    )
    add_recipe(parser, recipe=_RECIPE)


def process_video(options: argparse.Namespace) -> int:
    """Propagate all masks through the video, and save masks and overlays. Returns 0, or 2 if something was left out."""
    settings = check_arguments(options)

    from ..jobs.propagate import run
    from ..media.frames import FrameReader
    from ..methods.registry import find_recipe
    from ..projects.pictures import save_pictures
    from ..projects.placed_masks import object_colours, placed_masks
    from .progress import Progress

    recipe, folder = find_recipe(options.recipe), MatteFolder(options.output / "keymatte")
    with FrameReader.open(options.video) as reader:
        clip = reader.clip
        masks = placed_masks(
            options.keyframes, clip.frame_count, size=(clip.height, clip.width), kind=Masks(options.masks)
        )
        job = PropagationJob(
            job_id=uuid.uuid4().hex,
            clip=clip,
            frames=range(clip.frame_count),
            keyframes=tuple(mask.keyframe() for mask in masks),
            folder=folder.root,
            recipe=recipe.name,
            weights=options.weights,
            direction=recipe.direction,
            settings=settings,
        )
        finished = run_job(run, job)
        colours = object_colours(masks)
        with Progress("images") as progress:
            kept = save_pictures(options.output, reader, folder, colours, progress.show)
    objects = counted(len(colours), "object")
    print_line(f"{options.output}: masks/ and overlay/ of {counted(clip.frame_count, 'frame')}, {objects}")
    return max(status_of(finished), tell_kept(kept))
