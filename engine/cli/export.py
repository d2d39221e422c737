"""Command line `export`: writes files of mattes for other programs."""

from __future__ import annotations

import argparse
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.delivery import TRAITS, Alpha, Content, DeliveredObject, ExportJob, Format
from ..shared.errors import ClipNotFound, MasksMissing
from ..shared.folder_claim import recorded_job
from ..shared.matte_folder import MatteFolder
from .arguments import add_clip, open_clip, parse_frame_range
from .console import print_line
from .running import add_objects, named_objects, run_job, status_of

if TYPE_CHECKING:
    from ..shared.types import VideoClip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.set_defaults(command=export)
    add_clip(parser)
    parser.add_argument("--mattes", type=Path, required=True, help="results of propagate, or a matte folder of Blender")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files; what is there is never replaced")
    parser.add_argument(
        "--format",
        choices=[one.value for one in Format],
        default=Format.PNG.value,
        help="png: a grey image per object; exr: a layer per object, and Cryptomatte; cutout-png, cutout-exr: colours "
        "and alpha; prores, vp9: movies with alpha; overlay: H.264 with objects tinted; davis, youtube-vos: label "
        "images as of these data sets; default: %(default)s",
    )
    add_objects(parser)
    parser.add_argument(
        "--depth",
        type=int,
        default=0,
        metavar="BITS",
        help="PNG: 8 or 16; EXR: 16 (half) or 32 (float); default: the first of the two",
    )
    parser.add_argument(
        "--alpha",
        choices=[one.value for one in Alpha],
        default=Alpha.AUTO.value,
        help="of cut-outs; default: premultiplied in EXR, else straight",
    )
    parser.add_argument(
        "--content",
        choices=[one.value for one in Content],
        default=Content.CUTOUT.value,
        help="of prores and vp9; default: %(default)s",
    )
    parser.add_argument(
        "--raw", action="store_true", help="mattes as they are, though refined ones are there and up to date"
    )
    parser.add_argument("--together", action="store_true", help="all objects in one cut-out, matte or movie")
    parser.add_argument(
        "--rate", type=float, metavar="FPS", help="pictures per second of movies; default: the clip's, or 24"
    )
    parser.add_argument(
        "--title", default="", help="name of the clip in names of movies and label folders; default: that of its file"
    )


def export(options: argparse.Namespace) -> int:
    """Write the files. Returns 0, or 2 if something could not be done."""
    folder = MatteFolder(options.mattes)
    if not folder.matte_sequences():
        what = "has no mattes" if options.mattes.is_dir() else "does not exist"
        raise MasksMissing(f"{options.mattes} {what}", remedy="Give the folder of results that propagate has written.")
    chosen = Format(options.format)
    names = named_objects(options, folder)
    clip = _clip(options, folder, chosen)

    from ..jobs.export import run

    job = ExportJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        folder=options.mattes,
        frames=parse_frame_range(options.range, clip.frame_count),
        objects=tuple(DeliveredObject(number, name) for number, name in names.items()),
        out=options.out,
        format=chosen,
        depth=options.depth,
        alpha=Alpha(options.alpha),
        content=Content(options.content),
        together=options.together,
        rate=options.rate,
        refined_anyhow=not options.raw,
        title=options.title,
    )
    finished = run_job(run, job, "frames")
    print_line(finished.note)
    return status_of(finished)


def _clip(options: argparse.Namespace, folder: MatteFolder, chosen: Format) -> VideoClip:
    """Return the clip; if its file is gone and its pictures are not needed, as the mattes' last run has recorded it.

    Raises ClipNotFound, ClipUnreadable, MixedSizes.
    """
    try:
        with open_clip(options) as reader:
            return reader.clip
    except ClipNotFound:
        recorded = recorded_job(folder)
        is_matte = TRAITS[chosen].is_movie and chosen is not Format.OVERLAY and options.content == Content.MATTE.value
        has_colours = TRAITS[chosen].has_colours and not is_matte
        if has_colours or recorded is None or Path(options.clip).exists():
            raise
        return recorded.clip
