"""Steps of an artist who works while the extension is replaced by another version; they run in channel.Client."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

from tests.blender.studio import MODULE, Studio, part, write_film

FILM_FRAMES = 40
_HANDLERS = ("load_pre", "load_post", "save_pre", "undo_post", "depsgraph_update_post", "frame_change_post")


def _studio(folder: str) -> Studio:
    preferences = bpy.context.preferences.addons[MODULE].preferences
    studio = Studio(Path(folder))
    assert preferences.device == "cpu"
    return studio


def _matte_count(studio: Studio) -> int:
    return len(list(studio.matte_folder.root.glob("mattes/*/*.png")))


def prepare(folder: str, python: str) -> None:
    """Save a new file with a film and keyframes of two objects."""
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.device = python, "cpu"
    studio = _studio(folder)
    studio.new_file()
    studio.open(write_film(studio.folder / "film", frames=FILM_FRAMES))
    studio.mark(1, media=0)


def start_job(folder: str) -> int:
    """Start Propagate, wait until some mattes are made, and return the engine's process id."""
    studio = _studio(folder)
    studio.click("matte_propagate", recipe="keymatte")
    studio.pump_until(lambda: _matte_count(studio) >= 6)
    assert studio.session.status.busy
    return studio.session._client.process_id


def start_engine(folder: str) -> int:
    """Start the engine, so that it waits for work, and return its process id."""
    studio = _studio(folder)
    studio.session.test()
    studio.session.wait(60)
    return studio.session._client.process_id


def finish_job(folder: str) -> dict:
    """Propagate again to the end, and return what the artist is told and has."""
    studio = _studio(folder)
    before = _matte_count(studio)
    studio.click("matte_propagate", wait=True, recipe="keymatte")
    status = studio.session.status
    return {
        "before": before,
        "mattes": _matte_count(studio),
        "problem": status.problem.sentence() if status.problem else "",
        "told": f"{status.text} {status.warning}",
    }


def test_engine(folder: str) -> str:
    """Click Test Engine, and return what is told."""
    studio = _studio(folder)
    studio.click("matte_test_engine", wait=True)
    return studio.session.status.text


def data() -> dict:
    """Return the clip's objects and keyframes."""
    matting = bpy.data.movieclips[0].matting
    return {
        "objects": [(item.object_id, item.name) for item in matting.objects],
        "keyframes": [(item.number, item.object_id) for item in matting.keyframes],
    }


def save_as_newer(folder: str) -> None:
    """Save the file with what only a newer version knows."""
    matting = bpy.data.movieclips[0].matting
    matting.depth, matting.lens, matting.opacity = 0.75, "anamorphic", 0.25
    bpy.ops.wm.save_mainfile()


def reopen(folder: str, save: bool = False) -> dict:
    """Open the file again, save it if asked, and return what the panel warns of, and what there is of the clip."""
    bpy.ops.wm.open_mainfile(filepath=str(Path(folder, "shot.blend")))
    clip = bpy.data.movieclips[0]
    told = part("addon.file_version").warning(clip)
    if save:
        bpy.ops.wm.save_mainfile()
    known = {name: getattr(clip.matting, name, None) for name in ("depth", "lens", "saved_by")}
    return data() | known | {"told": told, "opacity": round(clip.matting.opacity, 2)}


def leftovers() -> dict:
    """Return what would still run of a version that is no longer installed, and whatever there is twice."""
    modules = {name: module for name, module in sys.modules.items() if name.startswith(f"{MODULE}.")}
    ours = [
        handler
        for name in _HANDLERS
        for handler in getattr(bpy.app.handlers, name)
        if getattr(handler, "__module__", "").startswith(f"{MODULE}.")
    ]
    current = [handler for handler in ours if vars(modules[handler.__module__]).get(handler.__name__) is handler]
    items = [
        item.idname
        for keymap in bpy.context.window_manager.keyconfigs.addon.keymaps
        for item in keymap.keymap_items
        if item.idname.startswith("clip.matte")
    ]
    menus = [
        function
        for name in dir(bpy.types)
        if name.startswith("CLIP_MT")
        for function in getattr(getattr(bpy.types, name).draw, "_draw_funcs", [])
        if function.__module__.startswith(f"{MODULE}.")
    ]
    return {"handlers": len(ours), "old": len(ours) - len(current), "keys": len(items), "menus": len(menus)}
