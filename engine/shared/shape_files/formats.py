"""The formats of files with splines, chosen by the suffix of a file's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .after_effects import write_after_effects
from .checks import MAX_POINTS
from .errors import ShapesNotWritable, ShapesUnreadable
from .json_file import read_json_file, write_json
from .nuke_reader import read_nuke
from .nuke_writer import write_nuke
from .roto import Roto
from .svg_reader import read_svg
from .svg_writer import write_svg


@dataclass(frozen=True)
class ShapeFormat:
    """A kind of file with splines."""

    suffix: str
    name: str
    write: Callable[[Path, Roto], list[str]]  # returns what could not be said in the format
    read: Callable[[Path], tuple[Roto, list[str]]] | None  # returns what was left out as well; None: only written


def _write_json(path: Path, roto: Roto) -> list[str]:
    write_json(path, roto)
    return []


def _write_svg(path: Path, roto: Roto) -> list[str]:
    write_svg(path, roto)
    return []


FORMATS = (
    ShapeFormat(".json", "JSON", _write_json, lambda path: (read_json_file(path), [])),
    ShapeFormat(".svg", "SVG", _write_svg, lambda path: (read_svg(path), [])),
    ShapeFormat(".nk", "Nuke script", write_nuke, read_nuke),
    ShapeFormat(".jsx", "After Effects script", write_after_effects, None),
)
_BY_SUFFIX = {one.suffix: one for one in FORMATS}


def save_roto(path: Path, roto: Roto) -> list[str]:
    """Write a roto in the format that the file's name ends in, and return what could not be said in it.

    Raises ShapesNotWritable, DiskFull, FolderNotWritable.
    """
    check_format(path)
    if not any(layer.splines for layer in roto.layers):
        raise ShapesNotWritable("there are no splines to write", remedy="Make mask layers of the mattes first.")
    values = [array for layer in roto.layers for spline in layer.splines for array in (spline.points, spline.feather)]
    if not all(np.isfinite(array).all() for array in values):
        raise ShapesNotWritable("a point of the splines is not at a finite place", remedy="Make the splines again.")
    if sum(spline.feather.size for layer in roto.layers for spline in layer.splines) > MAX_POINTS:
        raise ShapesNotWritable(
            f"the splines have more than {MAX_POINTS} points on all keys", remedy="Export fewer objects."
        )
    return _BY_SUFFIX[path.suffix.lower()].write(path, roto)


def check_format(path: Path) -> None:
    """Raise ShapesNotWritable if a file's name does not end in the suffix of a format."""
    if path.suffix.lower() not in _BY_SUFFIX:
        raise ShapesNotWritable(f"{path.name} does not say which format to write")


def load_roto(path: Path) -> tuple[Roto, list[str]]:
    """Read a file of any format, and return what was left out as well. Raises ShapesUnreadable."""
    found = _BY_SUFFIX.get(path.suffix.lower())
    if found is None or found.read is None:
        raise ShapesUnreadable(f"{path.name} cannot be imported", remedy="Choose a .json, .svg or .nk file.")
    return found.read(path)
