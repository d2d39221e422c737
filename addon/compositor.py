"""Mattes -> compositor nodes: clip, matte and Set Alpha in a labelled frame, beside whatever the user has there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.types import Image, MovieClip, Node, NodeSocket, NodeTree, Scene

from ..engine.shared.errors import NothingPropagated
from ..engine.shared.matte_folder import MatteFolder
from . import clips, node_trees
from .folders import readable_folder, relative_path

_MARK = "keymatte"  # a node's own property: whose node it is and what for
_COLUMN, _ROW = 240.0, 320.0  # distances between nodes


@dataclass(frozen=True)
class Added:
    """What became of the nodes."""

    linked: bool  # whether our picture is the render's result
    same_size: bool  # whether the render has the clip's size
    without: tuple[int, ...] = ()  # objects that have no mattes
    missing: tuple[int, ...] = ()  # scene frames of the clip on which an object has no matte: others are shown there


def add_mattes(scene: Scene, clip: MovieClip, object_ids: Sequence[int]) -> Added:
    """Clip with the matte image sequences of these objects as alpha. Raises NothingPropagated if none has mattes."""
    folder = readable_folder(clip)
    files = {number: found for number in object_ids if (found := _matte_files(folder, number))}
    if not files:
        raise NothingPropagated("there are no mattes of " + " or ".join(f"object {number}" for number in object_ids))
    own = _Nodes(scene, clip)
    alpha: NodeSocket | None = None
    for row, (number, paths) in enumerate(files.items()):
        source = own.node(f"matte {number}", "CompositorNodeImage", column=0, row=row + 1)
        _show_sequence(source, clip, number, paths)
        alpha = own.sum(alpha, source.outputs["Image"], row) if alpha else source.outputs["Image"]
    everywhere = {clips.number(clip, frame) for frame in range(clip.frame_duration)}
    missing = everywhere.difference(set.intersection(*({int(path.stem) for path in paths} for paths in files.values())))
    return replace(
        own.finish(alpha),
        without=tuple(number for number in object_ids if number not in files),
        missing=tuple(sorted(clips.scene_frame_of(clip, number) for number in missing)),
    )


def add_mask(scene: Scene, clip: MovieClip) -> Added:
    """Clip with its mask as alpha, its edges smoothed. Raises NothingPropagated if there are no mask layers."""
    mask = clip.matting.mask
    if mask is None or not mask.layers:
        raise NothingPropagated(f"clip {clip.name} has no mask layers", remedy="Make mask layers of the mattes first.")
    own = _Nodes(scene, clip)
    source = own.node("mask", "CompositorNodeMask", column=0, row=1)
    source.mask = mask
    smooth = own.node("smooth", "CompositorNodeAntiAliasing", column=1, row=1)
    own.link(source.outputs["Mask"], smooth.inputs[0])
    return own.finish(smooth.outputs[0])


class _Nodes:
    """The nodes that are Keymatte's for one clip in one tree: found again, made where missing, removed when unused."""

    def __init__(self, scene: Scene, clip: MovieClip) -> None:
        readable_folder(clip)  # gives the clip its key
        self._scene, self._clip, self._key = scene, clip, clip.matting.key
        compositor = node_trees.compositor_of(scene)
        self._tree: NodeTree = compositor.tree
        self._tree_is_new = compositor.is_new
        self._used: set[str] = set()
        self._frame = self.node("frame", "NodeFrame", column=0, row=0)
        self._frame.label = f"Keymatte: {clip.name}"

    def node(self, role: str, kind: str, *, column: int, row: int) -> Node:
        """Our node for `role`, as it was left or new."""
        mark = f"{self._key}/{role}"
        self._used.add(mark)
        found = next((node for node in self._tree.nodes if node.get(_MARK) == mark), None)
        if found is None:
            left, top = self._corner(kind == "NodeFrame")
            found = self._tree.nodes.new(kind)
            found[_MARK] = mark
            found.name = f"Keymatte {role}"
            if kind != "NodeFrame":
                found.parent = self._frame
            found.location = (left + column * _COLUMN, top - row * _ROW)
        return found

    def sum(self, below: NodeSocket, added: NodeSocket, row: int) -> NodeSocket:
        """Two mattes as one; where objects meet, their parts of a pixel add up to the whole."""
        node = self.node(f"sum {row}", node_trees.ADD, column=1, row=row)
        node.operation, node.use_clamp = "ADD", True
        self.link(below, node.inputs[0])
        self.link(added, node.inputs[1])
        return node.outputs[0]

    def link(self, source: NodeSocket, target: NodeSocket) -> None:
        """Join two of our nodes, unless the user has put something of their own in between."""
        if not target.is_linked or target.links[0].from_node.get(_MARK) is not None:
            self._tree.links.new(source, target)

    def finish(self, alpha: NodeSocket) -> Added:
        """Put the alpha on the clip, remove our nodes that are no more needed, and lead to the output if it is free."""
        film = self.node("clip", "CompositorNodeMovieClip", column=0, row=0)
        film.clip = self._clip
        cut = self.node("cut out", "CompositorNodeSetAlpha", column=2, row=0)
        node_trees.apply_mask(cut)
        self._remove_unused(keep=cut)
        self.link(film.outputs["Image"], cut.inputs["Image"])
        self.link(alpha, cut.inputs["Alpha"])
        linked = self._lead_to_output(cut)
        render = self._scene.render
        scale = render.resolution_percentage / 100
        size = (round(render.resolution_x * scale), round(render.resolution_y * scale))
        return Added(linked=linked, same_size=size == tuple(self._clip.size))

    def _lead_to_output(self, cut: Node) -> bool:
        target = node_trees.output_of(self._tree)
        if self._tree_is_new or not target.is_linked:
            self._tree.links.new(cut.outputs[0], target)
            if self._tree_is_new:
                target.node.location = (cut.location.x + self._frame.location.x + 2 * _COLUMN, cut.location.y)
        return _leads_to(cut, target)

    def _remove_unused(self, *, keep: Node) -> None:
        for node in list(self._tree.nodes):
            mark = node.get(_MARK, "")
            if mark.startswith(f"{self._key}/") and mark not in self._used and node != keep:
                self._tree.nodes.remove(node)

    def _corner(self, is_frame: bool) -> tuple[float, float]:
        """Where our nodes begin: below all others for the frame, else at the frame's own corner."""
        if not is_frame:
            return 0.0, 0.0
        others = [node.location.y - node.height for node in self._tree.nodes if node.parent is None]
        return 0.0, (min(others) - _ROW if others and not self._tree_is_new else 0.0)


