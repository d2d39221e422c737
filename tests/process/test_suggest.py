"""Suggestions by command line and engine process are equal, reuse the stored keys of frames, and can be cancelled."""

from __future__ import annotations

from pathlib import Path

from engine.jobs.suggest import run
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Answer, Cancel, Failed, JobCancelled, Ready, Stage, Suggest, Suggested, encode
from engine.shared.quality import MatteQuality
from engine.shared.types import Settings, SuggestionJob, VideoClip
from engine.shared.written_files import WrittenFiles
from tests.process.cli import ENGINE, FRAMES, assert_refused, propagate, run_cli
from tests.process.test_serve import Engine


def suggest(place: Path, *more: str) -> list[str]:
    return [*ENGINE, "suggest", "--clip", str(place / "clip"), "--masks", str(place / "out"), *more]


def job(place: Path, **changes) -> SuggestionJob:
    fields = {
        "job_id": "s",
        "clip": VideoClip(place / "clip", 96, 128, FRAMES),
        "frames": range(FRAMES),
        "chosen": (0,),
        "masks": MatteFolder(place / "out").root / "labels",
        "keys": place / "out" / "keys",
        "settings": Settings(device="cpu"),
        "count": 3,
    }
    return SuggestionJob(**{**fields, **changes})


def test_frames_unlike_the_keyframe_are_suggested_and_both_ways_agree(place):
    assert run_cli(propagate(place)).returncode == 0
    ended = run_cli(suggest(place, "--keyframes", str(place / "keys"), "-k", "3"))
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("\t") for line in ended.stdout.splitlines()]
    frames, scores = [int(row[0]) for row in rows], [float(row[1]) for row in rows]
    assert len(set(frames)) == len(frames) in (2, 3), "8 frames have no room for more"
    assert min(abs(a - b) for a in [0, *frames] for b in frames if a != b) >= 2, "neither keyframes nor neighbours"
    assert [row[2:] for row in rows] == [["-", "looks unlike any keyframe"]] * len(rows)
    assert "The quality of these mattes is not known" in ended.stderr
    assert all(score > 0 for score in scores)
    kept = sorted((place / "out" / "keys").glob("*.npy"))
    assert len(kept) == FRAMES
    made = [file.stat().st_mtime_ns for file in kept]
    engine = Engine()
    try:
        assert isinstance(engine.receive(), Ready)
        engine.send(encode(Suggest(job(place))))
        answers = engine.receive_until(Suggested, Failed)
        assert list(answers[-1].frames) == frames
        assert answers[-1].reasons == ("unlike",) * len(frames)
        assert all(isinstance(answer, Stage) for answer in answers[:-1])
    finally:
        engine.process.kill()
        engine.process.wait()
    assert [file.stat().st_mtime_ns for file in kept] == made, "existing keys are reused"
    shorter = run_cli(suggest(place, "--chosen", "0", "-k", "2"))
    assert [int(line.split("\t")[0]) for line in shorter.stdout.splitlines()] == frames[:2]


def test_xmempp_ranking_is_not_kept_from_neighbours(place):
    assert run_cli(propagate(place)).returncode == 0
    ended = run_cli(suggest(place, "--chosen", "0", "-k", "20", "--ranking", "xmem++"))
    assert sorted(int(line.split("\t")[0]) for line in ended.stdout.splitlines()) == [*range(1, FRAMES)]
    assert "quality" not in ended.stderr


def test_bad_mattes_are_suggested_first_with_the_reason_that_their_account_gives(place):
    assert run_cli(propagate(place)).returncode == 0
    folder = MatteFolder(place / "out")
    written = WrittenFiles(folder)
    for path in written.recorded():
        if path.parent.name != "labels":
            bad = path.parent.name == "002" and int(path.stem) in (4, 5, 6)
            written.write(path, path.read_bytes(), MatteQuality(0.1 if bad else 0.99, "twin", "colour", {"warp": 0.5}))
    answers: list[Answer] = []
    run(job(place), answers.append, lambda: False)
    assert isinstance(answers[-1], Suggested)
    found = answers[-1]
    assert (found.frames[0], found.objects[0], found.reasons[0]) == (5, 2, "twin")
    assert found.note == ""
    assert set(found.objects[1:]) <= {0}


