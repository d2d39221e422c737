"""The installed extension: registration, disabling, and operators that are disabled without a clip."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import MODULE, part

OPERATORS = (
    "matte_object_add",
    "matte_object_remove",
    "matte_keyframe_from_mask",
    "matte_keyframe_from_image",
    "matte_keyframe_clear",
    "matte_keyframe_jump",
    "matte_propagate",
    "matte_cancel",
    "matte_suggest",
    "matte_to_mask_layers",
    "matte_to_compositor",
    "matte_clear",
    "matte_weights_download",
    "matte_weights_import",
    "matte_install_engine",
    "matte_test_engine",
)


def test_operators_and_panels_are_registered(studio):
    assert all(hasattr(bpy.types, f"CLIP_OT_{name}") for name in OPERATORS)
    panels = [name for name in dir(bpy.types) if name.startswith("CLIP_PT_matte")]
    assert {getattr(bpy.types, name).bl_category for name in panels} == {"Keymatte"}
    assert all(getattr(bpy.ops.clip, name).get_rna_type().description for name in OPERATORS)


def test_disabled_extension_leaves_nothing_and_can_be_enabled_again(studio):
    python = bpy.context.preferences.addons[MODULE].preferences.engine_python
    for _ in range(2):
        bpy.ops.preferences.addon_disable(module=MODULE)
        assert not [name for name in dir(bpy.types) if name.startswith(("CLIP_OT_matte", "CLIP_PT_matte"))]
        assert not hasattr(bpy.types.MovieClip, "matting")
        assert not [f for f in bpy.app.handlers.load_pre if f.__module__.startswith(MODULE)]
        bpy.ops.preferences.addon_enable(module=MODULE)
    bpy.context.preferences.addons[MODULE].preferences.engine_python = python
    bpy.context.preferences.addons[MODULE].preferences.device = "cpu"


def test_unregistering_ends_the_engine(studio):
    session = part("addon.session").session
    session.test()
    session.wait(60)
    client = session._client
    assert client.alive
    part("addon.registration").unregister()
    try:
        assert not client.alive
    finally:
        part("addon.registration").register()


WITHOUT_CLIP = [name for name in OPERATORS if "engine" in name or "weights" in name or name == "matte_cancel"]


NEED_MORE = (  # an object, or mattes
    "matte_object_remove",
    "matte_keyframe_from_mask",
    "matte_keyframe_clear",
    "matte_to_mask_layers",
)


@pytest.mark.parametrize("name", [name for name in OPERATORS if name not in WITHOUT_CLIP])
def test_clip_operators_are_disabled_without_a_clip(studio, name):
    studio.area.type = "CLIP_EDITOR"
    with studio.editor():
        assert not getattr(bpy.ops.clip, name).poll()
    studio.open_film()
    with studio.editor():
        assert getattr(bpy.ops.clip, name).poll() != (name in NEED_MORE)


def test_cancel_is_disabled_while_nothing_runs(studio):
    assert not bpy.ops.clip.matte_cancel.poll()


def test_remedies_name_existing_operators():
    for name in part("ui.status").REMEDIES.values():
        assert name.partition(".")[2] in OPERATORS


def test_no_library_of_the_engine_is_loaded_into_blender(studio):
    import subprocess
    import sys

    lines = (
        "import os, sys, bpy\n"
        f"bpy.ops.preferences.addon_enable(module={MODULE!r})\n"
        "print([name for name in ('torch', 'cv2', 'PIL', 'safetensors') if name in sys.modules], flush=True)\n"
        "os._exit(0)\n"
    )
    result = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip().endswith("[]"), result.stdout + result.stderr


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_properties_are_not_remembered_from_the_last_use(studio, name):
    """Every operator property has the option SKIP_SAVE.

    Without it, Blender would reuse the value of the last call if a button does not set the property.
    """
    properties = getattr(bpy.ops.clip, name).get_rna_type().properties
    remembered = [prop.identifier for prop in properties if prop.identifier != "rna_type" and not prop.is_skip_save]
    assert not remembered
