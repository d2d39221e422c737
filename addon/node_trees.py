"""Access to a scene's compositor tree, hiding the differences between Blender 4 and 5."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.types import Node, NodeSocket, NodeTree, Scene

_IS_BLENDER_5 = bpy.app.version >= (5, 0, 0)

HAS_GROW = bpy.app.version >= (4, 5, 0)  # whether the size of a Dilate/Erode node is an input
MAX_MASK_SIZE = 10_000  # of a Mask node with a fixed size, in pixels: Blender 4 sets larger ones to this
MATH = "ShaderNodeMath" if _IS_BLENDER_5 else "CompositorNodeMath"
_MAX_FEATHER = 100  # pixels of a Blur node whose input is a factor, before Blender 4.5
_MENU = ("Mattes", "Masks")  # the choices of a group's source


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


def existing_compositor(scene: Scene) -> NodeTree | None:
    """Return the scene's compositor tree, or None if it has none."""
    return scene.compositing_node_group if _IS_BLENDER_5 else scene.node_tree


def set_mask_size(node: Node, width: int, height: int) -> None:
    """Set a Mask node to draw the mask at a size in pixels, rather than at the render's."""
    if _IS_BLENDER_5:
        node.inputs["Size Source"].default_value = "Fixed"
        node.inputs["Size X"].default_value, node.inputs["Size Y"].default_value = width, height
    else:
        node.size_source = "FIXED"
        node.size_x, node.size_y = width, height


def set_round(node: Node) -> None:
    """Set a Dilate/Erode node to grow by a disc, so that soft edges keep their profile."""
    if _IS_BLENDER_5:
        node.inputs["Type"].default_value = "Distance"
    else:
        node.mode = "DISTANCE"


def set_gaussian(node: Node) -> float:
    """Set a Blur node to a Gaussian, and return by what to multiply a size in pixels to get the node's Size."""
    if _IS_BLENDER_5:
        node.inputs["Type"].default_value = "Gaussian"
        return 1.0
    node.filter_type, node.use_relative = "GAUSS", False
    if HAS_GROW:
        return 1.0
    node.size_x = node.size_y = _MAX_FEATHER
    return 1 / _MAX_FEATHER


def source_socket() -> tuple[str, str]:
    """Return the name and type of the group input that chooses between mattes (0) and masks (1)."""
    if _IS_BLENDER_5:
        return "Source", "NodeSocketMenu"
    return "Use Masks", "NodeSocketBool" if HAS_GROW else "NodeSocketFloat"


def is_menu(socket: NodeSocket) -> bool:
    """Return whether a socket has a menu of choices, which only a Menu Switch node can take."""
    return socket.bl_idname == "NodeSocketMenu"


def set_menu(node: Node) -> None:
    """Give a Menu Switch node the choices of a group's source: mattes are 0, masks are 1."""
    node.data_type = "FLOAT"
    for row, (item, name) in enumerate(zip(node.enum_items, _MENU, strict=True)):
        item.name = name
        node.inputs[1 + row].default_value = float(row)


def choose_source(socket: NodeSocket, *, masks: bool) -> None:
    """Set an input of `source_socket` to mattes or masks."""
    match socket.bl_idname:
        case "NodeSocketMenu":
            socket.default_value = _MENU[masks]
        case "NodeSocketBool":
            socket.default_value = masks
        case _:
            socket.default_value = float(masks)


def mask_stretch(scene: Scene) -> float:
    """Return by how much a Mask node of a fixed size flattens masks.

    The CPU compositor of Blender 4.2 and 4.3 applies the render's pixel aspect; others leave it to nodes of the
    render's size.
    """
    render = scene.render
    if bpy.app.version >= (4, 4, 0) or render.compositor_device == "GPU":
        return 1.0
    return render.pixel_aspect_y / render.pixel_aspect_x


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


def is_conversion(node: Node) -> bool:
    """Return whether Blender 5 put a node into a tree of Blender 4 as it opened the file.

    Such a node turns a colour into the mean of its channels, as links from colours to numbers did in Blender 4; or it
    makes the size of a Blur node of a factor.
    """
    if node.bl_idname != "ShaderNodeVectorMath":
        return False
    if node.operation == "SCALE":
        targets = [link.to_socket for link in node.outputs[0].links]
        return bool(targets) and all((to.node.bl_idname, to.name) == ("CompositorNodeBlur", "Size") for to in targets)
    is_mean = all(abs(value - 1 / 3) < 1e-6 for value in node.inputs[1].default_value)
    return node.operation == "DOT_PRODUCT" and is_mean


def _find_or_add(tree: NodeTree, kind: str) -> Node:
    nodes = [node for node in tree.nodes if node.bl_idname == kind]
    active = [node for node in nodes if getattr(node, "is_active_output", False)]
    return (active or nodes or [tree.nodes.new(kind)])[0]