def _leads_to(node: Node, target: NodeSocket) -> bool:
    """Whether `target` shows what `node` makes, through whatever nodes lie between."""
    seen: set[str] = set()
    waiting = [link.from_node for link in target.links]
    while waiting:
        at = waiting.pop()
        if at == node:
            return True
        if at.name not in seen:
            seen.add(at.name)
            waiting += [link.from_node for socket in at.inputs for link in socket.links]
    return False


def _matte_files(folder: MatteFolder, object_id: int) -> list[Path]:
    return sorted(path for path in folder.matte_sequence(object_id).glob("*.png") if path.stem.isdigit())


def _show_sequence(node: Node, clip: MovieClip, object_id: int, paths: list[Path]) -> None:
    """Show each matte where the clip shows its frame. Blender counts: file = scene frame - start + 1 + offset."""
    first, last = int(paths[0].stem), int(paths[-1].stem)
    node.image = _sequence_image(clip, object_id, paths[0])
    node.frame_start = clips.scene_frame_of(clip, first)
    node.frame_offset = first - 1
    node.frame_duration = last - first + 1
    node.use_auto_refresh = True
    node.use_cyclic = False


def _sequence_image(clip: MovieClip, object_id: int, path: Path) -> Image:
    """The image datablock of a matte sequence; the one made before is taken again, wherever its files are now."""
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
