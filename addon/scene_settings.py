"""Settings of a scene that its renders of a clip depend on: size, pixel aspect and view transform."""

from __future__ import annotations

from bpy.types import MovieClip, Scene

from ..engine.shared.errors import BlenderLimit
from . import clips
from .limits import set_number

_STANDARD = "Standard"  # the view transform that leaves the colours of a clip as they are


def render_size(scene: Scene) -> tuple[int, int]:
    """Return the width and height of the scene's renders in pixels."""
    render = scene.render
    scale = render.resolution_percentage / 100
    return round(render.resolution_x * scale), round(render.resolution_y * scale)


def suits(scene: Scene, clip: MovieClip) -> bool:
    """Return whether renders have the clip's size and pixel aspect. Raises ClipUnreadable."""
    render = scene.render
    aspect = render.pixel_aspect_y / render.pixel_aspect_x
    return render_size(scene) == clips.known_size(clip) and abs(aspect / clips.pixel_aspect(clip) - 1) < 1e-3


def set_size(scene: Scene, clip: MovieClip) -> None:
    """Give the scene's renders the clip's size and pixel aspect. Raises ClipUnreadable, BlenderLimit."""
    render = scene.render
    for name, value in zip(("resolution_x", "resolution_y"), clips.pixel_size(clip), strict=True):
        set_number(render, name, value, what=f"the scene's {name}", remedy="Open a clip of another size.")
    render.resolution_percentage = 100
    aspect = clips.pixel_aspect(clip)
    render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1 / aspect), max(1.0, aspect)


def colour_change(scene: Scene) -> str:
    """Return what of the scene's colour management changes the colours of a clip, in words; empty if nothing does."""
    view = scene.view_settings
    parts = []
    if view.view_transform != _STANDARD:
        parts.append(f"view transform {view.view_transform}")
    if view.look != "None":
        parts.append(f"look {view.look}")
    if view.exposure or view.gamma != 1:
        parts.append("exposure or gamma")
    if view.use_curve_mapping:
        parts.append("curves")
    return ", ".join(parts)


def keep_colours(scene: Scene) -> None:
    """Set the scene's colour management so that it leaves the colours of a clip as they are. Raises BlenderLimit."""
    view = scene.view_settings
    try:
        view.view_transform = _STANDARD
    except TypeError as error:
        raise BlenderLimit(
            "this colour configuration has no view transform Standard",
            remedy="Choose the view that shows the clip as it is in the Color Management panel.",
        ) from error
    view.look, view.exposure, view.gamma, view.use_curve_mapping = "None", 0.0, 1.0, False
