"""EXR files: layers and parts written with the OpenEXR package, subsampled channels and odd headers byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import OpenEXR

Window = tuple[int, int, int, int]  # left, top, right, bottom; both corners are inside
_TYPES = {np.dtype(np.uint32): 0, np.dtype(np.float16): 1, np.dtype(np.float32): 2}


def write_exr(path: Path, *parts: dict[str, np.ndarray], **header: object) -> Path:
    """Write a part for each dictionary of channels (H, W) by name; `header` has attributes of all parts."""
    written = []
    for index, channels in enumerate(parts):
        attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
        written.append(OpenEXR.Part(attributes, channels, f"part{index}" if len(parts) > 1 else ""))
    OpenEXR.File(written).write(str(path))
    return path


def rgb(pixels: np.ndarray, prefix: str = "", *, alpha: bool = False) -> dict[str, np.ndarray]:
    """Return the channels of a layer with the pixels (H, W, 3), whose names begin with a prefix such as `Diffuse.`."""
    channels = {f"{prefix}{name}": np.ascontiguousarray(pixels[..., index]) for index, name in enumerate("RGB")}
    return {**channels, f"{prefix}A": np.ones_like(channels[f"{prefix}R"])} if alpha else channels


def windows(data: Window, display: Window) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return header attributes for a data window and a display window."""
    corners = {"dataWindow": data, "displayWindow": display}
    return {name: (np.array(box[:2], np.int32), np.array(box[2:], np.int32)) for name, box in corners.items()}


def encode_exr(
    channels: dict[str, tuple[np.ndarray, int]], *, version: int = 2, size: tuple[int, int] = (0, 0)
) -> bytes:
    """Encode an uncompressed EXR of channels, each with every how many rows and columns it has a sample.

    `size` (H, W) is written in place of the true size, if given; `version` is the version field.
    """
    height, width = next(plane.shape for plane, step in channels.values() if step == 1)
    header_height, header_width = size if any(size) else (height, width)
    window = struct.pack("<4i", 0, 0, header_width - 1, header_height - 1)
    names = sorted(channels)
    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _TYPES[plane.dtype], 0, step, step)
        for name, (plane, step) in ((name, channels[name]) for name in names)
    )
    head = struct.pack("<II", 20000630, version) + b"".join(
        f"{name}\0{kind}\0".encode() + struct.pack("<I", len(value)) + value
        for name, kind, value in (
            ("channels", "chlist", listed + b"\0"),
            ("compression", "compression", b"\0"),
            ("dataWindow", "box2i", window),
            ("displayWindow", "box2i", window),
            ("lineOrder", "lineOrder", b"\0"),
            ("pixelAspectRatio", "float", struct.pack("<f", 1)),
            ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
            ("screenWindowWidth", "float", struct.pack("<f", 1)),
        )
    ) + b"\0"  # fmt: skip
    rows = []
    for row in range(height):
        steps = ((channels[name], name) for name in names)
        values = b"".join(plane[row // step].tobytes() for (plane, step), _ in steps if row % step == 0)
        rows.append(struct.pack("<iI", row, len(values)) + values)
    offsets = np.cumsum([len(head) + 8 * len(rows), *(len(row) for row in rows[:-1])])
    return head + offsets.astype("<u8").tobytes() + b"".join(rows)
