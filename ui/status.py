"""The session's status as rows of a panel."""

from __future__ import annotations

import textwrap

from bpy.types import UILayout

from ..addon.status import State, Status, progress_text
from ..engine.shared.errors import as_sentence

# What to click when something went wrong. Errors that are not here are put right elsewhere, as their remedy says.
REMEDIES = {
    "engine-missing": "clip.matte_install_engine",
    "environment-failed": "clip.matte_install_engine",
    "bad-message": "clip.matte_install_engine",
}
_WIDTH = 38  # characters in a line of a box in a sidebar as wide as Blender makes it
_ICON = 6  # characters whose place an icon takes


def draw_status(layout: UILayout, status: Status) -> None:
    """Progress and Cancel while something runs, afterwards what came of it."""
    if status.busy:
        row = layout.row(align=True)
        row.progress(factor=status.progress, text=progress_text(status))
        row.operator("clip.matte_cancel", text="", icon="X")
    elif status.problem:
        box = layout.box()
        draw_text(box, as_sentence(status.problem.message), icon="ERROR")
        draw_text(box, status.problem.remedy)
        if remedy := REMEDIES.get(status.problem.code):
            box.operator(remedy)
    elif status.state in (State.FINISHED, State.CANCELLED) and status.text:
        draw_text(layout, status.text, icon="CHECKMARK" if status.state is State.FINISHED else "INFO")
        if status.warning:
            draw_text(layout.box(), status.warning, icon="ERROR")


def draw_text(layout: UILayout, text: str, *, icon: str = "NONE") -> None:
    """Text in as many lines as it needs: labels do not wrap."""
    column = layout.column(align=True)
    for index, line in enumerate(wrapped(text, _WIDTH if icon == "NONE" else _WIDTH - _ICON)):
        column.label(text=line, icon=icon if index == 0 else "NONE")


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` characters; a word that is longer, such as a path, is cut."""
    return textwrap.wrap(text, width, break_long_words=True)
