"""Operators that install and test the engine, and remove what it keeps for later runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpy.props import BoolProperty
from bpy.types import Context, Operator

from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.catalogue import size_in_words
from ..engine.shared.errors import FolderNotWritable
from ..engine.shared.kept_features import features_folder, remove_features
from .common import ReportingOperator, busy_sentence


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


CLASSES = (CLIP_OT_matte_install_engine, CLIP_OT_matte_test_engine, CLIP_OT_matte_clear_features)
