"""Scenes for training clips: planned at random in numpy, then built and rendered in Blender."""
