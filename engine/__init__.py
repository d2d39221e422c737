"""Keymatte's engine: video object segmentation that knows films and masks, but not Blender."""

VERSION = "0.1.0"
