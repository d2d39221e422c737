"""Drawing of the engine in the preferences: its state, the GPU, its buttons, and what the last operation said."""

from __future__ import annotations

import textwrap

from bpy.types import AddonPreferences, UILayout

from ..engine.shared.errors import EngineError
from . import engine_setup, outcomes
from .session import session
from .status import Status, progress_text

WIDTH = 84  # characters in a line of the preferences, which are narrow in a window of their own
_FORMER = (
    "It is in the extension's folder, which Blender removes with the extension. Install Engine puts a new one where it "
    "stays, and removes this one."
)


def draw_engine(layout: UILayout, preferences: AddonPreferences) -> None:
    """Draw the state of the engine, its buttons, its settings, and the progress or outcome of an operation."""
    box = layout.box()
    problem = engine_setup.problem()
    status = session.status if session.status.busy else outcomes.general() or Status()
    shown = status.problem
    if problem is None:
        runs = "The engine runs with the Python below" if preferences.engine_python else "The engine is installed"
        box.label(text=f"{runs}. {engine_setup.gpu_text()}", icon="CHECKMARK")
        if engine_setup.is_at_former_place():
            draw_lines(box, _FORMER, icon="INFO")
    elif shown is None or shown.message != problem.message:  # else it is drawn below
        draw_lines(box, said_here(problem), icon="ERROR")
        box.label(text=engine_setup.gpu_text(), icon="BLANK1")
    row = box.row()
    row.operator("clip.matte_install_engine", icon="IMPORT")
    row.operator("clip.matte_test_engine", icon="CHECKMARK")
    row.operator("clip.matte_show_log", icon="TEXT")
    row.operator("clip.matte_remove_engine", icon="TRASH")
    _draw_status(box, status)
    column = box.column()
    column.use_property_split = True
    column.prop(preferences, "engine_python")
    column.prop(preferences, "torch_build")
    column.prop(preferences, "wheel_folder", placeholder="Internet")
    column.prop(preferences, "device")


def _draw_status(layout: UILayout, status: Status) -> None:
    if status.busy:
        row = layout.row(align=True)
        row.progress(factor=status.progress, text=progress_text(status))
        row.operator("clip.matte_cancel", text="", icon="X")
    elif status.text:
        draw_lines(layout, status.summary, icon="INFO")
    if status.problem:
        draw_lines(layout, said_here(status.problem.error()), icon="ERROR")


def said_here(error: EngineError) -> str:
    """Return an error and its remedy, without the hint to the preferences, in which they are read."""
    return error.sentence().replace(" in Keymatte's preferences", "")


def draw_lines(layout: UILayout, text: str, *, icon: str) -> None:
    """Draw text in as many lines as it needs, because labels do not wrap."""
    column = layout.column(align=True)
    for index, line in enumerate(textwrap.wrap(text, WIDTH, break_long_words=True)):
        column.label(text=line, icon="BLANK1" if index else icon)
