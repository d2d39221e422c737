"""Operator that deletes results."""

from __future__ import annotations

from bpy.props import BoolProperty
from bpy.types import Context, Event, Operator

from ..addon.clearing import clear_results, edited_images
from ..addon.folders import existing_folder
from ..addon.session import session
from ..engine.shared.errors import EngineBusy, EngineError
from .common import ClipOperator, clip_in


class CLIP_OT_matte_clear(ClipOperator, Operator):
    """Delete this clip's mattes, also those kept for Undo Run, from disk. Keyframes, masks and nodes are kept"""

    bl_idname = "clip.matte_clear"
    bl_label = "Clear Mattes"
    bl_options = {"REGISTER"}

    edited: BoolProperty(
        name="Delete Edited Mattes",
        description="Also delete the mattes that were edited by hand since they were computed",
        default=False,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            self._edited_count = edited_images(clip_in(context))
        except EngineError as error:
            return self.refuse(error)
        if self._edited_count:
            return context.window_manager.invoke_props_dialog(self)
        return context.window_manager.invoke_confirm(self, event)

    def draw(self, context: Context) -> None:
        count = self._edited_count
        self.layout.label(text="1 matte was edited by hand" if count == 1 else f"{count} mattes were edited by hand")
        self.layout.prop(self, "edited")

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        folder = existing_folder(clip)
        if session.status.busy and folder is not None and session.status.folder == folder.root:
            raise EngineBusy("this clip's mattes are in use by a running operation")
        cleared = clear_results(clip, edited=self.edited)
        text = f"Deleted {cleared.deleted} files" if cleared.deleted else "Nothing to clear"
        return f"{text}; {cleared.kept} that were edited by hand are kept" if cleared.kept else text


CLASSES = (CLIP_OT_matte_clear,)
