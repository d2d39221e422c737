"""Errors of files with splines, which a user can act on."""

from __future__ import annotations

from ..errors import EngineError


class ShapesUnreadable(EngineError):
    """A file with splines is damaged, of another kind or version, too large, or holds nothing to import."""

    code = "shapes-unreadable"
    default_remedy = "Export it again from the program that it comes from."


class ShapesNotWritable(EngineError):
    """Splines cannot be written as they are, or not in the format that was asked for."""

    code = "shapes-not-writable"
    default_remedy = "Choose a name that ends in .json, .svg, .nk or .jsx."
