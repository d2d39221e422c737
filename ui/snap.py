"""Drawing of the buttons that snap a keyframe, and of what became of the last snap."""

from __future__ import annotations

from bpy.types import MovieClip, UILayout

from ..addon import snapping
from ..addon.objects import active_object
from .status import draw_text


def draw_snap(layout: UILayout, clip: MovieClip) -> None:
    """Draw the buttons, and the outcome of the clip's last snap."""
    row = layout.row(align=True)
    row.enabled = active_object(clip) is not None and not snapping.is_pending(clip)
    row.operator("clip.matte_snap", icon="SNAP_ON").strokes = False
    row.operator("clip.matte_snap", text="From Strokes", icon="GREASEPENCIL").strokes = True
    if snapping.is_pending(clip):
        draw_text(layout, "Snapping", icon="TIME")
    elif snapping.outcome.clip_id == clip.session_uid:
        error = snapping.outcome.error
        draw_text(layout, error.sentence() if error else snapping.outcome.text, icon="ERROR" if error else "CHECKMARK")
