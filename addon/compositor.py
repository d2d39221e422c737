"""Adding a clip's group to scenes' compositors, and keeping it in step with the clip and its mattes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
from bpy.types import Mask, MovieClip, Node, NodeTree, Scene

from ..engine.shared.errors import BlenderLimit, NotConfirmed, NothingPropagated
from . import (
    clips,
    compositor_group,
    group_place,
    group_sockets,
    loose_nodes,
    mask_space,
    matte_sequences,
    node_trees,
    object_masks,
    scene_settings,
)
from .compositor_group import Masks, ObjectSource, find
from .folders import readable_folder
from .group_nodes import is_changed
from .matte_files import matte_files, state_of
from .objects import find_object
from .saving import check_saved

_FIT = "keymatte_fit"  # custom property of a group: what it was made for; see `_fit`
_OBJECTS = "keymatte_objects"  # of a group: names of the objects that it shows, by number as text
_STRETCH = "keymatte_stretch"  # of a group with masks: the stretch of Mask nodes for which it was made


@dataclass(frozen=True)
class Choices:
    """What the user chooses when a group is added."""

    active: int | None = None  # the object whose cut-out is linked to a free output; None: that of all objects
    masks: bool = False  # whether the alpha is that of mask layers
    fresh: bool = False  # whether a group that the user has changed is left as it is, and another is made
    replace: bool = False  # whether nodes of an earlier version are replaced


@dataclass(frozen=True)
class CompositorResult:
    """Result of adding a clip's group to a scene's compositor."""

    group: str  # its name
    linked: bool  # whether it is linked to the compositor's output
    same_size: bool  # whether the render has the clip's size
    changed: bool  # whether the group was kept as the user has changed it
    skipped: tuple[int, ...] = ()  # ids of objects without mattes
    missing: tuple[int, ...] = ()  # scene frames on which an object has no matte
    missing_are_empty: bool = False  # whether these frames show no matte, rather than another frame's


def add(scene: Scene, clip: MovieClip, object_ids: Sequence[int], choices: Choices) -> CompositorResult:
    """Add the clip's group with these objects to the scene's compositor, or update it.

    Raises NothingPropagated if the objects have no mattes, or no mask layers if the choice is masks; NotConfirmed if
    the scene has nodes of an earlier version; NotSaved, BlenderLimit.
    """
    readable_folder(clip)  # gives the clip its key
    files = {object_id: paths for object_id in object_ids if (paths := matte_files(clip, object_id))}
    _check(scene, clip, object_ids, files, choices)
    tree = find(clip)
    if tree is not None and choices.fresh and is_changed(tree):
        compositor_group.give_up(tree)
        tree = None
    changed = tree is not None and is_changed(tree)
    masks = choices.masks or (tree is not None and _STRETCH in tree)
    shown = object_ids if choices.masks else files
    names = {item.object_id: item.name for item in clip.matting.objects if item.object_id in shown}
    tree = _made(clip, tree, names, node_trees.mask_stretch(scene) if masks else None, renew_masks=True)
    result = CompositorResult(
        group=tree.name,
        linked=group_place.link_to_output(_place(scene, clip, tree, choices), choices.active),
        same_size=scene_settings.render_size(scene) == clips.pixel_size(clip),
        changed=changed,
    )
    return result if choices.masks else _with_gaps(result, clip, object_ids, files)


def _with_gaps(
    result: CompositorResult, clip: MovieClip, object_ids: Sequence[int], files: dict[int, list[Path]]
) -> CompositorResult:
    """Return the result with what lacks mattes."""
    numbers = {clips.number(clip, frame) for frame in range(clips.frame_count(clip))}
    missing = {number for paths in files.values() for number in numbers.difference(int(path.stem) for path in paths)}
    return replace(
        result,
        skipped=tuple(number for number in object_ids if number not in files),
        missing=tuple(sorted(clips.scene_frame_of(clip, number) for number in missing)),
        missing_are_empty=all(matte_sequences.shows_gaps(paths) for paths in files.values()),
    )


def unfit(clip: MovieClip) -> str:
    """Return what the clip's group would have to fit, if it was made for another start or offset, or other mattes.

    Empty if the group fits, or if there is none.
    """
    tree = find(clip)
    if tree is None or _FIT not in tree:
        return ""
    fit, stretches = _fit(clip, tree), {node_trees.mask_stretch(scene) for scene in _scenes_of(tree)}
    if _STRETCH in tree and stretches and tree[_STRETCH] not in stretches:
        return f"{fit}; stretch {sorted(stretches)}"
    return "" if tree[_FIT] == fit else fit


def refit(clip: MovieClip, *, renew_masks: bool = False) -> None:
    """Make the clip's group fit the clip and its mattes as they are now, if there is one. Raises what `add` raises."""
    tree = find(clip)
    if tree is None or _OBJECTS not in tree:
        return
    stretch = tree.get(_STRETCH)
    if stretch is not None and (scenes := _scenes_of(tree)):
        stretch = node_trees.mask_stretch(scenes[0])
    _made(clip, tree, _shown(tree), stretch, renew_masks=renew_masks)


