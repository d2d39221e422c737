"""Runs written to a matte folder without an engine, for tests that undo them, and what the folder holds then."""

from __future__ import annotations

from contextlib import closing

from engine.shared.folder_claim import claim
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import MatteQuality
from engine.shared.types import VersionCap
from engine.shared.version_keeper import VersionKeeper
from engine.shared.version_store import RunInfo
from engine.shared.written_files import WrittenFiles

Contents = dict[str, bytes]
DEFAULT = VersionCap()


def run(
    folder: MatteFolder, name: str, numbers: range = range(1, 6), *, cap: VersionCap = DEFAULT, job: str = ""
) -> str:
    """Write mattes, label images and outlines as a run does, with bytes that name it; return its warning."""
    with claim(folder) as claimed:
        claimed.mark({"run": name})
        with closing(VersionKeeper(claimed, cap, RunInfo(name, "keymatte", job or name, when=1.0))) as keeper:
            if job:
                keeper.resume()
            for number in numbers:
                quality = MatteQuality(0.9, "", name, {"warp": 0.5}, run=name)
                claimed.written.write(folder.matte(1, number), f"half {name} {number}".encode(), quality)
                claimed.written.write(folder.matte(1, number), f"matte {name} {number}".encode(), quality)
                claimed.written.write(folder.labels(number), f"labels {name} {number}".encode())
            keeper.keep(folder.outlines(1))
            folder.outlines(1).parent.mkdir(exist_ok=True)
            folder.outlines(1).with_suffix(".new").write_text(f"outlines {name}")
            folder.outlines(1).with_suffix(".new").replace(folder.outlines(1))
    return keeper.warning


def contents(folder: MatteFolder) -> Contents:
    """Return the bytes of all results by their paths."""
    paths = [*folder.image_files(), *folder.derived_files()]
    return {path.relative_to(folder.root).as_posix(): path.read_bytes() for path in paths}


def methods(folder: MatteFolder, numbers: range = range(1, 6)) -> list[str | None]:
    """Return which run the recorded quality of each matte is of; None if it has none, as an edited one."""
    files = WrittenFiles(folder)
    found = [files.quality(folder.matte(1, number)) for number in numbers]
    return [quality and quality.method for quality in found]
