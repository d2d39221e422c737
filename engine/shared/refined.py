"""Record of refined mattes: what each was made from, by which it is told whether it is up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from .codec import to_json
from .matte_folder import MatteFolder
from .picture_stamps import is_same_picture, picture_stamp
from .quality import MatteQuality
from .record_lines import version_in
from .refinement import ALGORITHM, RefinedObject, Refinement
from .written_files import WrittenFiles

_KEY_LENGTH = 16  # hexadecimal digits


def key_of(refinement: Refinement) -> str:
    """Return a key of the settings that mattes are refined by; another version of the algorithm has others."""
    text = json.dumps([ALGORITHM, to_json(refinement)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def reach_of(refinement: Refinement) -> int:
    """Return on how many frames before and after a frame its refined matte depends."""
    return 1 if refinement.smoothing > 0 else 0


def sources_of(folder: MatteFolder, object_id: int, number: int, refinement: Refinement) -> list[Path]:
    """List the mattes that a refined one is made of; some of them may not exist."""
    reach = reach_of(refinement)
    return [folder.matte(object_id, at) for at in range(max(0, number - reach), number + reach + 1)]


def record_of(refinement: Refinement, picture: Path, sources: Iterable[Path]) -> MatteQuality:
    """Return what is recorded of a refined matte: the key of the settings, and stamps of its picture and sources."""
    stamps = map(picture_stamp, (picture, *sources))
    return MatteQuality(None, method=key_of(refinement), picture="|".join(stamps))


class RefinedMattes:
    """The refined mattes of a matte folder, as they are on disk now."""

    def __init__(self, folder: MatteFolder) -> None:
        """Read the record of the refined mattes. Raises FolderNotWritable."""
        self._folder = folder
        self._written = WrittenFiles(folder.refined)

    def is_edited(self, object_id: int, number: int) -> bool:
        """Return whether the user has edited a refined matte, or has put one there."""
        return self._written.is_edited(self._folder.refined.matte(object_id, number))

    @property
    def is_damaged(self) -> bool:
        """Return whether the record is damaged, so that refined mattes count as edited."""
        return self._written.is_damaged

    def is_current(self, one: RefinedObject, number: int, picture: Path | None = None) -> bool:
        """Return whether an object's refined matte is there, and is what refining would make of its mattes now.

        With the file of the frame's `picture`, it must have been made of that, too. An edited one is current, as it
        stays as it is.
        """
        quality = self._quality(one.object_id, number)
        if not isinstance(quality, MatteQuality):
            return quality
        if picture is not None and not is_same_picture(quality.picture.partition("|")[0], picture):
            return False
        return quality.method == key_of(one.refinement) and self._is_of(quality, one.object_id, number, one.refinement)

    def is_of_mattes(self, object_id: int, number: int) -> bool:
        """Return whether an object's refined matte is there, and was made of its mattes of now, by any settings."""
        quality = self._quality(object_id, number)
        if not isinstance(quality, MatteQuality):
            return quality
        return any(self._is_of(quality, object_id, number, Refinement(smoothing=smoothing)) for smoothing in (0.0, 1.0))

    def are_alike(self, object_id: int, numbers: Iterable[int]) -> bool:
        """Return whether an object's refined mattes were all made by the same settings, but for edited ones."""
        found = (self._quality(object_id, number) for number in numbers)
        return len({quality.method for quality in found if isinstance(quality, MatteQuality)}) <= 1

    def _quality(self, object_id: int, number: int) -> MatteQuality | bool:
        """Return what is recorded of a refined matte; True if the user has edited it, False if nothing is known."""
        path = self._folder.refined.matte(object_id, number)
        found = self._written.found(path.relative_to(self._folder.refined.root).as_posix())
        if found.size is None or found.is_edited:
            return found.size is not None
        known = version_in(found.line)
        return (MatteQuality.from_text(known[1].quality) if known else None) or False

    def _is_of(self, quality: MatteQuality, object_id: int, number: int, refinement: Refinement) -> bool:
        sources = sources_of(self._folder, object_id, number, refinement)
        stamps = quality.picture.split("|")[1:]
        return len(stamps) == len(sources) and all(map(_is_same, stamps, sources))

    def path(self, one: RefinedObject, number: int) -> Path | None:
        """Return the path of an object's refined matte if it is up to date, else None."""
        return self._folder.refined.matte(one.object_id, number) if self.is_current(one, number) else None


def _is_same(stamp: str, path: Path) -> bool:
    return is_same_picture(stamp, path) if path.is_file() else not stamp
