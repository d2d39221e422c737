"""Report of which mattes in a folder are stale: in words, and as data for JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .codec import to_json
from .mask_images import counted
from .matte_folder import named_spans
from .provenance import CAUSES, RunInputs, Runs
from .staleness import Freshness, MatteState, States, due_numbers, stale_stretches

_WORDS = {
    Freshness.FRESH: "up to date",
    Freshness.STALE: "stale",
    Freshness.UNKNOWN: "of unknown origin",
    Freshness.OWN: "edited",
    Freshness.MISSING: "missing",
}


def state_words(state: MatteState) -> str:
    """Return in words why a matte is to be made, or that it need not be."""
    if state.cause is not None:
        return CAUSES[state.cause]
    if state.freshness is Freshness.UNKNOWN:
        return "it is not recorded what they were made from"
    return "no matte yet" if state.freshness is Freshness.MISSING else _WORDS[state.freshness]


def as_text(states: States, frames: int) -> str:
    """Return how many mattes of each object are up to date, and why the others of `frames` frames are not."""
    lines = []
    for object_id, of in states.items():
        counts = Counter(state.freshness for state in of.values())
        parts = [f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind]]
        lines.append(f"object {object_id}, {counted(len(of), 'frame')}: {', '.join(parts) or 'none reached'}")
    found = list(stale_stretches(states))
    if not found:
        return "\n".join([*lines, "", "Nothing to redo."])
    due = due_numbers(states)
    lines += ["", f"To redo, {len(due)} of {counted(frames, 'frame')}, by the numbers in the files' names:"]
    lines += [
        f"  object {one.object_id}, {named_spans('frame', one.numbers)}: {state_words(one.state)}" for one in found
    ]
    return "\n".join(lines)


def as_json(states: States, runs: Runs, current: RunInputs) -> dict[str, Any]:
    """Return the state of all mattes, the runs that made them and the inputs of a run of today as data for JSON."""
    return {
        "due": due_numbers(states),
        "mattes": [
            {
                "object": object_id,
                "number": number,
                "state": state.freshness.value,
                "cause": state.cause.value if state.cause else "",
            }
            for object_id, of in states.items()
            for number, state in of.items()
        ],
        "runs": {id_: to_json(run) for id_, run in runs.by_id.items()},
        "today": to_json(current),
    }
