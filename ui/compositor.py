"""Drawing of the buttons for the compositor, and of what the scene's settings do to the clip."""

from __future__ import annotations

from bpy.types import MovieClip, Scene, UILayout

from ..addon import clips, compositor, compositor_group, compositor_watch, scene_settings
from ..engine.shared.errors import ClipUnreadable
from .status import draw_text


def draw_buttons(layout: UILayout, clip: MovieClip, scene: Scene) -> None:
    """Draw the buttons that add the clip's group to the compositor, and what there is to say about it."""
    if compositor.has_loose_nodes(scene, clip):
        box = layout.box()
        draw_text(box, "The compositor has nodes that an earlier version made", icon="INFO")
        box.operator("clip.matte_to_compositor", text="Replace Old Nodes", icon="FILE_REFRESH").replace = True
        return
    column = layout.column(align=True)
    column.operator("clip.matte_to_compositor", text="Mattes to Compositor", icon="NODE_COMPOSITING").variant = "MATTE"
    column.operator("clip.matte_to_compositor", text="Masks to Compositor", icon="NODE_COMPOSITING").variant = "MASK"
    node = compositor.group_node(scene, clip)
    if node is None:
        return
    if compositor_group.has_mask_copies(node.node_tree, clip.matting.mask):
        draw_text(layout, "Masks to Compositor renews each object's output after you have edited masks", icon="INFO")
    if problem := compositor_watch.problem_of(clip):
        draw_text(layout.box(), f"The group does not fit the clip: {problem}", icon="ERROR")
    elif compositor.is_users(clip):
        box = layout.box()
        draw_text(box, "You have changed the clip's group, so it is kept and only shows the mattes of now", icon="INFO")
        box.operator("clip.matte_to_compositor", text="Make Anew", icon="ADD").fresh = True
    else:
        draw_text(layout, "The group follows the clip's start, offset, mattes and names by itself", icon="LINKED")
    _draw_settings(layout, clip, scene)


def _draw_settings(layout: UILayout, clip: MovieClip, scene: Scene) -> None:
    """Draw which settings of the scene make renders differ from the clip, and buttons that change them."""
    if change := scene_settings.colour_change(scene):
        box = layout.box()
        draw_text(box, f"Renders change the clip's colours: {change}", icon="ERROR")
        box.operator("clip.matte_scene_colours", icon="COLOR")
    try:
        suits, (width, height) = scene_settings.suits(scene, clip), clips.known_size(clip)
    except ClipUnreadable:  # the editor says so itself
        return
    if not suits:
        box = layout.box()
        draw_text(box, f"Renders do not have the clip's size ({width}x{height}) and pixel aspect", icon="ERROR")
        box.operator("clip.matte_scene_size", icon="FULLSCREEN_ENTER")
