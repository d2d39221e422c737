"""Compositor nodes for mattes: Movie Clip, Image or Mask, and Set Alpha, grouped in a labelled Frame node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.types import MovieClip, Node, NodeSocket, NodeTree, Scene

from ..engine.shared.errors import BlenderLimit, NothingPropagated
from ..engine.shared.matte_folder import MatteFolder, is_number
from . import clips, mask_space, matte_sequences, node_trees
from .folders import readable_folder
from .mask_space import MaskCanvas
from .matte_sequences import MARK as _MARK
from .saving import check_saved

_FIT = "keymatte_fit"  # custom property of nodes: for which start, offset or shape of the clip they were set
_COLUMN, _ROW = 240.0, 320.0  # distances between nodes, in node editor units


@dataclass(frozen=True)
class CompositorResult:
    """Result of adding nodes to a scene's compositor."""

    linked: bool  # whether the cut-out clip is linked to the compositor's output
    same_size: bool  # whether the render has the clip's size
    skipped: tuple[int, ...] = ()  # ids of objects without mattes
    missing: tuple[int, ...] = ()  # scene frames on which an object has no matte
    missing_are_empty: bool = False  # whether these frames show no matte, rather than another frame's


def add_mattes(scene: Scene, clip: MovieClip, object_ids: Sequence[int]) -> CompositorResult:
    """Add the clip with the sum of these objects' mattes as its alpha, from image sequences.

    Raises NothingPropagated if none of the objects has mattes, NotSaved, BlenderLimit.
    """
    folder = readable_folder(clip)
    files = {object_id: paths for object_id in object_ids if (paths := _matte_files(folder, object_id))}
    if not files:
        raise NothingPropagated(
            "there are no mattes of " + " or ".join(f"object {object_id}" for object_id in object_ids)
        )
    for paths in files.values():
        matte_sequences.check(clip, paths)
    nodes = _KeymatteNodes(scene, clip)
    alpha: NodeSocket | None = None
    for row, (object_id, paths) in enumerate(files.items()):
        kind, name = matte_sequences.node_kind(paths), f"matte {object_id}"
        source = nodes.node(name, kind, column=0, row=row + 1)
        matte_sequences.show(source, clip, object_id, paths)
        source[_FIT] = _fit(scene, clip, name)
        alpha = nodes.sum(alpha, source.outputs["Image"], row) if alpha else source.outputs["Image"]
    all_numbers = {clips.number(clip, frame) for frame in range(clips.frame_count(clip))}
    first, *rest = ({int(path.stem) for path in paths} for paths in files.values())
    missing = all_numbers.difference(first.intersection(*rest))
    return replace(
        nodes.finish(alpha),
        skipped=tuple(object_id for object_id in object_ids if object_id not in files),
        missing=tuple(sorted(clips.scene_frame_of(clip, number) for number in missing)),
        missing_are_empty=all(matte_sequences.shows_gaps(paths) for paths in files.values()),
    )


def add_mask(scene: Scene, clip: MovieClip) -> CompositorResult:
    """Add the clip with its mask, anti-aliased, as its alpha.

    The mask is drawn at the clip's size and scaled to its pixels, so that it fits whatever the render's size and pixel
    aspect. Raises NothingPropagated if there are no mask layers, NotSaved, BlenderLimit.
    """
    mask = clip.matting.mask
    if mask is None or not mask.layers:
        raise NothingPropagated(f"clip {clip.name} has no mask layers", remedy="Click To Mask Layers first.")
    canvas = _canvas(scene, clip)
    if canvas is None:
        raise BlenderLimit(
            "this version of Blender cannot draw the mask over the whole clip with the render's pixel aspect",
            remedy="Set the render's pixel aspect to 1:1, or use Mattes to Compositor.",
        )
    nodes = _KeymatteNodes(scene, clip)
    source = nodes.node("mask", "CompositorNodeMask", column=0, row=1)
    source.mask = mask
    source[_FIT] = _fit(scene, clip, "mask")
    node_trees.set_mask_size(source, canvas.width, canvas.height)
    smooth = nodes.node("smooth", "CompositorNodeAntiAliasing", column=1, row=1)
    nodes.link(source.outputs["Mask"], smooth.inputs[0])
    if not canvas.is_scaled:
        return nodes.finish(smooth.outputs[0])
    scaled = nodes.node("scale", "CompositorNodeScale", column=2, row=1)
    scaled.inputs["X"].default_value, scaled.inputs["Y"].default_value = canvas.scale_x, canvas.scale_y
    nodes.link(smooth.outputs[0], scaled.inputs["Image"])
    return nodes.finish(scaled.outputs[0])


def outdated_scenes(clip: MovieClip) -> list[Scene]:
    """Return the scenes whose nodes were set for another start, offset or shape of the clip."""
    return [
        scene
        for scene in bpy.data.scenes
        if any(node.get(_FIT, fit) != fit for node in _nodes_of(scene, clip) if (fit := _fit(scene, clip, _role(node))))
    ]


def update(scene: Scene, clip: MovieClip) -> CompositorResult:
    """Set Keymatte's nodes in a scene for the clip's start, offset and shape. Raises what adding them raises."""
    roles = [_role(node) for node in _nodes_of(scene, clip)]
    if "mask" in roles:
        return add_mask(scene, clip)
    numbers = [role.removeprefix("matte ") for role in roles if role.startswith("matte ")]
    return add_mattes(scene, clip, sorted(int(number) for number in numbers))


