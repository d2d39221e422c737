"""A planned scene -> Blender's objects, materials, lights and camera."""

from __future__ import annotations

import bpy
import numpy as np

from .plans import Lamp, Scene, Thing, View
from .shapes import Coat, Shape

OURS, FOURTH = "ours", "fourth"  # what is rendered beside the picture: how much of a pixel is objects 1 to 3; object 4
_DULL = 0.45  # roughness from which nothing shines


def build(scene: Scene) -> None:
    """Fill an empty Blender with the scene; knot k lies on frame k - 1."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.edit.keyframe_new_interpolation_type = "LINEAR"
    made: dict[int, bpy.types.Material] = {}
    meshes: dict[int, bpy.types.Object] = {}
    for thing in scene.things:
        _add_thing(thing, made, meshes)
    for lamp in scene.lamps:
        _add_lamp(lamp)
    _add_view(scene.view)
    _add_sky(scene)


def _add_thing(
    thing: Thing, made: dict[int, bpy.types.Material], meshes: dict[int, bpy.types.Object]
) -> bpy.types.Object:
    first = meshes.get(id(thing.shape))
    if first is None:
        mesh = _mesh(thing.shape)
        for coat in thing.coats:
            mesh.materials.append(_material(coat, made))
    one = bpy.data.objects.new("thing", mesh if first is None else first.data)
    meshes.setdefault(id(thing.shape), one)
    bpy.context.scene.collection.objects.link(one)
    if first is None and len(thing.shape.points) > 1:
        _animate_shape(one, thing.shape)
    elif first is not None and len(first.material_slots) == len(thing.coats):
        for slot, coat in zip(one.material_slots, thing.coats):
            slot.link = "OBJECT"
            slot.material = _material(coat, made)
    one.color = [float(thing.label == label) for label in (1, 2, 3, 4)]
    one.visible_shadow = thing.shadows
    _animate_place(one, thing.places)
    return one


def _mesh(shape: Shape) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new("shape")
    count = len(shape.faces)
    mesh.vertices.add(shape.points.shape[1])
    mesh.vertices.foreach_set("co", np.float32(shape.points[min(1, len(shape.points) - 1)]).ravel())
    mesh.loops.add(3 * count)
    mesh.loops.foreach_set("vertex_index", np.int32(shape.faces).ravel())
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    mesh.polygons.foreach_set("material_index", np.int32(shape.coats))
    mesh.uv_layers.new(name="places").uv.foreach_set("vector", np.float32(shape.places).ravel())
    mesh.update(calc_edges=True)
    mesh.validate()
    if shape.smooth:
        mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
        mesh.set_sharp_from_angle(angle=np.radians(50))
    else:
        mesh.polygons.foreach_set("use_smooth", np.zeros(len(mesh.polygons), bool))
    return mesh


def _animate_shape(one: bpy.types.Object, shape: Shape) -> None:
    """One absolute shape key per knot: Cycles finds what is between them, so that what deforms blurs rightly."""
    for points in shape.points:
        key = one.shape_key_add(from_mix=False)
        key.interpolation = "KEY_LINEAR"
        key.data.foreach_set("co", np.float32(points).ravel())
    keys = one.data.shape_keys
    keys.use_relative = False
    ends = ((-1, keys.key_blocks[0].frame), (len(shape.points) - 2, keys.key_blocks[-1].frame))
    for frame, time in ends:
        keys.eval_time = time
        keys.keyframe_insert("eval_time", frame=frame)


def _animate_place(one: bpy.types.Object, places: np.ndarray) -> None:
    from mathutils import Matrix

    one.rotation_mode = "QUATERNION"
    before = None
    for knot, place in enumerate(places):
        location, turn, scale = Matrix(place.tolist()).decompose()
        if before is not None:
            turn.make_compatible(before)
        before = turn
        one.location, one.rotation_quaternion, one.scale = location, turn, scale
        if len(places) > 1:
            for path in ("location", "rotation_quaternion"):
                one.keyframe_insert(path, frame=knot - 1)


def _keyed(owner: bpy.types.bpy_struct, path: str, values: np.ndarray) -> None:
    for knot, value in enumerate(values):
        setattr(owner, path, float(value))
        if len(values) > 1:
            owner.keyframe_insert(path, frame=knot - 1)


def _picture(pixels: np.ndarray) -> bpy.types.Image:
    high, wide = pixels.shape[:2]
    image = bpy.data.images.new("picture", wide, high, alpha=True)
    full = np.ones((high, wide, 4), np.float32)
    full[..., : pixels.shape[2]] = pixels[::-1] / np.float32(255)
    image.pixels.foreach_set(full.ravel())
    image.alpha_mode = "CHANNEL_PACKED"
    image.update()
    image.pack()  # otherwise its pixels are lost when memory is tidied up between renders
    return image


def _material(coat: Coat, made: dict[int, bpy.types.Material]) -> bpy.types.Material:
    if id(coat) in made:
        return made[id(coat)]
    material = made[id(coat)] = bpy.data.materials.new("coat")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    colour, alpha = _colour(tree, coat)
    if not coat.lit:
        surface = tree.nodes.new("ShaderNodeEmission")
        tree.links.new(colour, surface.inputs["Color"])
        surface.inputs["Strength"].default_value = coat.glow
    elif coat.metallic or coat.roughness < _DULL:
        surface = tree.nodes.new("ShaderNodeBsdfPrincipled")
        surface.inputs["Roughness"].default_value = coat.roughness
        surface.inputs["Metallic"].default_value = coat.metallic
        tree.links.new(colour, surface.inputs["Base Color"])
    else:  # hardly to be told from a dull principled one, and a third of the time is saved
        surface = tree.nodes.new("ShaderNodeBsdfDiffuse")
        tree.links.new(colour, surface.inputs["Color"])
    shown = surface.outputs[0]
    if alpha is not None:
        mix = tree.nodes.new("ShaderNodeMixShader")
        tree.links.new(alpha, mix.inputs[0])
        tree.links.new(tree.nodes.new("ShaderNodeBsdfTransparent").outputs[0], mix.inputs[1])
        tree.links.new(shown, mix.inputs[2])
        shown = mix.outputs[0]
    tree.links.new(shown, out.inputs["Surface"])
    _tell_label(tree, alpha)
    return material


def _colour(tree: bpy.types.NodeTree, coat: Coat) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket | None]:
    """The sockets of the colour, and of 0 in holes and 1 elsewhere."""
    plain = tree.nodes.new("ShaderNodeRGB")
    plain.outputs[0].default_value = (*linear(np.array(coat.colour)).tolist(), 1.0)
    if coat.picture is None:
        return plain.outputs[0], None
    picture = tree.nodes.new("ShaderNodeTexImage")
    picture.image = _picture(coat.picture)
    if coat.repeat != 1.0:
        places, mapping = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
        mapping.inputs["Scale"].default_value = (coat.repeat, coat.repeat, 1.0)
        tree.links.new(places.outputs["UV"], mapping.inputs["Vector"])
        tree.links.new(mapping.outputs["Vector"], picture.inputs["Vector"])
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    mix.inputs[0].default_value = 1.0
    tree.links.new(picture.outputs["Color"], mix.inputs[6])
    tree.links.new(plain.outputs[0], mix.inputs[7])
    if coat.picture.shape[2] == 3:
        return mix.outputs[2], None
    whole = tree.nodes.new("ShaderNodeMath")
    whole.operation = "GREATER_THAN"
    whole.inputs[1].default_value = 0.5
    tree.links.new(picture.outputs["Alpha"], whole.inputs[0])
    return mix.outputs[2], whole.outputs[0]


def _tell_label(tree: bpy.types.NodeTree, alpha: bpy.types.NodeSocket | None) -> None:
    """The object's colour and its alpha are its label; rays through a hole must not read it."""
    known = tree.nodes.new("ShaderNodeObjectInfo")
    for name, told, into in ((OURS, "Color", "Color"), (FOURTH, "Alpha", "Value")):
        out = tree.nodes.new("ShaderNodeOutputAOV")
        out.aov_name = name
        socket = known.outputs[told]
        if alpha is not None:
            times = tree.nodes.new("ShaderNodeVectorMath" if into == "Color" else "ShaderNodeMath")
            times.operation = "MULTIPLY"
            tree.links.new(socket, times.inputs[0])
            tree.links.new(alpha, times.inputs[1])
            socket = times.outputs[0]
        tree.links.new(socket, out.inputs[into])


