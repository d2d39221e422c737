"""Suggestion of the frames to annotate next."""
