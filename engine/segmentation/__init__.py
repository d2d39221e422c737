"""Segmentation of a single picture from marks by the user: where the object is, is not, or may be."""
