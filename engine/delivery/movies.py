"""Delivered movies: ProRes 4444 and VP9 with alpha, and H.264 without."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import VideoStream
from av.video.reformatter import ColorRange, Colorspace

from ..shared.delivery import Format
from ..shared.errors import EnvironmentFailed
from ..shared.files import writing_error
from .images import writing_failed

DEFAULT_RATE = 24.0  # pictures per second of image sequences
_NEAR = 0.006  # of a rate of 30 * 1000 / 1001 and its kin that is given with two decimals
_VP9 = {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
_VP9 |= {"auto-alt-ref": "0", "lag-in-frames": "0"}  # looking ahead would hold many pictures in memory
_REPEATABLE = {"fflags": "+bitexact"}  # the same pictures make the same file: WebM would have a random id
_BT709 = 1  # of primaries, transfer and matrix, in FFmpeg's numbers


@dataclass(frozen=True)
class _Codec:
    """How a movie is encoded: encoders in the order of preference, and what they are told."""

    encoders: tuple[str, ...]
    container: str
    pixels: str
    given: str  # pixel format of the pictures that it is given
    options: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    is_even: bool = False  # whether width and height must be even


_CODECS = {
    Format.PRORES: _Codec(
        ("prores_ks",),
        "mov",
        "yuva444p10le",
        "rgba64le",
        {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
    ),
    Format.VP9: _Codec(
        ("libvpx-vp9",),
        "webm",
        "yuva420p",
        "rgba",
        _VP9,
        {"alpha_mode": "1"},
    ),
    Format.OVERLAY: _Codec(
        ("libx264", "libopenh264", "mpeg4"), "mp4", "yuv420p", "rgb24", {"crf": "18", "preset": "veryfast"}, {}, True
    ),
}


def write_movie(
    path: Path, kind: Format, pictures: Iterable[np.ndarray], size: tuple[int, int], rate: float | None
) -> None:
    """Write pictures to a movie: (H, W, 4) float32 of 0..1, with alpha, or (H, W, 3) uint8 for `Format.OVERLAY`.

    Colours are sRGB, tagged as Rec. 709. H.264 needs an even width and height, so that an odd one gets a last column or
    row twice. Raises DiskFull, FolderNotWritable, EnvironmentFailed if this computer lacks the encoder, MemoryError,
    and whatever `pictures` raises.
    """
    codec = _CODECS[kind]
    height, width = (length + length % 2 if codec.is_even else length for length in size)
    try:
        with av.open(str(path), "w", format=codec.container, container_options=_REPEATABLE) as container:
            stream = container.add_stream(_encoder(codec), rate=exact_rate(rate), options=dict(codec.options))
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, codec.pixels
            stream.metadata.update(codec.tags)
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = ColorRange.MPEG
            for number, picture in enumerate(pictures):
                frame = _frame(_padded(picture, height, width), codec)
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        if isinstance(error, OSError) and error.errno:
            raise writing_error(path, OSError(error.errno, error.strerror)) from error
        raise writing_failed(path, str(error)) from error


def exact_rate(rate: float | None) -> Fraction:
    """Return pictures per second as a fraction: 23.976 and 23.98 as 24000/1001."""
    given = rate or DEFAULT_RATE
    slowed = Fraction(round(given * 1.001) * 1000, 1001)
    if given != round(given) and abs(given - slowed) < _NEAR:
        return slowed
    return Fraction(given).limit_denominator(1001)


def _encoder(codec: _Codec) -> str:
    """Return the first encoder that FFmpeg was built with. Raises EnvironmentFailed."""
    for name in codec.encoders:
        if name in av.codecs_available:
            return name
    raise EnvironmentFailed(
        f"the movie library on this computer was built without {codec.encoders[0]}",
        remedy="Choose another format, such as images.",
    )


def _frame(picture: np.ndarray, codec: _Codec) -> av.VideoFrame:
    """Convert a picture to the codec's pixels: Rec. 709, in video levels."""
    if picture.dtype != np.uint8:
        most, kind = (65535, np.uint16) if codec.given == "rgba64le" else (255, np.uint8)
        picture = np.rint(np.clip(picture, 0, 1) * np.float32(most)).astype(kind)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=codec.given)
    made = frame.reformat(
        format=codec.pixels,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
    made.color_range = ColorRange.MPEG
    return made


def _padded(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Repeat the last row and column if a picture is smaller."""
    rows, columns = height - picture.shape[0], width - picture.shape[1]
    return np.pad(picture, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else picture
