"""Fetched packages -> a compact folder of clean pictures with an index that names each one's package and licence."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from ..shared.files import atomic_write
from .assets import OUTLINED, TURNTABLE, Assets, Item, is_held_out, labels_name, view_name, write_index
from .near_duplicates import drop_near_duplicates
from .outlined import cut_out, drawn, outlines
from .sources import BACKGROUND, CUTOUT, MESH, SOURCES, TEXTURE, Source, Take, unpacked
from .turntables import render_turntable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sizes:
    """How large prepared pictures are, in pixels, and how well they are kept (0..100)."""

    cutout: int = 384  # longer side, at most
    background: int = 540  # shorter side, at most
    texture: int = 256  # longer side, at most
    view: int = 160  # side of the square into which every view of a turntable fits
    views: int = 24  # of a turntable, at even steps of a full turn
    quality: int = 90


@dataclass(frozen=True)
class SourceFile:
    """A file of a package: in a folder, or a member of a zip archive."""

    name: str  # relative to the package's root (members: archive/member)
    path: Path
    member: str = ""

    def data(self) -> bytes:
        """The bytes of the file."""
        if not self.member:
            return self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(self.member)


def prepare(fetched: Path, out: Path, *, sizes: Sizes | None = None, sources: tuple[Source, ...] = SOURCES) -> Assets:
    """Turn what `fetch` put below `fetched` into prepared pictures below `out`, and open them.

    An interrupted run goes on where it was: pictures that are there are kept, so other sizes want an empty folder.
    """
    sizes = sizes or Sizes()
    out.mkdir(parents=True, exist_ok=True)
    items: list[Item] = []
    marked = outlines()
    for source in sources:
        before = len(items)
        for take in source.takes:
            found = find(unpacked(fetched, source.package), take)
            for file in tqdm(found, desc=f"{source.package} {take.kind}", leave=False):
                item = _prepare_one(file, take.kind, source, out, sizes)
                if item is not None:
                    items.append(item)
                    items += _prepare_subjects(item, marked.get(_picture(item)), out, sizes)
        log.info("%s: %d pictures", source.package, len(items) - before)
    write_index(out, drop_near_duplicates(items, out))
    return Assets(out)


def clean_cutout(image: Image.Image, *, side: int) -> np.ndarray | None:
    """RGBA (H, W, 4) cropped to its content, longer side at most `side`; None when it is no usable cut-out."""
    if image.mode not in ("RGBA", "LA") and "transparency" not in image.info:
        return None
    image = image.convert("RGBA")
    box = image.getchannel("A").point(lambda alpha: 255 if alpha > 24 else 0).getbbox()
    if box is None:
        return None
    image = image.crop(box)
    if min(image.size) < 20 or max(image.size) < 48:
        return None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.array(image)
    opaque = pixels[..., 3] > 127
    if not 0.04 < opaque.mean() < 0.96 or (pixels[..., 3] > 230).mean() < 0.4 * opaque.mean():
        return None
    return np.pad(pixels, ((2, 2), (2, 2), (0, 0)))


def clean_picture(image: Image.Image, *, short: int, long: int) -> np.ndarray | None:
    """RGB (H, W, 3) with sides at most `short` and `long`; None when too small, too narrow or nearly plain."""
    if min(image.size) < 60 or max(image.size) > 5 * min(image.size):
        return None
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (170, 195, 225, 255)), image)
    image = image.convert("RGB")
    scale = min(1.0, short / min(image.size), long / max(image.size))
    image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.LANCZOS)
    pixels = np.array(image)
    return pixels if pixels.std(axis=(0, 1)).max() > 6 else None


def find(root: Path, take: Take) -> list[SourceFile]:
    """The files of an unpacked package that a take means, in an order that is the same everywhere."""
    found = list(_members(root, take)) if take.archive else list(_files(root, take))
    found = [file for file in found if not any(fnmatchcase(file.name, skip) for skip in take.skip)]
    found.sort(key=lambda file: _digest(file.name))
    return found[: take.limit]


def _files(root: Path, take: Take) -> Iterator[SourceFile]:
    for path in root.glob(take.pattern):
        if path.is_file() and not path.is_symlink():
            yield SourceFile(path.relative_to(root).as_posix(), path)


def _members(root: Path, take: Take) -> Iterator[SourceFile]:
    for path in root.glob(take.archive):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if fnmatchcase(member, take.pattern):
                    yield SourceFile(f"{path.relative_to(root).as_posix()}/{member}", path, member)


def _prepare_one(file: SourceFile, kind: str, source: Source, out: Path, sizes: Sizes) -> Item | None:
    shown, suffix, make = _MAKE[kind]
    views = sizes.views if kind == MESH else 1
    name = f"{shown}/{source.package}/{_digest(file.name)[:12]}{suffix}"
    if not (out / name).exists():
        data = make(file, sizes)
        if data is None:
            return None
        _write(out / name, data)
    held_out = is_held_out(file.name) and not source.all_learned
    return Item(name, shown, source.package, source.licence, views=views, held_out=held_out, family=source.family)


def _picture(item: Item) -> str:
    """By what name a photograph's outlines are known."""
    return item.file.removeprefix(f"{BACKGROUND}/").removesuffix(".jpg")


