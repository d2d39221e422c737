"""Segmentation of a single picture from marks by the artist: where the object is, is not, or may be."""
