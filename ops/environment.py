"""Operators that install and test the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpy.props import BoolProperty
from bpy.types import Context, Operator

from ..addon.listening import listen
from ..addon.session import session
from .common import ReportingOperator


class _EngineOperator(ReportingOperator):
    """Operator that starts an operation of the session and, if `wait` is set, waits until it ends."""

    if TYPE_CHECKING:  # subclasses define these
        wait: bool

        def begin(self) -> None: ...

    @classmethod
    def poll(cls, context: Context) -> bool:
        return not session.status.busy

    def run(self, context: Context) -> str:
        self.begin()
        listen()
        return session.wait().summary if self.wait else ""


class CLIP_OT_matte_install_engine(_EngineOperator, Operator):
    """Download and install PyTorch and the engine's other packages (several GB), in the background"""

    bl_idname = "clip.matte_install_engine"
    bl_label = "Install Engine"
    bl_options = {"REGISTER"}

    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def begin(self) -> None:
        session.install()


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


CLASSES = (CLIP_OT_matte_install_engine, CLIP_OT_matte_test_engine)
