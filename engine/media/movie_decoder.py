"""Decoder of movie files (FFmpeg, by PyAV): pictures in the order in which they are shown, with their times."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from ..shared.errors import ClipUnreadable

_MAX_PIXELS = 2**28  # of a picture; larger ones are damage, and are refused before memory is taken for them
CONVERT_REMEDY = "Convert the movie to another codec, such as H.264 or ProRes, or to images."
_DURATION = re.compile(r"([0-9]+):([0-9]+):([0-9]+(?:\.[0-9]+)?)")  # of a stream, as a tag
_SAMPLING = slice(None, None, 8), slice(None, None, 7)  # of rows and columns that a checksum covers


class MovieDecoder:
    """Decodes the first video stream of a movie that is no cover picture, from the start or from a time sought.

    codec     FFmpeg's name of the codec, such as h264
    unit      unit of times, in seconds
    rate      pictures per second that FFmpeg guesses, as Blender does; None if it has no guess
    start     time of the first picture by the container, in units; None if it gives none
    promised  packets that the container gives for the stream; 0 if it gives none
    promised_end  time at which the video ends by the container's header, in units; 0 if it does not say
    stream_count  video streams in the file, without cover pictures
    packets   packets read so far
    lost      packets that could not be decoded
    position  bytes of the file read so far, roughly
    """

    def __init__(self, path: Path, *, threads: bool = True) -> None:
        """Open the movie. Without `threads`, damaged pictures are decoded to the same pixels each time.

        Raises ClipUnreadable if it cannot be opened, or has no video that can be decoded.
        """
        self._path = path
        try:
            # absolute, as FFmpeg takes a relative name such as take:1.mp4 for an address
            self._container = av.open(str(path.absolute()), options={"protocol_whitelist": "file"})
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = "it is damaged, truncated or not a movie"
            raise ClipUnreadable(f"movie {path.name} cannot be opened: {reason} ({_reason(error)})") from error
        stream = next((video for video in self._container.streams.video if not _is_cover(video)), None)
        if stream is None:
            self._container.close()
            raise ClipUnreadable(f"movie {path.name} contains no video")
        self._stream = stream
        if _context(self._stream) is None:
            self._container.close()
            raise ClipUnreadable(
                f"the video codec of {path.name} cannot be decoded by FFmpeg {av.ffmpeg_version_info}",
                remedy=CONVERT_REMEDY,
            )
        self._stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
        self._stream.thread_type = "AUTO" if threads else "NONE"
        self._to_rgb = av.video.reformatter.VideoReformatter()
        self._frames = self._decode()
        self._last_time: int | None = None
        # Read now, as FFmpeg's structures are gone once the file is closed.
        self.codec = self._stream.codec_context.codec.canonical_name
        self.unit = self._stream.time_base or Fraction(1, 90000)
        self.rate = self._stream.guessed_rate or self._stream.average_rate or None
        self.start = self._stream.start_time
        self.promised = self._stream.frames
        self.promised_end = _promised_end(self._container, self._stream)
        others = [one for one in self._container.streams.video[1:] if not one.disposition & Disposition.attached_pic]
        self.stream_count = 1 + len(others)
        self.packets = self.lost = self.position = 0

    def next(self) -> tuple[int, av.VideoFrame] | None:
        """Return the time of the next picture, in units, and the picture; None at the end. Raises FFmpegError."""
        frame = next(self._frames, None)
        return None if frame is None else (self._time(frame), frame)

    def seek(self, time: int) -> None:
        """Go to the keyframe at `time` (in units) or before, as far as the container knows. Raises FFmpegError."""
        self._container.seek(time, stream=self._stream)
        self._frames = self._decode()

    def rgb(self, frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
        """Convert a picture to RGB of the given size: (height, width, 3) uint8."""
        converted = self._to_rgb.reformat(frame, width, height, format="rgb24")
        return converted.to_ndarray()

    def close(self) -> None:
        """Close the file."""
        self._frames = iter(())
        self._container.close()

    def _time(self, frame: av.VideoFrame) -> int:
        """Return the time of a picture; one picture after the last if the file has no times."""
        time = frame.pts if frame.pts is not None else frame.dts
        if time is None:
            step = round(1 / (self.rate or 25) / self.unit)
            time = 0 if self._last_time is None else self._last_time + max(step, 1)
        self._last_time = time
        return time

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._demux():
            if packet is not None and packet.size:
                self.packets += 1
                self.position = packet.pos or self.position
            try:
                yield from self._stream.codec_context.decode(packet)
            except av.FFmpegError:
                self.lost += 1

    def _demux(self) -> Iterator[av.Packet | None]:
        """Yield the stream's packets, then an empty one, which makes the decoder give its last pictures."""
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self.lost += 1
            yield None


def checksum(frame: av.VideoFrame) -> int:
    """Return a checksum of some pixels of a picture, as decoded."""
    plane = frame.planes[0]
    used = min(frame.width, abs(plane.line_size)) if frame.format.bits_per_pixel >= 8 else frame.width // 8
    if plane.line_size <= 0:  # rows from bottom to top
        return zlib.crc32(np.ascontiguousarray(frame.to_ndarray(format="rgb24")[_SAMPLING]).data)
    rows = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size].reshape(
        plane.height, plane.line_size
    )
    return zlib.crc32(np.ascontiguousarray(rows[:, :used][_SAMPLING]).data)


def _is_cover(stream: av.VideoStream) -> bool:
    """Return whether a stream is a picture that is attached to the file, such as its cover or thumbnail."""
    return Disposition.attached_pic in stream.disposition


def _context(stream: av.VideoStream) -> av.VideoCodecContext | None:
    """Return the stream's decoder; None if FFmpeg has none for its codec, of which PyAV's types do not speak."""
    return stream.codec_context


def _promised_end(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Return when the video ends by the header of a Matroska file, which gives no number of pictures, in units.

    If there are other streams, which may be longer, the tag counts that FFmpeg writes for each. 0 if unknown.
    """
    if "matroska" not in container.format.name or not container.duration or not stream.time_base:
        return 0
    end = Fraction(container.duration, av.time_base)
    if len(container.streams) > 1:
        match = _DURATION.fullmatch(stream.metadata.get("DURATION", ""))
        if match is None:
            return 0
        end = min(end, 3600 * int(match[1]) + 60 * int(match[2]) + Fraction(match[3]))
    return round(end / stream.time_base)


def _reason(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)


def has_time(frame: av.VideoFrame) -> bool:
    """Return whether the file gives the time of this picture."""
    return frame.pts is not None or frame.dts is not None
