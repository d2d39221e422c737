"""Results: to mask layers, to the compositor, clear."""

from __future__ import annotations

from bpy.props import EnumProperty
from bpy.types import Context, Event, Operator

from ..addon import compositor, mask_layers
from ..addon.folders import clear_results
from ..addon.session import redraw, session
from ..engine.errors import EngineBusy
from .common import WHICH, ClipOperator, clip_in, wanted_objects


class CLIP_OT_matte_to_mask_layers(ClipOperator, Operator):
    """Make mask layers of the mattes: one per object, keyed on every frame. Layers made before are replaced, your \
own are not touched"""

    bl_idname = "clip.matte_to_mask_layers"
    bl_label = "To Mask Layers"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(name="Objects", items=WHICH, default="ALL")

    def run(self, context: Context) -> str:
        clip, space = clip_in(context), context.space_data
        layers = mask_layers.write_layers(
            clip,
            wanted_objects(context, self.which),
            window=context.window or context.window_manager.windows[0],
            area=context.area,
        )
        space.mask = space.mask or clip.matting.mask
        return f"{len(layers)} mask layers written to {clip.matting.mask.name}"


class CLIP_OT_matte_to_compositor(ClipOperator, Operator):
    """Add the clip, cut out by its mattes, to the scene's compositor. Your own nodes and links are not touched"""

    bl_idname = "clip.matte_to_compositor"
    bl_label = "To Compositor"
    bl_options = {"REGISTER", "UNDO"}

    variant: EnumProperty(
        name="From",
        items=(
            ("MATTE", "Mattes", "The images that were computed, with soft edges"),
            ("MASK", "Mask Layers", "The mask layers, with all that you changed in them"),
        ),
        default="MATTE",
    )
    which: EnumProperty(name="Objects", items=WHICH, default="ALL")

    def run(self, context: Context) -> str:
        clip, scene = clip_in(context), context.scene
        if self.variant == "MATTE":
            added = compositor.add_mattes(scene, clip, wanted_objects(context, self.which))
        else:
            added = compositor.add_mask(scene, clip)
        said = ["Added to the compositor"]
        if not added.linked:
            said.append("its output shows other nodes: link 'Keymatte cut out' to them where you want it")
        if not added.same_size:
            said.append(f"the render has another size than the clip ({clip.size[0]}x{clip.size[1]})")
        if len(said) > 1:
            self.report({"WARNING"}, "; ".join(said))
            return ""
        return said[0]


class CLIP_OT_matte_clear(ClipOperator, Operator):
    """Remove the mattes made of this clip from the disk; keyframes, masks and nodes stay"""

    bl_idname = "clip.matte_clear"
    bl_label = "Clear Mattes"
    bl_options = {"REGISTER"}

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        if session.status.busy and session.status.clip == clip.name:
            raise EngineBusy("mattes of this clip are being made")
        count = clear_results(clip)
        redraw()
        return f"Removed {count} files" if count else "There is nothing to clear"


CLASSES = (CLIP_OT_matte_to_mask_layers, CLIP_OT_matte_to_compositor, CLIP_OT_matte_clear)
