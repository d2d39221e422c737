"""Nodes that Keymatte 0.1 put into a scene's compositor one by one, and their replacement by a clip's group."""

from __future__ import annotations

from bpy.types import MovieClip, Node, NodeLink, NodeSocket, NodeTree

from . import compositor_group, group_sockets, node_trees
from .matte_sequences import MARK


def of_clip(tree: NodeTree, clip: MovieClip) -> list[Node]:
    """Return the nodes of the clip that an earlier version put into a compositor tree."""
    key = clip.matting.key
    return [node for node in tree.nodes if key and node.get(MARK, "").startswith(f"{key}/")]


def replace(tree: NodeTree, clip: MovieClip, group: Node) -> None:
    """Remove these nodes, and link what they were linked to to the group's outputs.

    Nodes that take a link from one of the user's nodes are left to the user, since the group has no place for it.
    """
    ours = of_clip(tree, clip)
    between = [node for node in tree.nodes if node_trees.is_conversion(node) and _is_between(node, ours)]
    kept = _for_the_user(ours, [*ours, *between])
    removed = [node for node in ours if node not in kept]
    for node in between:  # first, so that what they lead to gets its link from one of ours
        _hand_over(node, _links_to(node)[0].from_socket, [])
        tree.nodes.remove(node)
    for node in removed:
        if (source := _output(group, _role(node))) is not None:
            _hand_over(node, source, removed)
    frames = {node.parent for node in tree.nodes if node.parent is not None and node not in removed}
    for node in ours:
        if node in kept or node in frames:
            del node[MARK]
        else:
            tree.nodes.remove(node)


def _for_the_user(ours: list[Node], loose: list[Node]) -> list[Node]:
    """Return the nodes that the group cannot stand in for.

    They take a link from one of the user's nodes, or give one of them the sum of only some objects.
    """
    *partial, _ = [node for node in ours if _role(node).startswith("sum ")] or [None]
    fed = [node for node in ours if any(link.from_node not in loose for link in _links_to(node))]
    return fed + [node for node in partial if any(link.to_node not in loose for link in _links_from(node))]


def _hand_over(node: Node, source: NodeSocket, removed: list[Node]) -> None:
    """Link what a node is linked to, other than nodes that are removed, to another source."""
    for link in _links_from(node):
        if link.to_node not in removed:
            node.id_data.links.new(source, link.to_socket)


def _is_between(node: Node, ours: list[Node]) -> bool:
    """Return whether a node has links only from and to ours, and has both."""
    neighbours = [link.from_node for link in _links_to(node)], [link.to_node for link in _links_from(node)]
    return all(found and all(one in ours for one in found) for found in neighbours)


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


def _links_to(node: Node) -> list[NodeLink]:
    return [link for socket in node.inputs for link in socket.links]


def _links_from(node: Node) -> list[NodeLink]:
    return [link for socket in node.outputs for link in socket.links]
