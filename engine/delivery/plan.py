"""Plan of a delivery: which files are written, what each shows, and how it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from ..media.label_images import encode_labels
from ..output.matte_files import labels_from_alphas
from ..shared.delivery import TRAITS, Content, DeliveredObject, ExportJob, Format, tint_of
from ..shared.delivery_names import file_name, file_names, layer_names, unique_names
from ..shared.folder_claim import read_marker
from ..shared.matte_folder import MatteFolder
from . import cryptomatte
from .cutouts import cutout, linear_cutout, tinted, union
from .images import exr_type, write_exr, write_png
from .record import Origin, inputs_of
from .source import Frame, FrameContent, Source

_TITLED = (Format.DAVIS, Format.YOUTUBE_VOS)  # images in folders that have the title
_VERSION = 1  # of what is written; files of another are written again
_BLEED = 2  # pixels around objects in movies with straight alpha, as colours have half the size in WebM
_FRAME_DIGITS = 5  # of DAVIS


@dataclass(frozen=True)
class Shown:
    """An object, or all together, that has files of its own."""

    name: str  # in names of files and folders
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Still:
    """An image to write."""

    path: Path
    inputs: str  # hash of what it is made of
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Film:
    """A movie to write."""

    path: Path
    shown: Shown


class Plan:
    """What a job delivers of a clip's objects.

    objects   those that have mattes, the first in front
    names     of these, unique
    numbers   of these in label images: from 1 on, by their ids
    """

    def __init__(self, job: ExportJob, source: Source, objects: Sequence[DeliveredObject]) -> None:
        self.job, self.source, self.objects = job, source, tuple(objects)
        self.names = unique_names([one.name for one in objects])
        self.ids = tuple(one.object_id for one in objects)
        self.numbers = [sorted(self.ids).index(object_id) + 1 for object_id in self.ids]
        self.depth = job.depth or TRAITS[job.format].depths[0]
        self.title = file_name(source.title, default="clip")
        title = job.title if TRAITS[job.format].is_movie or job.format in _TITLED else ""  # only where it is in names
        self.origin = Origin(inputs_of([job.format, title]), inputs_of([job.folder.resolve()]), _clip_of(job))

    @cached_property
    def shown(self) -> list[Shown]:
        """Return what has files of its own: each object, or all together."""
        kind = self.job.format
        is_cutout = kind in (Format.CUTOUT_PNG, Format.CUTOUT_EXR)
        is_matte = TRAITS[kind].is_movie and self.job.content is Content.MATTE and kind is not Format.OVERLAY
        end = "_cutout" if is_cutout else "_matte" if is_matte else ""
        if kind is Format.OVERLAY:
            return [Shown("overlay", self.ids)]
        if self.job.together:
            return [Shown(f"all{end}", self.ids)]
        names = [f"{name}{end}" for name in file_names(self.names)]
        return [Shown(name, (one.object_id,)) for name, one in zip(names, self.objects)]

    @property
    def folder(self) -> Path:
        """Return the folder of files that show all objects: label images and EXR with layers."""
        match self.job.format:
            case Format.DAVIS:
                return self.job.out / "Annotations" / "480p" / self.title
            case Format.YOUTUBE_VOS:
                return self.job.out / "Annotations" / self.title
        return self.job.out

    def folders(self) -> list[Path]:
        """List the folders to which files are written."""
        traits = TRAITS[self.job.format]
        if traits.is_movie or not traits.per_object:
            return [self.folder]
        return [self.job.out / one.name for one in self.shown]

    def films(self) -> list[Film]:
        """List the movies to write."""
        suffix = TRAITS[self.job.format].suffix
        return [Film(self.job.out / f"{self.title}_{one.name}{suffix}", one) for one in self.shown]

    def pictures(self, film: Film, contents: Iterator[FrameContent]) -> Iterator[np.ndarray]:
        """Yield the pictures of a movie. Raises MatteUnreadable, FramesUnreadable."""
        for content in contents:
            alphas = [content.alpha(object_id) for object_id in film.shown.ids]
            if self.job.format is Format.OVERLAY:
                yield tinted(content.picture, alphas, [tint_of(one) for one in self.objects])
                continue
            alpha = union(alphas)
            if self.job.content is Content.MATTE:
                yield np.repeat(alpha[:, :, None], 4, axis=2)
            else:
                yield cutout(content.picture, alpha, premultiplied=self.job.premultiplied, bleed=_BLEED)

    def stills(self, content: FrameContent) -> list[Still]:
        """List the images to write for a frame. Raises MatteUnreadable if a matte cannot be opened."""
        frame = content.frame
        match self.job.format:
            case Format.PNG:
                return [self._still(one, content, partial(self._write_matte, one, content)) for one in self.shown]
            case Format.CUTOUT_PNG | Format.CUTOUT_EXR:
                return [self._still(one, content, partial(self._write_cutout, one, content)) for one in self.shown]
            case Format.EXR:
                path = self.folder / f"{frame.stem}.exr"
                return [Still(path, self.inputs(self.ids, [content]), partial(self._write_layers, content))]
        path = self.folder / f"{self.label_name(frame)}.png"
        return [Still(path, self.inputs(self.ids, [content]), partial(self._write_labels, content))]

    def label_name(self, frame: Frame) -> str:
        """Return the name of a frame's label image: counted from 0 for DAVIS, else that of the frame."""
        return f"{frame.media:0{_FRAME_DIGITS}d}" if self.job.format is Format.DAVIS else frame.stem

    def inputs(self, ids: Sequence[int], contents: Iterable[FrameContent]) -> str:
        """Return a hash of what a file is made of that shows objects on frames. Raises MatteUnreadable."""
        job = self.job
        parts: list[object] = [_VERSION, job.format, self.depth, job.premultiplied, job.content, *self.source.size]
        chosen = [(one, name) for one, name in zip(self.objects, self.names) if one.object_id in ids]
        if job.format is Format.OVERLAY:
            parts += [tint_of(one) for one, _ in chosen]
        elif job.format in (Format.DAVIS, Format.YOUTUBE_VOS):
            parts += self.numbers
        elif job.format is Format.EXR:
            parts += [name for _, name in chosen]
        if TRAITS[job.format].is_movie:
            parts += [job.rate or self.source.rate]
        for content in contents:
            parts += [content.stamp(object_id) for object_id in ids]
            parts += [self.source.picture_stamp(content.frame)] if job.needs_pictures else []
        return inputs_of(parts)

    def _still(self, one: Shown, content: FrameContent, write: Callable[[Path], None]) -> Still:
        path = self.job.out / one.name / f"{content.frame.stem}{TRAITS[self.job.format].suffix}"
        return Still(path, self.inputs(one.ids, [content]), write)

    def _alpha(self, one: Shown, content: FrameContent) -> np.ndarray:
        return union([content.alpha(object_id) for object_id in one.ids])

    def _write_matte(self, one: Shown, content: FrameContent, path: Path) -> None:
        write_png(path, self._alpha(one, content), self.depth)

    def _write_cutout(self, one: Shown, content: FrameContent, path: Path) -> None:
        alpha = self._alpha(one, content)
        if self.job.format is Format.CUTOUT_PNG:
            pixels = cutout(content.picture, alpha, premultiplied=self.job.premultiplied)
            write_png(path, pixels, self.depth)
            return
        plate = self.source.plate(content.frame)
        pixels = linear_cutout(content.picture, plate, alpha, premultiplied=self.job.premultiplied)
        kind = exr_type(self.depth)
        pixels = np.minimum(pixels, np.finfo(kind).max)
        write_exr(path, {name: pixels[..., index].astype(kind) for index, name in enumerate("RGBA")}, {})

    def _write_layers(self, content: FrameContent, path: Path) -> None:
        alphas = np.stack([content.alpha(object_id) for object_id in self.ids])
        channels = cryptomatte.channels(alphas, self.names)
        layers = layer_names(self.names)
        kind = exr_type(self.depth)
        channels |= {f"{layer}.A": alpha.astype(kind) for layer, alpha in zip(layers, alphas)}
        write_exr(path, channels, cryptomatte.attributes(self.names))

    def _write_labels(self, content: FrameContent, path: Path) -> None:
        alphas = np.stack([content.alpha(object_id) for object_id in self.ids])
        path.write_bytes(encode_labels(labels_from_alphas(alphas, self.numbers)))


def _clip_of(job: ExportJob) -> str:
    """Return the hash of the clip's content that its matte folder has; empty if it has none."""
    match read_marker(MatteFolder(job.folder)).get("identity"):
        case {"content": str() as content}:
            return content[:16]
    return ""
