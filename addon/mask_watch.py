"""Keys for edits of mask layers that were made from mattes: a point that the artist moves on a frame is keyed there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import Depsgraph, Mask, MaskLayer, Scene

from . import edit_records, mask_editors
from .mask_editors import MaskEditor, Shown, acting_on, editors, is_scratch, shown_by, watched_layers
from .mask_points import differ, points_of, set_points

# Blender keys a mask only with Auto Keying, and otherwise forgets what was moved as soon as the frame changes. The
# layers of masks that an editor shows are therefore compared with what they were, after every change. A key is
# inserted while the points are still being dragged, so that the undo step at the end of the drag holds it.

_MAX_KNOWN = 65536  # edited shapes that are remembered for redo


@dataclass
class _Layer:
    """Points of a layer, (N, 7) float32, since the frame is shown."""

    first: np.ndarray  # as they were then
    now: np.ndarray
    had_key: bool | None = None  # whether there was a shape key on the frame then; None: not looked for yet
    was_edited: bool = False  # whether the frame was recorded as edited then; not known before `had_key`


@dataclass(frozen=True)
class _Shown:
    """What is known of a mask on the frame that is shown."""

    scene: int
    frame: float
    layers: dict[str, _Layer]  # by name


_shown: dict[int, _Shown] = {}  # by the mask's `session_uid`, as the others
_keying: list[MaskEditor] = []  # in which keys are being inserted, which has Blender call the handlers again
_undone: dict[int, dict[str, np.ndarray]] = {}  # points just after an undo or redo, until Blender evaluates them
_last_cleared = 0  # address of the last operator that cleared a shape key
_known: dict[tuple[int, str, int, bytes], None] = {}  # mask, layer, frame, hash of points: edits, for redo


def forget() -> None:
    """Forget everything, as another file is loaded."""
    for known in (_shown, _undone, _known):
        known.clear()
    mask_editors.forget()


def after_update(scene: Scene, depsgraph: Depsgraph) -> None:
    """Key what the artist has just moved."""
    if depsgraph.mode == "VIEWPORT" and _may_key() and depsgraph.id_type_updated("MASK"):
        is_cleared = _is_newly_cleared()
        for editor in editors(scene):
            _key(editor, scene, _changed(editor, scene))
            if is_cleared:
                _withdraw(editor, scene)


def before_update(scene: Scene) -> None:
    """Key what an operator has changed that is run again after an undo, as from the panel of the last operation.

    Blender evaluates all masks anew after an undo, which would put the points back.
    """
    if not _undone or not _may_key():
        return
    for editor in editors(scene):
        before = _undone.pop(editor.mask.session_uid, {})
        layers = {layer.name: layer for layer in watched_layers(editor.mask)}
        changed = [layer for name, layer in layers.items() if name in before and differ(before[name], points_of(layer))]
        _key(editor, scene, changed)


def before_frame(scene: Scene) -> None:
    """Key what was moved on a frame that is left before `after_update` was called, and forget the points there."""
    if not _may_key():
        return
    _undone.clear()
    if is_scratch(scene):
        _shown.clear()  # whatever is done to masks there is not an edit
    for editor in editors(scene):
        uid = editor.mask.session_uid
        shown = _shown.get(uid)
        if shown is None or shown.scene != scene.session_uid or shown.frame == scene.frame_current_final:
            continue
        if any(_is_edited(shown, layer) for layer in watched_layers(editor.mask)):
            with _on_frame(scene, shown.frame):
                _key(editor, scene, _changed(editor, scene))
        del _shown[uid]


def after_frame(scene: Scene, depsgraph: Depsgraph) -> None:
    """Remember the points on the frame that is shown now; while playing, `look` does so after the end."""
    if depsgraph.mode == "VIEWPORT" and _may_key() and not _is_playing():
        for editor in editors(scene):
            _remember(editor.mask, scene)


def after_undo(scene: Scene) -> None:
    """Key an edit again that undo or redo has brought back without its key, as it ended too fast to be in the step."""
    _shown.clear()
    _undone.clear()
    for editor in editors(scene):
        uid = editor.mask.session_uid
        points = {layer.name: points_of(layer) for layer in watched_layers(editor.mask)}
        _undone[uid] = points
        known = [name for name, of in points.items() if _hashed(uid, name, scene.frame_current, of) in _known]
        _key(editor, scene, [layer for layer in watched_layers(editor.mask) if layer.name in known])


def look(mask: Mask, scene: Scene) -> None:
    """Remember the points that an editor shows, if they are not known, as it is drawn."""
    shown = _shown.get(mask.session_uid)
    if (shown is None or not _is_of(shown, scene)) and not _is_playing():
        _remember(mask, scene)


def _changed(editor: MaskEditor, scene: Scene) -> list[MaskLayer]:
    """Return the layers whose points differ from those that are remembered, and remember what they are now.

    If the mask was not known on the frame shown, all is remembered, and nothing has changed.
    """
    shown = _shown.get(editor.mask.session_uid)
    if shown is None or not _is_of(shown, scene):
        _remember(editor.mask, scene)
        return []
    return [layer for layer in watched_layers(editor.mask) if _has_changed(shown, layer)]


def _is_edited(shown: _Shown, layer: MaskLayer) -> bool:
    known = shown.layers.get(layer.name)
    points = points_of(layer)
    return known is not None and known.now.shape == points.shape and differ(points, known.now)


def _has_changed(shown: _Shown, layer: MaskLayer) -> bool:
    points, known = points_of(layer), shown.layers.get(layer.name)
    if known is None or known.now.shape != points.shape:  # Blender changes shape keys with the number of points
        shown.layers[layer.name] = _Layer(points, points)
        return False
    if not differ(points, known.now):
        return False
    known.now = points
    return True


def _key(editor: MaskEditor, scene: Scene, layers: Sequence[MaskLayer]) -> None:
    """Key layers on the scene's frame, and record that the artist has edited their objects there.

    Where the points are again what they were when the frame was shown, as after Esc, so are the key and the record.
    """
    if not layers:
        return
    _keying.append(editor)
    try:
        for layer in layers:
            if not (layer.hide or layer.hide_select):  # where Blender inserts none
                _key_layer(editor, scene, layer)
    finally:
        _keying.remove(editor)
    while len(_known) > _MAX_KNOWN:
        del _known[next(iter(_known))]


def _key_layer(editor: MaskEditor, scene: Scene, layer: MaskLayer) -> None:
    uid = editor.mask.session_uid
    known = _shown[uid].layers.get(layer.name) if uid in _shown else None
    points = points_of(layer) if known is None else known.now
    _settle(editor, layer, points)
    owner = shown_by(editor.mask, layer, scene)
    with acting_on(editor, layer):
        if not bpy.ops.mask.shape_key_insert.poll():  # as where Blender hides splines
            return
        if known is not None and known.had_key is None:
            known.had_key = "FINISHED" in bpy.ops.mask.shape_key_clear()
            known.was_edited = owner is not None and owner.number in edit_records.edited_numbers(*owner.of)
        if known is not None and not differ(known.now, known.first):
            _take_back(known, owner)
            return
        bpy.ops.mask.shape_key_insert()
    _known[_hashed(uid, layer.name, scene.frame_current, points)] = None
    if owner is not None:
        edit_records.note(*owner.of, owner.number)


def _take_back(known: _Layer, owner: Shown | None) -> None:
    """Leave key and record of a layer as they were when the frame was shown. `acting_on` must be in effect."""
    if known.had_key:
        bpy.ops.mask.shape_key_insert()
    else:
        bpy.ops.mask.shape_key_clear()
    if owner is not None and not known.was_edited:
        edit_records.withdraw(*owner.of, [owner.number])


def _is_newly_cleared() -> bool:
    """Return whether the artist has just cleared the shape key on the frame; true once for each time."""
    global _last_cleared
    last = bpy.context.window_manager.operators[-1:]
    cleared = last[0].as_pointer() if last and last[0].bl_idname == "MASK_OT_shape_key_clear" else 0
    is_new = cleared not in (0, _last_cleared)
    _last_cleared = cleared
    return is_new


def _withdraw(editor: MaskEditor, scene: Scene) -> None:
    """Forget the edits on the frame of all layers whose key Blender's operator clears."""
    for layer in watched_layers(editor.mask):
        owner = None if layer.hide or layer.hide_select else shown_by(editor.mask, layer, scene)
        if owner is not None:
            edit_records.withdraw(*owner.of, [owner.number])
    _remember(editor.mask, scene)


