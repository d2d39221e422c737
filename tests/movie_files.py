"""Movie files for tests: numbered pictures with any times, codec and container, written by PyAV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_BITS = 8
_HEIGHT, _WIDTH = 48, 64


def numbered_pictures(count: int) -> np.ndarray:
    """Return pictures (count, 48, 64, 3) uint8 that carry their number, from 0, as black and white bars."""
    bits = (np.arange(count)[:, None] >> np.arange(_BITS)) & 1
    rows = np.repeat(32 + 192 * bits.astype(np.uint8), _WIDTH // _BITS, axis=1)
    return np.broadcast_to(rows[:, None, :, None], (count, _HEIGHT, _WIDTH, 3)).copy()


def number_on(picture: np.ndarray) -> int:
    """Return the number that a picture of `numbered_pictures` carries, even if it was compressed."""
    middle = picture[_HEIGHT // 2].astype(float).mean(axis=-1)
    bits = middle.reshape(_BITS, -1).mean(axis=1) > 128
    return int((bits << np.arange(_BITS)).sum())


def write_movie(
    path: Path,
    pictures: np.ndarray,
    *,
    times: Sequence[int] | None = None,
    fps: Fraction | int = 25,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    pixel_format: str = "yuv420p",
    sound_seconds: float = 0.0,
) -> Path:
    """Write pictures (T, H, W, 3) uint8 to a movie and return its path; `path`'s suffix names the container.

    `times` are the pictures' times in milliseconds; None: one every 1 / `fps` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=dict(options or {}))
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = pixel_format
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("mp2", rate=48000) if sound_seconds else None
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = 1 / Fraction(fps) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            samples = np.zeros((1, 2 * round(48000 * sound_seconds)), np.int16)
            silence = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            silence.sample_rate = 48000
            resampler = av.AudioResampler(format=sound.format, layout="stereo", rate=48000, frame_size=1152)
            for piece in resampler.resample(silence):
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    return path
