"""The engine's environment: install, test."""

from __future__ import annotations

from bpy.props import BoolProperty
from bpy.types import Context, Operator

from ..addon.listening import listen
from ..addon.session import session
from .common import ReportingOperator


class _EngineOperator(ReportingOperator):
    """Starts something that `wait` waits for."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        return not session.status.busy

    def run(self, context: Context) -> str:
        self.begin()
        listen()
        return session.wait().summary if self.wait else ""


class CLIP_OT_matte_install_engine(_EngineOperator, Operator):
    """Download PyTorch and what else the engine needs (a few GB) into a folder of its own; Blender stays free \
meanwhile"""

    bl_idname = "clip.matte_install_engine"
    bl_label = "Install Engine"
    bl_options = {"REGISTER"}

    wait: BoolProperty(name="Wait", description="Return when all is done", default=False, options={"SKIP_SAVE"})

    def begin(self) -> None:
        session.install()


class CLIP_OT_matte_test_engine(_EngineOperator, Operator):
    """Start the engine and see that it answers"""

    bl_idname = "clip.matte_test_engine"
    bl_label = "Test Engine"
    bl_options = {"REGISTER"}

    wait: BoolProperty(name="Wait", description="Return when all is done", default=False, options={"SKIP_SAVE"})

    def begin(self) -> None:
        session.test()


CLASSES = (CLIP_OT_matte_install_engine, CLIP_OT_matte_test_engine)
