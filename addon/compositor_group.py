"""Node group of a clip for compositors: the alpha and cut-out of each object and of all, and the plate as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.types import Mask, MovieClip, Node, NodeSocket, NodeTree

from . import group_sockets, matte_sequences, node_trees
from .group_nodes import GroupNodes
from .group_sockets import Socket
from .mask_space import MaskCanvas
from .matte_sequences import MARK

CUT_OUT, ALPHA, PLATE = "cut-out", "alpha", "plate"  # roles of outputs; of an object with its number: "alpha 2"
_NAME = "keymatte_name"  # custom property of a group: the name that it was given here
_MAX_PIXELS = 100.0  # of Grow and Feather
_GROW = Socket(
    "grow",
    "Grow",
    "NodeSocketFloat",
    is_input=True,
    limit=_MAX_PIXELS,
    is_signed=True,
    description="Move the edge outward by this many pixels, or inward if negative. Fractions count",
)
_INPUTS = (
    Socket(
        "feather",
        "Feather",
        "NodeSocketFloat",
        is_input=True,
        limit=_MAX_PIXELS,
        description="Blur the edge over this many pixels to either side",
    ),
    Socket(
        "hold-out",
        "Hold-Out",
        "NodeSocketFloat",
        is_input=True,
        limit=1.0,
        description="Alpha that is taken away from every object, as of something in front of them",
    ),
    Socket(
        "above",
        "Cut by Objects Above",
        "NodeSocketFloat",
        is_input=True,
        limit=1.0,
        description="How far objects that are higher in the list cut those below where both cover a pixel, as after "
        "growing",
    ),
)


@dataclass(frozen=True)
class ObjectSource:
    """Object of the clip and what its alpha is made of."""

    object_id: int
    name: str
    paths: tuple[Path, ...]  # of its mattes, sorted by number; may be empty
    mask: Mask | None = None  # with neither, the object's outputs are kept, and transparent


@dataclass(frozen=True)
class Masks:
    """Mask of a clip, and how to draw it."""

    whole: Mask
    canvas: MaskCanvas


def find(clip: MovieClip) -> NodeTree | None:
    """Return the clip's group in this file; None if there is none. A copy that the user made counts as theirs."""
    mark = f"{clip.matting.key}/group"
    trees = [tree for tree in bpy.data.node_groups if tree.get(MARK) == mark and tree.library is None]
    named = [tree for tree in trees if tree.name == tree.get(_NAME)]
    return next(iter(named or trees), None) if clip.matting.key else None


def make(clip: MovieClip, objects: Sequence[ObjectSource], masks: Masks | None) -> NodeTree:
    """Make the clip's group, or update it. Raises BlenderLimit."""
    tree = find(clip)
    if tree is None:
        tree = bpy.data.node_groups.new("Keymatte", "CompositorNodeTree")
        tree[MARK] = f"{clip.matting.key}/group"
        tree[_NAME] = tree.name
    if tree.name == tree[_NAME]:  # else the user has renamed it
        tree.name = f"Keymatte: {clip.name}"
        tree[_NAME] = tree.name
    is_choice = masks is not None and any(item.paths for item in objects)
    group_sockets.arrange(tree, _sockets(objects, is_choice=is_choice))
    _Builder(tree, clip, objects, masks).build()
    return tree


def give_up(tree: NodeTree) -> None:
    """Leave a group that the user has changed to them, so that `make` makes another."""
    tree[MARK] = ""


def source_nodes(tree: NodeTree) -> dict[int, Node]:
    """Return the nodes that show mattes, by object."""
    marks = {node.get(MARK, ""): node for node in tree.nodes}
    return {int(mark.removeprefix("matte ")): node for mark, node in marks.items() if mark.startswith("matte ")}


def _sockets(objects: Sequence[ObjectSource], *, is_choice: bool) -> list[Socket]:
    outputs = [
        Socket(CUT_OUT, "Cut-Out", "NodeSocketColor"),
        Socket(ALPHA, "Alpha", "NodeSocketFloat"),
        Socket(PLATE, "Plate", "NodeSocketColor"),
    ]
    for item in objects:
        outputs.append(Socket(f"{ALPHA} {item.object_id}", f"{item.name} Alpha", "NodeSocketFloat"))
        outputs.append(Socket(f"{CUT_OUT} {item.object_id}", f"{item.name} Cut-Out", "NodeSocketColor"))
    name, kind = node_trees.source_socket()
    limit = 1.0 if kind == "NodeSocketFloat" else None
    text = "Which alpha to use: of the computed mattes, or of the mask layers with your edits"
    source = Socket("source", name, kind, is_input=True, limit=limit, description=text)
    grow = [_GROW] if node_trees.HAS_GROW else []
    return [*outputs, *([source] if is_choice else []), *grow, *_INPUTS]


