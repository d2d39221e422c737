"""Propagation of keyframe masks through a clip, without access to files."""
