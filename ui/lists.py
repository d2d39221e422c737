"""Lists of objects, keyframes and suggested frames."""

from __future__ import annotations

from bpy.types import UIList

from ..addon import clips, keyframes, rows
from ..addon.objects import find_object, keyframe_count
from ..engine.shared.reasons import sentence

ROLE_ICONS = {"OBJECT": "OUTLINER_OB_IMAGE", "GARBAGE": "TRASH", "HOLDOUT": "MOD_MASK"}


class CLIP_UL_matte_objects(UIList):
    """List of objects and masks: colour, kind, name, count of keyframes, visibility, solo and lock."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        row = layout.row(align=True)
        colour = row.row()
        colour.ui_units_x = 0.8
        colour.prop(item, "colour", text="")
        name_icon = "NONE" if item.role == "OBJECT" else ROLE_ICONS[item.role]
        row.prop(item, "name", text="", emboss=False, icon=name_icon)
        count = row.row(align=True)
        count.alignment = "RIGHT"
        count.active = False
        if marked := keyframe_count(item.id_data, item.object_id):
            count.label(text=f"\N{BLACK DIAMOND}{marked}")
        row.prop(item, "show", text="", emboss=False, icon="HIDE_OFF" if item.show else "HIDE_ON")
        row.prop(item, "solo", text="", emboss=False, icon="SOLO_ON" if item.solo else "SOLO_OFF")
        row.prop(item, "lock", text="", emboss=False, icon="LOCKED" if item.lock else "UNLOCKED")


class CLIP_UL_matte_keyframes(UIList):
    """List of keyframes by frame and object: frames, object, and its area, or that it is not visible."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        clip = item.id_data
        first = clips.scene_frame_of(clip, item.number)
        last = clips.scene_frame_of(clip, keyframes.last_number(item))
        is_range, is_current = first < last, first <= context.scene.frame_current <= last
        split = layout.split(factor=0.5 if is_range else 0.3, align=True)
        symbol = "HIDE_ON" if item.absent else "KEYTYPE_KEYFRAME_VEC" if is_current else "KEYFRAME"
        split.label(text=f"{first}\N{EN DASH}{last}" if is_range else str(first), icon=symbol)
        row = split.row(align=True)
        matte_object = find_object(clip, item.object_id)
        if matte_object is not None:
            colour = row.row()
            colour.ui_units_x = 0.5
            colour.prop(matte_object, "colour", text="")
        row.label(text=matte_object.name if matte_object else str(item.object_id))
        kind = row.row()
        kind.alignment = "RIGHT"
        if not 0 <= clips.media_frame_of(clip, item.number) < clips.frame_count(clip):
            kind.label(text="outside the clip", icon="ERROR")
        elif item.area > clip.size[0] * clip.size[1] > 0:
            kind.label(text="another size", icon="ERROR")
        elif not item.absent and (share := area_share(item.area, *clip.size)):
            kind.label(text=share)

    def filter_items(self, context, data, property) -> tuple[list[int], list[int]]:
        shown = [self.bitflag_filter_item if shown else 0 for shown in rows.shown_keyframes(data)]
        places = [0] * len(shown)
        for place, row in enumerate(rows.keyframe_order(data)):
            places[row] = place
        return shown, places


def area_share(area: int, width: int, height: int) -> str:
    """Return an area in pixels as a share of the frame: "12 %", "0.4 %"; empty if the frame's size is not known."""
    if not width * height:
        return ""
    percent = 100 * area / (width * height)
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.1f} %" if percent >= 0.05 else "< 0.1 %"


class CLIP_UL_matte_suggestions(UIList):
    """List of suggested frames, best first: frame and the object to mark, and why below."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        frame = clips.scene_frame_of(item.id_data, item.number)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.label(text=f"Frame {frame}", icon="LIGHT" if frame == context.scene.frame_current else "OUTLINER_OB_LIGHT")
        matte_object = find_object(item.id_data, item.object_id)
        if matte_object is not None:
            right = row.row(align=True)
            right.alignment = "RIGHT"
            right.label(text=matte_object.name)
            colour = right.row()
            colour.ui_units_x = 0.5
            colour.prop(matte_object, "colour", text="")
        words = column.row(align=True)
        words.active = False
        words.label(text=sentence(item.reason))


CLASSES = (CLIP_UL_matte_objects, CLIP_UL_matte_keyframes, CLIP_UL_matte_suggestions)
