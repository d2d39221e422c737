"""The engine's preferences with windows: what is installed is said before, a wrong Python in a sentence, and the log.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed import driver
from tests.windowed.disc_film import write_film
from tests.windowed.driver import OUT, PYTHON, Steps, over, part, press, report, run, screenshot, until

os.environ["KEYMATTE_ENGINE"] = str(OUT / "engine folder")


def artist() -> Steps:
    """Look at the preferences, the dialogs and the log, with a missing engine, a bare Python and a working one."""
    yield 1.0
    driver.install()
    preferences = bpy.context.preferences.addons[driver.MODULE].preferences
    preferences.engine_python = ""
    area = show_preferences()
    yield 1.0
    screenshot("1 preferences without an engine")
    report["problem"] = part("addon.engine_setup").problem().code
    assert report["problem"] == "engine-missing"

    yield from dialog(area, "install", "2 install dialog")
    pretend("551.86", "8.6")
    yield from dialog(area, "install", "3 install dialog with an NVIDIA card")
    pretend("470.82.01", "8.6")
    yield from dialog(area, "install", "4 install dialog with an old driver")

    bare = OUT / "bare"
    bare.symlink_to(sys.executable)
    preferences.engine_python = str(bare)
    with over(area):
        bpy.ops.clip.matte_test_engine("INVOKE_DEFAULT")
    yield from until(lambda: not session().status.busy)
    yield 1.0
    report["bare Python"] = session().status.problem.message
    assert "has no PyTorch" in report["bare Python"]
    screenshot("5 a Python without PyTorch")

    area.type = "CLIP_EDITOR"
    driver.open_clip(area, write_film(OUT / "film"), name="film")
    yield from driver.show_tab(area)
    screenshot("5b the same in the clip editor")
    area = show_preferences()
    yield 0.5

    preferences.engine_python = str(PYTHON)
    with over(area):
        bpy.ops.clip.matte_test_engine("INVOKE_DEFAULT")
    yield from until(lambda: not session().status.busy)
    report["engine"] = session().status.text
    assert "is ready" in report["engine"]

    folder = part("engine.shared.user_folders").environment_folder()
    folder.mkdir(parents=True)
    part("engine.shared.environment_folder").write_marker(folder, part("engine.shared.environment_folder").Marker())
    yield from dialog(area, "remove", "6 remove dialog")

    with over(area):
        bpy.ops.clip.matte_show_log("EXEC_DEFAULT")
    yield 2.0
    screenshot("7 log")
    shown = [area.spaces.active.text for area in areas() if area.type == "TEXT_EDITOR"]
    assert shown and "is ready" in shown[0].as_string()


def pretend(nvidia: str, chip: str) -> None:
    """Let the add-on believe in an NVIDIA card with this driver."""
    hardware = part("engine.shared.hardware")
    card = hardware.Gpu(hardware.Maker.NVIDIA, "NVIDIA GeForce RTX 3060 Laptop GPU", nvidia, chip)
    part("addon.engine_setup")._known.hardware = hardware.Hardware("linux", "x86_64", card)


def session():
    return part("addon.session").session


def areas() -> list[bpy.types.Area]:
    return [area for window in bpy.context.window_manager.windows for area in window.screen.areas]


def show_preferences() -> bpy.types.Area:
    """Turn the largest editor into Blender's preferences, with Keymatte's opened."""
    area = driver.largest_area()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Keymatte"
    bpy.ops.preferences.addon_expand(module=driver.MODULE)
    return area


def dialog(area: bpy.types.Area, name: str, picture: str) -> Steps:
    """Open a dialog, take a picture of it, and close it again."""
    width, height = area.width, area.height
    driver.xdotool("mousemove", width // 2, height // 2)
    yield 0.3
    with over(area):
        getattr(bpy.ops.clip, f"matte_{name}_engine")("INVOKE_DEFAULT")
    yield 1.0
    screenshot(picture)
    yield from press("Escape")
    assert not session().status.busy, "nothing begins before it was confirmed"
    yield 0.5


run(artist())
