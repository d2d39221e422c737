"""Panels of the Keymatte tab in the sidebar of the clip editor."""

from __future__ import annotations

from collections.abc import Sequence

from bpy.types import Context, MovieClip, Panel, UILayout

from ..addon import clips, compositor_watch, edit_records, file_version, forecast, mask_layers
from ..addon.folders import results
from ..addon.objects import has_keyframes
from ..engine.shared.mask_images import counted
from . import compositor, next_step, paint, propagate, propagate_options, quality, refine, runs, views
from .folder import draw_folder
from .menus import draw_object_settings
from .panel import ClipPanel
from .status import draw_text


class CLIP_PT_matte_objects(ClipPanel, Panel):
    bl_label = "Objects"

    def _draw_warnings(self, clip: MovieClip) -> None:
        """Draw what makes work on the clip useless, at the top of the tab, where it is always seen."""
        compositor_watch.watch_if_due(clip)
        if saved_by_newer := file_version.warning(clip):
            draw_text(self.layout.box(), saved_by_newer, icon="INFO")
        if outdated := outdated_results(clip):
            box = self.layout.box()
            draw_text(box, f"{outdated} made before the clip's start, offset or aspect was changed", icon="ERROR")
            box.operator("clip.matte_update_results", icon="FILE_REFRESH")

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        matting = clip.matting
        self._draw_warnings(clip)
        row, are_many = self.layout.row(), len(matting.objects) > 1
        rows = 5 if are_many else 3
        row.template_list("CLIP_UL_matte_objects", "", matting, "objects", matting, "active_object", rows=rows)
        column = row.column(align=True)
        column.operator("clip.matte_object_add", text="", icon="ADD").role = "OBJECT"
        column.operator("clip.matte_object_remove", text="", icon="REMOVE")
        column.menu("CLIP_MT_matte_objects", text="", icon="DOWNARROW_HLT")
        if are_many:
            column.separator()
            column.operator("clip.matte_object_move", text="", icon="TRIA_UP").direction = "UP"
            column.operator("clip.matte_object_move", text="", icon="TRIA_DOWN").direction = "DOWN"
        draw_object_settings(self.layout, clip)


def outdated_results(clip: MovieClip) -> str:
    """Return which of the clip's results no longer fit the clip, as the beginning of a sentence; empty if all do."""
    return "Mask layers were" if mask_layers.outdated_objects(clip) else ""


class CLIP_PT_matte_keyframes(ClipPanel, Panel):
    bl_label = "Keyframes"

    def draw(self, context: Context) -> None:
        clip, layout = context.space_data.clip, self.layout
        matting = clip.matting
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator("clip.matte_keyframe_from_mask", text="From Mask", icon="MOD_MASK").absent = False
        row = column.row(align=True)
        row.operator("clip.matte_keyframe_from_image", text="From Image", icon="IMAGE_DATA")
        row.operator("clip.matte_keyframes_from_folder", text="From Folder", icon="FILE_FOLDER")  # adds objects itself
        row = column.split(factor=0.7, align=True)  # room for the longer text
        row.operator("clip.matte_keyframe_from_mask", text="Object Not Visible", icon="HIDE_ON").absent = True
        row.operator("clip.matte_not_visible_range", text="Range...")
        row = layout.row()
        row.template_list("CLIP_UL_matte_keyframes", "", matting, "keyframes", matting, "active_keyframe", rows=5)
        column = row.column(align=True)
        column.operator("clip.matte_keyframe_jump", text="", icon="PREV_KEYFRAME").to = "PREVIOUS"
        column.operator("clip.matte_keyframe_jump", text="", icon="NEXT_KEYFRAME").to = "NEXT"
        column.separator()
        column.operator("clip.matte_keyframe_clear", text="", icon="X")
        column.menu("CLIP_MT_matte_keyframes", text="", icon="DOWNARROW_HLT")
        column.prop(matting, "keyframes_of_active", text="", icon="FILTER")


