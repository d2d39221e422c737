"""Quality of mattes, as stored beside each of them: a probability, the reason for doubt, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1  # of what is stored; other versions are not read
FIX_BELOW = 0.5  # mattes of a lower quality are flagged as in need of a fix
GIVEN = "given"  # signal of a matte that is the user's own: of a keyframe, or of a frame without the object
OWN_EDGE = "own edge"  # signal of such a matte whose soft edge is the user's, too

# What makes a matte doubtful, by the key that is stored; in so few words that a list in Blender does not cut them off.
REASONS = {
    "twin": "may be on another object",
    "unlike": "looks unlike any keyframe",
    "edge": "edges unsure",
    "sweeps": "the two directions disagree",
    "motion": "changes more than the motion",
    "drift": "changed since the keyframe",
    "lost": "the object may be lost",
    "pieces": "falls into pieces",
    "unsure": "the network is unsure",
    "size": "size differs from the keyframe",
}


@dataclass(frozen=True)
class MatteQuality:
    """Quality of an object's matte on one frame."""

    value: float | None  # probability, 0..1, that an artist would leave the matte as it is; None: not calibrated
    reason: str = ""  # key of `REASONS`, the main reason for doubt; empty: none
    method: str = ""  # recipe that made the matte
    signals: Mapping[str, float] = field(default_factory=dict)  # what was measured, by name
    run: str = ""  # id of the run that made the matte; see `shared.provenance`. Empty: not recorded
    picture: str = ""  # stamp of the picture that it was made from; see `shared.picture_stamps`
    unfinished: bool = False  # whether another sweep was still to reach it
    kept_by: str = ""  # id of a later run that left the matte as it is, since what it would make agrees with it
    seam: bool = False  # whether a walk ended here: the mattes beyond are those of an earlier run

    @property
    def vouched_by(self) -> str:
        """Return the id of the last run that made the matte or kept it; empty: not recorded."""
        return self.kept_by or self.run

    @property
    def is_given(self) -> bool:
        """Return whether the matte is the user's own, so that there is nothing to doubt."""
        return GIVEN in self.signals

    def to_text(self) -> str:
        """Return the quality as one line of JSON."""
        signals = {name: float(f"{number:.4g}") for name, number in self.signals.items()}
        value = None if self.value is None else round(self.value, 4)
        row = {"v": VERSION, "q": value, "why": self.reason, "by": self.method, "signals": signals}
        origin = ("run", self.run), ("pic", self.picture), ("kept", self.kept_by)
        flags = ("unfinished", self.unfinished), ("seam", self.seam)
        row |= {name: told for name, told in (*origin, *flags) if told}
        return json.dumps(row, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> MatteQuality | None:
        """Read what `to_text` returned; None if it is damaged or of another version."""
        try:
            row: Any = json.loads(text)
            if row["v"] != VERSION:
                return None
            signals = {str(name): float(number) for name, number in row["signals"].items()}
            value = None if row["q"] is None else min(max(float(row["q"]), 0.0), 1.0)
            run, picture, kept_by = (str(row.get(name, "")) for name in ("run", "pic", "kept"))
            origin = run, picture, bool(row.get("unfinished")), kept_by, bool(row.get("seam"))
            return cls(value, str(row["why"]), str(row["by"]), signals, *origin)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None


def version_of(text: str) -> int | None:
    """Return the version of a quality that `MatteQuality.to_text` of any version returned; None if it is damaged."""
    try:
        version = json.loads(text)["v"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return version if type(version) is int and version != VERSION else None
