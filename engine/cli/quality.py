"""Command line `quality`: tells which mattes of a folder to trust, and which to fix."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from ..shared.errors import BadSetting, MasksMissing, NothingPropagated
from ..shared.files import atomic_write
from ..shared.folder_claim import read_marker
from ..shared.matte_folder import MatteFolder, named_spans
from ..shared.quality import FIX_BELOW
from ..shared.quality_report import as_csv, as_json, as_text
from ..shared.quality_table import QualityTable, read_table
from .console import print_line
from .named_files import refuse_foreign_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `quality`."""
    parser.set_defaults(command=quality)
    parser.add_argument("--mattes", type=Path, required=True, help="results of propagate, or a matte folder of Blender")
    parser.add_argument("--object", type=int, metavar="N", help="only this object; default: all")
    parser.add_argument(
        "--threshold",
        type=float,
        default=FIX_BELOW,
        metavar="T",
        help="mattes of a lower quality, 0 to 1, are to be fixed; default: %(default)s",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a line for each matte to this file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the stretches and all mattes to this file")


def quality(options: argparse.Namespace) -> int:
    """Print which mattes to trust and which to fix, and write the files asked for. Returns 0."""
    if not 0 <= options.threshold <= 1:
        raise BadSetting(f"--threshold must be between 0 and 1, not {options.threshold:g}")
    refuse_foreign_table(options.csv, "number,object,")
    table = _of_object(_read(options.mattes), options.object)
    print_line(as_text(table, below=options.threshold))
    if options.csv:
        with atomic_write(options.csv) as part:
            part.write_text(as_csv(table), encoding="utf-8")
    if options.json:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(as_json(table, below=options.threshold), indent=1), encoding="utf-8")
    return 0


def _read(root: Path) -> QualityTable:
    """Read the table of a matte folder. Raises MasksMissing, NothingPropagated, FolderNotWritable."""
    folder = MatteFolder(root)
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise MasksMissing(f"{root} {what}", remedy="Give the folder of results that propagate has written.")
    if not read_marker(folder):
        raise MasksMissing(
            f"{root} is not a matte folder of Keymatte: it has no sound file keymatte.json",
            remedy="Give the folder of results that propagate has written.",
        )
    table = read_table(folder)
    if not table.rows:
        raise NothingPropagated(f"there are no mattes in {root}")
    return table


def _of_object(table: QualityTable, object_id: int | None) -> QualityTable:
    """Return the table of one object, or the whole table if `object_id` is None. Raises BadSetting."""
    if object_id is None:
        return table
    if object_id not in table.rows:
        there = named_spans("object", table.rows)
        raise BadSetting(f"object {object_id} has no mattes in this folder; it has those of {there}")
    return replace(table, rows={object_id: table.rows[object_id]})
