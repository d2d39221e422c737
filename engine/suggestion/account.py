"""ClipQuality of the quality of a clip's mattes, by media frame, as a ranking of suggestions reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..shared.matte_folder import MatteFolder
from ..shared.quality import GIVEN, MatteQuality
from ..shared.quality_report import PROPAGATE_AGAIN, unknown_sentences
from ..shared.quality_table import read_table
from ..shared.stretches import Stretch, bad_stretches


@dataclass(frozen=True)
class ClipQuality:
    """ClipQuality of the quality of a clip's mattes; empty if there is none."""

    quality: Mapping[int, Mapping[int, float]] = field(default_factory=dict)  # media frame -> object -> 0..1
    reasons: Mapping[int, Mapping[int, str]] = field(default_factory=dict)  # media frame -> object -> reason, if bad
    unknown: tuple[str, ...] = ()  # of which mattes the quality is not known, although a new run would tell it

    def stretches(self, frames: Sequence[int], chosen: Collection[int]) -> list[Stretch]:
        """List the bad stretches of all objects among media `frames`; keyframes, the `chosen` ones, part them."""
        by_object: dict[int, dict[int, MatteQuality]] = {}
        own = MatteQuality(1.0, signals={GIVEN: 1.0})
        for frame in frames:
            for object_id, value in self.quality.get(frame, {}).items():
                by_object.setdefault(object_id, {})[frame] = own if frame in chosen else MatteQuality(value)
        return bad_stretches(by_object)


NO_ACCOUNT = ClipQuality()


def read_account(folder: MatteFolder, numbers: Sequence[int]) -> ClipQuality:
    """Read the account of a matte folder; `numbers` are the file numbers of the media frames.

    Empty if no quality is known, as of a recipe without calibration. Raises FolderNotWritable.
    """
    media = {number: frame for frame, number in enumerate(numbers)}
    quality: dict[int, dict[int, float]] = {}
    reasons: dict[int, dict[int, str]] = {}
    measured = False
    table = read_table(folder)
    for object_id, rows in table.rows.items():
        for number, row in rows.items():
            if number in media and row.value is not None:
                measured |= not row.is_own
                quality.setdefault(media[number], {})[object_id] = row.value
                if row.quality and row.quality.reason:
                    reasons.setdefault(media[number], {})[object_id] = row.quality.reason
    unknown = tuple(unknown_sentences(table, PROPAGATE_AGAIN))
    return ClipQuality(quality, reasons, unknown) if measured else ClipQuality(unknown=unknown)
