"""Jobs that Blender and the command line run: propagation, suggestion, installing weights."""
