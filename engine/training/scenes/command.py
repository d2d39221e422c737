"""Command line `render-scenes`: training clips rendered in Blender, which must be there as a Python module."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from ...shared.errors import EngineError


class BlenderMissing(EngineError):
    """This Python has no bpy."""

    code = "blender-missing"
    default_remedy = "Run this with a Python in which Blender is installed as the module bpy, such as the tests' own."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command can be told."""
    parser.set_defaults(command=_render)
    parser.add_argument("--data", type=Path, required=True, help="folder made by train-data")
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips; those that are there are kept")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--width", type=int, help="pixels, of scenes to learn from")


def _render(options: argparse.Namespace) -> int:
    if find_spec("bpy") is None:
        raise BlenderMissing("scenes are rendered in Blender, and this Python has no module bpy")
    from .filming import render_many
    from .plans import WIDTH

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
