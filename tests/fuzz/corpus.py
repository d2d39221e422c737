"""Small undamaged files of every kind that a reader takes, made when the fuzz starts."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import safetensors.torch
import torch
from PIL import Image

from engine.jobs.checkpoint_files import _checksum
from engine.media.label_images import write_labels
from engine.shared import protocol
from engine.shared.shape_files.formats import save_roto
from engine.shared.splines import SplineTrack, save_splines
from engine.shared.types import (
    Direction,
    KeyframeFile,
    PropagationJob,
    SegmentationJob,
    Settings,
    SuggestionJob,
    VideoClip,
)
from tests import films, rotos
from tests.exr_files import encode_exr, rgb, write_exr
from tests.fuzz.reader import Files
from tests.png import encode_png

_LABELS = np.repeat(np.arange(24, dtype=np.uint8) // 8, 20).reshape(24, 20)
_COLOURS = np.random.default_rng(3).integers(0, 256, (24, 20, 3), np.uint8)
_PALETTE = np.random.default_rng(4).integers(0, 256, (256, 3), np.uint8)
_MOVIES = (  # name, codec, pixel format
    ("a.mp4", "mpeg4", "yuv420p"),
    ("b.mp4", "libx264", "yuv420p"),
    ("c.avi", "mjpeg", "yuvj420p"),
    ("d.mov", "prores_ks", "yuv422p10le"),
    ("e.mkv", "ffv1", "yuv420p"),
    ("f.webm", "libvpx", "yuv420p"),
    ("g.mpg", "mpeg2video", "yuv420p"),
    ("h.mts", "mpeg2video", "yuv420p"),
)


def pictures() -> Files:
    """Return frames in every image format that is read."""
    files: Files = []
    for suffix in (".png", ".jpg", ".tif", ".tga", ".bmp", ".webp", ".jp2", ".sgi", ".ppm", ".dds", ".gif", ".avif"):
        buffer = io.BytesIO()
        try:
            Image.fromarray(_COLOURS).save(buffer, Image.registered_extensions()[suffix])
        except (KeyError, OSError):  # Pillow was built without it
            continue
        files.append((".png" if suffix == ".gif" else suffix, buffer.getvalue()))  # a GIF under another name
    wide = _COLOURS.astype(np.uint16) * 257
    linear = _COLOURS.astype(np.float32) / 255
    for suffix, pixels in ((".png", wide), (".tif", wide), (".hdr", linear), (".jp2", wide)):
        good, encoded = cv2.imencode(suffix, np.tile(pixels, (3, 4, 1)))  # JPEG 2000 needs 64 pixels
        if good:
            files.append((suffix, encoded.tobytes()))
    files += [(".png", encode_png(_COLOURS)), (".png", encode_png(_LABELS, _PALETTE))]
    files += [(".psd", _psd()), (".dpx", _dpx()), (".exr", encode_exr(dict.fromkeys("RGB", (linear[..., 0], 1))))]
    with tempfile.TemporaryDirectory() as folder:
        layers = ({**rgb(linear), **rgb(linear, "Diffuse.", alpha=True)}, rgb(linear.astype(np.float16)))
        files += [
            (".exr", write_exr(Path(folder) / "one.exr", layers[0]).read_bytes()),
            (".exr", write_exr(Path(folder) / "two.exr", *layers).read_bytes()),
        ]
    return files


def movies() -> Files:
    """Return short movies in several containers and codecs."""
    files: Files = []
    with tempfile.TemporaryDirectory() as folder:
        for name, codec, pixels in _MOVIES:
            path = Path(folder) / name
            try:
                _write_movie(path, codec, pixels)
            except (av.FFmpegError, ValueError):  # FFmpeg was built without the codec
                continue
            files.append((path.suffix, path.read_bytes()))
    return files


def _write_movie(path: Path, codec: str, pixels: str) -> None:
    film = films.moving_disc(4, height=48, width=64)
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=25, width=64, height=48, pix_fmt=pixels)
        for picture in film.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def masks() -> Files:
    """Return label images and mattes: of a palette, grey, of 1 to 16 bits, with alpha, and in other formats."""
    files: Files = [(".png", encode_png(_LABELS, _PALETTE)), (".png", encode_png(_LABELS))]
    files += [(".png", encode_png(_LABELS % (1 << bits), bit_depth=bits)) for bits in (1, 2, 4)]
    files.append((".png", encode_png(np.dstack([_LABELS] * 2))))
    for mode, suffix in (("1", ".tif"), ("L", ".bmp"), ("P", ".tif"), ("I;16", ".png"), ("LA", ".png"), ("L", ".tga")):
        buffer = io.BytesIO()
        Image.fromarray(_LABELS).convert(mode).save(buffer, Image.registered_extensions()[suffix])
        files.append((suffix, buffer.getvalue()))
    with tempfile.TemporaryDirectory() as folder:
        write_labels(Path(folder) / "labels.png", _LABELS)
        files.append((".png", (Path(folder) / "labels.png").read_bytes()))
    return files


def small_pngs() -> Files:
    """Return PNG files of the kinds that the extension reads, with every row filter."""
    filters = np.arange(24, dtype=np.uint8) % 5
    return [
        *((".png", encode_png(_LABELS % (1 << bits), bit_depth=bits)) for bits in (1, 2, 4, 8)),
        (".png", encode_png(_LABELS, _PALETTE, row_filters=filters)),
    ]


def spline_files() -> Files:
    """Return a file of splines."""
    points = np.random.default_rng(5).random((2, 9, 3, 2), np.float32)
    feather, corners, error = np.ones((2, 9), np.float32), np.arange(9) % 3 == 0, np.ones((4, 2), np.float32)
    tracks = [SplineTrack(part, bool(part), 3, 6, np.array([3, 6]), points, feather, corners, error) for part in (0, 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "001.npz"
        save_splines(path, tracks)
        return [(".npz", path.read_bytes())]


def probabilities() -> Files:
    """Return files of dumped probabilities, compressed and not."""
    arrays = {"frames": np.arange(3), "probabilities": np.random.default_rng(6).random((3, 2, 6, 8), np.float32)}
    return [(".npz", _saved(save, arrays)) for save in (np.savez, np.savez_compressed)]


def key_files() -> Files:
    """Return files of attention keys."""
    buffer = io.BytesIO()
    np.save(buffer, np.random.default_rng(7).random((9, 3, 4), np.float32))
    return [(".npy", buffer.getvalue())]


def weights() -> Files:
    """Return weights files in all formats: safetensors, and PyTorch's new and old one."""
    weight = torch.arange(12).reshape(3, 4) / 12
    tensors = {"module.a.weight": weight, "module.a.bias": weight[:, 0].half(), "module.n": torch.tensor(5)}
    files = [(".safetensors", safetensors.torch.save(tensors, {"name": "fuzz"}))]
    for new in (True, False):
        buffer = io.BytesIO()
        torch.save({"network": tensors, "it": 5}, buffer, _use_new_zipfile_serialization=new)
        files.append((".pth", buffer.getvalue()))
    return files