def has_mask_copies(tree: NodeTree, whole: Mask | None) -> bool:
    """Return whether nodes of a group draw copies of the clip's mask, which do not follow edits of it."""
    masks = [node.mask for node in tree.nodes if node.bl_idname == "CompositorNodeMask"]
    return any(mask is not None and mask != whole for mask in masks)


class _Builder:
    """Builds the nodes of a group. Each object has a row, in which its alpha goes from left to right."""

    def __init__(self, tree: NodeTree, clip: MovieClip, objects: Sequence[ObjectSource], masks: Masks | None) -> None:
        self._tree, self._clip, self._masks = tree, clip, masks
        self._objects = [item for item in objects if item.paths or item.mask]
        self._nodes = GroupNodes(tree)
        self._inputs = self._nodes.node("input", "NodeGroupInput", column=-2, row=0)
        self._outputs = self._nodes.node("output", "NodeGroupOutput", column=9, row=0)

    def build(self) -> None:
        nodes = self._nodes
        plate = nodes.node("clip", "CompositorNodeMovieClip", column=0, row=0, label=self._clip.name)
        plate.clip = self._clip
        self._plate = plate.outputs["Image"]
        nodes.link(self._plate, self._output(PLATE))
        self._keep = nodes.math(
            "keep", "SUBTRACT", 1.0, self._input("hold-out"), column=-1, row=0, label="1 - Hold-Out"
        )
        self._use_masks = self._choice() if "source" in group_sockets.roles_of(self._tree) else None
        if node_trees.HAS_GROW:
            self._low = nodes.math("grow low", "FLOOR", self._input("grow"), column=-1, row=0)
            self._high = nodes.math("grow high", "ADD", self._low, 1.0, column=-1, row=0)
            self._part = nodes.math("grow part", "SUBTRACT", self._input("grow"), self._low, column=-1, row=0)
        sums: NodeSocket | None = None
        above: NodeSocket | None = None
        for row, item in enumerate(self._objects, 1):
            role = str(item.object_id)
            matte = self._matte(item, row) if item.paths else None
            alpha = self._edge(self._source_of(role, matte, item.mask, row), role, row)
            alpha, above = self._below(alpha, above, role, row)
            self._finish(alpha, f" {role}", row)
            if sums is None or matte is None:
                sums = sums or matte
            else:  # where two objects meet in a pixel, their coverages add up to 1
                sums = nodes.math(f"sum {role}", "ADD", sums, matte, column=2, row=row, clamp=True)
        whole = self._source_of("all", sums, self._masks.whole if self._masks else None, 0)
        self._finish(self._edge(whole, "all", 0), "", 0)
        nodes.finish()

    def _input(self, role: str) -> NodeSocket:
        return group_sockets.of(self._tree, self._inputs, role)

    def _output(self, role: str) -> NodeSocket:
        return group_sockets.of(self._tree, self._outputs, role)

    def _choice(self) -> NodeSocket:
        """Return a number: 0 for mattes, 1 for masks."""
        chosen = self._input("source")
        if not node_trees.is_menu(chosen):
            return chosen
        switch = self._nodes.node("source", "GeometryNodeMenuSwitch", column=-1, row=1, label="Source")
        if not chosen.is_linked:
            node_trees.set_menu(switch)
        self._nodes.link(chosen, switch.inputs[0])
        return switch.outputs[0]

    def _matte(self, item: ObjectSource, row: int) -> NodeSocket:
        kind = matte_sequences.node_kind(item.paths)
        node = self._nodes.node(f"matte {item.object_id}", kind, column=0, row=row, label=f"{item.name} Matte")
        matte_sequences.show(node, self._clip, item.object_id, item.paths)
        return node.outputs["Image"]

    def _source_of(self, role: str, matte: NodeSocket | None, mask: Mask | None, row: int) -> NodeSocket:
        """Return the matte or the mask: the one that there is, or, of two, that which the group's input chooses."""
        drawn = self._mask(role, mask, row + len(self._objects) + 1) if mask is not None else None
        if matte is not None and drawn is not None and self._use_masks is not None:
            return self._nodes.mix(f"source {role}", matte, drawn, self._use_masks, column=3, row=row)
        found = matte or drawn
        assert found is not None  # an object without both has no row
        return found

    def _mask(self, role: str, mask: Mask, row: int) -> NodeSocket:
        """Return a mask drawn over the clip's pixels, anti-aliased."""
        assert self._masks is not None
        nodes, canvas = self._nodes, self._masks.canvas
        source = nodes.node(f"mask {role}", "CompositorNodeMask", column=0, row=row, label=mask.name)
        source.mask = mask
        node_trees.set_mask_size(source, canvas.width, canvas.height)
        if not canvas.is_scaled:
            return source.outputs["Mask"]
        scaled = nodes.node(f"scale {role}", "CompositorNodeScale", column=3, row=row, small=True)
        scaled.inputs["X"].default_value, scaled.inputs["Y"].default_value = canvas.scale_x, canvas.scale_y
        nodes.link(source.outputs["Mask"], scaled.inputs["Image"])
        return scaled.outputs[0]

    def _edge(self, alpha: NodeSocket, role: str, row: int) -> NodeSocket:
        """Return the alpha grown and feathered."""
        nodes = self._nodes
        if node_trees.HAS_GROW:
            grown: list[NodeSocket] = []
            for part, size in (("low", self._low), ("high", self._high)):
                dilate = nodes.node(f"grow {part} {role}", "CompositorNodeDilateErode", column=4, row=row, small=True)
                node_trees.set_round(dilate)
                nodes.link(alpha, dilate.inputs["Mask"])
                nodes.link(size, dilate.inputs["Size"])
                grown.append(dilate.outputs[0])
            low, high = grown
            alpha = nodes.mix(f"grow {role}", low, high, self._part, column=5, row=row)
        else:
            label = "Grow, in whole pixels"
            dilate = nodes.node(f"grow {role}", "CompositorNodeDilateErode", column=4, row=row, label=label)
            node_trees.set_round(dilate)
            nodes.link(alpha, dilate.inputs["Mask"])
            alpha = dilate.outputs[0]
        blur = nodes.node(f"feather {role}", "CompositorNodeBlur", column=6, row=row, label="Feather", small=True)
        factor = node_trees.set_gaussian(blur)
        size = self._input("feather")
        if factor != 1:
            size = nodes.math(f"feather size {role}", "MULTIPLY", size, factor, column=5, row=row)
        nodes.link(alpha, blur.inputs["Image"])
        nodes.link(size, blur.inputs["Size"])
        return blur.outputs[0]

    def _below(self, alpha: NodeSocket, above: NodeSocket | None, role: str, row: int) -> tuple[NodeSocket, NodeSocket]:
        """Return the object's alpha without what the objects above it cover, and what it covers together with them."""
        if above is None:
            return alpha, alpha
        nodes = self._nodes
        room = nodes.math(f"room {role}", "SUBTRACT", 1.0, above, column=7, row=row)
        over = nodes.math(f"over {role}", "SUBTRACT", alpha, room, column=7, row=row, clamp=True)
        cut = nodes.math(f"cut {role}", "MULTIPLY", over, self._input("above"), column=7, row=row)
        left = nodes.math(f"left {role}", "SUBTRACT", alpha, cut, column=7, row=row)
        return left, nodes.math(f"above {role}", "ADD", left, above, column=7, row=row, clamp=True)

    def _finish(self, alpha: NodeSocket, suffix: str, row: int) -> None:
        """Take the hold-out away from an alpha, cut it out of the plate, and link both to the outputs."""
        nodes = self._nodes
        name = suffix.strip() or "all"
        kept = nodes.math(f"held out {name}", "MULTIPLY", alpha, self._keep, column=8, row=row)
        cut = nodes.node(f"cut out {name}", "CompositorNodeSetAlpha", column=8, row=row, label="Cut-Out", small=True)
        node_trees.apply_mask(cut)
        nodes.link(self._plate, cut.inputs["Image"])
        nodes.link(kept, cut.inputs["Alpha"])
        nodes.link(kept, self._output(f"{ALPHA}{suffix}"))
        nodes.link(cut.outputs[0], self._output(f"{CUT_OUT}{suffix}"))
