"""Command line `import`: makes a project of frames and masks of other tools."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..shared.mask_images import Masks, counted
from .arguments import add_masks
from .console import print_error, print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `import`."""
    parser.set_defaults(command=import_frames)
    parser.add_argument(
        "--frames",
        type=Path,
        help="movie, folder of images, first image of a sequence, or pattern; default: the frames of the project",
    )
    parser.add_argument(
        "--keyframes", type=Path, help="folder of masks; the first integer in a name is the position of its frame"
    )
    add_masks(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of the project: frames/ and masks/")
    parser.add_argument(
        "--height", type=int, help="make frames smaller, to this many pixels on the shorter side; default: as they are"
    )


def import_frames(options: argparse.Namespace) -> int:
    """Write the project, and print what it has. Returns 0, or 2 if files that are not ours were in its way."""
    from ..projects.importing import import_project
    from .progress import Progress

    with Progress("images") as progress:
        found = import_project(
            options.out,
            options.frames,
            options.keyframes,
            height=options.height,
            kind=Masks(options.masks),
            progress=progress.show,
        )
    height, width = found.size
    masks = f", {counted(found.masks, 'mask')} of {counted(found.objects, 'object')}" if found.masks else ""
    print_line(f"{options.out}: {counted(found.frames, 'frame')} of {width}x{height}{masks}")
    return tell_kept(found.kept)


def tell_kept(kept: list[str]) -> int:
    """Print which files were kept as they are. Returns the exit status: 2 if any were, else 0."""
    if kept:
        print_error(f"Kept, as not Keymatte's or edited: {counted(len(kept), 'file')}, first {kept[0]}.")
    return 2 if kept else 0
