"""After a run that was cancelled or interrupted, what is there can be used, and each button works or says why not."""

from __future__ import annotations

import re

import pytest

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


def test_a_cancelled_run_leaves_mattes_to_make_mask_layers_of_and_no_part_files(cancelled):
    assert not [*cancelled.matte_folder.root.rglob("*.part")]
    assert cancelled.click("matte_to_mask_layers") == {"FINISHED"}
    assert [layer.name for layer in cancelled.clip.matting.mask.layers] == ["Object 1", "Object 2"]


def test_damaged_mattes_are_told_and_mask_layers_are_empty_there(studio, capfd):
    studio.open_marked(first=1001, start=101)
    studio.propagate()
    matte = studio.matte_folder.matte
    matte(1, 1004).write_bytes(b"no image")
    matte(2, 1002).write_bytes(b"no image")
    capfd.readouterr()
    studio.click("matte_to_mask_layers")
    said = capfd.readouterr().out
    assert "empty on frames without mattes: 102, 104" in said
    assert "mattes of Object 1 are damaged or of another size on frame 104" in said
    studio.go(104)
    layers = studio.clip.matting.mask.layers
    assert layers["Object 1"].alpha == 0 and layers["Object 2"].alpha == 1


def test_buttons_that_cannot_be_used_say_why(studio):
    studio.open_film()
    for operator, reason in (
        ("matte_keyframe_from_mask", "no object is selected. Select an object in the list, or add one"),
        ("matte_not_visible_range", "no object is selected"),
        ("matte_to_mask_layers", "has no mattes yet. Propagate first"),
    ):
        with pytest.raises(RuntimeError, match=rf"(?i)poll\(\).*{re.escape(reason)}"):
            studio.click(operator)
    studio.mark(1, media=0)
    studio.click("matte_propagate", recipe="colour")
    with pytest.raises(RuntimeError, match=r"(?i)poll\(\).*another operation is already running"):
        studio.click("matte_suggest")
    studio.session.wait()
    with pytest.raises(RuntimeError, match=r"has no mask layers\. Click To Mask Layers first"):
        studio.click("matte_to_compositor", variant="MASK")
