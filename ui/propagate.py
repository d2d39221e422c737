"""Panel that propagates masks: method, range, and the runs that can be started."""

from __future__ import annotations

import bpy
from bpy.types import Context, MovieClip, Panel, Scene, UILayout

from ..addon import clips, forecast, job_queue, run_frames
from ..addon.status import duration
from ..engine.shared.errors import ClipUnreadable, EngineError
from ..engine.shared.mask_images import counted
from .panel import ClipPanel
from .quality import frames_text
from .runs import draw_runs, stretches_text
from .status import draw_text
from .weights import draw_weights


class CLIP_PT_matte_propagate(ClipPanel, Panel):
    bl_label = "Propagate"

    def draw(self, context: Context) -> None:
        layout = self.layout
        clip = context.space_data.clip
        matting = clip.matting
        column = layout.column()
        column.prop(matting, "recipe", text="")
        draw_weights(column, matting)
        _draw_range(layout, clip, context.scene)
        _draw_main(layout, clip)  # and below it, where the eye is, what it will do, does and has done
        if not job_queue.is_on(clip):
            _draw_forecast(layout, clip)
        draw_runs(layout, clip)
        _draw_buttons(layout, clip)


def _draw_range(layout: UILayout, clip: MovieClip, scene: Scene) -> None:
    """Draw the range to propagate through, and the buttons that set it."""
    column = layout.column(align=True)
    if text := _range_text(clip):
        row = column.row(align=True)
        row.label(text=text)
        row.operator("clip.matte_range", text="", icon="X").action = "CLEAR"
    row = column.row(align=True)
    row.operator("clip.matte_range", text="Set In").action = "IN"
    row.operator("clip.matte_range", text="Set Out").action = "OUT"
    _, first, last = run_frames.preview_range(scene)
    text = frames_text(first, last) if scene.use_preview_range else "Scene"  # whose frames are not the clip's
    row.operator("clip.matte_range", text=text, icon="PREVIEW_RANGE").action = "PREVIEW"


def _range_text(clip: MovieClip) -> str:
    """Return to which frames runs are limited; empty if they go through the whole clip."""
    try:
        shown = run_frames.shown_range(clip)
    except ClipUnreadable:  # the panel is drawn for clips that cannot be read, too
        return ""
    return f"Only Frames {frames_text(*shown)}" if shown else ""


def _draw_forecast(layout: UILayout, clip: MovieClip) -> None:
    """Draw which frames Propagate computes, and how long that takes."""
    told = forecast.watch(clip)
    if told is None:
        return
    try:
        frames = run_frames.in_out_range(clip) if clip.matting.use_range else run_frames.whole_clip(clip)
        found = forecast.forecast(clip, told, frames)
    except EngineError:  # Propagate says what is amiss
        return
    draw_text(layout, forecast_text(found), icon="CHECKMARK" if not found.frames else "TIME")
    if found.frames and len(found.frames) < found.asked:
        draw_text(layout, f"Frames {stretches_text(clip, found.frames)}", icon="BLANK1")


def forecast_text(found: forecast.Forecast) -> str:
    """Return how many frames a run computes, and how long it takes if that is known."""
    if not found.frames:
        if found.left:
            return f"Nothing to compute. Outdated, but skipped (locked or no keyframe): {counted(found.left, 'frame')}"
        return f"All {counted(found.asked, 'frame')} are up to date" if found.asked > 1 else "The frame is up to date"
    text = f"{'Up to ' * found.is_limit}{len(found.frames)} of {counted(found.asked, 'frame')}"
    return text if found.seconds is None else f"{text}, about {duration(found.seconds)}"


def _where(clip: MovieClip) -> str:
    return "RANGE" if clip.matting.use_range else "CLIP"


def _draw_main(layout: UILayout, clip: MovieClip) -> None:
    row = layout.row()
    row.scale_y = 1.3
    row.operator("clip.matte_propagate", icon="PLAY").frames = _where(clip)


def _draw_buttons(layout: UILayout, clip: MovieClip) -> None:
    """Draw the runs that are asked for less often."""
    where = _where(clip)
    column = layout.column(align=True)
    row = column.row(align=True)
    for direction, text, icon in (
        ("backward", "Backward", "TRACKING_BACKWARDS"),
        ("forward", "Forward", "TRACKING_FORWARDS"),
    ):
        operator = row.operator("clip.matte_propagate", text=text, icon=icon)
        operator.direction, operator.frames = direction, where
    text = f"Between Keyframes{_between_text(clip)}"
    column.operator("clip.matte_propagate", text=text, icon="ARROW_LEFTRIGHT").frames = "BETWEEN"
    row = column.row(align=True)
    row.operator("clip.matte_propagate", text="Fix Around Here", icon="FULLSCREEN_EXIT").frames = "AROUND"
    reach = row.row(align=True)
    reach.ui_units_x = 3.0
    reach.prop(clip.matting, "around", text="")
    operator = column.operator("clip.matte_propagate", text="Propagate Everything", icon="FILE_REFRESH")
    operator.frames, operator.everything = where, True


def _between_text(clip: MovieClip) -> str:
    try:
        frames = run_frames.between_keyframes(clip, bpy.context.scene.frame_current)
    except EngineError:  # the current frame is outside the clip
        return ""
    return f": {frames_text(clips.scene_frame(clip, frames[0]), clips.scene_frame(clip, frames[-1]))}"


CLASSES = (CLIP_PT_matte_propagate,)
