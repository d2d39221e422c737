"""Operators that add a clip's group to the scene's compositor, and make the scene's settings suit the clip."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty
from bpy.types import Context, MovieClip, Operator

from ..addon import clips, compositor, scene_settings
from ..addon.objects import matted_objects
from ..engine.shared.matte_folder import spans
from .common import OBJECT_ITEMS, ClipOperator, chosen_object_ids, clip_in, report_warnings, skipped_object_warnings


class CLIP_OT_matte_to_compositor(ClipOperator, Operator):
    """Add a node group with the alpha and cut-out of every object to the compositor, or update it. Your own nodes and \
links are kept"""

    bl_idname = "clip.matte_to_compositor"
    bl_label = "To Compositor"
    bl_options = {"REGISTER", "UNDO"}
    changes_clip = False  # nodes belong to the scene

    variant: EnumProperty(
        name="From",
        items=(
            ("MATTE", "Mattes", "The computed matte images, with soft edges"),
            ("MASK", "Mask Layers", "The mask layers, including your edits"),
        ),
        default="MATTE",
        options={"SKIP_SAVE"},
    )
    which: EnumProperty(name="Objects", items=OBJECT_ITEMS, default="ALL", options={"SKIP_SAVE"})
    fresh: BoolProperty(
        name="Make Anew",
        description="Make another group if you have changed the clip's group. Yours stays as it is",
        default=False,
        options={"SKIP_SAVE"},
    )
    replace: BoolProperty(
        name="Replace Old Nodes",
        description="Remove the nodes that an earlier version made. Links to your own nodes go to the group",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_to_compositor) -> str:
        if properties.replace:
            return (
                "Replace the nodes that an earlier version made by the clip's group. Your own nodes and links are kept"
            )
        if properties.fresh:
            return "Make the clip's group anew. The one that you have changed stays as it is, and is yours"
        if properties.variant == "MASK":
            return "Add the same group, set to the mask layers with your edits, to the scene's compositor"
        return cls.__doc__ or ""

    def run(self, context: Context) -> str:
        clip, scene = clip_in(context), context.scene
        is_matte = self.variant == "MATTE"
        object_ids = _shown_ids(context, self.which) if is_matte else [item.object_id for item in matted_objects(clip)]
        active = chosen_object_ids(context, "ACTIVE")[0] if is_matte and self.which == "ACTIVE" else None
        choices = compositor.Choices(active, masks=not is_matte, fresh=self.fresh, replace=self.replace)
        result = compositor.add(scene, clip, object_ids, choices)
        warnings = []
        if is_matte:
            warnings += skipped_object_warnings(context, self.which, set(object_ids).difference(result.skipped))
        warnings += _node_warnings(clip, result)
        return report_warnings(self, f"Group '{result.group}' is in the compositor", warnings)


def _shown_ids(context: Context, which: str) -> list[int]:
    """Return the ids of the objects that a clip's group shows: those with keyframes, and the active one if chosen."""
    clip = clip_in(context)
    chosen = set(chosen_object_ids(context, which)) | {key.object_id for key in clip.matting.keyframes}
    return [item.object_id for item in matted_objects(clip) if item.object_id in chosen]


class CLIP_OT_matte_scene_size(ClipOperator, Operator):
    """Give the scene's renders the size and pixel aspect of the clip"""

    bl_idname = "clip.matte_scene_size"
    bl_label = "Set Scene Size"
    bl_options = {"REGISTER", "UNDO"}
    changes_clip = False

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        scene_settings.set_size(context.scene, clip)
        width, height = clips.pixel_size(clip)
        return f"Scene set to {width}x{height}"


class CLIP_OT_matte_scene_colours(ClipOperator, Operator):
    """Set the scene's view transform to Standard without a look, so that renders show the clip in its own colours"""

    bl_idname = "clip.matte_scene_colours"
    bl_label = "Set to Standard"
    bl_options = {"REGISTER", "UNDO"}
    changes_clip = False

    def run(self, context: Context) -> str:
        scene_settings.keep_colours(context.scene)
        return "View transform set to Standard"


def _node_warnings(clip: MovieClip, result: compositor.CompositorResult) -> list[str]:
    warnings = []
    if result.missing:
        shown = "are transparent" if result.missing_are_empty else "use those of other frames"
        warnings.append(f"frames without mattes {shown}: {spans(result.missing)}")
    if result.changed:
        warnings.append(
            f"group '{result.group}' is kept as you have changed it, and only shows the mattes of now: "
            "for new objects, click Make Anew"
        )
    if not result.linked:
        warnings.append(f"the output is in use: link the outputs of node '{result.group}' where you need them")
    if not result.same_size:
        width, height = clips.pixel_size(clip)
        warnings.append(f"the render size is not the clip's, {width}x{height}: click Set Scene Size")
    return warnings


CLASSES = (CLIP_OT_matte_to_compositor, CLIP_OT_matte_scene_size, CLIP_OT_matte_scene_colours)
