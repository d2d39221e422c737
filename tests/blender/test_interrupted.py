"""After a run that was cancelled or interrupted, what is there can be used, and each button works or says why not."""

from __future__ import annotations

import re

import pytest

from tests.blender.studio import part
from tests.blender.test_redo import stored

LONG = 300


@pytest.fixture
def cancelled(studio):
    """A film of which all frames have mattes, and a cancelled run that makes them again."""
    studio.open_marked(frames=LONG)
    studio.propagate()
    before = stored(studio)
    studio.click("matte_propagate", recipe="colour", everything=True)
    studio.pump_until(lambda: studio.session.status.done > 20)
    studio.click("matte_cancel")
    studio.pump_until(lambda: studio.state == "cancelled", seconds=10)
    assert stored(studio) != before
    return studio


def test_a_cancelled_run_leaves_outlines_and_no_part_files(cancelled, capfd):
    assert part("addon.folders").results(cancelled.clip).outlines == (1, 2)
    assert not [*cancelled.matte_folder.root.rglob("*.part")]
    untraced = part("addon.traced").untraced_frames(cancelled.clip, [1, 2])
    capfd.readouterr()
    assert cancelled.click("matte_to_mask_layers") == {"FINISHED"}
    said = capfd.readouterr().out
    assert ("interrupted before mattes were traced on frames" in said) == bool(untraced)
    cancelled.propagate()
    assert not part("addon.traced").untraced_frames(cancelled.clip, [1, 2])


def test_mattes_newer_than_the_outlines_or_not_among_them_are_told(studio, capfd):
    studio.open_marked(first=1001, start=101)
    studio.go(106)
    studio.click("matte_range", action="OUT")
    studio.propagate(frames="RANGE")
    untraced = part("addon.traced").untraced_frames
    assert untraced(studio.clip, [1, 2]) == set()
    matte = studio.matte_folder.matte
    matte(1, 1002).touch()
    matte(2, 1008).write_bytes(matte(2, 1002).read_bytes())
    assert untraced(studio.clip, [1, 2]) == {102, 108}
    assert untraced(studio.clip, [2]) == {108}
    capfd.readouterr()
    studio.click("matte_to_mask_layers")
    said = capfd.readouterr().out
    assert "on frames 102, 108: let it finish" in said and "empty on frames without mattes: 107" in said


def test_buttons_that_cannot_be_used_say_why(studio):
    studio.open_film()
    for operator, reason in (
        ("matte_keyframe_from_mask", "no object is selected. Select an object in the list, or add one"),
        ("matte_not_visible_range", "no object is selected"),
        ("matte_to_mask_layers", "has no outlines yet. Propagate first"),
    ):
        with pytest.raises(RuntimeError, match=rf"(?i)poll\(\).*{re.escape(reason)}"):
            studio.click(operator)
    studio.mark(1, media=0)
    studio.click("matte_propagate", recipe="colour")
    for operator in ("matte_propagate", "matte_suggest"):
        with pytest.raises(RuntimeError, match=r"(?i)poll\(\).*another operation is already running"):
            studio.click(operator)
    studio.session.wait()
    with pytest.raises(RuntimeError, match=r"has no mask layers\. Click To Mask Layers first"):
        studio.click("matte_to_compositor", variant="MASK")
