"""Blender side of Keymatte, except operators and drawing."""

PACKAGE = __package__.rpartition(".")[0]  # the extension's module name in Blender's preferences