def _nodes_of(scene: Scene, clip: MovieClip) -> list[Node]:
    """Return Keymatte's nodes for the clip in a scene."""
    tree, key = node_trees.existing_compositor(scene), clip.matting.key
    return [node for node in tree.nodes if key and node.get(_MARK, "").startswith(f"{key}/")] if tree else []


def _role(node: Node) -> str:
    return node[_MARK].partition("/")[2]


def _fit(scene: Scene, clip: MovieClip, role: str) -> str:
    """Return what the settings of the node for `role` depend on; empty for nodes that depend on nothing."""
    if role == "mask":
        return f"pixel aspect {clips.pixel_aspect(clip):.6g}, stretch {node_trees.mask_stretch(scene):.6g}"
    return f"number 0 on frame {clips.scene_frame_of(clip, 0)}" if role.startswith("matte ") else ""


def _canvas(scene: Scene, clip: MovieClip) -> MaskCanvas | None:
    space = mask_space.of_clip(clip)
    return space.canvas(stretch=node_trees.mask_stretch(scene), limit=node_trees.MAX_MASK_SIZE)


class _KeymatteNodes:
    """Keymatte's nodes for one clip in a scene's compositor: reused, added where missing, removed when unused."""

    def __init__(self, scene: Scene, clip: MovieClip) -> None:
        readable_folder(clip)  # called because it gives the clip its key
        self._scene, self._clip, self._key = scene, clip, clip.matting.key
        check_saved(scene, "scene")
        self._size = clips.pixel_size(clip)
        compositor = node_trees.compositor_of(scene)
        if not compositor.tree.is_embedded_data:
            check_saved(compositor.tree, "node tree")
        self._tree: NodeTree = compositor.tree
        self._tree_is_new = compositor.is_new
        self._used: set[str] = set()
        self._last_column = 1
        self._frame = self.node("frame", "NodeFrame", column=0, row=0)
        self._frame.label = f"Keymatte: {clip.name}"

    def node(self, role: str, kind: str, *, column: int, row: int) -> Node:
        """Return Keymatte's node for `role`: the existing one as the user left it, or a new one.

        An existing node of another kind is removed.
        """
        mark = f"{self._key}/{role}"
        self._used.add(mark)
        self._last_column = max(self._last_column, column)
        node = next((node for node in self._tree.nodes if node.get(_MARK) == mark), None)
        if node is not None and node.bl_idname != kind:
            self._tree.nodes.remove(node)
            node = None
        if node is None:
            left, top = self._corner(kind == "NodeFrame")
            node = self._tree.nodes.new(kind)
            node[_MARK] = mark
            node.name = f"Keymatte {role}"
            if kind != "NodeFrame":
                node.parent = self._frame
            node.location = (left + column * _COLUMN, top - row * _ROW)
        return node

    def sum(self, first: NodeSocket, second: NodeSocket, row: int) -> NodeSocket:
        """Return the sum of two mattes, computed by a Math node.

        Where two objects meet in a pixel, their coverages add up to 1.
        """
        node = self.node(f"sum {row}", node_trees.ADD, column=1, row=row)
        node.operation, node.use_clamp = "ADD", True
        self.link(first, node.inputs[0])
        self.link(second, node.inputs[1])
        return node.outputs[0]

    def link(self, source: NodeSocket, target: NodeSocket) -> None:
        """Link two of Keymatte's nodes, unless the user has linked a node of their own to the target."""
        if not target.is_linked or target.links[0].from_node.get(_MARK) is not None:
            self._tree.links.new(source, target)

    def finish(self, alpha: NodeSocket) -> CompositorResult:
        """Link `alpha` to the clip's alpha, remove Keymatte's unused nodes, and return the result.

        The cut-out clip is linked to the compositor's output if that is free.
        """
        film = self.node("clip", "CompositorNodeMovieClip", column=0, row=0)
        film.clip = self._clip
        cut = self.node("cut out", "CompositorNodeSetAlpha", column=self._last_column + 1, row=0)
        node_trees.apply_mask(cut)
        self._remove_unused(keep=cut)
        self.link(film.outputs["Image"], cut.inputs["Image"])
        self.link(alpha, cut.inputs["Alpha"])
        linked = self._link_to_output(cut)
        render = self._scene.render
        scale = render.resolution_percentage / 100
        size = (round(render.resolution_x * scale), round(render.resolution_y * scale))
        return CompositorResult(linked=linked, same_size=size == self._size)

    def _link_to_output(self, cut: Node) -> bool:
        target = node_trees.output_of(self._tree)
        if self._tree_is_new or not target.is_linked:
            self._tree.links.new(cut.outputs[0], target)
            if self._tree_is_new:
                target.node.location = (cut.location.x + self._frame.location.x + _COLUMN, cut.location.y)
        return _is_upstream_of(cut, target)

    def _remove_unused(self, *, keep: Node) -> None:
        for node in list(self._tree.nodes):
            mark = node.get(_MARK, "")
            if mark.startswith(f"{self._key}/") and mark not in self._used and node != keep:
                self._tree.nodes.remove(node)

    def _corner(self, is_frame: bool) -> tuple[float, float]:
        """Return where to place new nodes: the Frame node below all nodes, others at the corner of the Frame node."""
        if not is_frame:
            return 0.0, 0.0
        bottoms = [node.location.y - node.height for node in self._tree.nodes if node.parent is None]
        return 0.0, (min(bottoms) - _ROW if bottoms and not self._tree_is_new else 0.0)


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


def _matte_files(folder: MatteFolder, object_id: int) -> list[Path]:
    return sorted(path for path in folder.matte_sequence(object_id).glob("*.png") if is_number(path.stem))
