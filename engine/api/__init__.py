"""The Python interface of the package, with the jobs of the command line and of Blender."""

from __future__ import annotations

from ..shared.errors import EngineError
from .calls import propagate, score, suggest
from .results import Mattes, Suggestion

__all__ = ["EngineError", "Mattes", "Suggestion", "propagate", "score", "suggest"]
