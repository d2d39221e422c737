"""Panel of refining: the settings of the active object, and what is up to date."""

from __future__ import annotations

from bpy.types import Context, Panel

from ..addon import refine_preview, refining
from ..addon.objects import active_object
from ..engine.shared.mask_images import counted
from .panel import ClipPanel
from .status import draw_text


class CLIP_PT_matte_refine(ClipPanel, Panel):
    bl_label = "Refine Edges"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: Context) -> None:
        item = active_object(context.space_data.clip)
        if item is not None and item.role == "OBJECT":
            self.layout.prop(item.refinement, "use", text="")

    def draw(self, context: Context) -> None:
        clip, layout = context.space_data.clip, self.layout
        item = active_object(clip)
        if item is None or item.role != "OBJECT":
            layout.label(text="Select an object", icon="INFO")
            return
        settings = item.refinement
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.active = settings.use
        column.prop(settings, "edges")
        numbers = column.column(align=True)
        if settings.edges != "KEEP":
            numbers.prop(settings, "band")
        for name in ("softness", "grow", "feather"):
            numbers.prop(settings, name)
        parts = column.column(align=True)
        parts.prop(settings, "holes")
        parts.prop(settings, "specks")
        column.prop(settings, "smoothing")
        row = layout.row(align=True)
        row.operator("clip.matte_refine", icon="SHADERFX")
        row.operator("clip.matte_refine_copy", text="", icon="COPYDOWN")
        if counts := refining.watch(clip):
            if counts.due:
                text = f"{counted(counts.due, 'matte')} to refine. Until then, results use the mattes as they are"
                draw_text(layout, text, icon="INFO")
            else:
                layout.label(text="All mattes are refined", icon="CHECKMARK")
        if problem := refine_preview.problem(clip):
            draw_text(layout, f"No preview: {problem}", icon="ERROR")


CLASSES = (CLIP_PT_matte_refine,)
