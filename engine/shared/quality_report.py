"""Report of the qualities in a matte folder: in words, as rows of a table, and as data for JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from .mask_images import counted
from .matte_folder import named_spans
from .quality import FIX_BELOW, VERSION
from .quality_table import DAMAGED_RECORD, MatteRow, QualityTable, Status, Unknown
from .stretches import Stretch, bad_stretches, counted_to_fix, reason_words
from .text import printable

UNKNOWN_WORDS = {
    Unknown.UNCALIBRATED: "made by a recipe that is not calibrated",
    Unknown.UNMEASURED: "nothing was measured, as on frames that no keyframe of the object reaches",
    Unknown.NOT_RECORDED: "made by a version of Keymatte that kept no quality",
    Unknown.OTHER_VERSION: "recorded by another version of Keymatte",
    Unknown.DAMAGED: "the record of the quality is damaged",
}
PROPAGATE_AGAIN = (Unknown.NOT_RECORDED, Unknown.OTHER_VERSION, Unknown.DAMAGED)  # what a new run mends


def stretch_rows(stretches: Iterable[Stretch]) -> list[dict[str, Any]]:
    """Return stretches as data for JSON."""
    return [
        {
            "object": one.object_id,
            "first": one.first,
            "last": one.last,
            "worst": one.worst,
            "quality": one.value,
            "reason": one.reason,
            "words": one.words,
            "frames": one.count,
        }
        for one in stretches
    ]


def matte_rows(table: QualityTable) -> list[dict[str, Any]]:
    """Return what is known of each matte as data for JSON, by object and number."""
    return [_matte_row(object_id, number, row) for object_id, number, row in table.every()]


def _matte_row(object_id: int, number: int, row: MatteRow) -> dict[str, Any]:
    quality = row.quality
    reason = quality.reason if quality and row.status is Status.COMPUTED else ""
    words = UNKNOWN_WORDS[row.unknown] if row.unknown else reason_words(reason) if reason else ""
    return {
        "number": number,
        "object": object_id,
        "status": row.status.value,
        "quality": row.value,
        "reason": reason,
        "words": words,
        "method": quality.method if quality else "",
        "signals": dict(quality.signals) if quality and row.status is not Status.EDITED else {},
    }


def as_json(table: QualityTable, *, below: float = FIX_BELOW) -> dict[str, Any]:
    """Return the mattes' qualities and the stretches to fix as data for JSON."""
    stretches = bad_stretches(table.known(), below=below)
    return {
        "version": VERSION,
        "threshold": below,
        "stretches": stretch_rows(stretches),
        "mattes": matte_rows(table),
    }


def as_csv(table: QualityTable) -> str:
    """Return one line per matte, with a column for each signal that was measured anywhere."""
    rows = matte_rows(table)
    names = sorted({name for row in rows for name in row["signals"]})
    fields = [name for name in (rows[0] if rows else {}) if name != "signals"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*fields, *names])
    for row in rows:
        writer.writerow([*(row[name] for name in fields), *(row["signals"].get(name) for name in names)])
    return text.getvalue()


def as_text(table: QualityTable, *, below: float = FIX_BELOW) -> str:
    """Return what is known of each object's mattes, the stretches to fix, and why the rest is unknown, in words."""
    stretches = bad_stretches(table.known(), below=below)
    lines = [_object_line(object_id, list(of.values()), below) for object_id, of in table.rows.items()]
    if stretches:
        lines += ["", f"{counted_to_fix(len(stretches))}, by the numbers in the files' names:"]
        lines += [
            f"  object {one.object_id}, {one.frames}: {one.words} (worst: frame {one.worst}, quality {one.value:.2f})"
            for one in stretches
        ]
    told = unknown_sentences(table)
    if table.has_lost:
        told.append(f"{DAMAGED_RECORD}.")
    if not stretches and (not told or any(row.status is Status.COMPUTED for _, _, row in table.every())):
        lines += ["", "Nothing to fix."]
    if told:
        lines += ["", *told]
    return "\n".join(lines)


def _object_line(object_id: int, rows: Sequence[MatteRow], below: float) -> str:
    """Return how many mattes of an object are to be trusted, doubtful, unknown and the user's own."""
    values = [row.value for row in rows if row.status is Status.COMPUTED and row.value is not None]
    doubtful = sum(value < below for value in values)
    parts = [
        (len(values) - doubtful, "to be trusted"),
        (doubtful, "doubtful"),
        (sum(row.status is Status.UNKNOWN for row in rows), "unknown"),
        (sum(row.status is Status.GIVEN for row in rows), "given"),
        (sum(row.status is Status.EDITED for row in rows), "edited"),
    ]
    return f"object {object_id}, {counted(len(rows), 'matte')}: {', '.join(f'{n} {what}' for n, what in parts if n)}"


def unknown_sentences(table: QualityTable, reasons: Iterable[Unknown] = Unknown) -> list[str]:
    """Say of which mattes the quality is not known for these reasons; empty if there are none."""
    sentences = []
    for unknown in reasons:
        found = [key for key in table.every() if key[2].unknown is unknown]
        if not found:
            continue
        count = counted(len(found), "matte")
        if unknown is Unknown.UNCALIBRATED:
            methods = sorted({printable(row.quality.method) for _, _, row in found if row.quality})
            sentences += [
                f"recipe {method} is not calibrated: which mattes to trust is not known" for method in methods
            ]
            continue
        objects = {object_id for object_id, _, _ in found}
        numbers = {number for _, number, _ in found}
        where = f"{named_spans('object', objects)}, {named_spans('frame', numbers)}"
        advice = "; propagate again to learn which to trust" if unknown in PROPAGATE_AGAIN else ""
        sentences.append(f"the quality of {count} ({where}) is not known: {UNKNOWN_WORDS[unknown]}{advice}")
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences]
