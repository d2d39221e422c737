"""pip's output becomes a few lines of progress, or an error that says what to do."""

from __future__ import annotations

import pytest

from engine.shared.errors import DiskFull, EnvironmentFailed
from engine.shared.pip_output import ProgressFilter, failure


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    (
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/torch/\n"
            "ERROR: Could not find a version that satisfies the requirement torch\n"
            "ERROR: No matching distribution found for torch",
            EnvironmentFailed,
            "registry was not reached",
        ),
        ("ERROR: No matching distribution found for bpy==5.0.1", EnvironmentFailed, "no package bpy==5.0.1"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            DiskFull,
            "space is left",
        ),
        ("Collecting x\nERROR: something new", EnvironmentFailed, "status 1: ERROR: something new"),
    ),
)
def test_a_failure_of_pip_becomes_an_error_for_the_user(output, kind, words):
    error = failure(output, 1)
    assert type(error) is kind
    assert words in error.sentence()


def test_progress_is_reported_in_few_lines():
    lines: list[str] = []
    progress = ProgressFilter(lines.append)
    total = 400_000_000
    for line in (
        "Collecting bpy==5.0.1",
        "Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (1.2 kB)",
        "Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (400.0 MB)",
        *(f"Progress {done} of {total}" for done in range(0, total + 1, total // 100)),
        "Progress 5 of None",
        "Installing collected packages: a, b, c",
    ):
        progress.line(line)
    assert lines[0] == "Downloading bpy 5.0.1 (400.0 MB)"
    assert lines[1:11] == [f"  bpy: {percent} % of 400 MB" for percent in range(10, 101, 10)]
    assert lines[11:] == ["Unpacking 3 packages: this takes a minute or more"]
