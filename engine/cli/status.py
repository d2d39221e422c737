"""Command line `status`: tells which mattes of a folder are up to date, and which a run would make again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import MasksMissing
from ..shared.files import atomic_write
from ..shared.folder_claim import read_marker
from ..shared.mask_images import Masks
from ..shared.matte_folder import MatteFolder
from .arguments import add_masks
from .console import print_error, print_line

if TYPE_CHECKING:
    from ..jobs.status import FolderStatus
    from ..shared.types import KeyframeFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `status`."""
    parser.set_defaults(command=status)
    parser.add_argument("--mattes", type=Path, required=True, help="results of propagate, or a matte folder of Blender")
    parser.add_argument(
        "--keyframes",
        type=Path,
        help="compare with these keyframes, as `propagate --changed` would be given; default: those of the last run",
    )
    add_masks(parser)
    parser.add_argument("--unlabelled", choices=("unknown", "absent"), help="as of `propagate`; default: the recipe's")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the runs and the state of all mattes to a file"
    )


def status(options: argparse.Namespace) -> int:
    """Print which mattes are up to date, and what makes the others stale. Returns 0, or 2 if not all was compared."""
    from ..jobs.status import folder_status
    from ..shared.staleness_report import as_json, as_text

    folder = MatteFolder(options.mattes)
    if not read_marker(folder):
        what = "is not a matte folder of Keymatte" if options.mattes.is_dir() else "does not exist"
        raise MasksMissing(f"{options.mattes} {what}", remedy="Give the folder of results that propagate has written.")
    found = folder_status(folder)
    if options.keyframes is not None:
        found = folder_status(folder, _keyframes(options, found))
    print_line(as_text(found.states, len(found.job.frames)))
    if options.json:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(as_json(found.states, found.runs, found.inputs), indent=1), encoding="utf-8")
    if found.warning:
        print_error(found.warning)
        return 2
    return 0


def _keyframes(options: argparse.Namespace, found: FolderStatus) -> tuple[KeyframeFile, ...]:
    from ..media.frames import FrameReader
    from ..media.keyframe_folders import read_keyframes
    from ..methods.registry import find_recipe

    clip = found.job.clip
    with FrameReader.expect(clip) as reader:
        return read_keyframes(
            options.keyframes,
            reader.names.numbers,
            (clip.height, clip.width),
            stems=reader.names.stems,
            unlabelled=options.unlabelled or find_recipe(found.job.recipe).unlabelled,
            masks=Masks(options.masks),
            clip_title=reader.title,
        )
