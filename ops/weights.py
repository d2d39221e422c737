"""Published weights: download, import."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..addon import weights
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.catalogue import find_weights
from ..engine.shared.errors import EngineError
from .common import HIDDEN, ReportingOperator

_WIDTH = 560  # pixels of a screen of usual density: an address fits


class _WeightsOperator(ReportingOperator):
    """Has the engine install weights."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if session.status.busy:
            cls.poll_message_set("Something is running already")
            return False
        return True

    def run(self, context: Context) -> str:
        session.install_weights(self.request())
        listen()
        return session.wait().summary if self.wait else ""


class CLIP_OT_matte_weights_download(_WeightsOperator, Operator):
    """Download weights that others have published, after showing whose they are, under which licence, and how large; \
Blender stays free meanwhile"""

    bl_idname = "clip.matte_weights_download"
    bl_label = "Download Weights"
    bl_options = {"REGISTER"}

    name: StringProperty(name="Name", description="Which weights", options={"SKIP_SAVE"})
    again: BoolProperty(name="Again", description="Even if they are installed", default=False, options={"SKIP_SAVE"})
    wait: BoolProperty(name="Wait", description="Return when all is done", default=False, options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            weights.expect_online()
            find_weights(self.name)
        except EngineError as error:
            self.report({"ERROR"}, error.sentence())
            return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, confirm_text="Download")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        for name, value in weights.facts(find_weights(self.name)):
            row = column.split(factor=0.13)
            row.label(text=name)
            row.label(text=value)

    def request(self) -> weights.Download:
        return weights.download(self.name, again=self.again)


class CLIP_OT_matte_weights_import(_WeightsOperator, Operator):
    """Install published weights from a file that you have; the file stays as it is. If the file's name tells which \
weights it holds, those are installed"""

    bl_idname = "clip.matte_weights_import"
    bl_label = "Import Weights"
    bl_options = {"REGISTER"}

    name: StringProperty(name="Name", description="Which weights, if the file's name does not tell", options=HIDDEN)
    again: BoolProperty(name="Again", description="Even if they are installed", default=False, options=HIDDEN)
    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.pth;*.pt;*.safetensors", options=HIDDEN)
    wait: BoolProperty(name="Wait", description="Return when all is done", default=False, options=HIDDEN)

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.name and not self.filepath:
            self.filepath = str(weights.likely_file(self.name))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def request(self) -> weights.Import:
        return weights.import_file(self.name, Path(bpy.path.abspath(self.filepath)), again=self.again)


CLASSES = (CLIP_OT_matte_weights_download, CLIP_OT_matte_weights_import)
