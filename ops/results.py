"""Results: to mask layers, to the compositor, clear."""

from __future__ import annotations

from bpy.props import EnumProperty
from bpy.types import Context, Event, Operator

from ..addon import compositor, mask_layers
from ..addon.folders import clear_results, existing_folder
from ..addon.listening import redraw
from ..addon.session import session
from ..engine.shared.errors import EngineBusy
from ..engine.shared.matte_folder import spans
from .common import WHICH, ClipOperator, clip_in, left_out, say, wanted_objects


class CLIP_OT_matte_to_mask_layers(ClipOperator, Operator):
    """Make mask layers of the mattes: one per object, keyed on every frame. Layers made before are replaced, your \
own are not touched"""

    bl_idname = "clip.matte_to_mask_layers"
    bl_label = "To Mask Layers"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(name="Objects", items=WHICH, default="ALL", options={"SKIP_SAVE"})

    def run(self, context: Context) -> str:
        clip, space = clip_in(context), context.space_data
        wanted = wanted_objects(context, self.which)
        written = mask_layers.write_layers(
            clip,
            wanted,
            window=context.window or context.window_manager.windows[0],
            area=context.area,
        )
        space.mask = space.mask or clip.matting.mask
        warnings = left_out(context, self.which, set(wanted).difference(written.without))
        if written.empty:
            warnings.append(f"empty on frames without mattes: {spans(written.empty)}")
        return say(self, f"{len(written.layers)} mask layers written to {clip.matting.mask.name}", warnings)


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
        options={"SKIP_SAVE"},
    )
    which: EnumProperty(name="Objects", items=WHICH, default="ALL", options={"SKIP_SAVE"})

    def run(self, context: Context) -> str:
        clip, scene = clip_in(context), context.scene
        warnings = []
        if self.variant == "MATTE":
            wanted = wanted_objects(context, self.which)
            added = compositor.add_mattes(scene, clip, wanted)
            warnings += left_out(context, self.which, set(wanted).difference(added.without))
        else:
            added = compositor.add_mask(scene, clip)
        if added.missing:
            warnings.append(f"frames without mattes show those of other frames: {spans(added.missing)}")
        if not added.linked:
            warnings.append("its output shows other nodes: link 'Keymatte cut out' to them where you want it")
        if not added.same_size:
            warnings.append(f"the render has another size than the clip ({clip.size[0]}x{clip.size[1]})")
        return say(self, "Added to the compositor", warnings)


class CLIP_OT_matte_clear(ClipOperator, Operator):
    """Remove the mattes made of this clip from the disk, and what was learned of it; keyframes, masks and nodes stay"""

    bl_idname = "clip.matte_clear"
    bl_label = "Clear Mattes"
    bl_options = {"REGISTER"}

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        folder = existing_folder(clip)
        if session.status.busy and folder is not None and session.status.folder == folder.root:
            raise EngineBusy("mattes of this clip are being made or looked at")
        count = clear_results(clip)
        redraw()
        return f"Removed {count} files" if count else "There is nothing to clear"


CLASSES = (CLIP_OT_matte_to_mask_layers, CLIP_OT_matte_to_compositor, CLIP_OT_matte_clear)
