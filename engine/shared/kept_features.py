"""Files that keep the features of clips' frames for later runs: their folder, their names, and removing them."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from .files import is_link

_FOLDER_NAME, _FILE_NAME = re.compile("[0-9a-f]{32}"), re.compile(r"[0-9]{6,}-[0-9a-f]{8}\.safetensors(\.part)?")


def features_folder() -> Path:
    """Return the folder of all clips' features, in the user's cache folder (as `platformdirs` names it)."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "keymatte/Cache/features"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/keymatte/features"
    return Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache") / "keymatte/features"


def feature_files(root: Path) -> list[Path]:
    """List our files of all clips in such a folder; links, and what lies behind them, are left out. Raises OSError."""
    if not root.is_dir():
        return []
    folders = [one for one in root.iterdir() if _FOLDER_NAME.fullmatch(one.name) and not is_link(one)]
    paths = (path for folder in folders if folder.is_dir() for path in folder.iterdir())
    return [path for path in paths if _FILE_NAME.fullmatch(path.name) and not is_link(path)]


def remove_features(root: Path) -> int:
    """Remove our files from such a folder, and the folders that are then empty. Return the bytes that they took.

    Files that cannot be removed, as a run reads them, are left. Raises OSError if the folder cannot be read.
    """
    removed = 0
    for path in feature_files(root):
        with suppress(OSError):
            size = path.stat().st_size
            path.unlink()
            removed += size
        with suppress(OSError):
            path.parent.rmdir()  # if it is empty now
    return removed
