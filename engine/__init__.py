"""Keymatte's engine: video object segmentation of clips, independent of Blender."""

VERSION = "0.1.0"
