"""What the engine shares with Blender's side: standard library and numpy only."""
