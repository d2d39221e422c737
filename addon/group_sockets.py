"""Sockets of a node group, known by roles: they keep their links whatever their names and places are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bpy.types import Node, NodeSocket, NodeTree, NodeTreeInterfaceSocket

_IDENTIFIERS = "keymatte_sockets"  # custom property of a group: the sockets' identifiers by role


@dataclass(frozen=True)
class Socket:
    """Input or output that a group is to have."""

    role: str
    name: str
    kind: str  # of `bl_socket_idname`
    is_input: bool = False
    limit: float | None = None  # the largest value of an input; the smallest is its negative if it `is_signed`, or 0
    is_signed: bool = False
    description: str = ""


def arrange(tree: NodeTree, wanted: Sequence[Socket]) -> None:
    """Give a group these sockets in this order: add, rename and move them, and remove others that were added here."""
    known, interface = _identifiers(tree), tree.interface
    roles = {socket.role for socket in wanted}
    for role, identifier in known.items():
        if role not in roles and (item := _item(tree, identifier)) is not None:
            interface.remove(item)
    made: dict[str, str] = {}
    for place, socket in enumerate(wanted):
        item = _item(tree, known.get(socket.role, ""))
        if item is not None and item.socket_type != socket.kind:
            interface.remove(item)
            item = None
        if item is None:
            item = _new_item(tree, socket)
        if item.name != socket.name:
            item.name = socket.name
        made[socket.role] = item.identifier
        if interface.items_tree[place] != item:
            interface.move(item, place)
    tree[_IDENTIFIERS] = made


def roles_of(tree: NodeTree) -> tuple[str, ...]:
    """Return the roles of the group's sockets."""
    return tuple(_identifiers(tree))


def find(tree: NodeTree, sockets: Sequence[NodeSocket], role: str) -> NodeSocket | None:
    """Return the socket of a role among those of a node of or in the group; None if there is none."""
    identifier = _identifiers(tree).get(role)
    return next((socket for socket in sockets if socket.identifier == identifier), None)


def of(tree: NodeTree, node: Node, role: str) -> NodeSocket:
    """Return the socket of a role on a node of the group, or on its Group Input or Group Output node."""
    found = find(tree, [*node.inputs, *node.outputs], role)
    assert found is not None, role
    return found


def _new_item(tree: NodeTree, socket: Socket) -> NodeTreeInterfaceSocket:
    direction = "INPUT" if socket.is_input else "OUTPUT"
    item = tree.interface.new_socket(socket.name, in_out=direction, socket_type=socket.kind)
    item.description = socket.description
    if socket.limit is not None:
        item.max_value, item.min_value = socket.limit, -socket.limit if socket.is_signed else 0.0
        item.default_value = 0.0
    return item


def _item(tree: NodeTree, identifier: str) -> NodeTreeInterfaceSocket | None:
    items = (item for item in tree.interface.items_tree if item.item_type == "SOCKET")
    return next((item for item in items if item.identifier == identifier), None)


def _identifiers(tree: NodeTree) -> dict[str, str]:
    stored = tree.get(_IDENTIFIERS)
    return stored.to_dict() if stored is not None else {}