def checkpoints(identity: str) -> Files:
    """Return checkpoints of an interrupted job with this `identity`."""
    progress = {
        "sweep": 0, "frame": 3, "trackers": [{"group": 0, "state": {"frame": 2}}], "done": 3, "readable": [0],
        "failed": {"2": "it is damaged"}, "ended": {"1": 2}, "agreeing": 1,
    }  # fmt: skip
    tensors = {"bank.0.key": torch.arange(24).reshape(4, 6) / 24, "written": torch.arange(6).reshape(3, 2)}
    index = {"places": {}, "parts": {}}
    about = {"identity": identity, "progress": json.dumps(progress), "index": json.dumps(index)}
    content = safetensors.torch.save(tensors)
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = {**about, "checksum": _checksum(about, tensors)}  # here, as `save` gives it any order
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    return [(".safetensors", len(encoded).to_bytes(8, "little") + encoded + content[8 + size :])]


def lines() -> Files:
    """Return messages of every kind, each as a line."""
    clip = VideoClip(Path("shot.mp4"), 480, 854, 60)
    keyframe = KeyframeFile(3, Path("keys/000003.png"), (1, 2))
    settings = Settings(overrides={"mem_every": "3"}, adapt=True)
    job = PropagationJob("a", clip, range(60), (keyframe,), Path("out"), direction=Direction.BOTH, settings=settings)
    suggestion = SuggestionJob("b", clip, range(60), (3,), Path("out/labels"), Path("out/keys"))
    segmentation = SegmentationJob("e", clip, 3, Path("marks.png"), Path("alpha.npy"))
    messages: Iterable[protocol.Message] = (
        protocol.Propagate(job),
        protocol.Suggest(suggestion),
        protocol.Segment(segmentation),
        protocol.Cancel("a"),
        protocol.Download("c", "XMem", Path("weights")),
        protocol.Import("d", "XMem", Path("XMem.pth"), Path("weights"), again=True),
        protocol.Ready("0.1.0", "cpu"),
        protocol.Stage("a", "Loading", 1, 2),
        protocol.MatteReady("a", 3, 4, 60),
        protocol.Finished("a", "a warning", 12.5, 1000),
        protocol.Suggested("b", (1, 2), (0.5, 0.25), (0, 3), ("unlike", "edge")),
        protocol.Segmented("e", Path("alpha.npy")),
        protocol.JobCancelled("a"),
        protocol.Failed("a", "code", "message", "remedy"),
    )
    return [(".json", protocol.encode(message).encode()) for message in messages]


