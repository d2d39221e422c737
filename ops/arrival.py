"""Operators that lead to the tab: the clip editor, its sidebar, the preferences, and clips of other files."""

from __future__ import annotations

import bpy
from bpy.types import Context, Operator

from ..addon import PACKAGE, sidebar
from ..engine.shared.errors import NotSaved
from .common import ClipOperator, ReportingOperator, clip_in


class CLIP_OT_matte_show_tab(ReportingOperator, Operator):
    """Open the sidebar with the tab Keymatte in front. N closes it"""

    bl_idname = "clip.matte_show_tab"
    bl_label = "Show Keymatte Tab"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        space = context.space_data
        if space is None or space.type != "CLIP_EDITOR":
            cls.poll_message_set("Use this in a Movie Clip Editor")
            return False
        return True

    def run(self, context: Context) -> str:
        sidebar.show(context.area)
        return ""


class CLIP_OT_matte_open_editor(ReportingOperator, Operator):
    """Show a Movie Clip Editor with the tab Keymatte. If there is none, one is opened in a workspace of its own"""

    bl_idname = "clip.matte_open_editor"
    bl_label = "Open Movie Clip Editor"
    bl_options = {"REGISTER"}

    def run(self, context: Context) -> str:
        return sidebar.show_editor()


class CLIP_OT_matte_settings(ReportingOperator, Operator):
    """Open the preferences of Keymatte"""

    bl_idname = "clip.matte_settings"
    bl_label = "Keymatte Preferences"
    bl_options = {"REGISTER"}

    def run(self, context: Context) -> str:
        bpy.ops.preferences.addon_show(module=PACKAGE)
        return ""


class CLIP_OT_matte_make_local(ClipOperator, Operator):
    """Make the linked clip a clip of this file, so that its objects, keyframes and mattes are saved"""

    bl_idname = "clip.matte_make_local"
    bl_label = "Make Clip Local"
    bl_options = {"REGISTER", "UNDO"}
    changes_clip = False

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        clip = clip_in(context)
        if clip.library is None and clip.override_library is None:
            cls.poll_message_set("The clip is not linked from another file")
            return False
        return True

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        local = clip.make_local()
        if local is None or local.library is not None:
            raise NotSaved(f"Blender cannot make clip {clip.name} local", remedy="Open its file here as a clip.")
        context.space_data.clip = local
        return f"{local.name} is a clip of this file now"


CLASSES = (CLIP_OT_matte_show_tab, CLIP_OT_matte_open_editor, CLIP_OT_matte_settings, CLIP_OT_matte_make_local)
