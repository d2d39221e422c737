"""Drawing of what runs on a clip, waits and has ended; of other clips, one line says what runs and waits."""

from __future__ import annotations

from collections.abc import Sequence

from bpy.types import Context, MovieClip, Panel, UILayout

from ..addon import clips, forecast, job_queue, outcome_watch, outcomes, paces
from ..addon.session import session
from ..addon.status import State, Status
from ..engine.shared.frame_ranges import runs_of
from ..engine.shared.mask_images import counted
from .quality import frames_text
from .status import draw_outcome, draw_progress, draw_text

_MAX_STRETCHES = 4  # that are named


def draw_runs(layout: UILayout, clip: MovieClip) -> None:
    """Draw the operation that runs on the clip, or how its last one has ended, and what else runs and waits."""
    running = session.status
    is_own = running.busy and running.clip_uid in (clip.session_uid, outcomes.GENERAL)
    if is_own:
        draw_progress(layout, running)
    elif clip in job_queue.paused():
        _draw_paused(layout, clip)
    if clip in job_queue.waiting():
        _draw_waiting(layout, clip)
    _draw_others(layout, clip, running)
    if not is_own:
        outcome_watch.watch()
        told = outcomes.of_clip(clip)
        for one in (told_of(clip), outcomes.general()):
            if one is not None:
                draw_outcome(layout, one)
        if told is not None and job_queue.is_run(told) and told.state in (State.FINISHED, State.CANCELLED):
            _draw_made(layout, clip, is_cancelled=told.state is State.CANCELLED)


def told_of(clip: MovieClip) -> Status | None:
    """Return how the last operation on the clip ended, unless it is a run that was paused, which is no end."""
    told = outcomes.of_clip(clip)
    return None if told and told.state is State.CANCELLED and clip in job_queue.paused() else told


def others_text(clip: MovieClip) -> str:
    """Return what runs and what waits of other clips, the next one first; empty if nothing does."""
    running, paused = session.status, job_queue.paused()
    is_other = running.busy and running.clip and running.clip_uid != clip.session_uid
    parts = [f"Running: {_name(running)}"] if is_other else []
    for word, found in (("Paused", paused), ("Waiting", job_queue.waiting())):
        if names := [one.name for one in found if one != clip and one.session_uid != running.clip_uid]:
            parts.append(f"{word}: {', '.join(names)}")
    return "; ".join(parts)


def _name(running: Status) -> str:
    """Return what the clip of the running operation is called now."""
    clip = clips.find_clip(running.clip_uid)
    return clip.name if clip else running.clip


def _draw_paused(layout: UILayout, clip: MovieClip) -> None:
    row = layout.row(align=True)
    row.label(text="Paused", icon="PAUSE")
    buttons = row.row(align=True)
    buttons.enabled = not session.status.busy
    buttons.operator("clip.matte_pause", text="Resume", icon="PLAY").resume = True
    buttons.operator("clip.matte_cancel", text="", icon="X")


def _draw_waiting(layout: UILayout, clip: MovieClip) -> None:
    """Draw that the clip waits for its turn, and which turn that is."""
    turn = job_queue.waiting().index(clip) + 1
    what = "Runs again" if job_queue.is_on(clip) else "Waiting"
    row = layout.row(align=True)
    row.label(text=f"{what}: next" if turn == 1 else f"{what}: number {turn}", icon="TIME")
    row.operator("clip.matte_unqueue", text="", icon="X").clip_uid = clip.session_uid


def _draw_others(layout: UILayout, clip: MovieClip, running: Status) -> None:
    """Draw one line of what runs and waits of other clips, with a list to remove them from."""
    if text := others_text(clip):
        row = layout.row(align=True)
        row.label(text=text, icon="TIME")
        if running.busy or job_queue.waiting() or job_queue.paused():
            button = row.row(align=True)
            button.ui_units_x = 1.6
            button.popover("CLIP_PT_matte_queue", text="", icon="COLLAPSEMENU")


class CLIP_PT_matte_queue(Panel):
    """What runs, what is paused and what waits, in order."""

    bl_label = "Queue"
    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "HEADER"  # so that it is drawn only where it is asked for
    bl_category = "Keymatte"
    bl_ui_units_x = 14

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        running = session.status
        if running.busy:
            row = column.row(align=True)
            row.label(text=f"Running: {_name(running) or running.text}", icon="PLAY")
            row.operator("clip.matte_cancel", text="", icon="X")
        for number, clip in enumerate(job_queue.paused(), 1):
            row = column.row(align=True)
            row.label(text=f"Paused: {clip.name}", icon="PAUSE")
            if number == 1 and not running.busy:  # those that wait go on only after this
                row.operator("clip.matte_pause", text="Resume").resume = True
                row.operator("clip.matte_cancel", text="", icon="X")
        for number, clip in enumerate(job_queue.waiting(), 1):
            row = column.row(align=True)
            row.label(text=f"{number}. {clip.name}", icon="TIME")
            row.operator("clip.matte_unqueue", text="", icon="X").clip_uid = clip.session_uid


def _draw_made(layout: UILayout, clip: MovieClip, *, is_cancelled: bool) -> None:
    if text := made_text(clip, is_cancelled=is_cancelled):
        draw_text(layout, text, icon="BLANK1")


def made_text(clip: MovieClip, *, is_cancelled: bool) -> str:
    """Return which frames the last run has computed; of a cancelled one, those that need not be computed again.

    Between two keyframes, it writes mattes that come from one of them before it blends in the other.
    """
    made = paces.made_by_last(clip)
    if is_cancelled and (told := forecast.watch(clip)):
        made = made.difference(told.due)
    return f"{counted(len(made), 'frame')} computed: {stretches_text(clip, sorted(made))}" if made else ""


def stretches_text(clip: MovieClip, frames: Sequence[int]) -> str:
    """Return media frames as stretches in the scene's frames, or how many there are if they are many."""
    runs = runs_of(frames)
    if len(runs) > _MAX_STRETCHES:
        return f"{len(runs)} stretches"
    return ", ".join(frames_text(clips.scene_frame(clip, run[0]), clips.scene_frame(clip, run[-1])) for run in runs)


CLASSES = (CLIP_PT_matte_queue,)
