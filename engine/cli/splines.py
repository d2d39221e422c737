"""Command line `splines`: fits splines to mattes, and writes them to a file for other programs."""

from __future__ import annotations

import argparse
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting, MasksMissing
from ..shared.folder_claim import recorded_job
from ..shared.mask_images import counted
from ..shared.matte_folder import MatteFolder, is_number, named_spans
from ..shared.refined import RefinedMattes
from ..shared.shape_files.errors import ShapesNotWritable
from ..shared.shape_files.formats import FORMATS, check_format, save_roto
from ..shared.shape_files.from_tracks import layers_of_tracks
from ..shared.shape_files.roto import Roto, RotoLayer
from ..shared.splines import load_splines
from ..shared.types import SplineJob, splines_file
from .console import print_line, print_note
from .running import add_objects, named_objects

if TYPE_CHECKING:
    from ..shared.protocol import Answer, ObjectSplines

_FPS = 24.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `splines`."""
    parser.set_defaults(command=write_splines)
    parser.add_argument("--mattes", type=Path, required=True, help="results of propagate, or a matte folder of Blender")
    names = ", ".join(f"{one.suffix} ({one.name})" for one in FORMATS)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"file to write: {names}")
    add_objects(parser)
    parser.add_argument("--start", type=int, help="number of the first frame in the file; default: as in mattes' names")
    parser.add_argument("--fps", type=float, help="frames per second, for .svg and .jsx; default: the clip's, else 24")
    parser.add_argument(
        "--pixel-aspect", type=float, default=1.0, help="width of a pixel as a multiple of its height; default: 1"
    )
    parser.add_argument(
        "--raw", action="store_true", help="mattes as they are, though refined ones are there and up to date"
    )
    parser.add_argument("--replace", action="store_true", help="replace the file if it is there")


def write_splines(options: argparse.Namespace) -> int:
    """Fit splines to the mattes, write the file, and print what is in it. Returns 0.

    Raises MasksMissing, MatteUnreadable, BadSetting, ShapesNotWritable, DiskFull, FolderNotWritable.
    """
    check_format(options.out)
    if options.out.exists() and not options.replace:
        raise ShapesNotWritable(f"{options.out} is there already", remedy="Choose another name, or add --replace.")
    if not options.pixel_aspect > 0 or (options.fps is not None and not options.fps > 0):
        raise BadSetting("--fps and --pixel-aspect must be positive numbers")
    folder = MatteFolder(options.mattes)
    if not folder.matte_sequences():
        raise MasksMissing(
            f"{folder.root} has no mattes", remedy="Give the folder of results that propagate has written."
        )
    names = named_objects(options, folder)
    objects = list(names)
    numbers = _numbers(folder, objects)
    height, width = _size(folder, objects)
    shift = options.start - numbers.start if options.start is not None else 0
    sources, unrefined = (dict.fromkeys(objects, folder), {}) if options.raw else _sources(folder, objects)
    layers, told = _fit(sources, names, numbers, (width, height), shift)
    told += [
        f"{names[object_id]} is written with its mattes as they are, since {counted(count, 'matte')} of it "
        f"{'is' if count == 1 else 'are'} not refined yet"
        for object_id, count in unrefined.items()
    ]
    if not layers:
        raise MasksMissing(f"the mattes in {options.mattes} show nothing", remedy="Propagate, and look at them.")
    job = recorded_job(folder)
    fps = options.fps or (job.clip.fps if job is not None and job.clip.fps else _FPS)
    name = job.clip.path.stem if job is not None else options.mattes.resolve().name
    first, last = numbers.start + shift, numbers.stop - 1 + shift
    roto = Roto(width, height, tuple(layers), first, last, fps, options.pixel_aspect, name)
    for text in [*told, *save_roto(options.out, roto)]:
        print_note(text)
    splines = sum(len(layer.splines) for layer in layers)
    print_line(
        f"{counted(splines, 'spline')} in {counted(len(layers), 'layer')} written to {options.out}, "
        f"{named_spans('frame', range(first, last + 1))}"
    )
    return 0


def _numbers(folder: MatteFolder, objects: list[int]) -> range:
    """Return the numbers of the frames from the first matte to the last. Raises MasksMissing."""
    stems = {path.stem for object_id in objects for path in folder.matte_sequence(object_id).glob("*.png")}
    found = [int(stem) for stem in stems if is_number(stem)]
    if not found:
        raise MasksMissing(f"{folder.root} has no mattes", remedy="Propagate first.")
    return range(min(found), max(found) + 1)


def _size(folder: MatteFolder, objects: list[int]) -> tuple[int, int]:
    """Return height and width of the mattes: of the clip, or else of the first one. Raises MatteUnreadable."""
    job = recorded_job(folder)
    if job is not None:
        return job.clip.height, job.clip.width
    from ..media.label_images import read_matte

    paths = sorted(path for object_id in objects for path in folder.matte_sequence(object_id).glob("*.png"))
    height, width = read_matte(paths[0]).shape
    return height, width


def _sources(folder: MatteFolder, objects: list[int]) -> tuple[dict[int, MatteFolder], dict[int, int]]:
    """Return the folder of each object's mattes, of refined ones if all of them are up to date.

    Also return how many mattes are not, of objects of which others are refined. Raises FolderNotWritable.
    """
    sources, unrefined = dict.fromkeys(objects, folder), {}
    for object_id in objects:
        if not folder.refined.matte_sequence(object_id).is_dir():
            continue
        state = RefinedMattes(folder)
        stems = (path.stem for path in folder.matte_sequence(object_id).glob("*.png"))
        missing = sum(not state.is_of_mattes(object_id, int(stem)) for stem in stems if is_number(stem))
        if missing:
            unrefined[object_id] = missing
        else:
            sources[object_id] = folder.refined
    return sources, unrefined


def _fit(
    sources: dict[int, MatteFolder], names: dict[int, str], numbers: range, size: tuple[int, int], shift: int
) -> tuple[list[RotoLayer], list[str]]:
    """Fit splines to the mattes of objects, the first of which is drawn last, and return their layers and notes."""
    from ..jobs.splines import run
    from ..shared.protocol import SplinesFitted, Stage
    from .progress import Progress

    fitted: list[ObjectSplines] = []
    layers: list[RotoLayer] = []
    with TemporaryDirectory() as out, Progress() as progress:

        def show(answer: Answer) -> None:
            match answer:
                case Stage(text=text, done=done, total=total):
                    progress.show(text, done, total)
                case SplinesFitted(objects=objects):
                    fitted.extend(objects)

        for object_id, folder in sources.items():
            job = SplineJob(uuid.uuid4().hex, folder.root, (object_id,), numbers, *size, Path(out))
            run(job, show, lambda: False)
        for one in reversed(fitted):
            tracks = load_splines(splines_file(Path(out), one.object_id))
            layers += layers_of_tracks(names[one.object_id], tracks, numbers, max(size), shift=shift)
    told = [
        f"mattes of {names[one.object_id]} that cannot be read are left out: {named_spans('frame', one.unreadable)}"
        for one in fitted
        if one.unreadable
    ]
    return layers, told
