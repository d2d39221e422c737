"""What one frame left in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .tokens import Tokens


@dataclass(frozen=True)
class Entry:
    """One frame's tokens, one `Tokens` per propagation layer. `pinned` marks a user's keyframe."""

    frame: int
    layers: tuple[Tokens, ...]
    pinned: bool = False

    def as_pinned(self) -> Entry:
        """The same, marked as a keyframe."""
        return replace(self, pinned=True)
