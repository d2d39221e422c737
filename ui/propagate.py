"""Panel that propagates masks: recipe, range, and the runs that can be started."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from bpy.types import Context, MovieClip, Panel, Scene, UILayout

from ..addon import clips, forecast, job_queue, paces, recipes, run_frames, tracks
from ..addon.properties import ClipMatting
from ..addon.session import session
from ..addon.status import State, duration
from ..engine.shared.errors import ClipUnreadable, EngineError
from ..engine.shared.frame_ranges import runs_of
from ..engine.shared.mask_images import counted
from .panel import ClipPanel
from .quality import frames_text
from .status import draw_status, draw_text
from .weights import draw_weights

_MAX_STRETCHES = 4  # that are named


class CLIP_PT_matte_propagate(ClipPanel, Panel):
    bl_label = "Propagate"

    def draw(self, context: Context) -> None:
        layout = self.layout
        clip, busy = context.space_data.clip, session.status.busy
        matting = clip.matting
        column = layout.column()
        column.prop(matting, "recipe", text="")
        draw_weights(column, matting)
        if matting.recipe in recipes.ADAPT:
            column.prop(matting, "adapt")
        column.prop(matting, "across_cuts")
        if matting.recipe in recipes.FOLLOWS:
            column.prop(matting, "follow_small")
        if tracks.is_stabilized(clip):
            column.prop(matting, "stabilized")
        _draw_early_end(column, matting)
        _draw_range(layout, clip, context.scene)
        if not busy:
            _draw_forecast(layout, clip)
        _draw_buttons(layout, clip)
        if busy and not job_queue.is_on(clip) and session.status.clip:
            layout.label(text=f"Running: {session.status.clip}")
        if not _draw_paused(layout):
            draw_status(layout, session.status)
        _draw_waiting(layout)
        if session.status.state in (State.FINISHED, State.CANCELLED) and session.status.clip == clip.name:
            _draw_made(layout, clip)


def _draw_paused(layout: UILayout) -> bool:
    """Draw the run that is paused, and return whether there is one."""
    clip = job_queue.paused()
    if clip is None or session.status.busy:
        return False
    row = layout.row(align=True)
    row.label(text=f"Paused: {clip.name}", icon="PAUSE")
    row.operator("clip.matte_pause", text="Resume", icon="PLAY").resume = True
    row.operator("clip.matte_cancel", text="", icon="X")
    return True


def _draw_waiting(layout: UILayout) -> None:
    """Draw the clips that wait for their turn."""
    column = layout.column(align=True)
    for clip in job_queue.waiting():
        row = column.row(align=True)
        row.label(text=f"Waiting: {clip.name}", icon="TIME")
        row.operator("clip.matte_unqueue", text="", icon="X").clip_uid = clip.session_uid


def _draw_early_end(layout: UILayout, matting: ClipMatting) -> None:
    """Draw where Propagate stops before it has reached the next keyframe."""
    row = layout.row(align=True)
    row.prop(matting, "early_frames")
    within = row.row(align=True)
    within.ui_units_x = 3.6
    within.active = matting.early_frames > 0
    within.prop(matting, "early_percent", text="")


def _draw_range(layout: UILayout, clip: MovieClip, scene: Scene) -> None:
    """Draw the range to propagate through, and the buttons that set it."""
    row = layout.row(align=True)
    row.label(text=_range_text(clip))
    row.operator("clip.matte_range", text="In").action = "IN"
    row.operator("clip.matte_range", text="Out").action = "OUT"
    _, first, last = run_frames.preview_range(scene)
    row.operator("clip.matte_range", text=frames_text(first, last), icon="PREVIEW_RANGE").action = "PREVIEW"
    if clip.matting.use_range:
        row.operator("clip.matte_range", text="", icon="X").action = "CLEAR"


def _range_text(clip: MovieClip) -> str:
    try:
        shown = run_frames.shown_range(clip)
    except ClipUnreadable:  # the panel is drawn for clips that cannot be read, too
        return ""
    return f"Frames {frames_text(*shown)}" if shown else "Whole Clip"


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


def _draw_made(layout: UILayout, clip: MovieClip) -> None:
    """Draw which frames the last run has computed."""
    if made := paces.made_by_last(clip):
        draw_text(
            layout, f"{counted(len(made), 'frame')} computed: {stretches_text(clip, sorted(made))}", icon="BLANK1"
        )


def stretches_text(clip: MovieClip, frames: Sequence[int]) -> str:
    """Return media frames as stretches in the scene's frames, or how many there are if they are many."""
    runs = runs_of(frames)
    if len(runs) > _MAX_STRETCHES:
        return f"{len(runs)} stretches"
    return ", ".join(frames_text(clips.scene_frame(clip, run[0]), clips.scene_frame(clip, run[-1])) for run in runs)


def _draw_buttons(layout: UILayout, clip: MovieClip) -> None:
    where = "RANGE" if clip.matting.use_range else "CLIP"
    column = layout.column(align=True)
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
