"""Suggestion: which frames to annotate next."""
