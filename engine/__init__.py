"""Keymatte's engine: video object segmentation of clips, independent of Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import EngineError, Mattes, Suggestion, propagate, score, suggest

VERSION = "0.2.0"

__version__ = VERSION
__all__ = ["VERSION", "EngineError", "Mattes", "Suggestion", "propagate", "score", "suggest"]


def __getattr__(name: str) -> object:
    """Load the Python interface when it is first used, as Blender needs only the version."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
