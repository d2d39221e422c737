"""Command line `propagate`: makes mattes of a clip from keyframes."""

from __future__ import annotations

import argparse
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from ..shared.mask_images import Masks, counted
from ..shared.matte_folder import MatteFolder
from ..shared.refinement import EdgeMethod
from ..shared.types import Direction, PropagationJob, Redo, VersionCap
from .arguments import (
    add_clip,
    add_feature_cache,
    add_masks,
    add_recipe,
    check_arguments,
    explained_sizes,
    feature_bytes,
    open_clip,
    parse_frame_range,
)
from .console import print_error, print_line, print_note
from .named_files import refuse_foreign_arrays
from .refine import refined_objects
from .running import run_job, status_of
from .stretches import add_early_end, check_limits, frames_between, parse_early_end, parse_lock, parse_task, parts_in

if TYPE_CHECKING:
    from ..methods.recipe import Recipe
    from ..shared.protocol import Finished
    from ..shared.types import KeyframeFile, Settings

_MAX_THREADS = 1024  # far more cannot be started, which PyTorch does not survive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `propagate`."""
    parser.set_defaults(command=propagate)
    add_clip(parser)
    parser.add_argument(
        "--keyframes",
        type=Path,
        required=True,
        help="folder of mask images, named like the clip's images or by frame numbers; or a folder per object",
    )
    add_masks(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the results: new, empty, or of an earlier run"
    )
    for option, text in (("--garbage", "no matte reaches into it"), ("--hold-out", "it is in front of all objects")):
        parser.add_argument(
            option,
            type=Path,
            metavar="FOLDER_OR_IMAGE",
            help=f"mask by a soft or hard image: {text}. Images of a folder are named like those of --keyframes, and "
            "count until the next",
        )
    add_recipe(parser)
    add_feature_cache(parser)
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="first fine-tune the network on the clip's keyframes; used only if this improves the masks",
    )
    parser.add_argument(
        "--direction",
        choices=[direction.value for direction in Direction],
        help="direction from the keyframes; default: the recipe's, which is both for keymatte",
    )
    parser.add_argument(
        "--unlabelled",
        choices=("unknown", "absent"),
        help="state of objects that a keyframe does not show; default: the recipe's, which is unknown for keymatte",
    )
    parser.add_argument(
        "--across-cuts",
        action="store_true",
        help="keyframes count in the whole clip; default: only in their own shot, up to the next hard cut",
    )
    parser.add_argument(
        "--crop",
        choices=("auto", "off"),
        default="auto",
        help="auto: the network sees small objects in large frames from nearby, in a crop that follows them, if the "
        "recipe can; off: only in the whole frame",
    )
    parser.add_argument(
        "--changed",
        action="store_true",
        help="make only the mattes that are missing or stale, as by a keyframe beside them that has changed since; "
        "all others stay as they are, to the byte",
    )
    add_early_end(parser)
    parser.add_argument(
        "--refine",
        choices=[method.value for method in EdgeMethod],
        help="also make the edges anew at full size, in refined/; `refine` has more settings. On a farm, the run with "
        "--join does it",
    )
    parser.add_argument(
        "--between",
        type=int,
        metavar="FRAME",
        help="make only the mattes between the keyframes on both sides of this frame, counted from 0",
    )
    parser.add_argument(
        "--lock",
        action="append",
        default=[],
        metavar="[OBJECT=]A:B",
        help="never change the mattes of an object, or of all, on frames A:B, B not included; repeatable",
    )
    parser.add_argument(
        "--task",
        metavar="I/N",
        help="make only part I of N, as one task of a farm, in a folder of its own: a range that begins at a cut or "
        "after a keyframe, so that its mattes are those of one run",
    )
    parser.add_argument(
        "--join",
        type=Path,
        metavar="FOLDER",
        help="compute nothing, but join the mattes of all parts in this folder of folders",
    )
    parser.add_argument(
        "--keep-runs",
        type=int,
        default=VersionCap.count,
        metavar="N",
        help="keep what the last N runs replaced, so that `versions --undo` can bring it back; default: %(default)s",
    )
    parser.add_argument(
        "--keep-bytes",
        type=int,
        default=VersionCap.bytes,
        metavar="N",
        help="that those may take; the oldest goes first; default: %(default)s",
    )
    parser.add_argument(
        "--keep-keys", action="store_true", help="keep the features that `suggest` needs; about 1 MB per frame at 480p"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="number of CPU threads; default: all cores")
    parser.add_argument(
        "--dump-probabilities",
        type=Path,
        metavar="FILE.npz",
        help="also write the network's probabilities, as float32, background first",
    )


def propagate(options: argparse.Namespace) -> int:
    """Write the mattes of the clip. Returns 0, or 2 if something could not be done."""
    settings = _check(options)

    from ..jobs.propagate import run
    from ..runtime.device import pick_device, use_threads

    pick_device(settings.device)  # raises now, before the clip is read
    if options.threads is not None:
        use_threads(options.threads)
    job = _gather(options, settings)
    if job is None:
        return 0
    return _tell(job, run_job(run, job))


