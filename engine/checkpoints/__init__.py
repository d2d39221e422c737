"""Checkpoints: download, safe reading and strict loading of weights files."""
