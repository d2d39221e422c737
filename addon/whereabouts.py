"""Whereabouts of matte folders that belong to no saved file yet, and where those that have moved are now."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import bpy

from ..engine.shared.files import modified_ns, read_json
from ..engine.shared.folder_move import NOTE, moved_to
from ..engine.shared.user_folders import data_folder, expanded
from . import PACKAGE

BESIDE = "keymatte"  # folder beside a saved file, with the matte folders of its clips
OWNER_FILE = "keyframes/owner.json"  # in a matte folder: which file and clip it belongs to
_HOMELESS = re.compile("[0-9a-f]{32}")


def cache_folder() -> Path:
    """Return the folder for the matte folders of files that were never saved.

    It is the one chosen in the preferences, or one in the user's data, which Blender does not delete when the extension
    is uninstalled, as it does the extension's own. One that is relative would be another after each start of Blender:
    it does not count. One that is called as the folders beside files are gets a folder in it, to be told from those.
    """
    preferences = bpy.context.preferences.addons.get(PACKAGE)
    chosen = expanded(preferences.preferences.cache_folder if preferences else "")
    if not chosen.is_absolute() or str(chosen).startswith("//"):
        return own_cache()
    return chosen / "mattes" if chosen.name == BESIDE else chosen


def own_cache() -> Path:
    """Return the folder in the user's data."""
    return data_folder() / "mattes"


def former_cache() -> Path | None:
    """Return the folder that Keymatte 0.1 used for this; None if there is none."""
    try:
        folder = Path(bpy.utils.extension_path_user(PACKAGE, path="mattes"))
    except ValueError:  # not installed as an extension
        return None
    return folder if folder.is_dir() else None


def is_homeless(root: Path) -> bool:
    """Return whether a matte folder was made for a file that was never saved, by its name, and is not beside one."""
    return bool(_HOMELESS.fullmatch(root.name)) and root.parent.name != BESIDE


def present(root: Path, key: str) -> Path:
    """Return where the matte folder is now that was at `root`: there, or where a note or its own name leads.

    If it was homeless and nothing is known of it here, as on another computer, the folder beside the file is found that
    belongs to the clip with this key.
    """
    if not is_homeless(root):
        return root
    if not root.is_dir() and (kept := own_cache() / root.name).is_dir():
        root = kept  # from the extension's own folder
    found = moved_to(root)
    if (found.is_dir() and not (found / NOTE).is_file()) or not (key and bpy.data.filepath):
        return found
    beside = Path(bpy.data.filepath).parent / BESIDE
    return _folder_of(beside, key, modified_ns(beside)) or found


@lru_cache(maxsize=64)
def _folder_of(beside: Path, key: str, modified: int) -> Path | None:
    """Return the matte folder in `beside` that belongs to the clip with this key, if there is just one.

    Cached until `modified`, the time at which `beside` was modified, changes.
    """
    if not modified:
        return None
    found = [path for path in beside.iterdir() if key == (read_json(path / OWNER_FILE) or {}).get("key")]
    return found[0] if len(found) == 1 else None
