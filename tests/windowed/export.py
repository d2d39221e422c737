"""Exporting with windows: the button, the options beside the file browser, and what the panel says at the end.

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
from tests.windowed.driver import OUT, Steps, begin, over, part, region_of, report, run, screenshot, until

_ABOVE = ("CLIP_PT_matte_view", "CLIP_PT_matte_paint", "CLIP_PT_matte_keyframes", "CLIP_PT_matte_suggestions")


def artist() -> Steps:
    """Propagate a disc, and export it through the file browser, once as PNG and once as EXR."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"  # a window of its own would hide it
    for name in _ABOVE:
        bpy.utils.unregister_class(getattr(bpy.types, name))
    with over(area):
        labels = write_png(OUT / "labels.png", disc(1).astype(np.uint8), PALETTE)
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield from idle()
    yield from exported(area, "PNG")
    report["png"] = mattes = sorted(path.stem for path in (OUT / "for others").glob("*/*.png"))
    assert mattes == sorted(path.stem for path in (OUT / "film").iterdir()), "named as the clip's images"
    yield from exported(area, "EXR")
    report["exr"] = layers = sorted(path.stem for path in (OUT / "for others").glob("*.exr"))
    assert layers == mattes
    report["told"] = told = part("addon.session").session.status.summary
    assert f"{len(layers)} files written to {OUT / 'for others'}" in told


def exported(area: bpy.types.Area, kind: str) -> Steps:
    """Click the button, look at the file browser and its options, and confirm."""
    with over(area):
        bpy.ops.clip.matte_export("INVOKE_DEFAULT", True, format=kind)
    yield 1.5
    window = bpy.context.window_manager.windows[0]
    browser = next(one for one in window.screen.areas if one.type == "FILE_BROWSER")
    assert Path(browser.spaces.active.params.directory.decode()) == (OUT if kind == "PNG" else OUT / "for others")
    screenshot(f"file browser for {kind}")
    (OUT / "for others").mkdir(exist_ok=True)
    browser.spaces.active.params.directory = str(OUT / "for others").encode()
    yield 0.5
    with bpy.context.temp_override(window=window, area=browser, region=region_of(browser)):
        bpy.ops.file.execute("INVOKE_DEFAULT")
    yield from idle()
    screenshot(f"exported as {kind}")


def idle() -> Steps:
    yield 1.0
    session = part("addon.session").session
    yield from until(lambda: not session.status.busy)
    assert not session.status.problem, session.status
    yield 1.0


run(artist())
