"""Reasons why a frame is suggested: short keys that messages and files hold, and the sentences that people read."""

from __future__ import annotations

from .quality import REASONS

UNLIKE = "unlike"
DOUBTFUL = "doubtful"
FIRST = "first"
OR_ELSE = "or-else"
SHOT = "shot"

SENTENCES = {
    **REASONS,
    DOUBTFUL: "matte may be wrong",
    FIRST: "mark this frame first",
    SHOT: "no keyframe in this shot",
    OR_ELSE: "or this, if it shows the object",
}


def sentence(reason: str) -> str:
    """Return the words for a reason; those of `DOUBTFUL` for a key that this version does not know."""
    return SENTENCES.get(reason, SENTENCES[DOUBTFUL])
