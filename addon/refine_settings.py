"""Settings by which an object's mattes are refined, as properties of the object."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty, FloatProperty
from bpy.types import Context, PropertyGroup

from ..engine.shared.refinement import EdgeMethod, RefinedObject, Refinement

_METHODS = {
    "GUIDED": EdgeMethod.GUIDED,
    "DETAIL": EdgeMethod.DETAIL,
    "KEEP": EdgeMethod.KEEP,
}


def _changed(settings: MatteRefinement, context: Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "CLIP_EDITOR":
                area.tag_redraw()  # the overlay asks for a preview


class MatteRefinement(PropertyGroup):
    """How an object's mattes are refined."""

    use: BoolProperty(
        name="Refine Edges",
        description="Make this object's edges anew at the clip's full size. Its mattes stay as they are, and the "
        "refined ones are kept beside them",
        default=False,
        update=_changed,
    )
    edges: EnumProperty(
        name="Edges",
        description="How the alpha of an edge is found",
        items=(
            ("GUIDED", "Follow Picture", "Edges follow those of the picture. Fast, and good for plain edges"),
            ("DETAIL", "Fine Detail", "Finds hair, fur and thin parts. Takes about four times as long"),
            ("KEEP", "As They Are", "Edges stay as propagated. Only the settings below are applied"),
        ),
        default="GUIDED",
        update=_changed,
    )
    band: FloatProperty(
        name="Band",
        description="How far from the edge alpha is found anew. 0: as far as the network may be wrong",
        subtype="PIXEL",
        min=0.0,
        soft_max=100.0,
        max=2000.0,
        precision=1,
        default=Refinement.band,
        update=_changed,
    )
    softness: FloatProperty(
        name="Softness",
        description="1 leaves edges as soft as they are in the picture. 0 makes them crisp",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=Refinement.softness,
        update=_changed,
    )
    grow: FloatProperty(
        name="Grow",
        description="Moves edges outward. Negative values shrink the object",
        subtype="PIXEL",
        soft_min=-20.0,
        soft_max=20.0,
        min=-500.0,
        max=500.0,
        precision=2,
        default=Refinement.grow,
        update=_changed,
    )
    feather: FloatProperty(
        name="Feather",
        description="Blurs edges by this many pixels of the clip",
        subtype="PIXEL",
        min=0.0,
        soft_max=50.0,
        max=1000.0,
        precision=1,
        default=Refinement.feather,
        update=_changed,
    )
    holes: FloatProperty(
        name="Fill Holes",
        description="Fills holes up to this area. In pixels of the clip",
        min=0.0,
        soft_max=5000.0,
        precision=0,
        default=Refinement.holes,
        update=_changed,
    )
    specks: FloatProperty(
        name="Remove Specks",
        description="Removes loose parts up to this area. In pixels of the clip",
        min=0.0,
        soft_max=5000.0,
        precision=0,
        default=Refinement.specks,
        update=_changed,
    )
    smoothing: FloatProperty(
        name="Smoothing",
        description="Averages soft edges over time, along the motion, against flicker. It is not part of the preview",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=Refinement.smoothing,
        update=_changed,
    )

    def refinement(self) -> Refinement:
        """Return the settings as the engine takes them."""
        numbers = ("band", "softness", "grow", "feather", "holes", "specks", "smoothing")
        # Rounded, so that a number of single precision and its decimal notation are the same setting.
        return Refinement(_METHODS[self.edges], **{name: round(getattr(self, name), 4) for name in numbers})


def copy_settings(source: MatteRefinement, target: MatteRefinement) -> None:
    """Give an object the settings of another."""
    for name in MatteRefinement.__annotations__:
        setattr(target, name, getattr(source, name))


def refined_object(object_id: int, settings: MatteRefinement) -> RefinedObject:
    """Return an object and how its mattes are refined."""
    return RefinedObject(object_id, settings.refinement())
