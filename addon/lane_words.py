"""What is known of a matte, in words, for the lane."""

from __future__ import annotations

from bpy.types import MovieClip

from ..engine.shared.provenance import CAUSES, Cause
from ..engine.shared.quality_table import MatteRow, Status
from ..engine.shared.reasons import sentence
from ..engine.shared.staleness import Freshness, MatteState
from ..engine.shared.stretches import reason_words
from . import clips, job_queue, quality
from .lane import ABSENT, KEYFRAME, LOCKED, SUGGESTED, is_doubtful
from .lane_watch import Lane

_STATES = {
    Freshness.FRESH: "up to date",
    Freshness.UNKNOWN: "not recorded what it was made from",
    Freshness.OWN: "edited by hand",
    Freshness.MISSING: "no matte yet",
}


def words(clip: MovieClip, lane: Lane, row: int, frame: int) -> list[str]:
    """Return lines that say what is known of the object in a row on a frame (from 0)."""
    item, number, code = lane.rows[row], lane.first + frame, int(lane.codes[row, frame])
    lines = [f"{item.name}, frame {clips.scene_frame(clip, frame)}"]
    marks = []
    if code & KEYFRAME:
        marks.append("keyframe")
    if code & ABSENT:
        marks.append("not visible")
    if code & LOCKED:
        marks.append("locked")
    if marks:
        lines.append(", ".join(marks).capitalize())
    if lane.assessed is None:
        lines.append("Not looked at yet")
    else:
        state = lane.assessed.states.get(item.object_id, {}).get(number)
        row_of = lane.assessed.rows.get(item.object_id, {}).get(number)
        lines.append(matte_words(state, row_of, is_running=job_queue.is_on(clip)))
        if state is not None and state.freshness is Freshness.UNKNOWN and lane.assessed.request.problem:
            lines.append(lane.assessed.request.problem)
        summary = quality.summary(clip)
        if state is not None and state.freshness is Freshness.OWN and summary is not None and summary.has_lost:
            lines.append("Perhaps only because its record is damaged: see To Fix")
    if code & SUGGESTED:
        here = (one for one in clip.matting.suggestions if one.number == number)
        lines += [f"Suggested: {sentence(one.reason)}" for one in here if one.object_id in (0, item.object_id)]
    return lines


def matte_words(state: MatteState | None, row: MatteRow | None, *, is_running: bool) -> str:
    """Return what is known of a matte as a phrase; without a state, no keyframe reaches its frame.

    `is_running`: an operation works on the clip.
    """
    if state is None:
        return "No keyframe reaches this frame"
    if state.cause is Cause.UNFINISHED and is_running:
        return "Half done: the run comes here once more"
    if state.cause is not None:
        return f"Stale: {CAUSES[state.cause]}"
    if state.freshness is Freshness.FRESH and row is not None:
        if row.status is Status.GIVEN:
            return "Up to date: your own mask"
        if is_doubtful(row) and row.quality is not None:
            return f"Doubtful: {reason_words(row.quality.reason)} ({row.value:.0%} likely to be good)"
        if row.quality is not None and row.quality.seam:
            return "Up to date: the last run ended here, where new and earlier mattes agree"
        if row.quality is not None and row.quality.kept_by:
            return "Up to date: kept, as a later run ended where new and earlier mattes agree"
    return _STATES[state.freshness].capitalize()
