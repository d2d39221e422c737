"""Nodes that Keymatte 0.1 put into a scene's compositor one by one, and their replacement by a clip's group."""

from __future__ import annotations

from bpy.types import MovieClip, Node, NodeSocket, NodeTree

from . import compositor_group, group_sockets
from .matte_sequences import MARK


def of_clip(tree: NodeTree, clip: MovieClip) -> list[Node]:
    """Return the nodes of the clip that an earlier version put into a compositor tree."""
    key = clip.matting.key
    nodes = [node for node in tree.nodes if key and node.get(MARK, "").startswith(f"{key}/")]
    return [node for node in nodes if node.bl_idname != "CompositorNodeGroup"]


def replace(tree: NodeTree, clip: MovieClip, group: Node) -> None:
    """Remove these nodes, and link what they were linked to to the group's outputs.

    Nodes that take a link from one of the user's nodes are left to the user, since the group has no place for it.
    """
    loose = of_clip(tree, clip)
    kept = {node.name for node in loose if any(_is_users(link.from_node, loose) for link in _links_to(node))}
    sums = [node.name for node in loose if _role(node).startswith("sum ")]
    kept |= {
        name for name in sums[:-1] if any(_is_users(link.to_node, loose) for link in _links_from(tree.nodes[name]))
    }
    removed = [node for node in loose if node.name not in kept]
    for node in removed:
        for link in _links_from(node):
            if link.to_node not in removed and (source := _output(group, _role(node))) is not None:
                tree.links.new(source, link.to_socket)
    for node in loose:
        if node.name in kept:
            del node[MARK]
    frames = {node.parent for node in tree.nodes if node.parent is not None and node not in removed}
    for node in removed:
        if node not in frames:
            tree.nodes.remove(node)
        else:
            del node[MARK]


def _output(group: Node, role: str) -> NodeSocket | None:
    """Return the group's output that shows what a node of this role showed."""
    name, _, number = role.partition(" ")
    match name:
        case "clip":
            wanted = compositor_group.PLATE
        case "cut":
            wanted = compositor_group.CUT_OUT
        case "matte":
            wanted = f"{compositor_group.ALPHA} {number}"
        case _:
            wanted = compositor_group.ALPHA
    return group_sockets.find(group.node_tree, group.outputs, wanted)


def _role(node: Node) -> str:
    return str(node[MARK].partition("/")[2])


def _is_users(node: Node, loose: list[Node]) -> bool:
    return node not in loose


def _links_to(node: Node) -> list:
    return [link for socket in node.inputs for link in socket.links]


def _links_from(node: Node) -> list:
    return [link for socket in node.outputs for link in socket.links]
