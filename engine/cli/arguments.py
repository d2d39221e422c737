"""Command-line arguments that several commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..methods.settings import find_settings
from ..shared.errors import BadSetting, KeyframeSizeMismatch
from ..shared.mask_images import Masks
from ..shared.types import FEATURE_BYTES, PRECISIONS, Settings
from .console import print_note

if TYPE_CHECKING:
    from ..media.frames import FrameReader


def add_clip(parser: argparse.ArgumentParser) -> None:
    """Add the options that select a clip and its frames."""
    parser.add_argument(
        "--clip", type=str, required=True, help="movie, folder of images, first image of a sequence, or pattern"
    )
    parser.add_argument(
        "--fps",
        type=_parse_rate,
        help="count a movie's frames by time, at this rate, as Blender does; default: its pictures are counted",
    )
    parser.add_argument("--range", default=":", help="frames A:B, counted from 0, B not included; default: all")


def open_clip(options: argparse.Namespace) -> FrameReader:
    """Open the clip given by the options of `add_clip`, and print how its frames are counted.

    Raises ClipNotFound, ClipUnreadable, MixedSizes.
    """
    from ..media.frames import FrameReader
    from .progress import Progress

    with Progress("bytes", delay=1.0) as progress:

        def show(done: int, total: int) -> None:
            progress.show("Indexing the movie", done, total)

        reader = FrameReader.open(options.clip, fps=options.fps, progress=show)
    if reader.counting:
        print_note(reader.counting)
    return reader


@contextmanager
def explained_sizes(reader: FrameReader) -> Iterator[None]:
    """Add to a KeyframeSizeMismatch raised in the `with` block why the clip may have another size than expected."""
    try:
        yield
    except KeyframeSizeMismatch as error:
        reason = reader.explain_size()
        if not reason:
            raise
        raise KeyframeSizeMismatch(f"{error.message}; {reason}", remedy=error.remedy) from error


def _parse_rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise BadSetting(f"--fps must be a positive number of frames per second, not {text!r}")
    return rate


def add_masks(parser: argparse.ArgumentParser) -> None:
    """Add the option that says what mask images hold."""
    parser.add_argument(
        "--masks",
        choices=[masks.value for masks in Masks],
        default=Masks.AUTO.value,
        help="what the images hold: object numbers, black and white, opaque and transparent, or a colour for each "
        "object on black; default: what their values, palettes and alpha say",
    )


def add_recipe(
    parser: argparse.ArgumentParser, *, recipe: str = "keymatte", height: int | None = Settings.height
) -> None:
    """Add the options that select a recipe, its settings and a device; `height` None leaves its default to others."""
    parser.add_argument("--recipe", default=recipe, help=f"method, see `models`; default: {recipe}")
    parser.add_argument("--weights", type=Path, help="another weights file for the recipe (.safetensors, .pth)")
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="default: a GPU if there is one"
    )
    parser.add_argument(
        "--precision", default="auto", choices=PRECISIONS, help="auto: whichever is fastest on the device"
    )
    parser.add_argument(
        "--height",
        type=int,
        default=height,
        help="working height: pixels of the shorter side that frames are scaled down to; default: "
        + ("%(default)s" if height else "that of the method's authors"),
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.NAME=VALUE",
        help="change a setting of the recipe, by its name or the paper's, see `models --describe RECIPE`; repeatable",
    )


def add_feature_cache(parser: argparse.ArgumentParser) -> None:
    """Add the option that limits what is kept for later runs."""
    parser.add_argument(
        "--feature-cache",
        type=float,
        default=FEATURE_BYTES / 1e9,
        metavar="GB",
        help="size of the folder in which the features of frames are kept for later runs, of all clips; 0: keep none; "
        "default: %(default)g",
    )


def feature_bytes(options: argparse.Namespace) -> int:
    """Return the bytes given by the option of `add_feature_cache`. Raises BadSetting."""
    if not 0 <= options.feature_cache <= 1e6:
        raise BadSetting(f"--feature-cache must be 0 or a number of GB, not {options.feature_cache:g}")
    return round(options.feature_cache * 1e9)


def parse_frame_range(text: str, count: int) -> range:
    """Parse 'A:B' like a Python slice of `count` frames: from A up to but not including B. Raises BadSetting.

    A or B may be left out.
    """
    first, last = _parse_range(text)
    frames = range(first or 0, count if last is None else last)
    if not frames or frames.start < 0 or frames.stop > count:
        raise BadSetting(f"--range {text} is empty or outside the clip, which has frames 0 to {count - 1}")
    return frames


def _parse_range(text: str) -> tuple[int | None, int | None]:
    """Parse 'A:B', where either may be left out. Raises BadSetting."""
    try:
        first, last = (int(part) if part else None for part in text.split(":"))
    except ValueError:
        raise BadSetting(f"--range must look like 0:60, not {text!r}") from None
    return first, last


def check_arguments(options: argparse.Namespace, *, adapt: bool = False) -> Settings:
    """Return the settings of a job, after checking all that can be before PyTorch is loaded and the clip is opened.

    These are the options of `add_recipe`, and those of `add_clip` if there are any. Raises BadSetting, UnknownRecipe,
    WeightsMissing.
    """
    settings = replace(parse_settings(options), adapt=adapt)
    find_settings(options.recipe).check(settings, options.weights)
    if "range" in options:
        _parse_range(options.range)
    return settings


def parse_settings(options: argparse.Namespace) -> Settings:
    """Return the settings given by the options of `add_recipe`. Raises BadSetting."""
    pairs = [setting.partition("=") for setting in options.set]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise BadSetting(f"--set must look like section.name=value, not {name + equals + value!r}")
    overrides = {name: value for name, _, value in pairs}
    return Settings(height=options.height, device=options.device, precision=options.precision, overrides=overrides)
