"""Delivery: which files are made of a clip's mattes, for other programs."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .refinement import Refinement
from .types import VideoClip

_HUE_STEP = 0.618034  # golden ratio: neighbours in a list of objects get clearly different hues


class Format(StrEnum):
    """What is delivered."""

    PNG = "png"  # a grey image per object and frame
    EXR = "exr"  # an image per frame with a layer per object, and Cryptomatte
    CUTOUT_PNG = "cutout-png"  # colours and alpha
    CUTOUT_EXR = "cutout-exr"
    PRORES = "prores"  # ProRes 4444
    VP9 = "vp9"  # WebM with alpha
    OVERLAY = "overlay"  # the clip with all objects tinted, to look at
    DAVIS = "davis"  # label images, as of the data set
    YOUTUBE_VOS = "youtube-vos"


class Content(StrEnum):
    """What a movie with alpha shows."""

    CUTOUT = "cutout"  # the object's colours
    MATTE = "matte"  # the matte in grey, which is also the alpha


class Alpha(StrEnum):
    """How colours and alpha belong together in cut-outs."""

    AUTO = "auto"  # premultiplied in EXR, else straight
    STRAIGHT = "straight"
    PREMULTIPLIED = "premultiplied"


@dataclass(frozen=True)
class Traits:
    """What a format is like."""

    depths: tuple[int, ...]  # bits of a channel that can be chosen, the default first
    suffix: str
    per_object: bool  # whether each object has files of its own
    is_movie: bool = False
    has_colours: bool = False  # whether the clip's pictures are needed


TRAITS = {
    Format.PNG: Traits((8, 16), ".png", per_object=True),
    Format.EXR: Traits((16, 32), ".exr", per_object=False),
    Format.CUTOUT_PNG: Traits((8, 16), ".png", per_object=True, has_colours=True),
    Format.CUTOUT_EXR: Traits((16, 32), ".exr", per_object=True, has_colours=True),
    Format.PRORES: Traits((10,), ".mov", per_object=True, is_movie=True, has_colours=True),
    Format.VP9: Traits((8,), ".webm", per_object=True, is_movie=True, has_colours=True),
    Format.OVERLAY: Traits((8,), ".mp4", per_object=False, is_movie=True, has_colours=True),
    Format.DAVIS: Traits((8,), ".png", per_object=False),
    Format.YOUTUBE_VOS: Traits((8,), ".png", per_object=False),
}


@dataclass(frozen=True)
class DeliveredObject:
    """Object that is delivered, by the name that the user has given it."""

    object_id: int
    name: str
    colour: int | None = None  # 0xRRGGBB, of its tint; None: one by its number
    refinement: Refinement | None = None  # how its mattes are refined; None: they are not


@dataclass(frozen=True)
class ExportJob:
    """Parameters of a job that writes files for other programs."""

    job_id: str
    clip: VideoClip
    folder: Path  # of the mattes, see `matte_folder`
    frames: range  # media frames
    objects: tuple[DeliveredObject, ...]  # the first is in front
    out: Path  # folder for the files
    format: Format = Format.PNG
    depth: int = 0  # bits of a channel; 0: the format's default
    alpha: Alpha = Alpha.AUTO
    content: Content = Content.CUTOUT  # of movies with alpha
    together: bool = False  # whether all objects are in one cut-out or movie, rather than each in its own
    rate: float | None = None  # pictures per second of movies; None: those of the clip
    refined_anyhow: bool = False  # whether mattes are delivered refined that are, whatever the objects' settings
    title: str = ""  # of the clip in names of files and folders; empty: the name of its file or folder

    @property
    def needs_pictures(self) -> bool:
        """Return whether the clip's pictures are needed, and not only its mattes."""
        has_alpha_only = self.format in (Format.PRORES, Format.VP9) and self.content is Content.MATTE
        return TRAITS[self.format].has_colours and not has_alpha_only

    @property
    def premultiplied(self) -> bool:
        """Return whether colours are multiplied by the alpha."""
        return self.alpha is Alpha.PREMULTIPLIED or (self.alpha is Alpha.AUTO and self.format is Format.CUTOUT_EXR)


def tint_of(one: DeliveredObject) -> tuple[int, int, int]:
    """Return the colour of an object's tint, R, G, B of 0..255."""
    if one.colour is not None:
        return one.colour >> 16 & 255, one.colour >> 8 & 255, one.colour & 255
    red, green, blue = colorsys.hsv_to_rgb((0.38 + (one.object_id - 1) * _HUE_STEP) % 1.0, 0.85, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)
