"""Operators that install, test and remove the engine, show its log, and remove what it keeps for later runs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty
from bpy.types import Context, Event, Operator

from ..addon import engine_log, engine_setup, environment, installation
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.catalogue import size_in_words
from ..engine.shared.errors import EngineMissing, FolderNotWritable, Offline
from ..engine.shared.kept_features import features_folder, remove_features
from ..engine.shared.text import as_sentence
from .common import ReportingOperator, busy_sentence

_WIDTH = 560  # pixels at 100% resolution scale, wide enough for a path
_FIRST = 0.15  # share of that for the first column
_CHARACTERS = 72  # in a line of the second column


class _EngineOperator(ReportingOperator):
    """Operator that starts an operation of the session and, if `wait` is set, waits until it ends."""

    if TYPE_CHECKING:  # subclasses define these
        wait: bool

        def begin(self) -> None: ...

    @classmethod
    def poll(cls, context: Context) -> bool:
        if session.status.busy:
            cls.poll_message_set(busy_sentence())
            return False
        return True

    def run(self, context: Context) -> str:
        self.begin()
        listen()
        return session.wait().summary if self.wait else ""


class CLIP_OT_matte_install_engine(_EngineOperator, Operator):
    """Download and install PyTorch and the engine's other packages, after showing what and how much"""

    bl_idname = "clip.matte_install_engine"
    bl_label = "Install Engine"
    bl_options = {"REGISTER"}

    again: BoolProperty(
        name="Install Again",
        description="Remove the installed engine and install it anew, if something in it is damaged",
        default=False,
        options={"SKIP_SAVE"},
    )
    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, confirm_text="Install")

    def draw(self, context: Context) -> None:
        preferences = environment.preferences()
        column = self.layout.column()
        column.use_property_split = True
        column.prop(preferences, "torch_build")
        column.prop(preferences, "wheel_folder", placeholder="Internet")
        if engine_setup.is_installed():
            column.prop(self, "again")
        column = self.layout.column(align=True)
        for name, value in engine_setup.plan():
            row = column.split(factor=_FIRST)
            row.label(text=name)
            lines = row.column(align=True)
            for line in textwrap.wrap(value, _CHARACTERS, break_long_words=True):
                lines.label(text=line)
        if (error := engine_setup.obstacle()) is not None:
            can_allow = isinstance(error, Offline) and not bpy.app.online_access_override
            text = as_sentence(error.message) if can_allow else error.sentence()
            for index, line in enumerate(textwrap.wrap(text, _CHARACTERS + 10)):
                column.label(text=line, icon="BLANK1" if index else "ERROR")
            if can_allow:
                column.prop(context.preferences.system, "use_online_access", text="Allow Online Access")

    def begin(self) -> None:
        command = installation.install_command(again=self.again)
        session.set_up(command, "Installing the engine", "The engine is installed")


class CLIP_OT_matte_remove_engine(_EngineOperator, Operator):
    """Remove PyTorch and the other packages of the engine. Keyframes, mattes and models are kept"""

    bl_idname = "clip.matte_remove_engine"
    bl_label = "Remove Engine"
    bl_options = {"REGISTER"}

    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        if not installation.removable():
            return self.refuse(EngineMissing("there is no engine to remove"))
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, confirm_text="Remove")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        column.label(text="This removes PyTorch and the other packages of the engine, in:")
        for folder in installation.removable():
            for line in textwrap.wrap(str(folder), _CHARACTERS + 10, break_long_words=True):
                column.label(text=line, icon="FILE_FOLDER")
        column.label(text="Keyframes, mattes and models are kept. Install Engine brings it back.")

    def begin(self) -> None:
        session.set_up(installation.remove_command(), "Removing the engine")


class CLIP_OT_matte_show_log(ReportingOperator, Operator):
    """Show the log of the engine and of its last installation in a text editor"""

    bl_idname = "clip.matte_show_log"
    bl_label = "Show Log"
    bl_options = {"REGISTER"}

    def run(self, context: Context) -> str:
        text = engine_log.store()
        if bpy.app.background:
            return f"The log is in the text {text.name}"
        areas = [area for window in context.window_manager.windows for area in window.screen.areas]
        area = next((area for area in areas if area.type == "TEXT_EDITOR"), None)
        if area is None:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "TEXT_EDITOR"
        area.spaces.active.text = text
        area.spaces.active.show_word_wrap = True
        area.spaces.active.top = 0
        return ""


class CLIP_OT_matte_test_engine(_EngineOperator, Operator):
    """Start the engine and check that it answers"""

    bl_idname = "clip.matte_test_engine"
    bl_label = "Test Engine"
    bl_options = {"REGISTER"}

    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def begin(self) -> None:
        session.test()


class CLIP_OT_matte_clear_features(ReportingOperator, Operator):
    """Delete what is kept on disk to make later runs faster. Mattes and keyframes are kept"""

    bl_idname = "clip.matte_clear_features"
    bl_label = "Clear Kept Features"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if session.status.busy:
            cls.poll_message_set(busy_sentence())
            return False
        return True

    def run(self, context: Context) -> str:
        try:
            removed = remove_features(features_folder())
        except OSError as error:
            raise FolderNotWritable(f"{features_folder()} cannot be read: {error.strerror}") from error
        return f"Removed {size_in_words(removed)} of kept features" if removed else "No features are kept"


CLASSES = (
    CLIP_OT_matte_install_engine,
    CLIP_OT_matte_remove_engine,
    CLIP_OT_matte_test_engine,
    CLIP_OT_matte_show_log,
    CLIP_OT_matte_clear_features,
)
