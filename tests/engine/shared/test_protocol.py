"""Messages round-trip through lines of JSON; other lines are refused."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from engine.shared.delivery import DeliveredObject, ExportJob
from engine.shared.errors import BadMessage
from engine.shared.protocol import (
    Cancel,
    Download,
    Export,
    Failed,
    Finished,
    FitSplines,
    Import,
    JobCancelled,
    MatteReady,
    Message,
    ObjectQuality,
    ObjectSplines,
    Preview,
    Previewed,
    Propagate,
    Ready,
    Refine,
    Segment,
    Segmented,
    SplinesFitted,
    Stage,
    Suggest,
    Suggested,
    decode,
    encode,
)
from engine.shared.quality_table import Status, Unknown
from engine.shared.refinement import EdgeMethod, RefinedObject, Refinement
from engine.shared.types import (
    Direction,
    EditedMatte,
    KeyframeFile,
    PreviewJob,
    PropagationJob,
    RefineJob,
    SegmentationJob,
    Settings,
    SplineJob,
    SuggestionJob,
    VideoClip,
)

JOB = PropagationJob(
    job_id="a1",
    clip=VideoClip(Path("shots") / "Straße 7" / "plate.mov", height=480, width=720, frame_count=60),
    frames=range(3, 50),
    keyframes=(KeyframeFile(3, Path("k") / "000003.png", (1, 4)), KeyframeFile(9, Path("k") / "000009.png", ())),
    folder=Path("mattes") / "日本",
    direction=Direction.BACKWARD,
    settings=Settings(height=360, device="cpu", overrides={"memory.interval": "3"}),
)
EDITED = EditedMatte(2, 1003, Path("Straße 7") / "002-1003.png")
MESSAGES = [
    Propagate(JOB),
    Propagate(PropagationJob("b", JOB.clip, range(1), (), Path("out"), weights=Path("w.safetensors"))),
    Suggest(SuggestionJob("s", JOB.clip, range(60), (0, 20), Path("mattes") / "labels", Path("keys"), alpha=0.25)),
    Segment(SegmentationJob("g", JOB.clip, 7, Path("marks.png"), Path("Straße 7") / "alpha.npy")),
    Segmented("g", Path("Straße 7") / "alpha.npy"),
    FitSplines(SplineJob("f", Path("mattes"), (1, 2), range(1001, 1017), 720, 480, Path("out"), (EDITED,))),
    SplinesFitted("f", (ObjectSplines(1), ObjectSplines(2, (1003, 1004), 7, 0.125))),
    Refine(RefineJob("r", JOB.clip, Path("m"), range(60), (RefinedObject(2, Refinement(EdgeMethod.DETAIL, 4.5)),))),
    Preview(PreviewJob("v", JOB.clip, Path("mattes"), 7, RefinedObject(1), Path("Straße 7") / "alpha.npy")),
    Previewed("v", Path("Straße 7") / "alpha.npy"),
    Export(ExportJob("e", JOB.clip, Path("mattes"), range(60), (DeliveredObject(1, "Straße/7"),), Path("out"))),
    Suggested("s", (31, 7), (0.5, 0.25), (2, 0), ("edge", "unlike"), note="no quality"),
    Cancel("a1"),
    JobCancelled("a1"),
    Download("d", "XMem", Path("Gewichte") / "日本"),
    Download("d", "XMem", Path("weights"), again=True),
    Import("i", "XMem", Path("Straße 7") / "XMem.pth", Path("weights")),
    Ready("0.1.0", "CPU"),
    Stage("a1", "Learning"),
    MatteReady("a1", 5, 1, 94),
    MatteReady("a1", 5, 1, 94, (ObjectQuality(2, Status.GIVEN, 1.0), ObjectQuality(3, Status.COMPUTED, 0.25, "twin"))),
    MatteReady("a1", 5, 1, 94, (ObjectQuality(1, Status.UNKNOWN, None, "", "mavos", Unknown.UNCALIBRATED),)),
    Finished("a1", "frame 3 is gone", 2.5, 1024),
    Failed("", "bad-message", "two\nlines", ""),
]


def test_every_kind_of_message_is_tried():
    assert {type(message) for message in MESSAGES} == set(get_args(Message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_message_round_trips_through_one_line(message):
    line = encode(message)
    assert line.count("\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line",
    ["", "hello", "[]", "3", "{}", '{"kind": "Dance"}', '{"kind": "Cancel"}', '{"kind": "Cancel", "job": 1}',
     '{"kind": "Download", "job_id": "d", "name": "X"}', '{"kind": "Download", "job_id": "", "name": "X", "folder": 3}',
     '{"kind": "Cancel", "job_id": [[]]}', '{"kind": ["Cancel"], "job_id": ""}',
     '{"kind": "Propagate", "job": {}}', '{"kind": "Propagate", "job": null}', encode(MESSAGES[0])[:-40]],
)  # fmt: skip
def test_lines_that_are_no_message_are_refused(line: str):
    with pytest.raises(BadMessage, match="not a message"):
        decode(line)
