"""Delivery: files of a clip's mattes for other programs, as images, movies and label folders."""
