"""Prepared pictures: an index of them, split into training and held-out pictures, and reading on demand."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..shared.files import atomic_write

INDEX = "index.json"
TURNTABLE = "turntable"  # views of one object from all around
_LABELS = ".subjects.png"
OUTLINED = "outlined"  # labels of a photograph's subjects: a file beside the photograph


def labels_name(photograph: str) -> str:
    """Return the name of the file with the labels of a photograph's subjects, from the photograph's file name."""
    return photograph.removesuffix(".jpg") + _LABELS


@dataclass(frozen=True)
class Item:
    """Entry of the index: one prepared picture, or the views of one turntable."""

    file: str  # relative to the folder, with forward slashes
    kind: str  # "cutout", "background", "texture", "turntable" or "outlined"
    package: str
    licence: str
    views: int = 1  # pictures in the file
    held_out: bool = False  # True: for validation only
    family: str = ""  # name of a group of packages that are sampled as one; "": the package alone


def is_held_out(name: str, *, percent: int = 5) -> bool:
    """Return whether a source file is held out from training; a hash of its name selects `percent` of all files."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 100 < percent


def write_index(folder: Path, items: list[Item]) -> None:
    """Write the index file to `folder`: all items, and the number of items per package and kind."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in items:
        counts[item.package][item.kind] += 1
    index = {"counts": counts, "items": [asdict(item) for item in items]}
    with atomic_write(folder / INDEX) as half:
        half.write_text(json.dumps(index, indent=1), encoding="utf-8")


class Assets:
    """Prepared pictures of a folder, read when needed; the most recently used ones are cached."""

    def __init__(self, folder: Path, *, held_out: bool = False, cache_size: int = 300) -> None:
        """Read the index of `folder`, and keep its training items or its held-out items; textures belong to both."""
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self._folder = folder
        self._remember = cache_size
        self._read: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()
        self._items: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
        for row in index["items"]:
            item = Item(**row)
            if item.held_out == held_out or item.kind == "texture":
                self._items[item.kind][item.family or item.package].append(item)

    def count(self, kind: str) -> int:
        """Return the number of pictures of a kind."""
        return sum(len(items) for items in self._items[kind].values())

    def pick(self, kind: str, rng: np.random.Generator) -> Item:
        """Choose a random picture of a kind. Raises KeyError if there are no pictures of this kind.

        A package, or a family of packages, is chosen first, with a probability proportional to the square root of its
        number of pictures, so that large packages do not dominate.
        """
        packages = self._items[kind]
        if not packages:
            raise KeyError(f"no {kind} among the prepared pictures in {self._folder}")
        names = list(packages)
        weights = np.sqrt([len(packages[name]) for name in names])
        items = packages[names[rng.choice(len(names), p=weights / weights.sum())]]
        return items[rng.integers(len(items))]

    def read(self, item: Item, *, view: int = 0) -> np.ndarray:
        """Read an item's picture, uint8: RGBA (H, W, 4) of a cut-out or turntable, RGB (H, W, 3) of another kind.

        The array is cached and therefore read-only. Raises ValueError if the file is damaged.
        """
        key = item.file, view
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        image = cv2.imdecode(_encoded(self._folder / item.file, view), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise ValueError(f"the prepared picture {item.file} is damaged: delete it and run train-data again")
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)
        image.setflags(write=False)
        self._read[key] = image
        if len(self._read) > self._remember:
            self._read.popitem(last=False)
        return image

    def read_outlined(self, item: Item) -> tuple[np.ndarray, np.ndarray]:
        """Read an outlined photograph (H, W, 3) RGB and its labels (H, W), 0 outside its subjects; both uint8.

        Raises ValueError if a file is damaged.
        """
        photograph = replace(item, file=item.file.removesuffix(_LABELS) + ".jpg", kind="background")
        labels = cv2.imdecode(_encoded(self._folder / item.file, 0), cv2.IMREAD_GRAYSCALE)
        if labels is None:
            raise ValueError(f"the prepared picture {item.file} is damaged: delete it and run train-data again")
        return self.read(photograph), labels


def view_name(view: int) -> str:
    """Return the name of a view's array in a turntable's npz file."""
    return f"view_{view}"


def _encoded(path: Path, view: int) -> np.ndarray:
    """Read the encoded bytes (B,) uint8 of a picture file, or of one view in a turntable's npz file."""
    if path.suffix == ".npz":
        with np.load(path) as views:
            return views[view_name(view)]
    return np.fromfile(path, np.uint8)
