"""Operators that download and import published weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..addon import weights
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.catalogue import find_weights
from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import Download, Import
from .common import HIDDEN, ReportingOperator

_WIDTH = 560  # pixels at 100% resolution scale, wide enough for an address


class _WeightsOperator(ReportingOperator):
    """Operator that has the engine install published weights."""

    if TYPE_CHECKING:  # subclasses define these
        wait: bool

        def request(self) -> Download | Import: ...

    @classmethod
    def poll(cls, context: Context) -> bool:
        if session.status.busy:
            cls.poll_message_set("Another operation is already running")
            return False
        return True

    def run(self, context: Context) -> str:
        session.install_weights(self.request())
        listen()
        return session.wait().summary if self.wait else ""


class CLIP_OT_matte_weights_download(_WeightsOperator, Operator):
    """Download a third-party model in the background. Its authors, licence and size are shown first"""

    bl_idname = "clip.matte_weights_download"
    bl_label = "Download Model"
    bl_options = {"REGISTER"}

    name: StringProperty(name="Name", description="Name of the model", options={"SKIP_SAVE"})
    again: BoolProperty(name="Again", description="Replace the installed model", default=False, options={"SKIP_SAVE"})
    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            weights.require_online_access()
            find_weights(self.name)
        except EngineError as error:
            return self.refuse(error)
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, confirm_text="Download")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        for name, value in weights.details(find_weights(self.name)):
            row = column.split(factor=0.13)
            row.label(text=name)
            row.label(text=value)

    def request(self) -> Download:
        return weights.download(self.name, again=self.again)


class CLIP_OT_matte_weights_import(_WeightsOperator, Operator):
    """Install a third-party model from a file, which is kept. If the file has the name of another model, that one \
is installed"""

    bl_idname = "clip.matte_weights_import"
    bl_label = "Import Model"
    bl_options = {"REGISTER"}

    name: StringProperty(name="Name", description="Name of the model, unless the file's name tells it", options=HIDDEN)
    again: BoolProperty(name="Again", description="Replace the installed model", default=False, options=HIDDEN)
    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.pth;*.pt;*.safetensors", options=HIDDEN)
    wait: BoolProperty(name="Wait", description="Wait until the operation has finished", default=False, options=HIDDEN)

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.name and not self.filepath:
            self.filepath = str(weights.guess_download_path(self.name))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def request(self) -> Import:
        return weights.import_file(self.name, Path(bpy.path.abspath(self.filepath)), again=self.again)


CLASSES = (CLIP_OT_matte_weights_download, CLIP_OT_matte_weights_import)
