"""Suggestion: selects frames to annotate next."""
