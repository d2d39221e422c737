"""Matting: the alpha of an object's edges, found anew at full size from its matte and the picture."""
