"""A comparison with a run of today tells the truth after runs, changes and edits, and looks again at changes only."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from keymatte.addon import comparison, state_reader
from keymatte.addon.comparison import Request
from keymatte.addon.lane import Code
from keymatte.addon.state_reader import StateReader
from keymatte.engine.shared.catalogue import bundled_file
from keymatte.engine.shared.mask_images import Masks, Meaning
from keymatte.engine.shared.matte_folder import MatteFolder
from keymatte.engine.shared.picture_stamps import picture_stamp
from keymatte.engine.shared.protocol import ObjectQuality
from keymatte.engine.shared.provenance import Cause, Runs
from keymatte.engine.shared.quality import MatteQuality
from keymatte.engine.shared.quality_table import row_of
from keymatte.engine.shared.run_inputs import run_inputs
from keymatte.engine.shared.types import KeyframeFile, PropagationJob, VideoClip
from keymatte.engine.shared.written_files import WrittenFiles

FIRST, COUNT = 11, 9
STALE, FRESH, MISSING, UNKNOWN = Code.STALE, Code.FRESH, Code.MISSING, Code.UNKNOWN


class Shot:
    """A clip of nine pictures with a keyframe of each of two objects on the fifth, and a folder for its mattes."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, MatteFolder(root / "mattes")
        (root / "film").mkdir()
        for number in range(FIRST, FIRST + COUNT):
            self.picture(number).write_bytes(b"picture %d" % number)
        self.folder.root.mkdir()
        clip = VideoClip(self.picture(FIRST), 0, 0, COUNT)
        marked = tuple(self.keyframe(object_id, 4) for object_id in (1, 2))
        job = PropagationJob("", clip, range(COUNT), marked, self.folder.root)
        pictures = tuple(map(self.picture, range(FIRST, FIRST + COUNT)))
        self.request = Request(self.folder, (2, 1), FIRST, COUNT, job, pictures)
        self.reader = StateReader()

    def picture(self, number: int) -> Path:
        return self.root / "film" / f"a_{number:04d}.tif"

    def keyframe(self, object_id: int, frame: int, content: bytes = b"mask") -> KeyframeFile:
        path = self.root / f"{object_id} {frame} {content.decode()}.png"
        path.write_bytes(content)
        return KeyframeFile(frame, path, (object_id,), Meaning(Masks.BINARY, half=127.5), object_id)

    def marked(self, *keyframes: KeyframeFile) -> Request:
        """Return the request with these keyframes as well."""
        job = self.request.job
        return replace(self.request, job=replace(job, keyframes=(*job.keyframes, *keyframes)))

    def run(self, request: Request | None = None, *, value: float = 0.9) -> str:
        """Write all mattes as a run of a request does, and return the id of the run."""
        job = (request or self.request).job
        inputs = run_inputs(job, range(FIRST, FIRST + COUNT), (), bundled_file("keymatte"))
        Runs.read(self.folder).with_run(inputs, keep=frozenset()).write(self.folder)
        files = WrittenFiles(self.folder)
        for object_id in (1, 2):
            for number in range(FIRST, FIRST + COUNT):
                stamp = picture_stamp(self.picture(number))
                judged = MatteQuality(value, "edge", "keymatte", {"warp": 0.5}, run=inputs.id, picture=stamp)
                files.write(self.folder.matte(object_id, number), b"matte of %s" % inputs.id.encode(), judged)
        files.close()
        return inputs.id

    def codes(self, request: Request | None = None) -> list[list[int]]:
        """Read the folder and return the codes, the upper row that of object 2."""
        self.reader.read(self.folder)
        return self.reader.compare(request or self.request).codes.tolist()

    def cause(self, object_id: int, frame: int) -> Cause | None:
        return self.reader.found(self.folder.root).states[object_id][FIRST + frame].cause


@pytest.fixture
def shot(tmp_path: Path) -> Shot:
    return Shot(tmp_path)


def test_without_mattes_all_are_missing_and_after_a_run_none(shot):
    assert shot.codes() == [[MISSING] * COUNT] * 2
    shot.run()
    assert shot.codes() == [[FRESH] * COUNT] * 2


def test_doubtful_mattes_are_told(shot):
    shot.run(value=0.2)
    assert shot.codes() == [[Code.DOUBTFUL] * COUNT] * 2


def test_a_further_keyframe_makes_stale_what_lies_beyond_the_neighbouring_one(shot):
    shot.run()
    request = shot.marked(shot.keyframe(1, 7))
    assert shot.codes(request) == [[FRESH] * COUNT, [FRESH] * 5 + [STALE] * 4]
    assert shot.cause(1, 8) is Cause.KEYFRAME
    shot.run(request)
    assert shot.codes(request) == [[FRESH] * COUNT] * 2
    assert shot.codes()[1] == [FRESH] * 5 + [STALE] * 4, "the keyframe was removed"


def test_an_object_that_lost_its_keyframes_is_stale(shot):
    shot.run()
    job = shot.request.job
    request = replace(shot.request, job=replace(job, keyframes=job.keyframes[:1]))
    assert shot.codes(request) == [[STALE] * COUNT, [FRESH] * COUNT]
    nothing = replace(shot.request, job=replace(job, keyframes=()))
    assert shot.codes(nothing) == [[STALE] * COUNT] * 2


