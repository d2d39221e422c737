"""Keymatte's engine: video object segmentation of clips, independent of Blender."""

VERSION = "0.2.0"
