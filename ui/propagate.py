"""Panel that propagates masks: recipe, range, and the runs that can be started."""

from __future__ import annotations

from bpy.types import Context, MovieClip, Panel, UILayout

from ..addon import recipes, run_frames, run_keyframes
from ..addon.session import session
from ..engine.shared.errors import ClipUnreadable
from ..engine.shared.mask_images import counted
from .panel import ClipPanel
from .quality import frames_text
from .status import draw_status, draw_text
from .weights import draw_weights


class CLIP_PT_matte_propagate(ClipPanel, Panel):
    bl_label = "Propagate"

    def draw(self, context: Context) -> None:
        layout = self.layout
        clip, busy = context.space_data.clip, session.status.busy
        matting = clip.matting
        column = layout.column()
        column.prop(matting, "recipe", text="")
        draw_weights(column, matting, busy=busy)
        if matting.recipe in recipes.ADAPT:
            column.prop(matting, "adapt")
        column.prop(matting, "across_cuts")
        _draw_range(layout, clip)
        _draw_buttons(layout, clip, busy=busy)
        draw_status(layout, session.status)
        if changed := run_keyframes.changed_since(clip):
            text = f"Keyframes on {counted(changed, 'frame')} were changed since it began. Propagate again to use them"
            draw_text(layout.box(), text, icon="INFO")


def _draw_range(layout: UILayout, clip: MovieClip) -> None:
    """Draw the range to propagate through, and the buttons that set it."""
    row = layout.row(align=True)
    row.label(text=_range_text(clip))
    row.operator("clip.matte_range", text="In").action = "IN"
    row.operator("clip.matte_range", text="Out").action = "OUT"
    row.operator("clip.matte_range", text="", icon="PREVIEW_RANGE").action = "PREVIEW"
    clear = row.row(align=True)
    clear.enabled = clip.matting.use_range
    clear.operator("clip.matte_range", text="", icon="X").action = "CLEAR"


def _range_text(clip: MovieClip) -> str:
    try:
        shown = run_frames.shown_range(clip)
    except ClipUnreadable:  # the panel is drawn for clips that cannot be read, too
        return ""
    return f"Frames {frames_text(*shown)}" if shown else "Whole Clip"


def _draw_buttons(layout: UILayout, clip: MovieClip, *, busy: bool) -> None:
    where = "RANGE" if clip.matting.use_range else "CLIP"
    column = layout.column(align=True)
    column.enabled = not busy
    main = column.row(align=True)
    main.scale_y = 1.3
    main.operator("clip.matte_propagate", icon="PLAY").frames = where
    row = column.row(align=True)
    for direction, text, icon in (
        ("backward", "Backward", "TRACKING_BACKWARDS"),
        ("forward", "Forward", "TRACKING_FORWARDS"),
    ):
        operator = row.operator("clip.matte_propagate", text=text, icon=icon)
        operator.direction, operator.frames = direction, where
    column.operator("clip.matte_propagate", text="Between Keyframes", icon="ARROW_LEFTRIGHT").frames = "BETWEEN"
    row = column.row(align=True)
    row.operator("clip.matte_propagate", text="Fix Around Here", icon="FULLSCREEN_EXIT").frames = "AROUND"
    reach = row.row(align=True)
    reach.ui_units_x = 3.0
    reach.prop(clip.matting, "around", text="")
    operator = column.operator("clip.matte_propagate", text="Propagate Everything", icon="FILE_REFRESH")
    operator.frames, operator.everything = where, True


CLASSES = (CLIP_PT_matte_propagate,)
