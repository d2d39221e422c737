"""Menu of the lane: what can be done with the active object's matte on the current frame."""

from __future__ import annotations

import numpy as np
from bpy.types import Context, Menu, UILayout

from ..addon import clips, lane_watch
from ..addon.lane import KEYFRAME, LOCKED, span_around
from ..addon.lane_watch import Lane
from ..addon.objects import active_object
from .quality import frames_text


class CLIP_MT_matte_lane(Menu):
    """Lock, clear and run what the lane shows under the mouse."""

    bl_label = "Lane"

    def draw(self, context: Context) -> None:
        layout, clip = self.layout, context.space_data.clip
        item, lane = active_object(clip), lane_watch.watch(clip)
        frame = clips.media_frame(clip, context.scene.frame_current)
        ids = [row.object_id for row in lane.rows] if lane else []
        if lane is None or item is None or item.object_id not in ids or not 0 <= frame < lane.frames:
            layout.label(text="Nothing is known of this frame yet")
            return
        row = ids.index(item.object_id)
        layout.label(text=f"{item.name}, frame {context.scene.frame_current}")
        layout.separator()
        if item.lock:
            layout.prop(item, "lock", text="Lock Object")
        else:
            _draw_locks(layout, context, lane, row, frame)
        layout.operator("clip.matte_accept", icon="CHECKMARK")
        has_keyframe = bool(lane.codes[row, frame] & KEYFRAME)
        clear = layout.row()
        clear.enabled = has_keyframe
        clear.operator("clip.matte_keyframe_clear", icon="X")
        layout.operator("clip.matte_keyframe_from_mask", text="Object Not Visible", icon="HIDE_ON").absent = True
        layout.operator("clip.matte_propagate", text="Run Here", icon="PLAY").frames = "AROUND"
        layout.separator()
        layout.operator("clip.matte_lane_jump", text="Next Stale or Doubtful", icon="TRIA_RIGHT").to = "NEXT"
        layout.operator("clip.matte_lane_jump", text="Previous Stale or Doubtful", icon="TRIA_LEFT").to = "PREVIOUS"


def _draw_locks(layout: UILayout, context: Context, lane: Lane, row: int, frame: int) -> None:
    """Draw what locks and unlocks frames of the object: this one, the run around it, or up to the keyframes beside."""
    locked = span_around(lane.codes, row, frame, LOCKED)
    text = "Unlock" if locked else "Lock"
    spans = [locked] if locked else [(frame, frame), _between_keyframes(lane, row, frame)]
    clip = context.space_data.clip
    for span in spans:
        if span is None:
            continue
        first, last = (clips.scene_frame(clip, at) for at in span)
        label = f"{text} Frame{'s' if last > first else ''} {frames_text(first, last)}"
        button = layout.operator("clip.matte_lock", text=label, icon="UNLOCKED" if locked else "LOCKED")
        button.first, button.last, button.object_id = first, last, lane.rows[row].object_id
        button.unlock = locked is not None


def _between_keyframes(lane: Lane, row: int, frame: int) -> tuple[int, int] | None:
    """Return the frames from one keyframe beside a frame to the other; None if it is alone between them."""
    marked = np.flatnonzero(lane.codes[row] & KEYFRAME)
    before, after = marked[marked <= frame], marked[marked >= frame]
    first = int(before[-1]) if len(before) else 0
    last = int(after[0]) if len(after) else lane.frames - 1
    return (first, last) if first < last else None


CLASSES = (CLIP_MT_matte_lane,)
