"""Preparation of fetched packages: cleaned pictures with an index of their packages and licences."""

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
from .outlined import cut_out, draw_labels, load_outlines
from .sources import BACKGROUND, CUTOUT, MESH, SOURCES, TEXTURE, FileSelection, SourcePackage, unpacked
from .turntables import render_turntable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sizes:
    """Sizes of prepared pictures in pixels, number of turntable views, and compression quality (0..100)."""

    cutout: int = 384  # maximum longer side
    background: int = 540  # maximum shorter side
    texture: int = 256  # maximum longer side
    view: int = 160  # side of the square into which every view of a turntable fits
    views: int = 24  # of a turntable, at even steps of a full turn
    quality: int = 90


@dataclass(frozen=True)
class SourceFile:
    """File of a package, in a folder or inside a zip archive."""

    name: str  # relative to the package's root (members: archive/member)
    path: Path
    member: str = ""

    def data(self) -> bytes:
        """Read the bytes of the file."""
        if not self.member:
            return self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(self.member)


def prepare(
    fetched: Path, out: Path, *, sizes: Sizes | None = None, sources: tuple[SourcePackage, ...] = SOURCES
) -> Assets:
    """Convert files of the packages unpacked below `fetched` to training pictures below `out`, and open these.

    Existing pictures are kept, so that an interrupted run resumes; to prepare other sizes, use an empty folder.
    """
    sizes = sizes or Sizes()
    out.mkdir(parents=True, exist_ok=True)
    items: list[Item] = []
    outlines = load_outlines()
    for source in sources:
        before = len(items)
        for selection in source.selections:
            files = find_files(unpacked(fetched, source.package), selection)
            for file in tqdm(files, desc=f"{source.package} {selection.kind}", leave=False):
                item = _prepare_one(file, selection.kind, source, out, sizes)
                if item is not None:
                    items.append(item)
                    items += _prepare_subjects(item, outlines.get(_outline_key(item)), out, sizes)
        log.info("%s: %d pictures", source.package, len(items) - before)
    write_index(out, drop_near_duplicates(items, out))
    return Assets(out)


def clean_cutout(image: Image.Image, *, side: int) -> np.ndarray | None:
    """Crop a cut-out to its content, scale it to sides of at most `side`, and add a transparent rim: RGBA (H, W, 4).

    Returns None if the picture has no alpha, is too small, or is nearly all opaque, transparent or translucent.
    """
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
    """Scale a picture to RGB (H, W, 3) with a shorter side of at most `short` and a longer side of at most `long`.

    Returns None if the picture is too small, too narrow or nearly of one colour.
    """
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


def find_files(root: Path, selection: FileSelection) -> list[SourceFile]:
    """Return the files that `selection` selects in the package unpacked at `root`, ordered by hashes of their names."""
    files = list(_members(root, selection)) if selection.archive else list(_files(root, selection))
    files = [file for file in files if not any(fnmatchcase(file.name, skip) for skip in selection.skip)]
    files.sort(key=lambda file: _digest(file.name))
    return files[: selection.limit]


def _files(root: Path, selection: FileSelection) -> Iterator[SourceFile]:
    """Yield the files below `root` that match the pattern of `selection`, except symbolic links."""
    for path in root.glob(selection.pattern):
        if path.is_file() and not path.is_symlink():
            yield SourceFile(path.relative_to(root).as_posix(), path)


def _members(root: Path, selection: FileSelection) -> Iterator[SourceFile]:
    """Yield the matching members of the matching zip archives below `root`; `selection` holds both patterns."""
    for path in root.glob(selection.archive):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if fnmatchcase(member, selection.pattern):
                    yield SourceFile(f"{path.relative_to(root).as_posix()}/{member}", path, member)


def _prepare_one(file: SourceFile, kind: str, source: SourcePackage, out: Path, sizes: Sizes) -> Item | None:
    """Convert one file to a picture below `out`, unless that exists; return None if the file is not usable."""
    prepared_kind, suffix, convert = _CONVERTERS[kind]
    views = sizes.views if kind == MESH else 1
    name = f"{prepared_kind}/{source.package}/{_digest(file.name)[:12]}{suffix}"
    if not (out / name).exists():
        data = convert(file, sizes)
        if data is None:
            return None
        _write(out / name, data)
    held_out = is_held_out(file.name) and not source.all_learned
    return Item(
        name, prepared_kind, source.package, source.licence, views=views, held_out=held_out, family=source.family
    )