def markers() -> Files:
    """Return small JSON files, as they lie in folders that Keymatte writes."""
    contents = (
        {"keymatte": "0.1.0", "first_number": 0, "frames": [0, 60], "clip": {"path": "shot.mp4"}},
        {"requirements": ["torch>=2"], "constraints": [], "complete": True},
        {
            "clip": ["/a/shot.mp4", 100, 200],
            "network": "Keymatte",
            "precision": "torch.int8",
            "weights": None,
            "size": 1,
        },
    )
    return [(".json", json.dumps(content).encode()) for content in contents]


def download_notes(address: str) -> Files:
    """Return the note of a partial download from `address`."""
    return [(".json", json.dumps({"address": address, "version": '"abc"', "total": 249_000_000}).encode())]


def hash_records() -> Files:
    """Return the record of a download's SHA-256."""
    return [(".sha256", b"0123456789abcdef" * 4 + b"  XMem.pth\n")]


def pip_output() -> Files:
    """Return what pip prints when it succeeds and when it fails."""
    good = (
        b"Collecting torch>=2.6\n  Downloading torch-2.14.1-cp311-none-any.whl (200.1 MB)\nProgress 0 of 200100000\n"
        b"Progress 100050000 of 200100000\nUsing cached numpy-2.0.0-cp311-none-any.whl\n"
        b"Installing collected packages: numpy, torch\nSuccessfully installed numpy torch\n"
    )
    bad = b"WARNING: Retrying (Retry(total=4))\nERROR: No matching distribution found for torch>=2.6 (from x)\n"
    return [(".txt", good), (".txt", bad)]


def shape_files() -> Files:
    """Return files with splines in all formats that are read."""
    files: Files = [(".svg", rotos.DRAWING.encode()), (".nk", rotos.SCRIPT.encode())]
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".json", ".svg", ".nk"):
            path = Path(folder) / f"a{suffix}"
            save_roto(path, rotos.sample_roto())
            files.append((suffix, path.read_bytes()))
    return files


def settings() -> Files:
    """Return values for `--set` and `--range`."""
    return [(".txt", text) for text in (b"mem_every=3", b"memory=recent", b"read.top_k=12", b"0:60", b":")]


def _saved(save, arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def _psd() -> bytes:
    """Return a Photoshop file of 8-bit RGB without layers."""
    height, width = _COLOURS.shape[:2]
    head = b"8BPS" + (1).to_bytes(2, "big") + bytes(6) + (3).to_bytes(2, "big")
    head += height.to_bytes(4, "big") + width.to_bytes(4, "big") + (8).to_bytes(2, "big") + (3).to_bytes(2, "big")
    return head + bytes(12) + bytes(2) + _COLOURS.transpose(2, 0, 1).tobytes()


def _dpx() -> bytes:
    """Return a DPX file of 10-bit RGB."""
    height, width = _COLOURS.shape[:2]
    head = bytearray(2048)
    head[0:4], head[4:8] = b"SDPX", (2048).to_bytes(4, "big")
    head[770:772], head[772:776], head[776:780] = b"\0\1", width.to_bytes(4, "big"), height.to_bytes(4, "big")
    head[800], head[803] = 50, 10
    head[804:806] = b"\0\1"
    head[808:812] = (2048).to_bytes(4, "big")
    words = (_COLOURS.astype(np.uint32) * 4) << np.array([22, 12, 2], np.uint32)
    return bytes(head) + words.sum(2).astype(">u4").tobytes()
