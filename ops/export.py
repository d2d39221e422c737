"""Operator that exports mattes as files for other programs."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..addon import delivery
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.delivery import TRAITS, Alpha, Content, Format
from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import Export
from .common import HIDDEN, OBJECT_ITEMS, MattesOperator, chosen_object_ids, clip_in

_FORMATS = (
    (Format.PNG, "Mattes, PNG", "A grey image for each object and frame. Every program reads these"),
    (Format.EXR, "Mattes, EXR Layers", "An image for each frame with a layer for each object. Cryptomatte is included"),
    (Format.CUTOUT_PNG, "Cut-Outs, PNG", "Colours and alpha of each object. Straight unless you choose otherwise"),
    (Format.CUTOUT_EXR, "Cut-Outs, EXR", "Scene-linear colours and alpha of each object, for compositing"),
    (Format.PRORES, "Movie, ProRes 4444", "A QuickTime movie with alpha for each object, for editing programs"),
    (Format.VP9, "Movie, WebM", "A small movie with alpha for each object, for web pages"),
    (Format.OVERLAY, "Movie, Overlay", "The clip with all objects tinted, to show what was matted"),
    (Format.DAVIS, "Labels, DAVIS", "Images of object numbers, in the folders of the DAVIS data set"),
    (Format.YOUTUBE_VOS, "Labels, YouTube-VOS", "Images of object numbers, in the folders of YouTube-VOS"),
)


class CLIP_OT_matte_export(MattesOperator, Operator):
    """Write the mattes as images or movies for other programs. Files that are up to date, or not Keymatte's, stay"""

    bl_idname = "clip.matte_export"
    bl_label = "Export Mattes"
    bl_options = {"REGISTER"}
    changes_clip = False

    directory: StringProperty(name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options=HIDDEN)
    format: EnumProperty(
        name="Format",
        description="What is written",
        items=[(kind.name, label, tip) for kind, label, tip in _FORMATS],
        default=Format.PNG.name,
    )
    which: EnumProperty(name="Objects", items=OBJECT_ITEMS, default="ALL")
    frames: EnumProperty(
        name="Frames",
        description="Frames to export",
        items=(
            ("CLIP", "Whole Clip", "Every frame of the clip"),
            ("RANGE", "In/Out Range", "The frames from the clip's in point to its out point"),
        ),
        default="CLIP",
    )
    depth: EnumProperty(
        name="Depth",
        description="Steps of each channel",
        items=(
            ("STANDARD", "Standard", "8 bits in PNG, 16 bits (half) in EXR"),
            ("HIGH", "High", "16 bits in PNG, 32 bits (float) in EXR. Files are larger"),
        ),
        default="STANDARD",
    )
    alpha: EnumProperty(
        name="Alpha",
        description="How colours and alpha belong together",
        items=(
            (Alpha.AUTO.name, "As Usual", "Premultiplied in EXR, straight in PNG and movies"),
            (Alpha.STRAIGHT.name, "Straight", "Colours are not multiplied by the alpha"),
            (Alpha.PREMULTIPLIED.name, "Premultiplied", "Colours are multiplied by the alpha, as for Alpha Over"),
        ),
        default=Alpha.AUTO.name,
    )
    content: EnumProperty(
        name="Shows",
        description="What the movie shows",
        items=(
            (Content.CUTOUT.name, "Cut-Out", "The object's colours"),
            (Content.MATTE.name, "Matte", "The matte in grey, which is also the alpha"),
        ),
        default=Content.CUTOUT.name,
    )
    together: BoolProperty(
        name="All in One",
        description="Put all objects into one cut-out or matte. Otherwise each has files of its own",
        default=False,
    )
    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        if not self.directory:
            self.directory = delivery.last_folder(clip_in(context))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        chosen = Format[self.format]
        has_alpha = chosen in (Format.PRORES, Format.VP9)
        layout.prop(self, "format")
        layout.prop(self, "which")
        layout.prop(self, "frames")
        if len(TRAITS[chosen].depths) > 1:
            layout.prop(self, "depth")
        if has_alpha:
            layout.prop(self, "content")
        is_cutout = chosen in (Format.CUTOUT_PNG, Format.CUTOUT_EXR)
        if is_cutout or (has_alpha and self.content == Content.CUTOUT.name):
            layout.prop(self, "alpha")
        if TRAITS[chosen].per_object:
            layout.prop(self, "together")

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        choices = delivery.Choices(
            format=Format[self.format],
            is_deep=self.depth == "HIGH",
            alpha=Alpha[self.alpha],
            content=Content[self.content],
            together=self.together,
            in_out_range=self.frames == "RANGE",
        )
        try:
            ids = chosen_object_ids(context, self.which)
            job = delivery.gather_export(clip, context.scene, ids, self.directory, choices)
            session.start(Export(job), clip.name, what="files", uid=clip.session_uid)
        except EngineError as error:
            session.show(error, clip.session_uid)
            raise
        delivery.remember_folder(clip, job.out)
        listen()
        if self.wait or bpy.app.background:  # where no timer runs
            status = session.wait()
            self.report({"WARNING" if status.warning else "INFO"}, status.summary)
            return ""
        return f"Exporting to {job.out}"


CLASSES = (CLIP_OT_matte_export,)
