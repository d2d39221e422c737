"""Properties of movie clips: objects, keyframes, suggestions, settings and the matte folder."""

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

from ..engine.shared.types import EarlyEnd
from . import recipes, rows, weights
from .refine_settings import MatteRefinement

ROLE_ITEMS = (
    ("OBJECT", "Object", "Propagated, and given a matte on every frame"),
    ("GARBAGE", "Garbage Mask", "No object's matte reaches into it; inverted, none reaches out of it"),
    ("HOLDOUT", "Hold-Out Mask", "Something in front of the objects below it in the list, which it covers"),
)


class MatteObject(PropertyGroup):
    """Object to be matted. Its `name` is the built-in property of every PropertyGroup."""

    object_id: IntProperty(name="Number", description="Number of the object in label images")
    colour: FloatVectorProperty(name="Colour", subtype="COLOR", size=3, min=0.0, max=1.0, default=(0.1, 0.9, 0.3))
    role: EnumProperty(name="Role", description="What the marked area means", items=ROLE_ITEMS, default="OBJECT")
    show: BoolProperty(name="Show", description="Show this object's matte over the clip", default=True)
    solo: BoolProperty(name="Solo", description="Show only the mattes of objects with this switch", default=False)
    lock: BoolProperty(name="Lock", description="Protect this object's keyframes and mattes", default=False)
    refinement: PointerProperty(type=MatteRefinement, name="Refinement")
    accepted: StringProperty(name="Accepted", description="Mattes that you have accepted as they are; see reviews.py")
    source_mask: PointerProperty(
        type=bpy.types.Mask,
        name="Mask",
        description="Blender mask to use, with its animation and feather, instead of what is marked on keyframes",
    )
    invert: BoolProperty(
        name="Invert", description="Clear what lies outside of the marked area, rather than inside", default=False
    )
    mask_layer: StringProperty(name="Mask Layer", description="Mask layer made from this object's matte")
    mask_layer_for: StringProperty(
        name="Mask Layer Object", description="Name of the object when its mask layer was made"
    )
    mask_layer_fit: StringProperty(
        name="Mask Layer Fit", description="Start, offset and shape of the clip for which its mask layer was made"
    )


class MatteKeyframe(PropertyGroup):
    """Mask of one object on one frame, given by the user."""

    # The frame's file number rather than the scene frame, so that it stays valid when the clip is moved in time.
    number: IntProperty(name="Number")
    object_id: IntProperty(name="Object")
    absent: BoolProperty(name="Object Not Visible", description="The object is not visible on this frame")
    frames: IntProperty(
        name="Frames",
        description="Number of frames from this one on, on which the object is not visible. 1 for other keyframes",
        default=1,
        min=1,
    )
    version: StringProperty(name="Version", description="Identifier of the keyframe's mask on disk")
    is_alpha: BoolProperty(
        name="Alpha",
        description="Whether the keyframe's image on disk is an alpha. Keymatte 0.1 stored a label image",
        default=False,
    )
    area: IntProperty(name="Area", description="Number of pixels inside the mask")


class MatteColour(PropertyGroup):
    """Colour of imported masks, with the object that the user has said it is. Its `name` is `#rrggbb`."""

    object_id: IntProperty(name="Object", description="Number of the object; 0 if the colour is ignored")


class MatteSuggestion(PropertyGroup):
    """Frame on which another keyframe would help."""

    number: IntProperty(name="Number")  # the frame's file number, as in keyframes
    object_id: IntProperty(name="Object", description="Number of the object to mark; 0: none in particular")
    reason: StringProperty(name="Reason", description="Why another keyframe would help, as a key of reasons.SENTENCES")


class MatteLock(PropertyGroup):
    """Frames on which the mattes of an object, or of all, never change."""

    object_id: IntProperty(name="Object", description="Number of the object; 0: all objects")
    first: IntProperty(name="First Frame")  # file numbers, as in keyframes
    last: IntProperty(name="Last Frame")


class MatteEdits(PropertyGroup):
    """Frames on which the artist has edited the mask layers of an object. Its `name` has the clip's key and the object.

    It is stored on the mask; see edit_records.py.
    """

    frames: StringProperty(name="Frames", description="File numbers of the edited frames")