def _settle(editor: MaskEditor, layer: MaskLayer, points: np.ndarray) -> None:
    """Have Blender evaluate what it has still to evaluate, and give the layer these points again.

    It does so before every operator. After an undo or a change of the frame, that would put the points back.
    """
    editor.window.view_layer.update()
    if differ(points, points_of(layer)):
        set_points(layer, points)


def _remember(mask: Mask, scene: Scene) -> None:
    """Remember the points of the mask's layers that were made from mattes."""
    all_points = {layer.name: points_of(layer) for layer in watched_layers(mask)}
    layers = {name: _Layer(points, points) for name, points in all_points.items()}
    _shown[mask.session_uid] = _Shown(scene.session_uid, scene.frame_current_final, layers)


def _is_of(shown: _Shown, scene: Scene) -> bool:
    return (shown.scene, shown.frame) == (scene.session_uid, scene.frame_current_final)


def _hashed(uid: int, name: str, frame: int, points: np.ndarray) -> tuple[int, str, int, bytes]:
    return uid, name, frame, hashlib.blake2b(points.tobytes(), digest_size=12).digest()


def _may_key() -> bool:
    """Return whether keys may be inserted: not in a thread that renders, and not while some are being inserted."""
    return threading.current_thread() is threading.main_thread() and not _keying


def _is_playing() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


@contextmanager
def _on_frame(scene: Scene, frame: float) -> Iterator[None]:
    """Let a scene be on another frame without showing it, while Blender is about to leave that frame."""
    current, subframe = scene.frame_current, scene.frame_subframe
    scene.frame_current, scene.frame_subframe = int(frame), frame - int(frame)
    try:
        yield
    finally:
        scene.frame_current, scene.frame_subframe = current, subframe
