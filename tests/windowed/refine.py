"""Refining with windows: settings are seen on the frame that is shown, then the clip is refined.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.blender.studio import PALETTE
from tests.png import write_png
from tests.windowed.disc_film import disc, write_film
from tests.windowed.driver import (
    OUT,
    Steps,
    begin,
    go,
    over,
    part,
    report,
    run,
    screenshot,
    until,
)

_ABOVE = (
    "CLIP_PT_matte_view",
    "CLIP_PT_matte_paint",
    "CLIP_PT_matte_keyframes",
    "CLIP_PT_matte_fixes",
    "CLIP_PT_matte_suggestions",
)
_FRAME = 6


def artist() -> Steps:
    """Propagate a disc, look at settings on one frame, then refine the clip."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    show_settings()
    with over(area):
        labels = write_png(OUT / "labels.png", disc(1).astype(np.uint8), PALETTE)
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield from idle()
    clip().matting.view = "ALPHA"
    yield from go(_FRAME)
    report["as propagated"] = white = drawn("1 as propagated")
    settings().use = True
    yield from previewed()
    report["refined"] = drawn("2 preview of the defaults")
    settings().grow = 12.0
    yield from previewed()
    report["grown"] = grown = drawn("3 preview of a grown object")
    assert grown > 1.1 * white, "the preview shows what the slider says"
    settings().grow = -12.0
    yield from previewed()
    assert drawn("4 preview of a shrunk object") < 0.9 * white
    yield from go(_FRAME + 2)
    yield from previewed()
    assert drawn("5 another frame") < 0.9 * white, "it is previewed, too"
    with over(area):
        bpy.ops.clip.matte_refine("INVOKE_DEFAULT", True)
    yield from idle()
    yield from until(lambda: (counts := part("addon.refining").watch(clip())) is not None and counts.due == 0)
    yield 1.0
    assert drawn("6 refined") < 0.9 * white
    settings().use = False
    yield 1.0
    assert abs(drawn("7 off again") / white - 1) < 0.05


def show_settings() -> None:
    """Open the panel of the settings, and close others, so that it is in sight."""
    for name in _ABOVE:
        bpy.utils.unregister_class(getattr(bpy.types, name))
    panel = bpy.types.CLIP_PT_matte_refine
    bpy.utils.unregister_class(panel)
    panel.bl_options = {"HIDE_HEADER"}  # which are always open
    bpy.utils.register_class(panel)


def previewed() -> Steps:
    """Wait until the preview of the frame that is shown is there and drawn."""
    yield 0.5
    yield from until(lambda: not part("addon.refine_preview").is_pending(clip()))
    assert not part("addon.refine_preview").problem(clip())
    yield 0.7


def drawn(name: str) -> int:
    """Take a screenshot, and return how many of its pixels are white: those of the alpha that is shown."""
    return int((screenshot(name).min(axis=-1) > 250).sum())


def idle() -> Steps:
    yield 1.0
    session = part("addon.session").session
    yield from until(lambda: not session.status.busy)
    assert not session.status.problem, session.status
    yield 0.5


def clip() -> bpy.types.MovieClip:
    return bpy.data.movieclips["film"]


def settings():
    return clip().matting.objects[0].refinement


run(artist())