class ClipMatting(PropertyGroup):
    """Keymatte's data on a movie clip."""

    objects: CollectionProperty(type=MatteObject)
    active_object: IntProperty(name="Active Object")
    keyframes: CollectionProperty(type=MatteKeyframe)
    active_keyframe: IntProperty(
        name="Active Keyframe",
        description="Keyframe on the current frame. Click a keyframe to go to its frame",
        get=rows.keyframe_row,
        set=rows.go_to_keyframe,
    )
    keyframes_of_active: BoolProperty(
        name="Active Object Only", description="List and visit only keyframes of the active object", default=False
    )
    colours: CollectionProperty(type=MatteColour)
    recipe: EnumProperty(
        name="Method", description="Method that computes the mattes", items=recipes.MENU, default=recipes.DEFAULT
    )
    weights: EnumProperty(
        name="Model",
        description="Trained network that the method uses",
        items=weights.MENU,
        default=weights.ANY,
    )
    adapt: BoolProperty(
        name="Adapt to This Shot",
        description="Train on this clip's keyframes before propagating, which takes about a minute. The result is used "
        "only for this clip, and only if it is better",
        default=False,
    )
    across_cuts: BoolProperty(
        name="Across Cuts",
        description="Let keyframes count in all shots of a clip that has cuts. Without it, mattes are empty in shots "
        "without a keyframe",
        default=False,
    )
    follow_small: BoolProperty(
        name="Follow Small Objects",
        description="Look at small objects in large frames from nearby. Mattes become finer, and runs up to twice "
        "as slow",
        default=True,
    )
    stabilized: BoolProperty(
        name="Stabilized",
        description="Propagate as if the camera stood still, by the clip's 2D stabilization. Mattes fit the clip as it "
        "is all the same",
        default=False,
    )
    use_range: BoolProperty(name="In/Out Range", description="Propagate only from the in point to the out point")
    range_first: IntProperty(name="In", description="File number of the first frame of the range")
    range_last: IntProperty(name="Out", description="File number of the last frame of the range")
    paces: StringProperty(name="Paces", description="Speed of earlier runs, by recipe and size; see paces.py")
    around: IntProperty(
        name="Frames on Each Side",
        description="How many frames before and after the current one Fix Around Here redoes",
        default=10,
        min=0,
        soft_max=100,
    )
    early_frames: IntProperty(
        name="Stop If Unchanged",
        description="Stop redoing frames once the new mattes are the same as the earlier ones on this many frames in a "
        "row. 0 never stops early",
        default=EarlyEnd.frames,
        min=0,
        soft_max=25,
    )
    early_percent: FloatProperty(
        name="Unchanged Within",
        description="Part of an object's pixels below which new and earlier mattes may differ and count as the same",
        subtype="PERCENTAGE",
        default=100 * EarlyEnd.share,
        min=0.0,
        max=100.0,
        precision=1,
    )
    suggestions: CollectionProperty(type=MatteSuggestion)
    active_suggestion: IntProperty(
        name="Suggested Frame",
        description="Suggestion on the current frame. Click a suggestion to go to its frame",
        get=rows.suggestion_row,
        set=rows.go_to_suggestion,
    )
    locks: CollectionProperty(type=MatteLock)
    suggestion_count: IntProperty(
        name="Number", description="Maximum number of frames to suggest", min=1, max=20, default=5
    )
    suggestion_alpha: FloatProperty(
        name="Suggest by",
        description="What is compared to find frames: the whole picture (0), the objects only (1), or a mix of both",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=0.5,
    )
    folder: StringProperty(name="Folder", description="Folder of this clip's keyframes and mattes")
    folder_absolute: StringProperty(name="Absolute Folder", description="Absolute path of the folder")
    export_folder: StringProperty(name="Export Folder", description="Folder to which mattes were exported last")
    saved_by: StringProperty(name="Saved By", description="Version of Keymatte that has saved this clip's data")
    key: StringProperty(name="Key", description="Identifier of this clip in compositor nodes, images and mask layers")
    mask: PointerProperty(type=bpy.types.Mask, name="Mask", description="Mask made from the mattes")
    show_overlay: BoolProperty(name="Overlay", description="Show mattes and keyframes over the clip", default=True)
    show_lane: BoolProperty(
        name="Lane",
        description="Show the state of every matte along the bottom of the editor, a row for each object",
        default=True,
    )
    view: EnumProperty(
        name="View",
        description="How the mattes are shown over the clip. Shift V goes to the next view",
        items=(
            ("TINT", "Tint", "The mattes in the objects' colours", "OVERLAY", 0),
            ("OUTLINE", "Outline", "The mattes' edges in the objects' colours", "MOD_SOLIDIFY", 1),
            ("ALPHA", "Alpha", "The active object's matte in grey: inside is white", "IMAGE_ALPHA", 2),
            ("BLACK_WHITE", "Black and White", "All shown objects in white on black", "MOD_MASK", 3),
            ("CHECKER", "Cut-Out on Checker", "The shown objects alone, on a checkerboard", "TEXTURE", 4),
            ("COLOUR", "Cut-Out on Colour", "The shown objects alone, on a colour", "IMAGE_BACKGROUND", 5),
            ("KEYFRAMES", "Keyframes Only", "Your keyframes, without computed mattes", "KEYFRAME", 6),
        ),
        default="TINT",
    )
    show_before: BoolProperty(
        name="Before / After",
        description="Show the mattes before the last run on the left of a line, and those of now on its right",
        default=False,
    )
    wipe: FloatProperty(
        name="Wipe",
        description="Place of the line between before and after, from the left of the picture (0) to its right (1)",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=0.5,
    )
    view_colour: FloatVectorProperty(
        name="Background",
        description="Colour behind the cut-out",
        subtype="COLOR",
        size=3,
        min=0.0,
        max=1.0,
        default=(0.0, 0.35, 0.05),
    )
    opacity: FloatProperty(
        name="Opacity",
        description="Opacity of the mattes over the clip",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=0.5,
    )


CLASSES = (
    MatteRefinement,
    MatteObject,
    MatteKeyframe,
    MatteColour,
    MatteSuggestion,
    MatteLock,
    MatteEdits,
    ClipMatting,
)


def register() -> None:
    """Register the property groups, and add the properties `matting` of movie clips and `matte_edits` of masks."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.MovieClip.matting = PointerProperty(type=ClipMatting)
    bpy.types.Mask.matte_edits = CollectionProperty(type=MatteEdits)


def unregister() -> None:
    """Remove the properties and the property groups. Data saved in .blend files is kept."""
    del bpy.types.Mask.matte_edits
    del bpy.types.MovieClip.matting
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
