"""What Keymatte keeps on each movie clip: objects, keyframes, choices, and where their files are. Data only."""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import PropertyGroup

from . import recipes, rows, weights


class MatteObject(PropertyGroup):
    """An object to follow. Its name is the property every PropertyGroup has."""

    object_id: IntProperty(name="Number", description="The object's number in label images")
    colour: FloatVectorProperty(name="Colour", subtype="COLOR", size=3, min=0.0, max=1.0, default=(0.1, 0.9, 0.3))
    show: BoolProperty(name="Show", description="Show the object's matte over the clip", default=True)
    mask_layer: StringProperty(name="Mask Layer", description="The layer made of the object's matte")
    mask_layer_for: StringProperty(name="Made For", description="The object's name when that layer was made")


class MatteKeyframe(PropertyGroup):
    """One object's mask on one frame, given by the user."""

    # The number of the frame's file, not the scene frame: it stays right when the clip is moved in time.
    number: IntProperty(name="Number")
    object_id: IntProperty(name="Object")
    absent: BoolProperty(name="Not Here", description="The object is not to be seen on this frame")
    version: StringProperty(name="Version", description="Which of the masks kept on disk this is")


class MatteSuggestion(PropertyGroup):
    """A frame on which a further keyframe would help."""

    number: IntProperty(name="Number")  # of the frame's file, as with keyframes
    score: FloatProperty(name="Score", description="How unlike it is the frames that have keyframes")


class ClipMatting(PropertyGroup):
    """All of Keymatte's data on one clip."""

    objects: CollectionProperty(type=MatteObject)
    active_object: IntProperty(name="Active Object")
    keyframes: CollectionProperty(type=MatteKeyframe)
    active_keyframe: IntProperty(
        name="Active Keyframe",
        description="Click to go to its frame",
        get=rows.keyframe_row,
        set=rows.go_to_keyframe,
    )
    recipe: EnumProperty(
        name="Recipe", description="How objects are followed", items=recipes.MENU, default=recipes.DEFAULT
    )
    weights: EnumProperty(
        name="Weights", description="What the recipe's network has learned", items=weights.MENU, default=weights.ANY
    )
    adapt: BoolProperty(
        name="Adapt to This Shot",
        description="Learn from this clip's keyframes before following the objects. Takes about a minute longer; what "
        "is learned is kept only if it helps, and for this clip alone",
        default=False,
    )
    suggestions: CollectionProperty(type=MatteSuggestion)
    active_suggestion: IntProperty(
        name="Suggested Frame",
        description="Click to go to it",
        get=rows.suggestion_row,
        set=rows.go_to_suggestion,
    )
    suggestion_count: IntProperty(
        name="Number", description="How many frames are suggested, at most", min=1, max=20, default=5
    )
    suggestion_alpha: FloatProperty(
        name="Frames or Objects",
        description="What suggested frames are to differ in: the whole picture (0), the objects alone (1), or both",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=0.5,
    )
    folder: StringProperty(name="Folder", description="Where keyframes and mattes are")
    folder_absolute: StringProperty(name="Folder", description="The same, from the root of the disk")
    key: StringProperty(name="Key", description="Marks the compositor nodes made for this clip")
    mask: PointerProperty(type=bpy.types.Mask, name="Mask", description="The mask made of the mattes")
    show_overlay: BoolProperty(name="Overlay", description="Show mattes over the clip", default=True)
    opacity: FloatProperty(name="Opacity", subtype="FACTOR", min=0.0, max=1.0, default=0.5)


CLASSES = (MatteObject, MatteKeyframe, MatteSuggestion, ClipMatting)


def register() -> None:
    """Give every movie clip its `matting`."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.MovieClip.matting = PointerProperty(type=ClipMatting)


def unregister() -> None:
    """Take it away again; what is saved in a .blend stays there."""
    del bpy.types.MovieClip.matting
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
