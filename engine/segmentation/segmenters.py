"""The segmenters that a request can name. A network that takes marks as prompts would be another row."""

from __future__ import annotations

from ..shared.errors import BadSetting
from . import grabcut
from .segmenter import Segmenter

SEGMENTERS: dict[str, Segmenter] = {"grabcut": grabcut.segment}


def find_segmenter(name: str) -> Segmenter:
    """Return the segmenter called `name`. Raises BadSetting."""
    if name not in SEGMENTERS:
        raise BadSetting(f"there is no segmenter {name!r}", remedy=f"Choose one of these: {', '.join(SEGMENTERS)}.")
    return SEGMENTERS[name]
