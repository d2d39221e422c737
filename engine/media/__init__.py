"""Clips and images: movies, image sequences and label images, read and written."""
