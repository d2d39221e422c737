"""Operators of painting: the switch that turns it on, and the stroke."""

from __future__ import annotations

import numpy as np
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty
from bpy.types import Context, Event, Operator, PropertyGroup

from ..addon import canvas, notices, painting, snapping, stroke_snap, unstored
from ..addon.brush import MAX_RADIUS, MIN_RADIUS, Brush
from ..addon.brush_settings import TOOL_ITEMS, settings, show_status
from ..addon.listening import redraw
from ..addon.saving import check_clip_saved
from ..engine.shared.errors import ClipUnreadable, EngineError, KeyframeEmpty
from .common import ClipOperator, clip_in, is_over_clip, mouse_pixels

_SCRUB_STRIP = 16  # height in which Blender scrubs at an editor's lower edge, at a resolution scale of 1
_CLICK = 3  # pixels of the screen that the mouse moves at most in a click
_DENSITY = 0.1  # of the radius: how close to the last sample Blender's samples between two events are left out


class CLIP_OT_matte_paint_mode(ClipOperator, Operator):
    """Paint the active object's keyframes with the mouse or a pen, until you leave with Esc, Enter or this button"""

    bl_idname = "clip.matte_paint_mode"
    bl_label = "Paint"
    bl_options = {"REGISTER"}
    changes_clip = False  # leaving is always possible

    leave: BoolProperty(name="Leave", description="Only leave painting", default=False, options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        chosen = settings()
        if self.leave and not chosen.use_paint:
            return {"PASS_THROUGH"}
        if self.leave and chosen.once:  # only the lasso or the fill that was to be next
            chosen.tool = "BRUSH"
            redraw()
            return {"FINISHED"}
        return self.execute(context)

    def run(self, context: Context) -> str:
        if self.leave or settings().use_paint:
            settings().use_paint = False
            painting.store_again()
        else:
            check_clip_saved(clip_in(context))
            settings().use_paint = True
        return ""


class MattePoint(PropertyGroup):
    """Point of a stroke. As with Blender's own strokes, scripts give all of name (of any text), x, y and pressure."""

    x: FloatProperty(name="X", description="Pixels of the clip from the left")
    y: FloatProperty(name="Y", description="Pixels of the clip from the top")
    pressure: FloatProperty(name="Pressure", min=0.0, max=1.0, default=1.0)


class CLIP_OT_matte_stroke(ClipOperator, Operator):
    """Paint the active object on this frame, from its keyframe or its computed matte. This makes a keyframe"""

    bl_idname = "clip.matte_stroke"
    bl_label = "Paint Stroke"
    bl_options = {"UNDO"}
    changes_clip = False  # refused in words by the stroke, since Blender would use the mouse otherwise

    points: CollectionProperty(type=MattePoint, name="Points", options={"HIDDEN", "SKIP_SAVE"})
    tool: EnumProperty(name="Tool", items=TOOL_ITEMS, default="BRUSH", options={"SKIP_SAVE"})
    radius: FloatProperty(
        name="Radius", min=MIN_RADIUS, max=MAX_RADIUS, default=25.0, subtype="PIXEL", options={"SKIP_SAVE"}
    )
    hardness: FloatProperty(name="Hardness", min=0.0, max=1.0, default=1.0, options={"SKIP_SAVE"})
    use_pressure: BoolProperty(name="Pressure", default=False, options={"SKIP_SAVE"})
    remove: BoolProperty(name="Remove", default=False, options={"SKIP_SAVE"})
    snap: BoolProperty(
        name="Snap",
        description="Snap the lasso's area, or the object under the strokes, to the edges in the picture",
        default=False,
        options={"SKIP_SAVE"},
    )
    is_eraser: BoolProperty(
        name="Eraser", description="The pen's eraser is used", default=False, options={"HIDDEN", "SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        if not self.points:
            raise KeyframeEmpty("the stroke has no points", remedy="Give it at least one.")
        stroke = self._stroke = self._begin(context)
        places = np.array([(point.x, point.y) for point in self.points], np.float64)
        if self.tool == "FILL":
            _fill(stroke, *places[0])
        elif self.tool == "LASSO":
            stroke.fill_outline(places)
        else:
            for point in self.points:
                stroke.extend(point.x, point.y, point.pressure)
        text = painting.end(stroke)
        return f"{text}; {snapping.wait()}" if self._snap(context) else text

    def invoke(self, context: Context, event: Event) -> set[str]:
        strip = _SCRUB_STRIP * context.preferences.system.ui_scale
        if not (settings().use_paint and is_over_clip(context)) or event.mouse_region_y <= strip:
            return {"PASS_THROUGH"}
        self._take_settings(event)
        try:
            self._stroke = self._begin(context)
            notices.clear()
            snapping.clear_outcome()
            self._points = [mouse_pixels(context, event)]
            self._pressed = (event.mouse_region_x, event.mouse_region_y)
            self._is_straight = self.tool == "BRUSH" and event.shift
            if self.tool == "FILL":
                _fill(self._stroke, *self._points[0])
                return self._finish(context)
            if self.tool == "BRUSH" and not self._is_straight:
                self._stroke.extend(*self._points[0], event.pressure)
        except EngineError as error:
            return self._refuse(error, clip_in(context).session_uid)
        canvas.outline = self._points if self.tool == "LASSO" else None
        context.window_manager.modal_handler_add(self)
        context.region.tag_redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> set[str]:
        if not self._is_shown(context):  # the editor shows something else now
            return self._store()
        if event.type in ("MOUSEMOVE", "INBETWEEN_MOUSEMOVE"):
            self._move(context, event)
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            return self._release(context, event)
        elif event.type in ("ESC", "RIGHTMOUSE") and event.value == "PRESS":
            painting.discard(self._stroke)
            self._leave()
            return {"CANCELLED"}
        elif event.type.startswith("TIMER"):
            return {"PASS_THROUGH"}  # playback goes on
        return {"RUNNING_MODAL"}

    def cancel(self, context: Context) -> None:
        """Take the stroke back, since Blender closes the editor or another file is loaded."""
        painting.discard(self._stroke)
        canvas.outline = None

    def _begin(self, context: Context) -> painting.Stroke:
        style = Brush(self.hardness, self.remove)
        frame = context.scene.frame_current
        stroke = painting.begin(clip_in(context), frame, style, self.radius, use_pressure=self.use_pressure)
        stroke.start = stroke.canvas.alpha.copy() if self.snap and self.tool != "FILL" else None
        return stroke

    def _take_settings(self, event: Event) -> None:
        """Take tool and brush from the settings; Ctrl and the pen's eraser turn the brush around."""
        chosen = settings()
        self.tool, self.radius, self.hardness = chosen.tool, chosen.radius, chosen.hardness
        self.use_pressure, self.snap = chosen.use_pressure and event.is_tablet, chosen.use_snap
        self.remove = (chosen.mode == "REMOVE") != (event.ctrl or self.is_eraser)

    def _is_shown(self, context: Context) -> bool:
        return self.poll(context) and clip_in(context).session_uid == self._stroke.canvas.clip_uid

    def _move(self, context: Context, event: Event) -> None:
        try:
            place = mouse_pixels(context, event)
        except ClipUnreadable:  # the file has just gone, which is said at the end of the stroke
            return
        step = np.hypot(place[0] - self._points[-1][0], place[1] - self._points[-1][1])
        if event.type == "INBETWEEN_MOUSEMOVE" and self.tool == "BRUSH" and step < _DENSITY * self.radius:
            return
        self._points.append(place)
        if self._is_straight:
            if event.type == "MOUSEMOVE" and self._is_drag(event):
                self._stroke.straight_to(*place, start=self._points[0])
        elif self.tool == "BRUSH":
            self._stroke.extend(*place, event.pressure)
        context.region.tag_redraw()

    def _is_drag(self, event: Event) -> bool:
        away = np.hypot(event.mouse_region_x - self._pressed[0], event.mouse_region_y - self._pressed[1])
        return bool(away > _CLICK)

    def _release(self, context: Context, event: Event) -> set[str]:
        if self._is_straight and not self._is_drag(event):
            place = self._points[0]
            self._stroke.straight_to(*place, start=painting.last_end(self._stroke) or place)
        elif self.tool == "LASSO":
            self._stroke.fill_outline(np.array(self._points))
        return self._finish(context)

    def _snap(self, context: Context) -> bool:
        """Ask the engine to snap the stroke that was just stored, if it is to be; return whether it was asked."""
        if self._stroke.start is None:
            return False
        return stroke_snap.snap(clip_in(context), self._stroke, is_lasso=self.tool == "LASSO")

    def _finish(self, context: Context) -> set[str]:
        result = self._store()
        if self._is_stored:
            try:
                self._snap(context)
            except EngineError as error:  # the stroke is stored as it was drawn
                notices.show(self._stroke.canvas.clip_uid, f"Not snapped: {error.sentence()}")
                self.report({"WARNING"}, error.sentence())
        return result

    def _store(self) -> set[str]:
        self._is_stored = False
        try:
            self.report({"INFO"}, painting.end(self._stroke))
        except EngineError as error:
            self._refuse(error, self._stroke.canvas.clip_uid)
            # The object that was added for a stroke still to be stored is an undo step, or an undo would lose it.
            is_kept = self._stroke.added_object and bool(unstored.all_kept())
            return {"FINISHED"} if is_kept else {"CANCELLED"}
        self._is_stored = True
        self._leave()
        return {"FINISHED"}

    def _refuse(self, error: EngineError, clip_uid: int) -> set[str]:
        self._clear()
        notices.show(clip_uid, error.sentence())
        self.report({"WARNING"}, error.sentence())  # an error's pop-up would take the next click
        return {"CANCELLED"}

    def _leave(self) -> None:
        if settings().once:
            settings().tool = "BRUSH"
        self._clear()

    def _clear(self) -> None:
        canvas.outline = None
        show_status()  # again, since menus and other operators take painting's keys from the status bar


def _fill(stroke: painting.Stroke, x: float, y: float) -> None:
    """Fill at a place in pixels of the clip, and take the stroke back if that is impossible. Raises KeyframeEmpty."""
    try:
        stroke.fill_at(x, y)
    except EngineError:
        painting.discard(stroke)
        raise


class CLIP_OT_matte_store_again(ClipOperator, Operator):
    """Store the strokes that could not be stored, such as when the disk was full"""

    bl_idname = "clip.matte_store_again"
    bl_label = "Store Again"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        texts = painting.store_again()
        return "; ".join(texts) or "Every stroke is stored"


class CLIP_OT_matte_discard_unstored(ClipOperator, Operator):
    """Discard the strokes that could not be stored. Keyframes stay as they were before these strokes"""

    bl_idname = "clip.matte_discard_unstored"
    bl_label = "Discard Unstored Strokes"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not unstored.all_kept():
            cls.poll_message_set("Every stroke is stored")
            return False
        return super().poll(context)

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)  # undo does not bring them back

    def run(self, context: Context) -> str:
        painting.forget()
        return "Discarded the strokes that could not be stored"


CLASSES = (
    MattePoint,
    CLIP_OT_matte_paint_mode,
    CLIP_OT_matte_stroke,
    CLIP_OT_matte_store_again,
    CLIP_OT_matte_discard_unstored,
)