def test_without_weights_nothing_is_known(shot):
    shot.run()
    assert shot.codes(replace(shot.request, job=None, problem="weights are missing")) == [[UNKNOWN] * COUNT] * 2


def test_a_folder_without_provenance_is_unknown_and_edits_are_kept_apart(shot):
    shot.run()
    shot.folder.runs.unlink()
    assert shot.codes() == [[UNKNOWN] * COUNT] * 2
    shot.run()
    shot.folder.matte(2, FIRST + 3).write_bytes(b"edited by hand, of another length")
    found = shot.codes()
    assert found[0] == [FRESH] * 3 + [Code.EDITED] + [FRESH] * 5 and found[1] == [FRESH] * COUNT


def test_a_changed_picture_makes_its_mattes_stale(shot, monkeypatch):
    shot.run()
    shot.codes()
    shot.picture(FIRST + 2).write_bytes(b"another picture")
    assert shot.codes() == [[FRESH] * COUNT] * 2, "dates are not looked at all the time"
    monkeypatch.setattr(state_reader, "_LOOK_AGAIN", 0.0)
    assert shot.codes() == [[FRESH] * 2 + [STALE] + [FRESH] * 6] * 2
    assert shot.cause(2, 2) is Cause.PICTURE


def test_what_a_running_job_tells_becomes_fresh_and_the_rest_stays_stale(shot, monkeypatch):
    shot.run()
    request = shot.marked(shot.keyframe(1, 7))
    assert shot.codes(request)[1] == [FRESH] * 5 + [STALE] * 4
    inputs = run_inputs(request.job, range(FIRST, FIRST + COUNT), (), bundled_file("keymatte"))
    Runs.read(shot.folder).with_run(inputs, keep=frozenset([*Runs.read(shot.folder).by_id])).write(shot.folder)
    shot.reader.compare(request)
    asked: list[int] = []
    real = comparison.assess

    def assess(rows, runs, current, numbers, *rest, **options):
        asked.extend(numbers)
        return real(rows, runs, current, numbers, *rest, **options)

    monkeypatch.setattr(comparison, "assess", assess)
    stamp = picture_stamp(shot.picture(FIRST + 6))
    judged = MatteQuality(0.9, "", "keymatte", {"warp": 0.5}, run=inputs.id, picture=stamp)
    shot.reader.tell(shot.folder.root, FIRST + 6, [ObjectQuality.of(1, row_of(judged))])
    half = replace(judged, picture=picture_stamp(shot.picture(FIRST + 5)), unfinished=True)
    shot.reader.tell(shot.folder.root, FIRST + 5, [ObjectQuality.of(1, row_of(half))])
    assert shot.reader.is_due(request)
    assert shot.reader.compare(request).codes[1].tolist() == [FRESH] * 5 + [STALE, FRESH, STALE, STALE]
    assert shot.cause(1, 5) is Cause.UNFINISHED
    assert asked == [FIRST + 5, FIRST + 6], "nothing else is compared again"
    assert not shot.reader.is_due(request)


def test_copies_of_keyframes_stand_for_images_that_are_gone(shot):
    shot.run()
    one = shot.request.job.keyframes[0].labels
    copy = shot.folder.keyframe(1, FIRST + 4)
    copy.parent.mkdir(parents=True)
    one.rename(copy)
    assert shot.codes() == [[FRESH] * COUNT] * 2
    copy.unlink()
    shot.reader.forget()
    assert shot.codes() == [[UNKNOWN] * COUNT] * 2, "no run can be foreseen without the image"


def test_the_thread_tells_news_once_and_rests(shot, monkeypatch):
    monkeypatch.setattr(state_reader, "_READ_PAUSE", 60.0)
    shot.run()
    shot.reader.read(shot.folder)
    limit = time.monotonic() + 20
    assert shot.reader.look(shot.folder, shot.request)
    while shot.reader.is_working and time.monotonic() < limit:
        time.sleep(0.01)
    assert shot.reader.take_news() and not shot.reader.take_news()
    assert np.array_equal(shot.reader.found(shot.folder.root).codes, [[FRESH] * COUNT] * 2)
    assert not shot.reader.is_due(shot.request) and shot.reader.is_due(shot.marked(shot.keyframe(1, 7)))
    assert not shot.reader.look(shot.folder, shot.request), "it has just looked"


def test_a_look_without_reason_waits_longer(shot, monkeypatch):
    shot.run()
    shot.codes()
    monkeypatch.setattr(state_reader, "_READ_PAUSE", 60.0)
    monkeypatch.setattr(state_reader, "_COMPARE_PAUSE", 0.0)
    assert not shot.reader.look(shot.folder, shot.request), "nothing has changed"
    monkeypatch.setattr(state_reader, "_COMPARE_SHARE", 1e9)  # as if the last look had taken no time
    shot.reader.tell(shot.folder.root, FIRST, [ObjectQuality.of(1, row_of(MatteQuality(0.9)))])
    assert shot.reader.look(shot.folder, shot.request)
    limit = time.monotonic() + 20
    while shot.reader.is_working and time.monotonic() < limit:
        time.sleep(0.01)
    assert shot.reader.found(shot.folder.root).codes[1].tolist() == [UNKNOWN] + [FRESH] * 8
