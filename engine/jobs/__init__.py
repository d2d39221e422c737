"""Jobs: what Blender and the command line ask the engine to do, with its files."""
