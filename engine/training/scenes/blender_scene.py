"""Conversion of a planned scene to objects, materials, lights and a camera in Blender."""

from __future__ import annotations

import bpy
import numpy as np

from .description import Camera, Scene, SceneLight, SceneObject
from .meshes import Mesh, SurfaceMaterial

LABELS_RGB, LABEL_ALPHA = "labels_rgb", "label_alpha"  # render passes: coverage by objects 1 to 3, and by object 4
_MIN_DIFFUSE_ROUGHNESS = 0.45  # smoother surfaces need a principled BSDF


def build_scene(scene: Scene) -> None:
    """Build the scene in a new Blender file, which replaces the current one; time step k becomes frame k - 1."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.edit.keyframe_new_interpolation_type = "LINEAR"
    materials: dict[int, bpy.types.Material] = {}
    meshes: dict[int, bpy.types.Object] = {}
    for item in scene.objects:
        _add_object(item, materials, meshes)
    for light in scene.lights:
        _add_light(light)
    _add_camera(scene.camera)
    _add_sky(scene)


def _add_object(
    item: SceneObject, materials: dict[int, bpy.types.Material], meshes: dict[int, bpy.types.Object]
) -> bpy.types.Object:
    """Add an object to the scene in Blender.

    `materials` caches the Blender material of each description, and `meshes` the first Blender object with each mesh;
    the keys are the `id` of the description and of the mesh.
    """
    first = meshes.get(id(item.mesh))
    if first is None:
        data = _mesh(item.mesh)
        for material in item.materials:
            data.materials.append(_material(material, materials))
    blender_object = bpy.data.objects.new("object", data if first is None else first.data)
    meshes.setdefault(id(item.mesh), blender_object)
    bpy.context.scene.collection.objects.link(blender_object)
    if first is None and len(item.mesh.points) > 1:
        _animate_vertices(blender_object, item.mesh)
    elif first is not None and len(first.material_slots) == len(item.materials):
        for slot, material in zip(blender_object.material_slots, item.materials):
            slot.link = "OBJECT"
            slot.material = _material(material, materials)
    blender_object.color = [float(item.label == label) for label in (1, 2, 3, 4)]
    blender_object.visible_shadow = item.casts_shadow
    _animate_transform(blender_object, item.transforms)
    return blender_object


def _mesh(mesh: Mesh) -> bpy.types.Mesh:
    """Create a Blender mesh with the vertices of the first frame."""
    data = bpy.data.meshes.new("mesh")
    count = len(mesh.faces)
    data.vertices.add(mesh.points.shape[1])
    data.vertices.foreach_set("co", np.float32(mesh.points[min(1, len(mesh.points) - 1)]).ravel())
    data.loops.add(3 * count)
    data.loops.foreach_set("vertex_index", np.int32(mesh.faces).ravel())
    data.polygons.add(count)
    data.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    data.polygons.foreach_set("material_index", np.int32(mesh.material_indices))
    data.uv_layers.new(name="uvs").uv.foreach_set("vector", np.float32(mesh.uvs).ravel())
    data.update(calc_edges=True)
    data.validate()
    if mesh.smooth:
        data.polygons.foreach_set("use_smooth", np.ones(len(data.polygons), bool))
        data.set_sharp_from_angle(angle=np.radians(50))
    else:
        data.polygons.foreach_set("use_smooth", np.zeros(len(data.polygons), bool))
    return data


def _animate_vertices(blender_object: bpy.types.Object, mesh: Mesh) -> None:
    """Add an absolute shape key per time step, between which Cycles interpolates for correct motion blur."""
    for points in mesh.points:
        key = blender_object.shape_key_add(from_mix=False)
        key.interpolation = "KEY_LINEAR"
        key.data.foreach_set("co", np.float32(points).ravel())
    keys = blender_object.data.shape_keys
    keys.use_relative = False
    ends = ((-1, keys.key_blocks[0].frame), (len(mesh.points) - 2, keys.key_blocks[-1].frame))
    for frame, time in ends:
        keys.eval_time = time
        keys.keyframe_insert("eval_time", frame=frame)


def _animate_transform(blender_object: bpy.types.Object, transforms: np.ndarray) -> None:
    """Set the object's transform to `transforms` (1 or K, 4, 4), with a keyframe per time step if there are several."""
    from mathutils import Matrix

    blender_object.rotation_mode = "QUATERNION"
    previous = None
    for step, transform in enumerate(transforms):
        location, rotation, scale = Matrix(transform.tolist()).decompose()
        if previous is not None:
            rotation.make_compatible(previous)
        previous = rotation
        blender_object.location, blender_object.rotation_quaternion, blender_object.scale = location, rotation, scale
        if len(transforms) > 1:
            for path in ("location", "rotation_quaternion"):
                blender_object.keyframe_insert(path, frame=step - 1)


def _animate_property(owner: bpy.types.bpy_struct, path: str, values: np.ndarray) -> None:
    """Set the property `path` of `owner` to values (1 or K,), with a keyframe per time step if there are several."""
    for step, value in enumerate(values):
        setattr(owner, path, float(value))
        if len(values) > 1:
            owner.keyframe_insert(path, frame=step - 1)


