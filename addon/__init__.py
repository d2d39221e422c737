"""Keymatte in Blender: everything that touches bpy but is neither a button nor a drawing."""

PACKAGE = __package__.rpartition(".")[0]  # the extension's root, as Blender names it in the preferences
