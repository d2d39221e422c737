"""Access to a scene's compositor tree, hiding the differences between Blender 4 and 5."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.types import Node, NodeSocket, NodeTree, Scene

_IS_BLENDER_5 = bpy.app.version >= (5, 0, 0)

ADD = "ShaderNodeMath" if _IS_BLENDER_5 else "CompositorNodeMath"


@dataclass(frozen=True)
class CompositorTree:
    """Compositor tree of a scene."""

    tree: NodeTree
    is_new: bool  # just created: it contains no nodes of the user


def compositor_of(scene: Scene) -> CompositorTree:
    """Return the scene's compositor tree, enabled, creating it if the scene has none."""
    if _IS_BLENDER_5:
        if scene.compositing_node_group is not None:
            return CompositorTree(scene.compositing_node_group, is_new=False)
        scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        return CompositorTree(scene.compositing_node_group, is_new=True)
    is_new = scene.node_tree is None
    scene.use_nodes = True
    if is_new:
        scene.node_tree.nodes.clear()  # Blender's default nodes would render the 3D scene for every frame
    return CompositorTree(scene.node_tree, is_new)


def output_of(tree: NodeTree) -> NodeSocket:
    """Return the input socket of the compositor's output node, creating the node if there is none."""
    if not _IS_BLENDER_5:
        return _find_or_add(tree, "CompositorNodeComposite").inputs["Image"]
    if not any(item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return _find_or_add(tree, "NodeGroupOutput").inputs[0]


def apply_mask(node: Node) -> None:
    """Set a Set Alpha node to Apply Mask, which suits soft mattes; Replace Alpha would brighten edges."""
    if _IS_BLENDER_5:
        node.inputs["Type"].default_value = "Apply Mask"
    else:
        node.mode = "APPLY"


def _find_or_add(tree: NodeTree, kind: str) -> Node:
    nodes = [node for node in tree.nodes if node.bl_idname == kind]
    active = [node for node in nodes if getattr(node, "is_active_output", False)]
    return (active or nodes or [tree.nodes.new(kind)])[0]
