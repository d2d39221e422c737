"""Operator that sets keyframes from a folder of mask images, and asks once which colour is which object."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatVectorProperty, StringProperty
from bpy.types import Context, Event, MovieClip, Operator, PropertyGroup, UILayout

from ..addon import folder_import, mask_colours, mask_folder
from ..engine.shared.errors import KeyframeNotLabels, NoActiveObject
from ..engine.shared.mask_images import Masks
from .common import HIDDEN, MASKS_ITEMS, ClipOperator, clip_in

_CHOICES = {"NEW": mask_colours.NEW, "IGNORE": mask_colours.IGNORE}


class MatteColourChoice(PropertyGroup):
    """Colour of the masks, and what it is. Its `name` is `#rrggbb`."""

    colour: FloatVectorProperty(
        name="Colour",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        get=lambda self: [byte / 255 for byte in bytes.fromhex(self.name[1:])],
        set=lambda self, value: None,  # with a setter, Blender draws the swatch without greying it out
    )
    choice: EnumProperty(
        name="Is",
        description="What has this colour in the masks",
        items=(
            ("OBJECT", "Object", "An object of the list"),
            ("NEW", "New Object", "An object to be added to the list"),
            ("IGNORE", "Ignore", "Background, or something to be left out"),
        ),
        default="NEW",
    )
    object_name: StringProperty(name="Object", description="Name of the object in the list")


class CLIP_OT_matte_keyframes_from_folder(ClipOperator, Operator):
    """Set keyframes from a folder of mask images, whose names have frame numbers. Objects that are not in the list \
are added"""

    bl_idname = "clip.matte_keyframes_from_folder"
    bl_label = "Keyframes from Folder"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(name="Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options=HIDDEN)
    filter_folder: BoolProperty(default=True, options=HIDDEN)
    masks: EnumProperty(
        name="Images Hold",
        description="What the images say about the objects",
        items=MASKS_ITEMS,
        default="AUTO",
        options={"SKIP_SAVE"},
    )
    replace: BoolProperty(
        name="Replace Existing",
        description="Replace keyframes that are there already. Otherwise these are kept, and counted in the report",
        default=False,
        options={"SKIP_SAVE"},
    )
    absent: BoolProperty(
        name="Not Visible Where Not Shown",
        description="Mark objects as not visible on frames whose masks do not show them",
        default=False,
        options={"SKIP_SAVE"},
    )
    colours: StringProperty(
        name="Colours",
        description="For scripts: what each colour is, an object's name, NEW or IGNORE: #ff0000=hat; #0000ff=IGNORE",
        options=HIDDEN,
    )
    rows: CollectionProperty(type=MatteColourChoice, options={"SKIP_SAVE"})
    ask: BoolProperty(default=False, options=HIDDEN)  # whether to show the dialog of colours

    def invoke(self, context: Context, event: Event) -> set[str]:
        if not self.ask:
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        self.ask = False
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, context: Context) -> None:
        layout = self.layout
        if self.rows:
            layout.label(text="Which colour is which object?")
            for item in self.rows:
                _draw_colour(layout, item, context)
            layout.separator()
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "masks")
        layout.prop(self, "replace")
        layout.prop(self, "absent")

    def execute(self, context: Context) -> set[str]:
        self.is_asking = False
        result = super().execute(context)
        return {"CANCELLED"} if self.is_asking else result  # the dialog makes the undo step

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        found = mask_folder.read_folder(Path(bpy.path.abspath(self.directory)), clip, Masks[self.masks])
        choice = mask_colours.remembered(clip, found.colours)
        said = [(item.name, item.object_name if item.choice == "OBJECT" else item.choice) for item in self.rows]
        said += [part.strip().split("=", 1) for part in self.colours.split(";") if "=" in part]
        answers = {name.strip().lower(): _object_of(clip, name, what.strip()) for name, what in said}
        choice |= {c: answers[mask_colours.code(c)] for c in found.colours if mask_colours.code(c) in answers}
        unknown = [mask_colours.code(colour) for colour in found.colours if colour not in choice]
        if unknown and self.options.is_invoke and not bpy.app.background:
            self._ask(found.colours, choice, found.background, clip)
            return ""
        if unknown:
            raise KeyframeNotLabels(
                f"the images have colours, {', '.join(unknown)}, of which it is not known which objects they are",
                remedy=f"Say so with `colours`, such as '{unknown[0]}=NEW'.",
            )
        manager = context.window_manager
        manager.progress_begin(0, len(found.masks))
        try:
            done = folder_import.import_masks(
                clip, found, choice, replace=self.replace, absent=self.absent, tell=manager.progress_update
            )
        finally:
            manager.progress_end()
        text, is_warning = done.told(found)
        self.report({"WARNING" if is_warning else "INFO"}, text)
        return ""

    def _ask(self, colours: tuple[int, ...], choice: dict[int, int], background: int | None, clip: MovieClip) -> None:
        """Open the dialog of colours, filled in with what is known; the background is ignored."""
        names = {item.object_id: item.name for item in clip.matting.objects}
        rows = []
        for colour in colours:
            known = choice.get(colour, mask_colours.IGNORE if colour == background else mask_colours.NEW)
            kind = "OBJECT" if known in names else "IGNORE" if known == mask_colours.IGNORE else "NEW"
            row = {"name": mask_colours.code(colour), "colour": (0, 0, 0), "choice": kind}
            rows.append({**row, "object_name": names.get(known, "")})
        self.is_asking = True
        settings = {"directory": self.directory, "masks": self.masks, "replace": self.replace, "absent": self.absent}
        bpy.ops.clip.matte_keyframes_from_folder("INVOKE_DEFAULT", ask=True, rows=rows, **settings)


def _draw_colour(layout: UILayout, item: MatteColourChoice, context: Context) -> None:
    split = layout.split(factor=0.3)
    swatch = split.row(align=True)
    swatch.prop(item, "colour", text="")
    swatch.label(text=item.name)
    row = split.row(align=True)
    row.prop(item, "choice", text="")
    if item.choice == "OBJECT" and context.space_data.type == "CLIP_EDITOR":
        row.prop_search(item, "object_name", clip_in(context).matting, "objects", text="")


def _object_of(clip: MovieClip, colour: str, what: str) -> int:
    """Return the object that a colour was said to be, NEW or IGNORE. Raises NoActiveObject for an unknown name."""
    if what in _CHOICES:
        return _CHOICES[what]
    found = next((item.object_id for item in clip.matting.objects if item.name == what), None)
    if found is None:
        raise NoActiveObject(
            f"{colour} is said to be the object {what!r}, which is not in the list",
            remedy="Choose an object of the list, or New Object.",
        )
    return int(found)


CLASSES = (MatteColourChoice, CLIP_OT_matte_keyframes_from_folder)
