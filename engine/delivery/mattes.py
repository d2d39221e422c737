"""Mattes to deliver: the one place that says which image is the final matte of an object on a frame."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..media.label_images import read_matte
from ..shared.delivery import DeliveredObject
from ..shared.errors import MatteUnreadable
from ..shared.matte_folder import MatteFolder, is_number
from ..shared.refined import RefinedMattes
from ..shared.refinement import RefinedObject


class FinalMattes:
    """The mattes of a folder that are delivered: an object's refined ones if it has them on all its frames.

    Refined and other mattes in turn would flicker.
    """

    def __init__(self, folder: MatteFolder, numbers: Iterable[int]) -> None:
        """Deliver the frames with these `numbers`, all mattes as they are."""
        self._folder, self._numbers = folder, set(numbers)
        self._refined: set[int] = set()  # ids of objects whose mattes are delivered refined

    def numbers(self, object_id: int) -> set[int]:
        """Return the numbers of the frames on which an object has a matte."""
        files = self._folder.matte_sequence(object_id).glob("*.png")
        return {int(path.stem) for path in files if is_number(path.stem)} & self._numbers

    def refine(self, one: DeliveredObject, *, anyhow: bool = False) -> int:
        """Deliver an object's refined mattes if all are up to date; return on how many frames one is missing.

        An object without settings is not refined; with `anyhow` it is, if it has refined mattes by whatever settings.
        Raises FolderNotWritable.
        """
        numbers = self.numbers(one.object_id)
        there = self._folder.refined.matte_sequence(one.object_id).is_dir()
        if one.refinement is None and not (anyhow and there):
            return 0
        state = RefinedMattes(self._folder)
        if one.refinement:
            refined = RefinedObject(one.object_id, one.refinement)
            missing = sum(not state.is_current(refined, number) for number in numbers)
        else:
            missing = sum(not state.is_of_mattes(one.object_id, number) for number in numbers)
        if not missing:
            self._refined.add(one.object_id)
        return missing

    def are_alike(self, object_id: int) -> bool:
        """Return whether what is delivered of an object was refined by the same settings on all frames."""
        if object_id not in self._refined:
            return True
        return RefinedMattes(self._folder).are_alike(object_id, self.numbers(object_id))

    def path(self, object_id: int, number: int) -> Path:
        """Return the path of an object's final matte on a frame; it may not exist."""
        folder = self._folder.refined if object_id in self._refined else self._folder
        return folder.matte(object_id, number)

    def alpha(self, object_id: int, number: int) -> np.ndarray | None:
        """Return an object's final matte on a frame, alpha (H, W) float32 of 0..1; None if it has none.

        Raises MatteUnreadable.
        """
        path = self.path(object_id, number)
        return read_matte(path) if path.exists() else None

    def stamp(self, object_id: int, number: int) -> str:
        """Return what tells an object's final matte on a frame from others, by its content; empty if it has none.

        Raises MatteUnreadable.
        """
        path = self.path(object_id, number)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise MatteUnreadable(f"matte {path} cannot be read ({error.strerror})") from error
        return f"{len(data)}-{zlib.crc32(data):08x}"
