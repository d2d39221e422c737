"""The lists of objects, keyframes and suggested frames."""

from __future__ import annotations

from bpy.types import UIList

from ..addon import clips
from ..addon.objects import find_object


class CLIP_UL_matte_objects(UIList):
    """Objects: colour, name, number, whether its matte is shown."""

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
    """Keyframes: frame, object, whether the object is absent."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        clip = item.id_data
        frame = clips.scene_frame_of(clip, item.number)
        known = find_object(clip, item.object_id)
        row = layout.row(align=True)
        here = frame == context.scene.frame_current
        row.label(text=f"Frame {frame}", icon="KEYTYPE_KEYFRAME_VEC" if here else "KEYFRAME")
        row.label(text=known.name if known else str(item.object_id))
        if item.absent:
            row.label(text="not here")


class CLIP_UL_matte_suggestions(UIList):
    """Suggested frames, the most wanted first: frame, and how wanted it is beside the first."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        frame = clips.scene_frame_of(item.id_data, item.number)
        row = layout.row()
        row.label(text=f"Frame {frame}", icon="LIGHT" if frame == context.scene.frame_current else "OUTLINER_OB_LIGHT")
        share = row.row()  # in words: a bar would take the clicks that are meant for the row
        share.alignment, share.active = "RIGHT", False
        share.label(text=f"{item.score / data.suggestions[0].score:.0%}")


CLASSES = (CLIP_UL_matte_objects, CLIP_UL_matte_keyframes, CLIP_UL_matte_suggestions)
