"""Operators that undo and redo the last run of a clip."""

from __future__ import annotations

from bpy.types import Context, Operator

from ..addon import versions
from ..engine.shared.version_store import RunInfo
from .common import ClipOperator, clip_in


class _RunOperator(ClipOperator):
    """Operator that undoes a run, or redoes one."""

    undoes: bool

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        clip, verb = clip_in(context), "undo" if cls.undoes else "redo"
        if versions.is_busy(clip):
            cls.poll_message_set("Wait until the running operation has finished, or cancel it")
            return False
        if cls._run_of(context) is None:
            kept = "What a run replaces is kept under a limit, see Keymatte's preferences"
            cls.poll_message_set(f"There is no run to {verb}. {kept}")
            return False
        return True

    @classmethod
    def description(cls, context: Context, properties: Operator) -> str:
        info = cls._run_of(context)
        return f"{cls.__doc__}. {versions.run_words(info)}" if info else f"{cls.__doc__}"

    @classmethod
    def _run_of(cls, context: Context) -> RunInfo | None:
        clip = clip_in(context)
        return versions.next_undo(clip) if cls.undoes else versions.next_redo(clip)

    def run(self, context: Context) -> str:
        return versions.change(clip_in(context), undone=self.undoes).words()


class CLIP_OT_matte_undo_run(_RunOperator, Operator):
    """Bring back the mattes that the last run replaced. Mattes that you edited since, and locked ones, stay"""

    bl_idname = "clip.matte_undo_run"
    bl_label = "Undo Run"
    bl_options = {"REGISTER"}
    undoes = True


class CLIP_OT_matte_redo_run(_RunOperator, Operator):
    """Bring back the mattes of the run that was undone last. Mattes that you edited since, and locked ones, stay"""

    bl_idname = "clip.matte_redo_run"
    bl_label = "Redo Run"
    bl_options = {"REGISTER"}
    undoes = False


CLASSES = (CLIP_OT_matte_undo_run, CLIP_OT_matte_redo_run)
