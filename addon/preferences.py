"""The extension's preferences: which Python the engine runs on, on which device, and where mattes go."""

from __future__ import annotations

from bpy.props import EnumProperty, StringProperty
from bpy.types import AddonPreferences, Context

from . import PACKAGE

DEVICES = (
    ("auto", "Automatic", "The graphics card if PyTorch can use it, else the processor"),
    ("cpu", "Processor", "The processor, on any computer"),
    ("cuda", "CUDA", "An NVIDIA or AMD graphics card"),
    ("mps", "Metal", "The graphics part of an Apple processor"),
)


class KeymattePreferences(AddonPreferences):
    """Kept with Blender's preferences, for all files."""

    bl_idname = PACKAGE

    engine_python: StringProperty(
        name="Python",
        description="A Python interpreter that has PyTorch. Empty: the environment installed by the button below",
        subtype="FILE_PATH",
    )
    device: EnumProperty(name="Device", description="Where the engine computes", items=DEVICES, default="auto")
    cache_folder: StringProperty(
        name="Cache",
        description="Where keyframes and mattes of unsaved files are kept. Empty: in the extension's own folder. "
        "Those of saved files lie beside the file",
        subtype="DIR_PATH",
    )

    def draw(self, context: Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "engine_python")
        column.prop(self, "device")
        column.prop(self, "cache_folder")
        row = self.layout.row()
        row.operator("clip.matte_install_engine", icon="IMPORT")
        row.operator("clip.matte_test_engine", icon="CHECKMARK")
        self._draw_status()

    def _draw_status(self) -> None:
        from .session import session  # the session reads these preferences

        status = session.status
        if status.text:
            self.layout.label(text=status.text, icon="INFO")
        if status.problem:
            self.layout.label(text=status.problem.message, icon="ERROR")
            self.layout.label(text=status.problem.remedy)
