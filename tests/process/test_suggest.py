"""Suggestions by the command line and by the engine process: same frames, kept keys, clear refusals, cancel."""

from __future__ import annotations

from pathlib import Path

from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Cancel, Failed, JobCancelled, Ready, Stage, Suggest, Suggested, encode
from engine.shared.types import Settings, SuggestionJob, VideoClip
from tests.process.cli import ENGINE, FRAMES, propagate, refused, told
from tests.process.test_serve import Engine


def suggest(place: Path, *more: str) -> list[str]:
    return [*ENGINE, "suggest", "--clip", str(place / "clip"), "--masks", str(place / "out"), *more]


def job(place: Path, **changes) -> SuggestionJob:
    given = {
        "job_id": "s",
        "clip": VideoClip(place / "clip", 96, 128, FRAMES),
        "frames": range(FRAMES),
        "chosen": (0,),
        "masks": MatteFolder(place / "out").root / "labels",
        "keys": place / "out" / "keys",
        "settings": Settings(device="cpu"),
        "count": 3,
    }
    return SuggestionJob(**{**given, **changes})


def test_frames_unlike_the_keyframe_are_suggested_and_both_ways_agree(place):
    assert told(propagate(place)).returncode == 0
    ended = told(suggest(place, "--keyframes", str(place / "keys"), "-k", "3"))
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("\t") for line in ended.stdout.splitlines()]
    frames, scores = [int(row[0]) for row in rows], [float(row[1]) for row in rows]
    assert len(set(frames)) == 3
    assert 0 not in frames
    assert all(score > 0 for score in scores)
    kept = sorted((place / "out" / "keys").glob("*.npy"))
    assert len(kept) == FRAMES
    made = [file.stat().st_mtime_ns for file in kept]
    engine = Engine()
    try:
        assert isinstance(engine.hear(), Ready)
        engine.say(encode(Suggest(job(place))))
        heard = engine.hear_until(Suggested, Failed)
        assert list(heard[-1].frames) == frames
        assert all(isinstance(answer, Stage) for answer in heard[:-1])
    finally:
        engine.process.kill()
        engine.process.wait()
    assert [file.stat().st_mtime_ns for file in kept] == made, "keys that are there are not made again"
    shorter = told(suggest(place, "--chosen", "0", "-k", "2"))
    assert [int(line.split("\t")[0]) for line in shorter.stdout.splitlines()] == frames[:2]


def test_propagate_keeps_keys_when_asked_and_damaged_ones_are_made_again(place):
    command = propagate(place, recipe="keymatte")
    assert told([*command, "--keep-keys"]).returncode == 0
    keys = sorted((place / "out" / "keys").glob("*.npy"))
    assert len(keys) == FRAMES
    whole = keys[3].read_bytes()
    keys[3].write_bytes(whole[:100])
    assert told(suggest(place, "--chosen", "0")).returncode == 0
    assert keys[3].read_bytes() == whole


def test_keys_of_another_height_are_not_mixed_in(place):
    assert told(propagate(place)).returncode == 0
    assert told(suggest(place, "--chosen", "0")).returncode == 0
    first = (place / "out" / "keys" / "000001.npy").read_bytes()
    assert told(suggest(place, "--chosen", "0", "--height", "64")).returncode == 0
    assert (place / "out" / "keys" / "000001.npy").read_bytes() != first


def test_what_cannot_be_suggested_is_said(place):
    refused(suggest(place, "--chosen", "0"), "Run Propagate first")
    assert told(propagate(place)).returncode == 0
    refused(suggest(place), "--keyframes FOLDER or --chosen")
    refused(suggest(place, "--chosen", "0,99"), "99 is not in the clip")
    refused(suggest(place, "--chosen", "zero"), "must look like 0,20,45")
    refused(suggest(place, "--chosen", "0", "--alpha", "2"), "must be from 0 to 1")
    refused(suggest(place, "--chosen", "0", "--least-mask", "90"), "frame beside the chosen ones")


def test_a_suggestion_can_be_cancelled(place):
    assert told(propagate(place)).returncode == 0
    engine = Engine()
    try:
        assert isinstance(engine.hear(), Ready)
        engine.say(encode(Suggest(job(place))) + encode(Cancel("s")))
        assert isinstance(engine.hear_until(Suggested, JobCancelled, Failed)[-1], JobCancelled)
    finally:
        engine.process.kill()
        engine.process.wait()


def test_a_folder_that_holds_something_else_is_no_place_for_keys(place):
    assert told(propagate(place)).returncode == 0
    mine = place / "mine"
    mine.mkdir()
    (mine / "000001.npy").write_bytes(b"measured for a week")
    refused(suggest(place, "--chosen", "0", "--keys", str(mine)), "holds 000001.npy")
    assert (mine / "000001.npy").read_bytes() == b"measured for a week"
    assert [path.name for path in mine.iterdir()] == ["000001.npy"]


def test_probabilities_that_cannot_be_written_are_said_before_anything_is_computed(place):
    (place / "file").write_text("")
    refused([*propagate(place), "--dump-probabilities", str(place / "file" / "out.npz")], "cannot be written")