def is_users(clip: MovieClip) -> bool:
    """Return whether the user has changed the clip's group, so that it is kept as it is."""
    tree = find(clip)
    return tree is not None and is_changed(tree)


def has_loose_nodes(scene: Scene, clip: MovieClip) -> bool:
    """Return whether a scene has nodes of the clip that an earlier version made."""
    tree = node_trees.existing_compositor(scene)
    return tree is not None and bool(loose_nodes.of_clip(tree, clip))


def group_node(scene: Scene, clip: MovieClip) -> Node | None:
    """Return the node of the clip's group in a scene's compositor; None if there is none."""
    tree, group = node_trees.existing_compositor(scene), find(clip)
    nodes = tree.nodes if tree is not None and group is not None else ()
    return next((node for node in nodes if node.type == "GROUP" and node.node_tree == group), None)


def _check(
    scene: Scene, clip: MovieClip, object_ids: Sequence[int], files: dict[int, list[Path]], choices: Choices
) -> None:
    """Raise what `add` raises, before anything is changed."""
    mask = clip.matting.mask
    if choices.masks:
        if mask is None or not mask.layers:
            raise NothingPropagated(f"clip {clip.name} has no mask layers", remedy="Click To Mask Layers first.")
        _masks(clip, node_trees.mask_stretch(scene))
    elif not files or choices.active not in (None, *files):
        wanted = object_ids if choices.active is None else [choices.active]
        raise NothingPropagated("there are no mattes of " + " or ".join(f"object {number}" for number in wanted))
    for paths in files.values():
        matte_sequences.check(clip, paths)
    check_saved(scene, "scene")
    tree = node_trees.existing_compositor(scene)
    if tree is not None and not tree.is_embedded_data:
        check_saved(tree, "node tree")
    if has_loose_nodes(scene, clip) and not choices.replace:
        raise NotConfirmed(
            "the scene's compositor has nodes that an earlier version of Keymatte made for this clip",
            remedy="Click Replace Old Nodes: links to your own nodes are kept.",
        )


def _made(
    clip: MovieClip, tree: NodeTree | None, names: dict[int, str], stretch: float | None, *, renew_masks: bool
) -> NodeTree:
    """Make or update the group, and return it. One that the user has changed only gets the mattes of now."""
    readable_folder(clip)
    masks = None if stretch is None else _masks(clip, stretch)
    paths = {number: tuple(matte_files(clip, number)) for number in names}
    if tree is not None and (is_changed(tree) or not (masks or any(paths.values()))):
        _show_mattes(tree, clip, paths)
        names = _shown(tree)
    else:
        names = {number: item.name if (item := find_object(clip, number)) else name for number, name in names.items()}
        own_masks = _object_masks(clip, names, renew=renew_masks) if masks else {}
        sources = [
            ObjectSource(number, name, paths.get(number, ()), own_masks.get(number))
            for number, name in (_in_use(clip, tree) | names).items()
        ]
        tree = compositor_group.make(clip, _in_order(clip, sources), masks)
        if stretch is not None:
            tree[_STRETCH] = stretch
    tree[_OBJECTS] = {str(number): name for number, name in names.items()}
    tree[_FIT] = _fit(clip, tree)
    return tree


def _show_mattes(tree: NodeTree, clip: MovieClip, paths: dict[int, tuple[Path, ...]]) -> None:
    """Set the nodes of a group that show mattes to those of now, and leave all else as it is."""
    for number, node in compositor_group.source_nodes(tree).items():
        if paths.get(number) and node.bl_idname == matte_sequences.node_kind(paths[number]):
            matte_sequences.show(node, clip, number, paths[number])


