"""The node of a clip's group in a scene's compositor: its place, on no other node, and its link to the output."""

from __future__ import annotations

from bpy.types import CompositorNode, Node, NodeSocket, NodeTree

from . import compositor_group, group_sockets, node_trees

_GAP = 80.0  # between nodes, in node editor units
_HEAD, _ROW, _WIDGET = 60.0, 24.0, 200.0  # estimated heights of a node that has never been drawn, rather too large
_GROUP_WIDTH = 240.0


def place(tree: NodeTree, node: Node) -> None:
    """Place a new node below all others, at their left."""
    node.width = _GROUP_WIDTH
    others = [_rectangle(other) for other in tree.nodes if other != node]
    node.location = (
        min((left for left, _, _, _ in others), default=0.0),
        min((bottom for _, bottom, _, _ in others), default=_GAP) - _GAP,
    )


def link_to_output(node: Node, active: int | None) -> bool:
    """Link the cut-out of an object, or of all, to the compositor's output if that is free.

    Returns whether the group leads to the output, directly or through other nodes.
    """
    tree = node.id_data
    is_new = len(tree.nodes) == 1
    target = node_trees.output_of(tree)
    if not target.is_linked:
        suffix = "" if active is None else f" {active}"
        tree.links.new(group_sockets.of(node.node_tree, node, f"{compositor_group.CUT_OUT}{suffix}"), target)
    if is_new:
        target.node.location = (node.location.x + node.width + _GAP, node.location.y)
    return _is_upstream_of(node, target)


def _is_upstream_of(node: Node, target: NodeSocket) -> bool:
    """Return whether `node` is linked to `target`, directly or through other nodes."""
    visited: set[str] = set()
    pending = [link.from_node for link in target.links]
    while pending:
        upstream = pending.pop()
        if upstream == node:
            return True
        if upstream.name not in visited:
            visited.add(upstream.name)
            pending += [link.from_node for socket in upstream.inputs for link in socket.links]
    return False


def _rectangle(node: Node) -> tuple[float, float, float, float]:
    """Return the left, bottom, right and top of a node."""
    x, y = node.location
    parent = node.parent
    while parent is not None:
        x, y = x + parent.location.x, y + parent.location.y
        parent = parent.parent
    sockets = sum(socket.enabled and not socket.hide for socket in [*node.inputs, *node.outputs])
    common = CompositorNode.bl_rna.properties
    own = [item.type for item in node.bl_rna.properties if item.identifier not in common]
    widgets = own.count("POINTER")  # such as curves and ramps
    height = _HEAD + _ROW * (sockets + len(own) - widgets) + _WIDGET * widgets
    return x, y - max(node.height, height), x + node.width, y
