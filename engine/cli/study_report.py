"""Reports of a study with one table: written beside its results and printed, with a plot where that can be drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from .console import print_error

if TYPE_CHECKING:
    from ..evaluation.report import Table


def write_report(
    out: Path,
    name: str,
    table: Table,
    *,
    title: str,
    note: str = "",
    csv: str = "",
    draw: Callable[[Path], None] | None = None,
) -> None:
    """Write `name`.md, a CSV if there is one, and a plot to the folder `out`; print the table.

    Without matplotlib, a sentence says where the numbers are. Raises DiskFull, FolderNotWritable.
    """
    from ..evaluation.report import as_markdown, as_text
    from ..shared.files import atomic_write

    texts = {f"{name}.md": f"## {title}\n\n{as_markdown(table)}\n\n{note}\n", f"{name}.csv": csv}
    for file, text in texts.items():
        if text:
            with atomic_write(out / file) as part:
                part.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{title}\n{as_text(table)}\n\n{note}\n")
    sys.stdout.flush()
    if draw is not None:
        try:
            draw(out / f"{name}.png")
        except BadSetting as error:  # without matplotlib; the table is what was asked for
            print_error(error.sentence())
