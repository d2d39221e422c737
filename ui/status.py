"""Drawing of the session's status in a panel."""

from __future__ import annotations

import re
import textwrap

from bpy.types import UILayout

from ..addon import job_queue
from ..addon.status import State, Status, progress_text
from ..engine.shared.errors import (
    BadMessage,
    DeviceMissing,
    DiskFull,
    EngineDied,
    EngineMissing,
    EnvironmentFailed,
    OutOfMemory,
    PythonMissing,
)
from ..engine.shared.setup_errors import (
    EngineOutdated,
    EnginePartly,
    IndexUnreachable,
    ProxyRefused,
    PythonUnsuitable,
    WheelsMissing,
)
from ..engine.shared.text import as_sentence

# Operators that fix errors, by error code. Other errors only show their remedy as text. Installing the engine's
# packages again helps only if they are missing: its code comes with the extension.
REMEDIES = {
    EngineMissing.code: "clip.matte_install_engine",
    EnginePartly.code: "clip.matte_install_engine",
    EngineOutdated.code: "clip.matte_install_engine",
    EnvironmentFailed.code: "clip.matte_install_engine",
    IndexUnreachable.code: "clip.matte_install_engine",
    ProxyRefused.code: "clip.matte_install_engine",
    WheelsMissing.code: "clip.matte_install_engine",
}
# Errors of the engine of which its log tells more
_LOGGED = (
    *(EngineDied.code, EnvironmentFailed.code, BadMessage.code, DeviceMissing.code, OutOfMemory.code, DiskFull.code),
    *(PythonMissing.code, PythonUnsuitable.code, IndexUnreachable.code, ProxyRefused.code, WheelsMissing.code),
    *(EnginePartly.code, EngineOutdated.code, "engine-fault"),
)
_WIDTH = 38  # characters in a line of a box, in a sidebar of default width
_ICON = 6  # width of an icon in characters
_UNIT = re.compile(r"(\d) (s|min|h|MB|GB)\b")


def draw_progress(layout: UILayout, status: Status) -> None:
    """Draw the progress of the running operation, and buttons to pause and cancel it."""
    row = layout.row(align=True)
    row.progress(factor=status.progress, text=progress_text(status))
    if job_queue.can_pause():
        row.operator("clip.matte_pause", text="", icon="PAUSE").resume = False
    row.operator("clip.matte_cancel", text="", icon="X")


def draw_outcome(layout: UILayout, status: Status) -> None:
    """Draw the result or the problem of an operation that has ended."""
    if status.problem:
        box = layout.box()
        draw_text(box, as_sentence(status.problem.message), icon="ERROR")
        draw_text(box, status.problem.remedy)
        if remedy := REMEDIES.get(status.problem.code):
            box.operator(remedy)
        if status.problem.code in _LOGGED:
            row = box.row(align=True)
            row.operator("clip.matte_test_engine")
            row.operator("clip.matte_show_log")
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
    """Wrap text to lines of at most `width` characters. Longer words, such as paths, are broken; 14 s is not."""
    kept = _UNIT.sub("\\1\u00a0\\2", text)
    return [line.replace("\u00a0", " ") for line in textwrap.wrap(kept, width, break_long_words=True)]
