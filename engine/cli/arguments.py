"""Command-line arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..shared.errors import BadSetting
from ..shared.types import PRECISIONS, Settings


def add_clip(parser: argparse.ArgumentParser) -> None:
    """Which frames."""
    parser.add_argument("--clip", type=str, required=True, help="movie, folder of images, first image, or pattern")
    parser.add_argument("--range", default=":", help="frames A:B, from 0, B not included")


def add_recipe(parser: argparse.ArgumentParser, *, recipe: str = "keymatte") -> None:
    """With which method, on what, at which size."""
    parser.add_argument("--recipe", default=recipe, help=f"see `models`; default: {recipe}")
    parser.add_argument("--weights", type=Path, help="another weights file for the recipe (.safetensors, .pth)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="auto: the one the device gains by")
    parser.add_argument("--height", type=int, default=Settings.height, help="shorter side of the working frame, pixels")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.NAME=VALUE",
        help="a recipe's number, see `models --describe RECIPE`",
    )


def frames_in(text: str, count: int) -> range:
    """'A:B' as Python's slices: from A up to, not including, B; either may be left out. Raises BadSetting."""
    try:
        first, last = (int(part) if part else None for part in text.split(":"))
    except ValueError:
        raise BadSetting(f"--range must look like 0:60, not {text!r}") from None
    frames = range(first or 0, count if last is None else last)
    if not frames or frames.start < 0 or frames.stop > count:
        raise BadSetting(f"--range {text} lies outside the clip, which has frames 0 to {count - 1}")
    return frames


def settings_of(options: argparse.Namespace) -> Settings:
    """Working height, device and a recipe's numbers. Raises BadSetting."""
    pairs = [setting.partition("=") for setting in options.set]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise BadSetting(f"--set needs section.name=value, not {name + equals + value!r}")
    overrides = {name: value for name, _, value in pairs}
    return Settings(height=options.height, device=options.device, precision=options.precision, overrides=overrides)
