"""Command line `versions`: lists the runs of a matte folder that can be undone, and undoes or redoes one."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path

from ..shared.catalogue import size_in_words
from ..shared.codec import to_json
from ..shared.errors import MasksMissing
from ..shared.files import atomic_write
from ..shared.folder_claim import read_marker
from ..shared.mask_images import counted
from ..shared.matte_folder import MatteFolder, named_spans
from ..shared.versions import KeptRun, Moved, kept_runs, redo, undo
from .console import print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `versions`."""
    parser.set_defaults(command=list_versions)
    parser.add_argument("--mattes", type=Path, required=True, help="results of propagate, or a matte folder of Blender")
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--undo",
        action="store_true",
        help="bring back the mattes that the last run has replaced, and remove those that it made where there was none",
    )
    action.add_argument("--redo", action="store_true", help="bring back the mattes of the run that was undone last")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the runs, and what was changed, to a file")


def list_versions(options: argparse.Namespace) -> int:
    """Undo or redo a run if asked to, and list the runs that can be undone or redone. Returns 0."""
    folder = MatteFolder(options.mattes)
    if not read_marker(folder):
        what = "is not a matte folder of Keymatte" if options.mattes.is_dir() else "does not exist"
        raise MasksMissing(f"{options.mattes} {what}", remedy="Give the folder of results that propagate has written.")
    moved: Moved | None = None
    if options.undo or options.redo:
        moved = undo(folder) if options.undo else redo(folder)
        print_line(moved.words())
    runs = kept_runs(folder)
    for run in runs:
        print_line(_line(run))
    if not runs:
        print_line("There is no run to undo or redo.")
    if options.json:
        content = {"runs": to_json(runs), "changed": to_json(moved)}
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return 0


def _line(run: KeptRun) -> str:
    when = datetime.fromtimestamp(run.when).strftime("%Y-%m-%d %H:%M:%S")
    frames = f"{counted(len(run.numbers), 'frame')} ({named_spans('frame', run.numbers)})"
    state = "undone, can be redone" if run.undone else "can be undone"
    return f"run {run.number}, {when}, {run.recipe}, {frames}, {size_in_words(run.bytes)} kept: {state}"
