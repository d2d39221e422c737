"""Work in a file that was never saved: painted, propagated, saved, and there after uninstalling and reinstalling.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed.clip_pixels import write_film
from tests.windowed.driver import (
    MODULE,
    OUT,
    Steps,
    drag,
    install,
    move,
    only_a_clip_editor,
    open_clip,
    over,
    part,
    press,
    report,
    run,
    screenshot,
    show_tab,
    until,
)

FRAMES = 12


def artist() -> Steps:
    """Begin without saving, as everybody does."""
    os.environ["KEYMATTE_DATA"] = str(OUT / "user data")
    yield 1.0
    install()
    area = yield from only_a_clip_editor()
    clip = open_clip(area, write_film(OUT / "film", frames=FRAMES), name="Street: take 2", save=False)
    yield from show_tab(area)
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    settings().radius = 40.0
    yield 1.0
    yield from drag(area, [(140, 120), (240, 120), (240, 200), (140, 200)])
    yield from press("Escape")
    assert len(clip.matting.keyframes) == 1 and not bpy.data.filepath
    yield from propagate(area)
    homeless = folder(clip)
    assert homeless.parent == OUT / "user data" / "mattes" and numbers(homeless) == FRAMES
    screenshot("1 propagated in an unsaved file")
    yield from save(area)
    clip = bpy.data.movieclips["Street: take 2"]
    home = OUT / "project" / "keymatte" / "Street_ take 2"
    assert folder(clip) == home and numbers(home) == FRAMES
    assert [path.name for path in homeless.rglob("*")] == ["keymatte-moved.json"]
    yield 1.0
    screenshot("2 saved")
    yield from go_on(area)
    yield from reinstall(home)


def save(area: bpy.types.Area) -> Steps:
    """Save the file for the first time, beside nothing."""
    (OUT / "project").mkdir()
    with over(area):
        bpy.ops.wm.save_as_mainfile("EXEC_DEFAULT", filepath=str(OUT / "project" / "shot.blend"))
    yield 1.0


def go_on(area: bpy.types.Area) -> Steps:
    """Paint on, undo across the save, redo, and save with the key."""
    clip = area.spaces.active.clip
    count = len(clip.matting.keyframes)
    with over(area):
        bpy.ops.screen.frame_offset(delta=5)
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    yield 0.5
    yield from drag(area, [(150, 120), (250, 120)])
    yield from press("Escape")
    assert len(bpy.data.movieclips[0].matting.keyframes) == count + 1
    home = folder(bpy.data.movieclips[0])
    yield from press("ctrl+z")
    report["stored after undo"] = bpy.data.movieclips[0].matting.folder
    assert len(bpy.data.movieclips[0].matting.keyframes) == count
    assert folder(bpy.data.movieclips[0]) == home, "undo finds the folder at its new place"
    yield from press("ctrl+shift+z")
    assert len(bpy.data.movieclips[0].matting.keyframes) == count + 1
    assert bpy.data.is_dirty
    yield from move(area, (300, 200))
    yield from press("ctrl+s")
    yield 1.0
    assert not bpy.data.is_dirty, "saved with the key"


def reinstall(home: Path) -> Steps:
    """Uninstall the extension, open the file without it, and install it again."""
    session = part("addon.session").session
    session.close()
    index = next(n for n, one in enumerate(bpy.context.preferences.extensions.repos) if one.module == "user_default")
    assert "FINISHED" in bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="keymatte")
    yield 1.0
    assert MODULE not in bpy.context.preferences.addons
    kept = sorted(path.relative_to(home).as_posix() for path in home.rglob("*.png"))
    report["kept"] = len(kept)
    assert numbers(home) == FRAMES and any(name.startswith("keyframes/") for name in kept)
    screenshot("3 uninstalled")
    for name in [name for name in sys.modules if name.startswith(MODULE)]:
        del sys.modules[name]  # as after Blender is started again
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath, load_ui=True)
    yield 2.0
    install()
    yield 1.0
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath, load_ui=True)
    yield 2.0
    area = next(one for one in bpy.context.window_manager.windows[0].screen.areas if one.type == "CLIP_EDITOR")
    clip = area.spaces.active.clip
    assert len(clip.matting.keyframes) == 2 and folder(clip) == home and numbers(home) == FRAMES
    yield from show_tab(area)
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    yield 1.0
    screenshot("4 installed again and opened")
    yield from propagate(area)
    screenshot("5 propagated again")


def settings():
    return part("addon.brush_settings").settings()


def folder(clip: bpy.types.MovieClip) -> Path:
    return part("addon.folders").existing_folder(clip).root


def numbers(root: Path) -> int:
    """Return how many label images are in a matte folder."""
    return len([*root.glob("labels/*.png")])


def propagate(area: bpy.types.Area) -> Steps:
    """Start Propagate as its button does, and wait until nothing runs."""
    session = part("addon.session").session
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield from until(lambda: not session.status.busy)
    assert session.status.problem is None, session.status.problem
    yield 1.0


run(artist())
