"""Lists of objects, keyframes and suggested frames."""

from __future__ import annotations

from bpy.types import UIList

from ..addon import clips
from ..addon.objects import find_object


class CLIP_UL_matte_objects(UIList):
    """List of objects: colour, name, number, and visibility of the matte."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        row = layout.row(align=True)
        colour = row.row()
        colour.ui_units_x = 1.0
        colour.prop(item, "colour", text="")
        row.prop(item, "name", text="", emboss=False)
        number = row.row()
        number.alignment = "RIGHT"
        number.active = False
        number.label(text=str(item.object_id))
        row.prop(item, "show", text="", emboss=False, icon="HIDE_OFF" if item.show else "HIDE_ON")


class CLIP_UL_matte_keyframes(UIList):
    """List of keyframes: frame, object, and whether the object is absent, or the frame outside the clip."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        clip = item.id_data
        frame = clips.scene_frame_of(clip, item.number)
        matte_object = find_object(clip, item.object_id)
        row = layout.row(align=True)
        is_current = frame == context.scene.frame_current
        row.label(text=f"Frame {frame}", icon="KEYTYPE_KEYFRAME_VEC" if is_current else "KEYFRAME")
        row.label(text=matte_object.name if matte_object else str(item.object_id))
        if not 0 <= clips.media_frame_of(clip, item.number) < clips.frame_count(clip):
            row.label(text="outside the clip", icon="ERROR")
        elif item.absent:
            row.label(text="absent")


class CLIP_UL_matte_suggestions(UIList):
    """List of suggested frames, best first: frame, and its score in percent of the best score."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        frame = clips.scene_frame_of(item.id_data, item.number)
        row = layout.row()
        row.label(text=f"Frame {frame}", icon="LIGHT" if frame == context.scene.frame_current else "OUTLINER_OB_LIGHT")
        score = row.row()  # as a label, because a progress bar would intercept clicks on the row
        score.alignment, score.active = "RIGHT", False
        score.label(text=f"{item.score / data.suggestions[0].score:.0%}")


CLASSES = (CLIP_UL_matte_objects, CLIP_UL_matte_keyframes, CLIP_UL_matte_suggestions)
