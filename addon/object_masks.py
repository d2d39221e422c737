"""Masks that hold the layers of one object: copies of the clip's mask, since a Mask node draws all layers."""

from __future__ import annotations

import bpy
from bpy.types import Mask, MovieClip

from . import mask_layers
from .matte_sequences import MARK


def of_object(clip: MovieClip, object_id: int, name: str, *, renew: bool) -> Mask | None:
    """Return a mask with only the object's layers as they are now; None if it has none.

    It is the clip's mask if that has no others. A copy that was made before is replaced if it is to be renewed.
    """
    whole = clip.matting.mask
    names = {layer.name for layer in mask_layers.layers_of(clip, object_id)}
    if whole is None or not names:
        return None
    if len(names) == len(whole.layers):
        return whole
    mark = f"{clip.matting.key}/{object_id}"
    old = next((mask for mask in bpy.data.masks if mask.get(MARK) == mark and mask.library is None), None)
    if old is not None and not renew:
        return old
    made = whole.copy()
    for layer in [layer for layer in made.layers if layer.name not in names]:
        made.layers.remove(layer)
    if old is not None:
        old.user_remap(made)
        bpy.data.masks.remove(old)
    made[MARK] = mark
    made.name = f"{clip.name} {name}"
    return made
