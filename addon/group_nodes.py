"""Nodes inside a clip's group: found by their roles, added where missing, removed when unused, and laid out."""

from __future__ import annotations

import hashlib

import bpy
from bpy.types import Node, NodeSocket, NodeTree

from . import node_trees
from .matte_sequences import MARK

COLUMN, ROW = 200.0, 420.0  # distances between nodes, in node editor units
_STEP = 60.0  # between collapsed nodes in a cell of a row and a column
_MADE, _VERSION = "keymatte_made", "keymatte_blender"  # custom properties of a group: see `GroupNodes.finish`


class GroupNodes:
    """Nodes of a group by role. A node that exists keeps its settings."""

    def __init__(self, tree: NodeTree) -> None:
        self.tree = tree
        self._before = _structure(tree)
        self._places: dict[str, tuple[float, float]] = {}
        self._cells: dict[tuple[float, float], int] = {}

    def node(self, role: str, kind: str, *, column: float, row: float, label: str = "", small: bool = False) -> Node:
        """Return the node of a role, made if there is none of this kind. A `small` one is collapsed, and stacked."""
        node = next((node for node in self.tree.nodes if node.get(MARK) == role), None)
        if node is not None and node.bl_idname != kind:
            self.tree.nodes.remove(node)
            node = None
        if node is None:
            node = self.tree.nodes.new(kind)
            node[MARK] = role
            node.name = f"Keymatte {role}"
            node.hide = small
        node.label = label
        above = self._cells.get((column, row), 0)
        self._cells[column, row] = above + 1
        self._places[role] = (column * COLUMN, -row * ROW - above * _STEP)
        return node

    def math(
        self,
        role: str,
        operation: str,
        *values: NodeSocket | float,
        column: float,
        row: float,
        label: str = "",
        clamp: bool = False,
    ) -> NodeSocket:
        """Return the result of a Math node on sockets and numbers."""
        node = self.node(role, node_trees.MATH, column=column, row=row, label=label, small=True)
        node.operation, node.use_clamp = operation, clamp
        for value, target in zip(values, node.inputs):
            if isinstance(value, NodeSocket):
                self.link(value, target)
            else:
                for link in list(target.links):
                    self.tree.links.remove(link)
                target.default_value = value
        return node.outputs[0]

    def mix(
        self, role: str, a: NodeSocket, b: NodeSocket, factor: NodeSocket, *, column: float, row: float
    ) -> NodeSocket:
        """Return (1 - factor) * a + factor * b."""
        difference = self.math(f"{role} difference", "SUBTRACT", b, a, column=column, row=row)
        return self.math(role, "MULTIPLY_ADD", difference, factor, a, column=column, row=row)

    def link(self, source: NodeSocket, target: NodeSocket) -> None:
        """Link two sockets, unless they are linked."""
        if not any(link.from_socket == source for link in target.links):
            self.tree.links.new(source, target)

    def finish(self) -> None:
        """Remove unused nodes, lay all out if any was added or removed, and record how the group was made."""
        for node in list(self.tree.nodes):
            if node.get(MARK) not in self._places:
                self.tree.nodes.remove(node)
        made = _structure(self.tree)
        if made != self._before:
            for node in self.tree.nodes:
                node.location = self._places[node[MARK]]
        self.tree[_MADE], self.tree[_VERSION] = made, list(bpy.app.version[:2])


def is_changed(tree: NodeTree) -> bool:
    """Return whether someone has added, removed or linked nodes in a group since it was made.

    Settings and places of nodes may change. In a file of another Blender, whose nodes are converted when it is opened,
    only nodes that were added by someone count.
    """
    if _MADE not in tree:
        return False
    if tuple(tree[_VERSION]) != bpy.app.version[:2]:
        marks = [node.get(MARK) for node in tree.nodes if not node_trees.is_conversion(node)]
        return None in marks or len(set(marks)) < len(marks)
    return bool(tree[_MADE] != _structure(tree))


def _structure(tree: NodeTree) -> str:
    """Return a hash of the group's nodes, links and sockets, whatever their names, labels and places are."""
    key = {node.name: str(node.get(MARK, f"other {node.name}")) for node in tree.nodes}
    nodes = sorted((key[node.name], node.bl_idname, node.mute) for node in tree.nodes)
    links = sorted(
        (key[link.from_node.name], link.from_socket.identifier, key[link.to_node.name], link.to_socket.identifier)
        for link in tree.links
        if not link.is_muted
    )
    items = [item for item in tree.interface.items_tree if item.item_type == "SOCKET"]
    sockets = sorted((item.identifier, item.in_out) for item in items)
    return hashlib.sha256(repr((nodes, links, sockets)).encode()).hexdigest()
