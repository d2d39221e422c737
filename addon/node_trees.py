"""Compositor trees in Blender 4 and 5: the one place that knows how they differ."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.types import Node, NodeSocket, NodeTree, Scene

_FROM_5 = bpy.app.version >= (5, 0, 0)

ADD = "ShaderNodeMath" if _FROM_5 else "CompositorNodeMath"


@dataclass(frozen=True)
class Compositor:
    """A scene's compositor tree."""

    tree: NodeTree
    is_new: bool  # made just now: nothing in it is the user's


def compositor_of(scene: Scene) -> Compositor:
    """The scene's compositor tree, switched on; made if it has none."""
    if _FROM_5:
        if scene.compositing_node_group is not None:
            return Compositor(scene.compositing_node_group, is_new=False)
        scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        return Compositor(scene.compositing_node_group, is_new=True)
    is_new = scene.node_tree is None
    scene.use_nodes = True
    if is_new:
        scene.node_tree.nodes.clear()  # Blender's own beginning would render the 3D scene for every frame
    return Compositor(scene.node_tree, is_new)


def output_of(tree: NodeTree) -> NodeSocket:
    """The socket whose picture is the render's result; made if there is none."""
    if not _FROM_5:
        return _find_or_add(tree, "CompositorNodeComposite").inputs["Image"]
    if not any(item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return _find_or_add(tree, "NodeGroupOutput").inputs[0]


def apply_mask(node: Node) -> None:
    """Make a Set Alpha node multiply by its mask: right for soft mattes, where 'Replace' would brighten edges."""
    if _FROM_5:
        node.inputs["Type"].default_value = "Apply Mask"
    else:
        node.mode = "APPLY"


def _find_or_add(tree: NodeTree, kind: str) -> Node:
    found = [node for node in tree.nodes if node.bl_idname == kind]
    active = [node for node in found if getattr(node, "is_active_output", False)]
    return (active or found or [tree.nodes.new(kind)])[0]
