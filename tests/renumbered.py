"""A built zip with another version number, as an earlier or a later version of Keymatte would be."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

_PLACES = {
    "blender_manifest.toml": rb'^version = "[^"]+"',
    "pyproject.toml": rb'^version = "[^"]+"',
    "engine/__init__.py": rb'^VERSION = "[^"]+"',
}


def renumbered(archive: Path, version: str, folder: Path, additions: Mapping[str, str] | None = None) -> Path:
    """Write a copy of the extension's zip with this version to `folder`, and return its path.

    `additions` are lines to add at the end of modules, by their paths in the zip.
    """
    target = folder / f"keymatte-{version}.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename in _PLACES:
                content, count = re.subn(
                    _PLACES[entry.filename],
                    lambda match: match[0].split(b'"')[0] + f'"{version}"'.encode(),
                    content,
                    flags=re.MULTILINE,
                )
                assert count == 1, entry.filename
            content += (additions or {}).get(entry.filename, "").encode()
            new.writestr(zipfile.ZipInfo(entry.filename), content, zipfile.ZIP_DEFLATED)
    return target
