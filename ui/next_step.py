"""Top of the tab: what to do next, with its button, and before the first matte what is there and what is missing."""

from __future__ import annotations

from bpy.types import Context, Panel, UILayout

from ..addon import arrival, outcomes
from ..addon.next_hints import hints
from ..addon.next_step import Button, Engine, Facts, Item, Step, checklist, is_arriving, next_step
from ..addon.session import session
from ..addon.status import State
from .panel import ClipPanel
from .status import draw_outcome, draw_progress, draw_text

_SHORT = 22  # characters of a sentence that has room beside its button
_LABEL = 0.62  # of the width, if there is a button beside it


class CLIP_PT_matte_next(ClipPanel, Panel):
    bl_label = "Next Step"
    bl_options = {"HIDE_HEADER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return True  # also without a clip, which it says how to open

    def draw(self, context: Context) -> None:
        facts = arrival.gather(context)
        step = next_step(facts)
        if is_arriving(facts):
            _draw_items(self.layout, checklist(facts))
            _draw_engine(self.layout, facts)
            _draw_large(self.layout, step)
        else:
            _draw_line(self.layout, step)
        for hint in hints(facts):
            _draw_line(self.layout, hint)


def _draw_engine(layout: UILayout, facts: Facts) -> None:
    """Draw how far the engine's installation is, or how it ended, as long as the engine cannot be used."""
    if facts.engine is Engine.INSTALLING:
        draw_progress(layout, session.status)
    elif facts.engine is not Engine.READY and (ended := outcomes.general()) and ended.state is not State.FINISHED:
        draw_outcome(layout, ended)


def _draw_items(layout: UILayout, items: tuple[Item, ...]) -> None:
    """Draw what is there and what is missing, a line for each."""
    column = layout.column(align=True)
    for item in items:
        row = column.split(factor=0.34)
        row.label(text=item.name, icon="CHECKMARK" if item.done else "ERROR" if item.problem else "RADIOBUT_OFF")
        words = row.row()
        words.active = item.done or item.problem
        words.label(text=item.text)


def _draw_large(layout: UILayout, step: Step) -> None:
    """Draw a step with room for its sentence, and its first button as the one to be seen."""
    draw_text(layout, step.text, icon=step.icon)
    column = layout.column(align=True)
    for index, button in enumerate(step.buttons):
        row = column.row(align=True)
        row.scale_y = 1.0 if index else 1.4
        draw_button(row, button)


def _draw_line(layout: UILayout, step: Step) -> None:
    """Draw a step in one line if its sentence and button fit into one."""
    if (len(step.text) > _SHORT and any(button.text for button in step.buttons)) or len(step.buttons) > 1:
        draw_text(layout, step.text, icon=step.icon)
        row = layout.row(align=True)
    else:
        row = layout.split(factor=_LABEL) if step.buttons and step.buttons[0].text else layout.row(align=True)
        row.label(text=step.text, icon=step.icon)
    for button in step.buttons:
        draw_button(row, button)


def draw_button(layout: UILayout, button: Button) -> None:
    """Draw a button."""
    drawn = layout.operator(button.operator, text=button.text, icon=button.icon)
    for name, value in button.values:
        setattr(drawn, name, value)


CLASSES = (CLIP_PT_matte_next,)