class CLIP_PT_matte_suggestions(ClipPanel, Panel):
    bl_label = "Suggested Frames"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        matting, layout = clip.matting, self.layout
        is_marked = has_keyframes(clip)
        is_ready = bool(not is_marked or results(clip).numbers)
        column = layout.column()
        column.enabled = is_ready  # else a label says why not
        row = column.row(align=True)
        text = "Suggest Frames" if is_marked else "Suggest First Frame"
        row.operator("clip.matte_suggest", text=text, icon="OUTLINER_OB_LIGHT")
        number = row.row(align=True)
        number.ui_units_x = 3.0
        number.prop(matting, "suggestion_count", text="")
        row = column.split(factor=0.5)
        row.enabled = is_marked  # without keyframes, there are no objects to compare
        row.label(text="Suggest by: Picture")
        row = row.split(factor=0.6)
        row.prop(matting, "suggestion_alpha", text="", slider=True)
        row.label(text="Object")
        if not is_ready:
            layout.label(text="Propagate first", icon="INFO")
        elif matting.suggestions:
            arguments = ("CLIP_UL_matte_suggestions", "", matting, "suggestions", matting, "active_suggestion")
            layout.template_list(*arguments, rows=3)


class CLIP_PT_matte_results(ClipPanel, Panel):
    bl_label = "Results"

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        layout = self.layout
        done = results(clip)
        if not done.numbers:
            layout.label(text="No mattes yet")
            draw_folder(layout, clip)
            _draw_splines(layout)
            _draw_undo(layout)
            return
        draw_text(layout, results_text(clip))
        draw_folder(layout, clip)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator("clip.matte_to_mask_layers", icon="MOD_MASK").on_track = False
        row.operator("clip.matte_to_mask_layers", text="", icon="TRACKER").on_track = True
        if edited := edit_records.edited_objects(clip):
            column.operator("clip.matte_take_edits", icon="KEYFRAME_HLT")
            draw_text(column, edits_text(edited))
        _draw_splines(layout)
        compositor.draw_buttons(layout, clip, context.scene)
        layout.operator("clip.matte_export", text="Export Mattes...", icon="EXPORT")
        _draw_undo(layout)
        layout.operator("clip.matte_clear", icon="TRASH")


def edits_text(edited: Sequence[tuple[str, int]]) -> str:
    """Return in words on how many frames mask layers were edited, given each object's name and number of frames."""
    parts = (f"{name} on {counted(count, 'frame')}" for name, count in edited)
    return f"Mask layers edited: {', '.join(parts)}"


def _draw_splines(layout: UILayout) -> None:
    row = layout.row(align=True)
    row.operator("clip.matte_export_splines", text="Export Splines...", icon="EXPORT")
    row.operator("clip.matte_import_splines", text="Import Splines...", icon="IMPORT")


def _draw_undo(layout: UILayout) -> None:
    row = layout.row(align=True)
    row.operator("clip.matte_undo_run", icon="LOOP_BACK")
    row.operator("clip.matte_redo_run", icon="LOOP_FORWARDS")


def results_text(clip: MovieClip) -> str:
    """Return how many frames have mattes that are up to date; or only how many have some, if that is not known."""
    told = forecast.watch(clip)
    if told is None:
        return f"{len(results(clip).numbers)} of {clips.frame_count(clip)} frames have mattes"
    parts = (
        (told.fresh, "up to date"),
        (told.stale, "to redo"),
        (told.kept, "outdated, but skipped (locked or no keyframe)"),
        (told.missing, "missing"),
    )
    text = ", ".join(f"{count} {words}" for count, words in parts if count)
    return f"Frames: {text}" if text else "No keyframe reaches any frame"


# Blender shows panels in the order in which they are registered: that of an artist's work.
CLASSES = (
    *next_step.CLASSES,
    CLIP_PT_matte_objects,
    *views.CLASSES,
    *paint.CLASSES,
    *runs.CLASSES,
    *propagate.CLASSES,
    *propagate_options.CLASSES,
    *quality.CLASSES,
    CLIP_PT_matte_keyframes,
    CLIP_PT_matte_suggestions,
    *refine.CLASSES,
    CLIP_PT_matte_results,
)