def _check(options: argparse.Namespace) -> Settings:
    """Return the settings of the job, after checking what can be before PyTorch is loaded. Raises BadSetting."""
    settings = check_arguments(options, adapt=options.adapt)
    check_limits(options)
    feature_bytes(options)
    _cap(options)
    refuse_foreign_arrays(options.dump_probabilities, "probabilities")
    if options.threads is not None and options.threads < 1:
        raise BadSetting(f"{options.threads} threads are too few; at least 1 is needed")
    if options.threads is not None and options.threads > _MAX_THREADS:
        raise BadSetting(f"{options.threads} threads are too many; at most {_MAX_THREADS} can be used")

    return settings


def _gather(options: argparse.Namespace, settings: Settings) -> PropagationJob | None:
    """Read the clip and its masks, and return the job; None if there is nothing to do for this task of a farm."""
    from ..media.exclusion_folders import read_exclusion
    from ..media.keyframe_folders import read_keyframes
    from ..methods.registry import find_recipe

    with open_clip(options) as reader:
        clip, names = reader.clip, reader.names
    recipe = find_recipe(options.recipe)
    unlabelled = options.unlabelled or recipe.unlabelled
    with explained_sizes(reader):
        keyframes = read_keyframes(
            options.keyframes,
            names.numbers,
            (clip.height, clip.width),
            stems=names.stems,
            unlabelled=unlabelled,
            masks=Masks(options.masks),
            clip_title=reader.title,
            tell=print_note,
        )
        exclusions = tuple(
            read_exclusion(path, names.numbers, (clip.height, clip.width), stems=names.stems)
            for path in (options.garbage, options.hold_out)
            if path is not None
        )
    frames = parse_frame_range(options.range, clip.frame_count)
    if options.between is not None:
        frames = frames_between(options.between, frames, {keyframe.frame for keyframe in keyframes})
    if options.task:
        task, count = parse_task(options)
        tasks = _tasks(options, recipe, frames, keyframes, count)
        if task > len(tasks):
            print_line(f"Nothing to do: the clip has only {counted(len(tasks), 'range')} that can be made on their own")
            return None
        frames = tasks[task - 1]
    return PropagationJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        frames=frames,
        keyframes=keyframes,
        folder=options.out,
        recipe=recipe.name,
        weights=options.weights,
        direction=Direction(options.direction) if options.direction else recipe.direction,
        settings=settings,
        keys=MatteFolder(options.out).keys if options.keep_keys else None,
        probabilities=options.dump_probabilities,
        exclusions=exclusions,
        across_cuts=options.across_cuts,
        crop=options.crop == "auto",
        redo=Redo.CHANGED if options.changed else Redo.EVERYTHING,
        locks=tuple(parse_lock(text, clip.frame_count) for text in options.lock),
        early_end=parse_early_end(options.early_end),
        is_part=bool(options.task),
        feature_bytes=feature_bytes(options),
        parts=parts_in(options.join) if options.join else (),
        versions=_cap(options),
        refined=refined_objects(options.refine, keyframes),
    )


def _tell(job: PropagationJob, finished: Finished) -> int:
    """Print what was made. Returns 0, or 2 if something could not be done."""
    if finished.note and not (finished.frames_asked or finished.warning):  # nothing was due
        print_line(finished.note)
        return 0
    made, total = finished.frames_done, finished.frames_asked if job.redo is Redo.CHANGED else len(job.frames)
    asked = counted(total, "frame")
    count = asked if made == total else f"{made} of {asked}"
    print_line(
        f"{count} in {job.folder}: labels/ and mattes/; {finished.frames_per_second:.2f} steps/s, "
        f"peak memory {finished.peak_memory / 2**20:.0f} MiB"
    )
    if finished.note:
        print_error(finished.note)
    if finished.to_fix:
        print_error(finished.to_fix)
    return status_of(finished)


def _tasks(
    options: argparse.Namespace, recipe: Recipe, frames: range, keyframes: tuple[KeyframeFile, ...], count: int
) -> list[range]:
    """Return the ranges of media frames that the tasks of a farm make, after a look at the clip."""
    from ..jobs.looks import find_looks
    from ..jobs.parts import task_ranges
    from .progress import Progress

    with open_clip(options) as reader, Progress("frames") as progress:

        def show(done: int, total: int) -> None:
            progress.show("Looking for cuts", done, total)

        looks = find_looks(reader, range(reader.clip.frame_count), reader.read, show)
    restarts, across = recipe.keyframe_policy.restarts, options.across_cuts
    return task_ranges(frames, keyframes, looks, count, restarts=restarts, across_cuts=across)


def _cap(options: argparse.Namespace) -> VersionCap:
    """Return what is kept of earlier results. Raises BadSetting."""
    if min(options.keep_runs, options.keep_bytes) < 0:
        raise BadSetting("--keep-runs and --keep-bytes must not be negative")
    return VersionCap(options.keep_runs, options.keep_bytes)