def _prepare_subjects(photograph: Item, row: dict | None, out: Path, sizes: Sizes) -> list[Item]:
    """The subjects of an outlined photograph: where they are, and each as a cut-out; nothing of others."""
    if row is None:
        return []
    picture = cv2.cvtColor(cv2.imread(str(out / photograph.file)), cv2.COLOR_BGR2RGB)
    labels = drawn(row, width=picture.shape[1], height=picture.shape[0])
    items = [replace(photograph, file=labels_name(photograph.file), kind=OUTLINED)]
    _write(out / items[0].file, cv2.imencode(".png", labels)[1].tobytes())
    for number, subject in enumerate(cut_out(picture, labels)):
        pixels = clean_cutout(Image.fromarray(subject), side=sizes.cutout)
        if pixels is None:
            continue
        items.append(replace(photograph, file=f"{CUTOUT}/{_picture(photograph)}_{number}.webp", kind=CUTOUT))
        _write(out / items[-1].file, _code(pixels, sizes))
    return items


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as half:
        half.write_bytes(data)


def _cutout(file: SourceFile, sizes: Sizes) -> bytes | None:
    return _from_picture(file, sizes, lambda image: clean_cutout(image, side=sizes.cutout))


def _background(file: SourceFile, sizes: Sizes) -> bytes | None:
    short, long = sizes.background, 2 * sizes.background
    return _from_picture(file, sizes, lambda image: clean_picture(image, short=short, long=long))


def _texture(file: SourceFile, sizes: Sizes) -> bytes | None:
    return _from_picture(file, sizes, lambda image: clean_picture(image, short=sizes.texture, long=sizes.texture))


def _turntable(file: SourceFile, sizes: Sizes) -> bytes | None:
    pictures = render_turntable(file.path, file.member, views=sizes.views, side=sizes.view)
    if pictures is None:
        return None
    data = io.BytesIO()
    codes = [np.frombuffer(_code(picture, sizes), np.uint8) for picture in pictures]
    np.savez(data, **{view_name(view): code for view, code in enumerate(codes)})
    return data.getvalue()


def _from_picture(file: SourceFile, sizes: Sizes, clean: Callable[[Image.Image], np.ndarray | None]) -> bytes | None:
    try:
        image = Image.open(io.BytesIO(file.data()))
        image.draft("RGB", (4 * sizes.background, 4 * sizes.background))  # JPEG: decode no more than is needed
        pixels = clean(ImageOps.exif_transpose(image))
    except _UNREADABLE as problem:
        log.debug("%s left out: %s", file.name, problem)
        return None
    return None if pixels is None else _code(pixels, sizes)


def _code(pixels: np.ndarray, sizes: Sizes) -> bytes:
    """A picture as the bytes of a file: WebP when it has alpha (kept without loss), else JPEG."""
    kind = cv2.IMWRITE_WEBP_QUALITY if pixels.shape[2] == 4 else cv2.IMWRITE_JPEG_QUALITY
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, code = cv2.imencode(
        ".webp" if pixels.shape[2] == 4 else ".jpg", cv2.cvtColor(pixels, order), (kind, sizes.quality)
    )
    return code.tobytes()


# a format or variant that Pillow does not know, or a picture too large to be worth its memory
_UNREADABLE = (OSError, ValueError, NotImplementedError, Image.DecompressionBombError)
_MAKE: dict[str, tuple[str, str, Callable[[SourceFile, Sizes], bytes | None]]] = {
    CUTOUT: (CUTOUT, ".webp", _cutout),
    BACKGROUND: (BACKGROUND, ".jpg", _background),
    TEXTURE: (TEXTURE, ".jpg", _texture),
    MESH: (TURNTABLE, ".npz", _turntable),
}  # what is taken -> what it becomes, the suffix of its file, and how its bytes are made


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
