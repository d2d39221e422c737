"""Compositor nodes for mattes: Movie Clip, Image or Mask, and Set Alpha, grouped in a labelled Frame node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.types import Image, MovieClip, Node, NodeSocket, NodeTree, Scene

from ..engine.shared.errors import NothingPropagated
from ..engine.shared.matte_folder import MatteFolder, is_number
from . import clips, node_trees
from .folders import readable_folder, relative_path

_MARK = "keymatte"  # custom property of nodes and images: which clip they belong to, and their role
_COLUMN, _ROW = 240.0, 320.0  # distances between nodes, in node editor units


@dataclass(frozen=True)
class CompositorResult:
    """Result of adding nodes to a scene's compositor."""

    linked: bool  # whether the cut-out clip is linked to the compositor's output
    same_size: bool  # whether the render has the clip's size
    skipped: tuple[int, ...] = ()  # ids of objects without mattes
    missing: tuple[int, ...] = ()  # scene frames on which an object has no matte, so Blender shows another frame's


def add_mattes(scene: Scene, clip: MovieClip, object_ids: Sequence[int]) -> CompositorResult:
    """Add the clip with the sum of these objects' mattes as its alpha, from image sequences.

    Raises NothingPropagated if none of the objects has mattes.
    """
    folder = readable_folder(clip)
    files = {object_id: paths for object_id in object_ids if (paths := _matte_files(folder, object_id))}
    if not files:
        raise NothingPropagated(
            "there are no mattes of " + " or ".join(f"object {object_id}" for object_id in object_ids)
        )
    nodes = _KeymatteNodes(scene, clip)
    alpha: NodeSocket | None = None
    for row, (object_id, paths) in enumerate(files.items()):
        source = nodes.node(f"matte {object_id}", "CompositorNodeImage", column=0, row=row + 1)
        _show_sequence(source, clip, object_id, paths)
        alpha = nodes.sum(alpha, source.outputs["Image"], row) if alpha else source.outputs["Image"]
    all_numbers = {clips.number(clip, frame) for frame in range(clip.frame_duration)}
    first, *rest = ({int(path.stem) for path in paths} for paths in files.values())
    missing = all_numbers.difference(first.intersection(*rest))
    return replace(
        nodes.finish(alpha),
        skipped=tuple(object_id for object_id in object_ids if object_id not in files),
        missing=tuple(sorted(clips.scene_frame_of(clip, number) for number in missing)),
    )


def add_mask(scene: Scene, clip: MovieClip) -> CompositorResult:
    """Add the clip with its mask, anti-aliased, as its alpha. Raises NothingPropagated if there are no mask layers."""
    mask = clip.matting.mask
    if mask is None or not mask.layers:
        raise NothingPropagated(f"clip {clip.name} has no mask layers", remedy="Click To Mask Layers first.")
    nodes = _KeymatteNodes(scene, clip)
    source = nodes.node("mask", "CompositorNodeMask", column=0, row=1)
    source.mask = mask
    smooth = nodes.node("smooth", "CompositorNodeAntiAliasing", column=1, row=1)
    nodes.link(source.outputs["Mask"], smooth.inputs[0])
    return nodes.finish(smooth.outputs[0])


class _KeymatteNodes:
    """Keymatte's nodes for one clip in a scene's compositor: reused, added where missing, removed when unused."""

    def __init__(self, scene: Scene, clip: MovieClip) -> None:
        readable_folder(clip)  # called because it gives the clip its key
        self._scene, self._clip, self._key = scene, clip, clip.matting.key
        compositor = node_trees.compositor_of(scene)
        self._tree: NodeTree = compositor.tree
        self._tree_is_new = compositor.is_new
        self._used: set[str] = set()
        self._frame = self.node("frame", "NodeFrame", column=0, row=0)
        self._frame.label = f"Keymatte: {clip.name}"

    def node(self, role: str, kind: str, *, column: int, row: int) -> Node:
        """Return Keymatte's node for `role`: the existing one as the user left it, or a new one."""
        mark = f"{self._key}/{role}"
        self._used.add(mark)
        node = next((node for node in self._tree.nodes if node.get(_MARK) == mark), None)
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
        cut = self.node("cut out", "CompositorNodeSetAlpha", column=2, row=0)
        node_trees.apply_mask(cut)
        self._remove_unused(keep=cut)
        self.link(film.outputs["Image"], cut.inputs["Image"])
        self.link(alpha, cut.inputs["Alpha"])
        linked = self._link_to_output(cut)
        render = self._scene.render
        scale = render.resolution_percentage / 100
        size = (round(render.resolution_x * scale), round(render.resolution_y * scale))
        return CompositorResult(linked=linked, same_size=size == tuple(self._clip.size))

    def _link_to_output(self, cut: Node) -> bool:
        target = node_trees.output_of(self._tree)
        if self._tree_is_new or not target.is_linked:
            self._tree.links.new(cut.outputs[0], target)
            if self._tree_is_new:
                target.node.location = (cut.location.x + self._frame.location.x + 2 * _COLUMN, cut.location.y)
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


def _show_sequence(node: Node, clip: MovieClip, object_id: int, paths: list[Path]) -> None:
    """Set an Image node to show each matte on the scene frame at which Blender shows the matte's clip frame.

    Blender computes: file number = scene frame - frame_start + 1 + frame_offset.
    """
    first, last = int(paths[0].stem), int(paths[-1].stem)
    node.image = _sequence_image(clip, object_id, paths[0])
    node.frame_start = clips.scene_frame_of(clip, first)
    node.frame_offset = first - 1
    node.frame_duration = last - first + 1
    node.use_auto_refresh = True
    node.use_cyclic = False


def _sequence_image(clip: MovieClip, object_id: int, path: Path) -> Image:
    """Return the image data-block of an object's matte sequence: the existing one, set to `path`, or a new one."""
    mark = f"{clip.matting.key}/{object_id}"
    image = next((image for image in bpy.data.images if image.get(_MARK) == mark), None)
    if image is None:
        image = bpy.data.images.load(str(path))
        image[_MARK] = mark
        image.name = f"{clip.name} matte {object_id}"
    image.source = "SEQUENCE"
    image.filepath = relative_path(path)
    image.colorspace_settings.name = "Non-Color"
    image.reload()
    return image