def _image(pixels: np.ndarray) -> bpy.types.Image:
    """Create a Blender image of pixels (H, W, 3 or 4) uint8, packed into the Blender file."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new("image", width, height, alpha=True)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., : pixels.shape[2]] = pixels[::-1] / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.alpha_mode = "CHANNEL_PACKED"
    image.update()
    image.pack()  # otherwise Blender frees its pixels between renders
    return image


def _material(description: SurfaceMaterial, cache: dict[int, bpy.types.Material]) -> bpy.types.Material:
    """Return the Blender material of a description, from `cache` or newly made with shader nodes and label outputs."""
    if id(description) in cache:
        return cache[id(description)]
    material = cache[id(description)] = bpy.data.materials.new("material")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    colour, alpha = _colour_sockets(tree, description)
    if not description.lit:
        surface = tree.nodes.new("ShaderNodeEmission")
        tree.links.new(colour, surface.inputs["Color"])
        surface.inputs["Strength"].default_value = description.emission_strength
    elif description.metallic or description.roughness < _MIN_DIFFUSE_ROUGHNESS:
        surface = tree.nodes.new("ShaderNodeBsdfPrincipled")
        surface.inputs["Roughness"].default_value = description.roughness
        surface.inputs["Metallic"].default_value = description.metallic
        tree.links.new(colour, surface.inputs["Base Color"])
    else:  # looks almost the same as a rough principled BSDF, and saves a third of the time
        surface = tree.nodes.new("ShaderNodeBsdfDiffuse")
        tree.links.new(colour, surface.inputs["Color"])
    shader = surface.outputs[0]
    if alpha is not None:
        mix = tree.nodes.new("ShaderNodeMixShader")
        tree.links.new(alpha, mix.inputs[0])
        tree.links.new(tree.nodes.new("ShaderNodeBsdfTransparent").outputs[0], mix.inputs[1])
        tree.links.new(shader, mix.inputs[2])
        shader = mix.outputs[0]
    tree.links.new(shader, out.inputs["Surface"])
    _output_label(tree, alpha)
    return material


def _colour_sockets(
    tree: bpy.types.NodeTree, material: SurfaceMaterial
) -> tuple[bpy.types.NodeSocket, bpy.types.NodeSocket | None]:
    """Add the nodes of a material's colour; return its colour socket and its opacity socket (0 or 1).

    The opacity socket is None if the material has no image with alpha.
    """
    tint = tree.nodes.new("ShaderNodeRGB")
    tint.outputs[0].default_value = (*linear(np.array(material.colour)).tolist(), 1.0)
    if material.image is None:
        return tint.outputs[0], None
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = _image(material.image)
    if material.repeat != 1.0:
        coordinates, mapping = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
        mapping.inputs["Scale"].default_value = (material.repeat, material.repeat, 1.0)
        tree.links.new(coordinates.outputs["UV"], mapping.inputs["Vector"])
        tree.links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    mix.inputs[0].default_value = 1.0
    tree.links.new(texture.outputs["Color"], mix.inputs[6])
    tree.links.new(tint.outputs[0], mix.inputs[7])
    if material.image.shape[2] == 3:
        return mix.outputs[2], None
    opaque = tree.nodes.new("ShaderNodeMath")
    opaque.operation = "GREATER_THAN"
    opaque.inputs[1].default_value = 0.5
    tree.links.new(texture.outputs["Alpha"], opaque.inputs[0])
    return mix.outputs[2], opaque.outputs[0]


def _output_label(tree: bpy.types.NodeTree, alpha: bpy.types.NodeSocket | None) -> None:
    """Write the object's label, encoded as its viewport colour and alpha, to the label passes; write 0 in its holes."""
    object_info = tree.nodes.new("ShaderNodeObjectInfo")
    for name, output, kind in ((LABELS_RGB, "Color", "Color"), (LABEL_ALPHA, "Alpha", "Value")):
        out = tree.nodes.new("ShaderNodeOutputAOV")
        out.aov_name = name
        socket = object_info.outputs[output]
        if alpha is not None:
            product = tree.nodes.new("ShaderNodeVectorMath" if kind == "Color" else "ShaderNodeMath")
            product.operation = "MULTIPLY"
            tree.links.new(socket, product.inputs[0])
            tree.links.new(alpha, product.inputs[1])
            socket = product.outputs[0]
        tree.links.new(socket, out.inputs[kind])


def _add_light(light: SceneLight) -> None:
    data = bpy.data.lights.new("light", light.kind)
    data.color = linear(np.array(light.colour)).tolist()
    if light.kind == "SUN":
        data.angle = light.size
    else:
        data.size = light.size
    _animate_property(data, "energy", light.strength)
    blender_object = bpy.data.objects.new("light", data)
    bpy.context.scene.collection.objects.link(blender_object)
    _animate_transform(blender_object, light.transforms)


def _add_camera(camera: Camera) -> None:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width, data.clip_start = "HORIZONTAL", 36, 0.02
    _animate_property(data, "lens", camera.lens)
    if camera.f_number:
        data.dof.use_dof, data.dof.aperture_fstop = True, camera.f_number
        _animate_property(data.dof, "focus_distance", camera.focus_distance)
    blender_object = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(blender_object)
    _animate_transform(blender_object, camera.transforms)
    bpy.context.scene.camera = blender_object


def _add_sky(scene: Scene) -> None:
    world = bpy.context.scene.world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    tree = world.node_tree
    background = tree.nodes.get("Background") or tree.nodes.new("ShaderNodeBackground")
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 64
    if scene.sky.image is None:
        background.inputs["Color"].default_value = (*linear(np.array(scene.sky.colour)).tolist(), 1.0)
    else:
        coordinates, mapping = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
        texture = tree.nodes.new("ShaderNodeTexEnvironment")
        texture.image = _image(scene.sky.image)
        mapping.inputs["Rotation"].default_value = (0, 0, scene.sky_rotation)
        tree.links.new(coordinates.outputs["Generated"], mapping.inputs["Vector"])
        tree.links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
        tree.links.new(texture.outputs["Color"], background.inputs["Color"])
    _animate_property(background.inputs["Strength"], "default_value", scene.sky_strength)


def linear(values: np.ndarray) -> np.ndarray:
    """Convert sRGB values 0..1 to linear light."""
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.04045) + 0.055) / 1.055) ** 2.4)