def _add_lamp(lamp: Lamp) -> None:
    light = bpy.data.lights.new("lamp", lamp.kind)
    light.color = linear(np.array(lamp.colour)).tolist()
    if lamp.kind == "SUN":
        light.angle = lamp.size
    else:
        light.size = lamp.size
    _keyed(light, "energy", lamp.strength)
    one = bpy.data.objects.new("lamp", light)
    bpy.context.scene.collection.objects.link(one)
    _animate_place(one, lamp.places)


def _add_view(view: View) -> None:
    camera = bpy.data.cameras.new("camera")
    camera.sensor_fit, camera.sensor_width, camera.clip_start = "HORIZONTAL", 36, 0.02
    _keyed(camera, "lens", view.lens)
    if view.aperture:
        camera.dof.use_dof, camera.dof.aperture_fstop = True, view.aperture
        _keyed(camera.dof, "focus_distance", view.focus)
    one = bpy.data.objects.new("camera", camera)
    bpy.context.scene.collection.objects.link(one)
    _animate_place(one, view.places)
    bpy.context.scene.camera = one


def _add_sky(scene: Scene) -> None:
    world = bpy.context.scene.world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    tree = world.node_tree
    shade = tree.nodes.get("Background") or tree.nodes.new("ShaderNodeBackground")
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 64
    if scene.sky.picture is None:
        shade.inputs["Color"].default_value = (*linear(np.array(scene.sky.colour)).tolist(), 1.0)
    else:
        around, mapping = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
        picture = tree.nodes.new("ShaderNodeTexEnvironment")
        picture.image = _picture(scene.sky.picture)
        mapping.inputs["Rotation"].default_value = (0, 0, scene.sky_turn)
        tree.links.new(around.outputs["Generated"], mapping.inputs["Vector"])
        tree.links.new(mapping.outputs["Vector"], picture.inputs["Vector"])
        tree.links.new(picture.outputs["Color"], shade.inputs["Color"])
    _keyed(shade.inputs["Strength"], "default_value", scene.sky_strength)


def linear(values: np.ndarray) -> np.ndarray:
    """sRGB values 0..1 as amounts of light."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.04045) + 0.055) / 1.055) ** 2.4)
