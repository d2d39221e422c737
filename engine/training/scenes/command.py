"""Command line `render-scenes`: renders training clips in Blender, which must be installed as the module bpy."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from ...shared.errors import EngineError


class BlenderMissing(EngineError):
    """Blender is not installed as the Python module bpy."""

    code = "blender-missing"
    default_remedy = (
        "Run this command with a Python in which Blender is installed as the module bpy, such as the one for the tests."
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `render-scenes` to its parser."""
    parser.set_defaults(command=_render)
    parser.add_argument("--data", type=Path, required=True, help="folder made by train-data")
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips; existing clips are kept")
    parser.add_argument("--count", type=int, default=400, help="number of seeds, one scene each")
    parser.add_argument("--first-seed", type=int, default=1, help="seed of the first scene")
    parser.add_argument(
        "--width", type=int, help="width of training scenes in pixels; held-out scenes have a fixed width"
    )


def _render(options: argparse.Namespace) -> int:
    if find_spec("bpy") is None:
        raise BlenderMissing("rendering scenes needs Blender, and this Python has no module bpy")
    from .clip_rendering import render_many
    from .description import WIDTH

    data = options.data
    render_many(
        options.out,
        prepared=data / "prepared",
        fetched=data / "fetched",
        count=options.count,
        first_seed=options.first_seed,
        width=options.width or WIDTH,
    )
    return 0