def _outline_key(item: Item) -> str:
    """Return the key under which the table of outlines holds a photograph: `package/digest`."""
    return item.file.removeprefix(f"{BACKGROUND}/").removesuffix(".jpg")


def _prepare_subjects(photograph: Item, row: dict | None, out: Path, sizes: Sizes) -> list[Item]:
    """Write a photograph's labels and a cut-out of each of its subjects; return their items.

    `row` holds the outlines of the photograph; if it is None, nothing is written.
    """
    if row is None:
        return []
    picture = cv2.cvtColor(cv2.imread(str(out / photograph.file)), cv2.COLOR_BGR2RGB)
    labels = draw_labels(row, width=picture.shape[1], height=picture.shape[0])
    items = [replace(photograph, file=labels_name(photograph.file), kind=OUTLINED)]
    _write(out / items[0].file, cv2.imencode(".png", labels)[1].tobytes())
    for number, subject in enumerate(cut_out(picture, labels)):
        pixels = clean_cutout(Image.fromarray(subject), side=sizes.cutout)
        if pixels is None:
            continue
        items.append(replace(photograph, file=f"{CUTOUT}/{_outline_key(photograph)}_{number}.webp", kind=CUTOUT))
        _write(out / items[-1].file, _encode(pixels, sizes))
    return items


def _write(path: Path, data: bytes) -> None:
    """Write a file atomically; create its folder if necessary."""
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
    """Render a mesh from all around, as an npz archive of encoded views; return None if the mesh is not usable."""
    pictures = render_turntable(file.path, file.member, views=sizes.views, side=sizes.view)
    if pictures is None:
        return None
    data = io.BytesIO()
    codes = [np.frombuffer(_encode(picture, sizes), np.uint8) for picture in pictures]
    np.savez(data, **{view_name(view): code for view, code in enumerate(codes)})
    return data.getvalue()


def _from_picture(file: SourceFile, sizes: Sizes, clean: Callable[[Image.Image], np.ndarray | None]) -> bytes | None:
    """Decode a picture, pass it to `clean` and encode the result; return None if it is unreadable or not usable."""
    try:
        image = Image.open(io.BytesIO(file.data()))
        image.draft("RGB", (4 * sizes.background, 4 * sizes.background))  # JPEG: decode at reduced size
        pixels = clean(ImageOps.exif_transpose(image))
    except _UNREADABLE as problem:
        log.debug("%s left out: %s", file.name, problem)
        return None
    return None if pixels is None else _encode(pixels, sizes)


def _encode(pixels: np.ndarray, sizes: Sizes) -> bytes:
    """Encode an RGBA picture as WebP, with its alpha unchanged, and an RGB picture as JPEG."""
    kind = cv2.IMWRITE_WEBP_QUALITY if pixels.shape[2] == 4 else cv2.IMWRITE_JPEG_QUALITY
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, code = cv2.imencode(
        ".webp" if pixels.shape[2] == 4 else ".jpg", cv2.cvtColor(pixels, order), (kind, sizes.quality)
    )
    return code.tobytes()


# raised for formats that Pillow does not support, damaged files and excessively large pictures
_UNREADABLE = (OSError, ValueError, NotImplementedError, Image.DecompressionBombError)
_CONVERTERS: dict[str, tuple[str, str, Callable[[SourceFile, Sizes], bytes | None]]] = {
    CUTOUT: (CUTOUT, ".webp", _cutout),
    BACKGROUND: (BACKGROUND, ".jpg", _background),
    TEXTURE: (TEXTURE, ".jpg", _texture),
    MESH: (TURNTABLE, ".npz", _turntable),
}  # kind in the package -> kind when prepared, suffix of its file, and conversion to its bytes


def _digest(name: str) -> str:
    """Return the SHA-256 of a file name as hexadecimal digits."""
    return hashlib.sha256(name.encode()).hexdigest()