def test_a_suggestion_says_which_mattes_a_new_run_would_judge(place):
    assert run_cli(propagate(place)).returncode == 0
    folder = MatteFolder(place / "out")
    text = folder.index.read_text()
    folder.index.write_text(text.replace('{"v":1,', '{"v":0,'))
    ended = run_cli(suggest(place, "--chosen", "0"))
    assert ended.returncode == 0 and ended.stdout.count("looks unlike any keyframe")
    assert (
        "The quality of these mattes is not known, so the frames that look least like the keyframes are suggested. The "
        "quality of 16 mattes (objects 1 to 2, frames 0 to 7) is not known: recorded by another version of Keymatte; "
        "propagate again to learn which to trust\n"
    ) in ended.stderr
    written = WrittenFiles(folder)
    for path in (folder.matte(1, 3), folder.matte(1, 4)):
        written.write(path, path.read_bytes(), MatteQuality(0.9, "", "colour", {"warp": 0.5}))
    ended = run_cli(suggest(place, "--chosen", "0"))
    assert "these mattes" not in ended.stderr and "The quality of 14 mattes (" in ended.stderr


def test_without_keyframes_the_frame_to_annotate_first_is_suggested_and_nothing_is_kept(place):
    before = sorted(place.rglob("*"))
    ended = run_cli([*ENGINE, "suggest", "--clip", str(place / "clip"), "-k", "2"])
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("\t") for line in ended.stdout.splitlines()]
    assert [row[3] for row in rows] == ["mark this frame first", "or this, if it shows the object"]
    assert abs(int(rows[0][0]) - int(rows[1][0])) >= 2
    assert sorted(place.rglob("*")) == before
    answers: list[Answer] = []
    run(job(place, chosen=(), masks=None, count=1), answers.append, lambda: False)
    assert isinstance(answers[-1], Suggested)
    assert (list(answers[-1].frames), answers[-1].reasons) == ([int(rows[0][0])], ("first",))


def test_propagate_keeps_keys_when_asked_and_damaged_ones_are_made_again(place):
    command = propagate(place, recipe="keymatte")
    assert run_cli([*command, "--keep-keys"]).returncode == 0
    keys = sorted((place / "out" / "keys").glob("*.npy"))
    assert len(keys) == FRAMES
    content = keys[3].read_bytes()
    keys[3].write_bytes(content[:100])
    assert run_cli(suggest(place, "--chosen", "0")).returncode == 0
    assert keys[3].read_bytes() == content


def test_keys_of_another_height_are_not_mixed_in(place):
    assert run_cli(propagate(place)).returncode == 0
    assert run_cli(suggest(place, "--chosen", "0")).returncode == 0
    first = (place / "out" / "keys" / "000001.npy").read_bytes()
    assert run_cli(suggest(place, "--chosen", "0", "--height", "64")).returncode == 0
    assert (place / "out" / "keys" / "000001.npy").read_bytes() != first


def test_invalid_suggest_requests_are_refused(place):
    assert_refused(suggest(place, "--chosen", "0"), "Propagate first")
    assert run_cli(propagate(place)).returncode == 0
    assert_refused(suggest(place), "--keyframes FOLDER or --chosen")
    assert_refused([*ENGINE, "suggest", "--clip", str(place / "clip"), "--chosen", "0"], "--masks", "Propagate first")
    assert_refused(suggest(place, "--chosen", "0,99"), "99 is not in the clip")
    assert_refused(suggest(place, "--chosen", "zero"), "must look like 0,20,45")
    assert_refused(suggest(place, "--chosen", "0", "--alpha", "2"), "must be from 0 to 1")
    assert_refused(suggest(place, "--chosen", "0", "--min-mask", "90"), "no frame that is not annotated already")
    every = ",".join(map(str, range(FRAMES)))
    assert_refused(suggest(place, "--chosen", every), "Every frame is annotated already")


def test_a_suggestion_can_be_cancelled(place):
    assert run_cli(propagate(place)).returncode == 0
    engine = Engine()
    try:
        assert isinstance(engine.receive(), Ready)
        engine.send(encode(Suggest(job(place))) + encode(Cancel("s")))
        assert isinstance(engine.receive_until(Suggested, JobCancelled, Failed)[-1], JobCancelled)
    finally:
        engine.process.kill()
        engine.process.wait()


def test_keys_folder_with_other_files_is_refused(place):
    assert run_cli(propagate(place)).returncode == 0
    folder = place / "mine"
    folder.mkdir()
    (folder / "000001.npy").write_bytes(b"measured for a week")
    assert_refused(suggest(place, "--chosen", "0", "--keys", str(folder)), "contains 000001.npy")
    assert (folder / "000001.npy").read_bytes() == b"measured for a week"
    assert [path.name for path in folder.iterdir()] == ["000001.npy"]


def test_unwritable_probabilities_path_is_refused_before_anything_is_computed(place):
    (place / "file").write_text("")
    assert_refused([*propagate(place), "--dump-probabilities", str(place / "file" / "out.npz")], "cannot be written")
