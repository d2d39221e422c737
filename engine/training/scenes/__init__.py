"""Scenes rendered in Blender itself: their planning in numpy, and their building and rendering with bpy."""
