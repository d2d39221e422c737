"""Outcome of a delivery: what was written, what was kept or left out, and why, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..shared.mask_images import counted
from ..shared.matte_folder import named_spans
from .record import State

_SHOWN = 3  # names of files that are told
_KEPT = {
    State.EDITED: "changed since they were exported, and kept",
    State.FOREIGN: "there already, not from Keymatte, and kept",
    State.OTHER: "there already, exported of another clip or in another format, and kept",
}


@dataclass
class Outcome:
    """What a delivery has done so far; numbers are those of frames in the names of mattes."""

    out: Path
    shown: Callable[[list[int]], list[int]]  # numbers by which the user knows frames
    written: int = 0  # files
    current: int = 0  # files that were up to date
    kept: dict[State, list[str]] = field(default_factory=dict)  # paths of files of others, from `out`
    missing: dict[str, list[int]] = field(default_factory=dict)  # by object: frames without a matte
    left_out: list[tuple[str, str, int]] = field(default_factory=list)  # what was not written, why, and of which frame
    remarks: list[str] = field(default_factory=list)  # other problems

    def keep(self, state: State, path: Path) -> None:
        """Note a file that is not replaced."""
        self.kept.setdefault(state, []).append(path.relative_to(self.out).as_posix())

    def miss(self, name: str, number: int) -> None:
        """Note a frame on which an object has no matte."""
        self.missing.setdefault(name, []).append(number)

    def leave_out(self, what: str, why: str, number: int) -> None:
        """Note that something is not written since a matte or picture cannot be read, and of which frame."""
        self.left_out.append((what, why, number))

    @property
    def note(self) -> str:
        """Return how many files were written, and where."""
        text = f"{counted(self.written, 'file')} written to {self.out}"
        return f"{text}; {counted(self.current, 'file')} up to date already" if self.current else text

    @property
    def warning(self) -> str:
        """Return what could not be done, as sentences; empty if there is nothing."""
        sentences = [*self.remarks]
        for name, numbers in self.missing.items():
            frames = named_spans("frame", self.shown(numbers))
            sentences.append(f"{name} has no matte on {frames}: it is empty there")
        if self.left_out:
            frames = named_spans("frame", self.shown([number for _, _, number in self.left_out]))
            whats = list(dict.fromkeys(what for what, _, _ in self.left_out))
            sentences.append(f"Left out: {_listed(whats)}, on {frames}, as {self.left_out[0][1]}")
        for state, paths in self.kept.items():
            verb = "was" if len(paths) == 1 else "were"
            sentences.append(f"{_listed(paths)} {verb} {_KEPT[state]}: choose another folder, or move them away")
        return ". ".join(sentences)


def _listed(names: Sequence[str]) -> str:
    """Return the first names, and how many others there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
