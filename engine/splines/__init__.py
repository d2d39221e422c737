"""Living splines: Bezier splines with few points and keys that follow the outlines of an object's mattes over time."""
