"""Errors of the evaluation, which the extension does not have."""

from __future__ import annotations

from ..shared.errors import EngineError


class PicturesMissing(EngineError):
    """The prepared images from which training clips are composed are missing."""

    code = "pictures-missing"
    default_remedy = "Run `train-data`, and name its folder with --data."


class FilmsChanged(EngineError):
    """The composed films kept for comparing methods are no longer as they were written."""

    code = "films-changed"
    default_remedy = "Delete that folder, or choose another. New clips are then composed, which differ from these."