def _in_order(clip: MovieClip, sources: Iterable[ObjectSource]) -> list[ObjectSource]:
    """Return sources in the order of the clip's list of objects."""
    order = {item.object_id: row for row, item in enumerate(clip.matting.objects)}
    return sorted(sources, key=lambda source: order.get(source.object_id, len(order)))


def _object_masks(clip: MovieClip, names: dict[int, str], *, renew: bool) -> dict[int, Mask | None]:
    """Return the mask of each object."""
    return {number: object_masks.of_object(clip, number, name, renew=renew) for number, name in names.items()}


def _shown(tree: NodeTree) -> dict[int, str]:
    """Return the names of the objects that a group shows, by number."""
    return {int(number): name for number, name in tree[_OBJECTS].to_dict().items()}


def _fit(clip: MovieClip, tree: NodeTree) -> str:
    """Return what the settings of a group's nodes depend on: the clip's place in time, mattes and names of objects."""
    parts = [f"number 0 on frame {clips.scene_frame_of(clip, 0)}", clip.name]
    if _STRETCH in tree:
        parts.append(f"pixel aspect {clips.pixel_aspect(clip):.6g}")
    for number, name in _shown(tree).items():
        item = find_object(clip, number)
        parts.append(f"{number} {item.name if item else name} {state_of(clip, number)}")
    return "; ".join(parts)


def _in_use(clip: MovieClip, tree: NodeTree | None) -> dict[int, str]:
    """Return the names, by number, of the clip's objects to whose outputs of the group something is linked."""
    if tree is None:
        return {}
    nodes = [
        node
        for owner in [*bpy.data.node_groups, *map(node_trees.existing_compositor, bpy.data.scenes)]
        if owner is not None
        for node in owner.nodes
        if node.type == "GROUP" and node.node_tree == tree
    ]
    used: dict[int, str] = {}
    for item in clip.matting.objects:
        roles = (f"{compositor_group.ALPHA} {item.object_id}", f"{compositor_group.CUT_OUT} {item.object_id}")
        sockets = [group_sockets.find(tree, node.outputs, role) for node in nodes for role in roles]
        if any(socket is not None and socket.is_linked for socket in sockets):
            used[item.object_id] = item.name
    return used


def _masks(clip: MovieClip, stretch: float) -> Masks | None:
    """Return the clip's mask and how to draw it; None if it has no layers. Raises BlenderLimit."""
    mask = clip.matting.mask
    if mask is None or not mask.layers:
        return None
    canvas = mask_space.of_clip(clip).canvas(stretch=stretch, limit=node_trees.MAX_MASK_SIZE)
    if canvas is None:
        raise BlenderLimit(
            "this version of Blender cannot draw the mask over the whole clip with the render's pixel aspect",
            remedy="Set the render's pixel aspect to 1:1, or use Mattes to Compositor.",
        )
    return Masks(mask, canvas)


def _place(scene: Scene, clip: MovieClip, tree: NodeTree, choices: Choices) -> Node:
    """Return the group's node in the scene's compositor, which is added if there is none, set to the chosen source."""
    compositor = node_trees.compositor_of(scene)
    node = group_node(scene, clip)
    if node is None:
        node = compositor.tree.nodes.new("CompositorNodeGroup")
        node.node_tree = tree
        node.name = tree.name
        group_place.place(compositor.tree, node)
    if choices.replace:
        loose_nodes.replace(compositor.tree, clip, node)
    source = group_sockets.find(tree, node.inputs, "source")
    if source is not None and not source.is_linked:
        node_trees.choose_source(source, masks=choices.masks)
    return node


def _scenes_of(tree: NodeTree) -> list[Scene]:
    """Return the scenes whose compositor has a node of the group."""
    found: Iterable[tuple[Scene, NodeTree | None]]
    found = ((scene, node_trees.existing_compositor(scene)) for scene in bpy.data.scenes)
    return [scene for scene, owner in found if owner is not None and any(_shows(node, tree) for node in owner.nodes)]


def _shows(node: Node, tree: NodeTree) -> bool:
    return node.type == "GROUP" and node.node_tree == tree
