"""Propagate redoes what has changed: by keyframes, in the in/out range, between keyframes, and around a frame."""

from __future__ import annotations

import pytest

from tests.blender.studio import FRAMES, part

N = range(1, FRAMES + 1)


def stored(studio, object_id: int = 1) -> dict[int, tuple[int, bytes]]:
    """Return date and bytes of each matte of an object, by file number."""
    paths = {number: studio.matte_folder.matte(object_id, number) for number in N}
    return {n: (path.stat().st_mtime_ns, path.read_bytes()) for n, path in paths.items() if path.is_file()}


def written(studio, before: dict[int, tuple[int, bytes]]) -> list[int]:
    """Return the file numbers of the mattes of the first object that were written since `before`."""
    return [number for number, file in stored(studio).items() if before.get(number) != file]


def opened(studio, *frames: int) -> dict[int, tuple[int, bytes]]:
    """Open a film marked on these frames, propagate, and return what is stored."""
    studio.open_film()
    for frame in frames:
        studio.mark(frame, media=frame - 1)
    studio.propagate()
    assert sorted(stored(studio)) == [*N]
    return stored(studio)


def test_a_further_keyframe_redoes_only_the_stretch_around_it(studio):
    before = opened(studio, 1, 4)
    studio.mark(6, media=5)
    studio.propagate()
    assert written(studio, before) == [5, 6, 7, 8]
    before = stored(studio)
    studio.propagate()
    assert written(studio, before) == []
    assert "Nothing to redo" in studio.session.status.note


def test_propagate_everything_makes_all_again(studio):
    before = opened(studio, 1, 4)
    studio.propagate(everything=True)
    assert written(studio, before) == [*N]


def test_between_keyframes_leaves_what_lies_beyond(studio):
    studio.open_film()
    for frame in (1, 4, 7):
        studio.mark(frame, media=frame - 1)
    studio.go(5)
    studio.propagate(frames="BETWEEN")
    assert sorted(stored(studio)) == [4, 5, 6, 7]
    studio.go(4)  # on a keyframe, those beside it count
    studio.propagate(frames="BETWEEN")
    assert sorted(stored(studio)) == [1, 2, 3, 4, 5, 6, 7]


def test_fix_around_here_redoes_some_frames_whatever_their_state(studio):
    before = opened(studio, 1)
    studio.clip.matting.around = 1
    studio.go(5)
    studio.propagate(frames="AROUND")
    assert written(studio, before) == [4, 5, 6]
    studio.go(FRAMES + 1)
    with pytest.raises(RuntimeError, match="outside the clip"):
        studio.propagate(frames="AROUND")


def test_in_and_out_are_set_on_the_current_frame_and_follow_the_clip(studio):
    studio.open_film(first=1001, start=101)
    studio.mark(101, media=0)
    studio.go(103)
    studio.click("matte_range", action="IN")
    frames = part("addon.run_frames")
    assert frames.shown_range(studio.clip) == (103, 108)
    studio.go(105)
    studio.click("matte_range", action="OUT")
    assert (studio.clip.matting.range_first, studio.clip.matting.range_last) == (1003, 1005)
    studio.propagate(frames="RANGE")
    assert part("addon.folders").results(studio.clip).numbers == (1003, 1004, 1005)
    studio.clip.frame_start += 10
    assert frames.shown_range(studio.clip) == (113, 115)
    studio.go(117)
    studio.click("matte_range", action="IN")
    assert frames.shown_range(studio.clip) == (117, 118), "an out point before it gives way"
    studio.go(112)
    studio.click("matte_range", action="OUT")
    assert frames.shown_range(studio.clip) == (111, 112), "an in point after it gives way"
    studio.click("matte_range", action="CLEAR")
    assert frames.shown_range(studio.clip) is None
    studio.go(99)
    with pytest.raises(RuntimeError, match="outside the clip"):
        studio.click("matte_range", action="IN")
