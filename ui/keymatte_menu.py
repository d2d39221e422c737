"""The menu Keymatte in the header of clip editors: every action, with its keys, and disabled with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bpy.types import CLIP_MT_masking_editor_menus, CLIP_MT_tracking_editor_menus, Context, Menu, UILayout

from ..addon import job_queue, weights
from ..addon.next_step import Button
from .next_step import draw_button

_HEADERS = (CLIP_MT_tracking_editor_menus, CLIP_MT_masking_editor_menus)


def _button(operator: str, text: str, icon: str = "NONE", **values: object) -> Button:
    return Button(f"clip.matte_{operator}", text, icon, tuple(values.items()))


class _ButtonsMenu:
    """Menu of buttons; None is a line between them."""

    buttons: ClassVar[tuple[Button | None, ...]] = ()

    if TYPE_CHECKING:  # menus have it
        layout: UILayout

    def draw(self, context: Context) -> None:
        _draw_buttons(self.layout, self.buttons)


def _draw_buttons(layout: UILayout, buttons: tuple[Button | None, ...]) -> None:
    for button in buttons:
        if button is None:
            layout.separator()
        else:
            draw_button(layout, button)


class CLIP_MT_matte_menu_objects(_ButtonsMenu, Menu):
    """Objects and masks of the clip"""

    bl_label = "Objects"
    buttons = (
        _button("object_add", "Add Object", "ADD", role="OBJECT"),
        _button("object_add", "Add Garbage Mask", "TRASH", role="GARBAGE"),
        _button("object_add", "Add Hold-Out Mask", "MOD_MASK", role="HOLDOUT"),
        None,
        _button("object_duplicate", "Duplicate Object", "DUPLICATE"),
        _button("object_remove", "Remove Object", "REMOVE"),
        None,
        _button("object_move", "Move Up", "TRIA_UP", direction="UP"),
        _button("object_move", "Move Down", "TRIA_DOWN", direction="DOWN"),
    )


class CLIP_MT_matte_menu_paint(_ButtonsMenu, Menu):
    """Painting of the active object"""

    bl_label = "Paint"
    buttons = (
        _button("paint_mode", "Paint", "BRUSH_DATA"),
        None,
        _button("brush_tool", "Lasso", tool="LASSO"),
        _button("brush_tool", "Fill", tool="FILL"),
        _button("brush_radius", "Brush Radius"),
        _button("brush_scale", "Larger Brush", factor=1.25),
        _button("brush_scale", "Smaller Brush", factor=0.8),
        None,
        _button("start_from_keyframe", "Start from Previous Keyframe", which="PREVIOUS"),
        _button("start_from_keyframe", "Start from Next Keyframe", which="NEXT"),
        _button("start_empty", "Start Empty"),
    )

    def draw(self, context: Context) -> None:
        _draw_buttons(self.layout, self.buttons)
        layout = self.layout
        if context.space_data.clip is not None:
            layout.menu("CLIP_MT_matte_start_from_object", text="Start from Object")
        layout.separator()
        _draw_buttons(layout, _AFTER_PAINTING)


_AFTER_PAINTING = (
    _button("snap", "Snap Keyframe to Edges", "SNAP_ON", strokes=False),
    _button("snap", "Snap Strokes to Edges", strokes=True),
    _button("store_again", "Store Again", "FILE_REFRESH"),
    _button("discard_unstored", "Discard Unstored Strokes", "TRASH"),
)


class CLIP_MT_matte_menu_keyframes(_ButtonsMenu, Menu):
    """Keyframes of the active object"""

    bl_label = "Keyframes"
    buttons = (
        _button("keyframe_from_mask", "From Mask", "MOD_MASK", absent=False),
        _button("keyframe_from_image", "From Image...", "IMAGE_DATA"),
        _button("keyframes_from_folder", "From Folder...", "FILE_FOLDER"),
        None,
        _button("keyframe_from_mask", "Object Not Visible", "HIDE_ON", absent=True),
        _button("not_visible_range", "Not Visible on Range...", "ARROW_LEFTRIGHT"),
        None,
        _button("keyframe_copy", "Copy Keyframe", "COPYDOWN"),
        _button("keyframe_paste", "Paste Keyframe", "PASTEDOWN"),
        None,
        _button("keyframe_jump", "Next Keyframe", "NEXT_KEYFRAME", to="NEXT"),
        _button("keyframe_jump", "Previous Keyframe", "PREV_KEYFRAME", to="PREVIOUS"),
        None,
        _button("keyframe_clear", "Clear Keyframe", "X"),
        _button("keyframes_clear", "Clear All Keyframes of Object", "TRASH"),
    )


class CLIP_MT_matte_menu_propagate(_ButtonsMenu, Menu):
    """Runs that compute mattes"""

    bl_label = "Propagate"
    buttons = (
        _button("propagate", "Propagate", "PLAY", frames="CLIP"),
        _button("propagate", "Propagate In to Out", frames="RANGE"),
        _button("propagate", "Backward", "TRACKING_BACKWARDS", direction="backward"),
        _button("propagate", "Forward", "TRACKING_FORWARDS", direction="forward"),
        _button("propagate", "Between Keyframes", "ARROW_LEFTRIGHT", frames="BETWEEN"),
        _button("propagate", "Fix Around Here", "FULLSCREEN_EXIT", frames="AROUND"),
        _button("propagate", "Propagate Everything", "FILE_REFRESH", everything=True),
        None,
        _button("pause", "Pause", "PAUSE", resume=False),
        _button("pause", "Resume", "PLAY", resume=True),
        _button("cancel", "Cancel", "X"),
        None,
        _button("range", "Set In", action="IN"),
        _button("range", "Set Out", action="OUT"),
        _button("range", "Set from Preview Range", "PREVIEW_RANGE", action="PREVIEW"),
        _button("range", "Whole Clip Again", "X", action="CLEAR"),
        None,
        _button("undo_run", "Undo Run", "LOOP_BACK"),
        _button("redo_run", "Redo Run", "LOOP_FORWARDS"),
    )

    def draw(self, context: Context) -> None:
        _draw_buttons(self.layout, self.buttons)
        for clip in job_queue.waiting():
            text = f"Remove {clip.name} from Queue"
            self.layout.operator("clip.matte_unqueue", text=text, icon="X").clip_uid = clip.session_uid


class CLIP_MT_matte_menu_fix(_ButtonsMenu, Menu):
    """Mattes that need a fix, and those that are to stay as they are"""

    bl_label = "Fix"
    buttons = (
        _button("fix_jump", "Next Stretch to Fix", "TRIA_DOWN", to="NEXT"),
        _button("fix_jump", "Previous Stretch to Fix", "TRIA_UP", to="PREVIOUS"),
        _button("lane_jump", "Next Stale or Doubtful", "TRIA_RIGHT", to="NEXT"),
        _button("lane_jump", "Previous Stale or Doubtful", "TRIA_LEFT", to="PREVIOUS"),
        None,
        _button("suggest", "Suggest Frames", "OUTLINER_OB_LIGHT"),
        None,
        _button("accept", "Accept This Frame", "CHECKMARK"),
        _button("lock", "Lock Frames of All Objects...", "LOCKED", unlock=False),
        _button("lock", "Unlock Frames of All Objects...", "UNLOCKED", unlock=True),
    )


class CLIP_MT_matte_menu_refine(_ButtonsMenu, Menu):
    """Edges of the mattes"""

    bl_label = "Refine"
    buttons = (
        _button("refine", "Refine Clip", "SHADERFX"),
        _button("refine_copy", "Copy Settings to All Objects", "COPYDOWN"),
    )


class CLIP_MT_matte_menu_results(_ButtonsMenu, Menu):
    """What is made of the mattes"""

    bl_label = "Results"
    buttons = (
        _button("to_mask_layers", "To Mask Layers", "MOD_MASK", on_track=False),
        _button("to_mask_layers", "To Mask Layers on Track", "TRACKER", on_track=True),
        _button("take_edits", "Take Edits as Keyframes", "KEYFRAME_HLT"),
        _button("update_results", "Fit to Clip", "FILE_REFRESH"),
        None,
        _button("to_compositor", "Mattes to Compositor", "NODE_COMPOSITING", variant="MATTE"),
        _button("to_compositor", "Masks to Compositor", "NODE_COMPOSITING", variant="MASK"),
        _button("scene_size", "Set Scene Size", "FULLSCREEN_ENTER"),
        _button("scene_colours", "Set Colour Management to Standard", "COLOR"),
        None,
        _button("export", "Export Mattes...", "EXPORT"),
        _button("export_splines", "Export Splines...", "EXPORT"),
        _button("import_splines", "Import Splines...", "IMPORT"),
        None,
        _button("open_folder", "Open Folder", "FILE_FOLDER"),
        _button("clear", "Clear Mattes", "TRASH"),
    )


class CLIP_MT_matte_menu_view(_ButtonsMenu, Menu):
    """How mattes are shown over the clip"""

    bl_label = "View"
    buttons = (
        _button("view_cycle", "Next Matte View", backward=False),
        _button("view_cycle", "Previous Matte View", backward=True),
        _button("before_after", "Before / After", "MOD_MIRROR"),
    )

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        if clip is not None:
            self.layout.prop(clip.matting, "show_overlay")
            self.layout.prop(clip.matting, "show_lane")
            self.layout.prop_menu_enum(clip.matting, "view")
            self.layout.separator()
        _draw_buttons(self.layout, self.buttons)


class CLIP_MT_matte_menu_models(Menu):
    """Networks that others have published"""

    bl_label = "Third-Party Models"

    def draw(self, context: Context) -> None:
        for entry in weights.OFFERED:
            if entry.address:
                text = f"Download {entry.name}..."
                self.layout.operator("clip.matte_weights_download", text=text, icon="IMPORT").name = entry.name
            text = f"Import {entry.name}..."
            self.layout.operator("clip.matte_weights_import", text=text, icon="FILE_FOLDER").name = entry.name


class CLIP_MT_matte_menu_engine(_ButtonsMenu, Menu):
    """The program that computes the mattes"""

    bl_label = "Engine"
    buttons = (
        _button("install_engine", "Install Engine", "IMPORT"),
        _button("test_engine", "Test Engine", "CHECKMARK"),
        _button("show_log", "Show Log", "TEXT"),
        _button("remove_engine", "Remove Engine", "TRASH"),
        _button("clear_features", "Clear Kept Features", "TRASH"),
        None,
        _button("settings", "Keymatte Preferences", "PREFERENCES"),
        _button("restore_keys", "Restore Keys", "LOOP_BACK"),
    )

    def draw(self, context: Context) -> None:
        _draw_buttons(self.layout, self.buttons)
        self.layout.menu("CLIP_MT_matte_menu_models")


_PARTS = (
    CLIP_MT_matte_menu_objects,
    CLIP_MT_matte_menu_paint,
    CLIP_MT_matte_menu_keyframes,
    CLIP_MT_matte_menu_propagate,
    CLIP_MT_matte_menu_fix,
    CLIP_MT_matte_menu_refine,
    CLIP_MT_matte_menu_results,
    CLIP_MT_matte_menu_view,
    CLIP_MT_matte_menu_engine,
)


class CLIP_MT_matte_menu(Menu):
    """All actions of Keymatte"""

    bl_label = "Keymatte"

    def draw(self, context: Context) -> None:
        layout, space = self.layout, context.space_data
        layout.operator("clip.matte_show_tab", text="Show Keymatte Tab", icon="MENU_PANEL")
        layout.operator("clip.open", text="Open Clip...", icon="FILE_FOLDER")
        if space.clip is not None and (space.clip.library or space.clip.override_library):
            layout.operator("clip.matte_make_local", text="Make Clip Local", icon="LINKED")
        layout.separator()
        for part in _PARTS:
            layout.menu(part.__name__)


def extend_header() -> None:
    """Add the menu to the header, in both modes of the editor."""
    for menus in _HEADERS:
        menus.append(_draw_menu)


def restore_header() -> None:
    """Remove it."""
    for menus in _HEADERS:
        menus.remove(_draw_menu)


def _draw_menu(menus: Menu, context: Context) -> None:
    menus.layout.menu("CLIP_MT_matte_menu")


CLASSES = (*_PARTS, CLIP_MT_matte_menu_models, CLIP_MT_matte_menu)
