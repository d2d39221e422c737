"""What is no image file, too large for memory, or of a kind that no decoder reads, ends in a sentence."""

from __future__ import annotations

import os
import random
import socket
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.media.frames import FrameReader
from engine.media.label_images import read_labels
from engine.media.pictures import is_picture, picture_header, read_picture
from engine.shared.errors import ClipNotFound, ClipUnreadable, FramesUnreadable, KeyframeUnreadable
from tests.house import ROOT
from tests.png import write_png

unix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def assert_refused(path: Path, *words: str) -> None:
    """Check that an image is refused with these words, without a wait, by all that reads images."""
    failures: list[str] = []

    def read() -> None:
        assert picture_header(path) is None
        with pytest.raises(FramesUnreadable) as refusal:
            read_picture(path)
        failures.append(refusal.value.message)
        with pytest.raises(KeyframeUnreadable):
            read_labels(path)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert failures, "reading neither ended nor failed"
    assert all(word in failures[0] for word in (path.name, *words)), failures[0]


# -- no files ----------------------------------------------------------------------------------------------------------
@unix
def test_pipes_devices_sockets_and_loops_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert_refused(tmp_path / "pipe.png", "it is a pipe, not a file")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    assert_refused(tmp_path / "zero.png", "it is a device, not a file")
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert_refused(tmp_path / "loop.png", "symbolic links")
    os.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("s.png")
        assert_refused(tmp_path / "s.png", "it is a socket, not a file")


@unix
def test_a_pipe_as_clip_is_no_clip(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ClipUnreadable, match=r"pipe\.png is a device, a pipe or a socket"):
        FrameReader.open(tmp_path / "pipe.png")


def test_an_empty_file_and_a_folder_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    assert_refused(tmp_path / "a.png", "it is empty")
    (tmp_path / "b.png").mkdir()
    assert_refused(tmp_path / "b.png", "it is a folder, not a file")


def test_folders_called_like_images_are_no_frames(tmp_path):
    (tmp_path / "f_2.png").mkdir()
    assert not is_picture(tmp_path / "f_2.png")
    write_png(tmp_path / "f_1.png", np.zeros((4, 6), np.uint8))
    assert FrameReader.open(tmp_path).numbers == (1,)


def test_paths_that_cannot_exist_are_named(tmp_path):
    for name in ("a\0.png", "n" * 300 + ".png", "a.png/b.png"):
        if "/" in name:
            write_png(tmp_path / "a.png", np.zeros((4, 6), np.uint8))
        with pytest.raises(FramesUnreadable):
            read_picture(tmp_path / name)
        assert picture_header(tmp_path / name) is None
    for path in (tmp_path / "a\0.png", tmp_path / "a\0" / "f.####.png", tmp_path / "a.png" / "b.png"):
        with pytest.raises(ClipNotFound):
            FrameReader.open(path)


@unix
def test_names_that_are_not_utf_8_are_read(tmp_path):
    for suffix in (b".png", b".exr", b".dpx"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xff" + suffix))
        path.write_bytes(b"damaged")
        with pytest.raises(FramesUnreadable, match="damaged"):
            read_picture(path)
        write_png(path, np.full((4, 6), 7, np.uint8))
        assert read_picture(path).shape == (4, 6, 3)


@unix
def test_a_file_that_grows_is_read_to_the_length_that_it_had(tmp_path):
    path = write_png(tmp_path / "a.png", np.full((4, 6), 7, np.uint8))
    with path.open("ab") as file:
        stop = threading.Event()

        def grow() -> None:
            while not stop.is_set():
                file.write(b"\0" * 4096)

        thread = threading.Thread(target=grow)
        thread.start()
        try:
            assert all(read_picture(path)[0, 0, 0] == 7 for _ in range(5))
        finally:
            stop.set()
            thread.join()


# -- sizes -------------------------------------------------------------------------------------------------------------
def _bomb(suffix: str, height: int, width: int) -> bytes:
    """Return a small file whose header gives a size."""
    if suffix == ".dpx":
        return struct.pack(">4sI8sI", b"SDPX", 2048, b"V1.0", 0).ljust(772, b"\0") + struct.pack(">2I", width, height)
    if suffix == ".hdr":
        return f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    if suffix in (".png", ".16.png"):
        head = struct.pack(">2I5B", width, height, 16 if "16" in suffix else 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    if suffix == ".bmp":
        return struct.pack("<2sI4xI", b"BM", 100, 54) + struct.pack("<Iii2H6I", 40, width, height, 1, 24, *[0] * 6)
    return f"P6 {width} {height} 255\n".encode()


@pytest.mark.parametrize("suffix", [".dpx", ".hdr", ".png", ".16.png", ".bmp", ".ppm"])
@pytest.mark.parametrize("height, width", [(15000, 15000), (3, 70000), (60000, 60000)])
def test_sizes_that_no_memory_holds_are_refused_by_the_header(tmp_path, suffix, height, width):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(_bomb(suffix, height, width))
    assert_refused(path, "its header gives a size")


def test_the_largest_frames_of_film_are_read(tmp_path):
    Image.new("L", (16384, 8192), 9).save(tmp_path / "a.png", compress_level=1)
    header = picture_header(tmp_path / "a.png")
    assert header is not None and header.size == (8192, 16384)


# -- formats -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "suffix, head, name",
    [
        (".jxl", b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (".jxl", b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (".heic", b"\x00\x00\x00\x18ftypheic", "HEIF"),
        (".cin", b"\x80\x2a\x5f\xd7", "Cineon"),
        (".psb", b"8BPS\x00\x02", "Photoshop"),
        (".png", b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (".tif", b"II*\x00\x10\x00\x00\x00CR\x02\x00", "camera raw"),
    ],
)
def test_formats_that_no_decoder_reads_are_named(tmp_path, suffix, head, name):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(head.ljust(200, b"\0"))
    assert is_picture(path)
    assert_refused(path, name, "convert it to PNG, TIFF or EXR")
    with pytest.raises(ClipUnreadable, match=name):
        FrameReader.open(path)


def test_every_image_of_blenders_file_browser_is_a_picture():
    suffixes = ("bmp", "cin", "dds", "dpx", "exr", "hdr", "j2c", "jp2", "jpeg", "jpg", "pdd", "png", "psb", "psd")
    suffixes += ("rgb", "rgba", "sgi", "tga", "tif", "tiff", "tx", "webp", "avif")
    assert all(is_picture(Path(f"a.{suffix}")) for suffix in suffixes)


@pytest.mark.parametrize("suffix", [".jp2", ".png", ".tif", ".exr", ".hdr"])
def test_damaged_jpeg_2000_never_ends_the_process_whatever_its_suffix(tmp_path, suffix):
    """Read in a process of its own, as OpenCV's reader crashed."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.jp2")
    whole, rng = (tmp_path / "whole.jp2").read_bytes(), random.Random(3)
    for number in range(60):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), rng.choice((60, 250, len(data)))))] = rng.randrange(256)
        (tmp_path / f"f_{number:03}{suffix}").write_bytes(data)
    program = """
import sys
from pathlib import Path
from engine.media.label_images import read_labels
from engine.media.pictures import picture_header, read_picture
from engine.shared.errors import EngineError
for path in sorted(Path(sys.argv[1]).glob("f_*")):
    picture_header(path)
    for read in (read_picture, read_labels):
        try:
            read(path)
        except EngineError:
            pass
print("read all")
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "read all\n"), ended.stderr
