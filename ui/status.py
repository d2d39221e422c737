"""Drawing of the session's status in a panel."""

from __future__ import annotations

import textwrap

from bpy.types import UILayout

from ..addon import job_queue
from ..addon.status import State, Status, progress_text
from ..engine.shared.errors import EngineMissing, EnvironmentFailed
from ..engine.shared.text import as_sentence

# Operators that fix errors, by error code. Other errors only show their remedy as text. Installing the engine's
# packages again helps only if they are missing: its code comes with the extension.
REMEDIES = {
    EngineMissing.code: "clip.matte_install_engine",
    EnvironmentFailed.code: "clip.matte_install_engine",
}
_WIDTH = 38  # characters in a line of a box, in a sidebar of default width
_ICON = 6  # width of an icon in characters


def draw_status(layout: UILayout, status: Status) -> None:
    """Draw progress and a cancel button while an operation runs, and its result or problem afterwards."""
    if status.busy:
        row = layout.row(align=True)
        row.progress(factor=status.progress, text=progress_text(status))
        if job_queue.can_pause():
            row.operator("clip.matte_pause", text="", icon="PAUSE").resume = False
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
        if status.note:
            draw_text(layout.box(), status.note, icon="INFO")


def draw_text(layout: UILayout, text: str, *, icon: str = "NONE") -> None:
    """Draw text in as many lines as it needs, because labels do not wrap."""
    column = layout.column(align=True)
    for index, line in enumerate(wrapped(text, _WIDTH if icon == "NONE" else _WIDTH - _ICON)):
        column.label(text=line, icon="BLANK1" if index and icon != "NONE" else icon)


def wrapped(text: str, width: int) -> list[str]:
    """Wrap text to lines of at most `width` characters. Longer words, such as paths, are broken."""
    return textwrap.wrap(text, width, break_long_words=True)
