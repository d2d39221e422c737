"""Checkpoints: weights files found, downloaded, read and loaded strictly."""
