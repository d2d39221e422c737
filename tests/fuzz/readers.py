"""The table of all readers of files and lines: how each reads, undamaged examples, and the errors it documents."""

from __future__ import annotations

import itertools
import tempfile
from functools import partial
from pathlib import Path

from keymatte.addon import png

from engine.checkpoints import loading
from engine.checkpoints.download import _PartialDownload
from engine.checkpoints.hash_record import read_record
from engine.cli.arguments import parse_frame_range
from engine.jobs.resume import JobCheckpoint
from engine.media.frames import FrameReader
from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import read_labels, read_matte
from engine.methods.settings import find_settings
from engine.shared.arrays import ArrayDamaged, iterate_npz, read_npz
from engine.shared.environment_folder import read_marker
from engine.shared.errors import EngineError
from engine.shared.files import read_json
from engine.shared.lines import bounded_lines
from engine.shared.matte_folder import MatteFolder
from engine.shared.pip_output import ProgressFilter, failure
from engine.shared.protocol import decode
from engine.shared.shape_files.formats import load_roto
from engine.shared.splines import load_splines
from engine.suggestion.key_cache import KeyFolder
from tests.fuzz import corpus
from tests.fuzz.reader import Reader

_ADDRESS = "https://example.org/XMem.pth"
_JOB = JobCheckpoint(MatteFolder(Path(tempfile.gettempdir()) / "keymatte-fuzz"), {"job": "fuzz"})


def _frames(path: Path) -> None:
    with FrameReader.open(path) as reader:
        for frame in {0, 1, reader.clip.frame_count - 1} & {*range(min(reader.clip.frame_count, 10_000))}:
            reader.read(frame)


def _keyframes(path: Path) -> None:
    numbered = path.with_name(f"000001{path.suffix}")
    path.replace(numbered)
    try:
        read_keyframes(numbered.parent, (0, 1), (24, 20))
    finally:
        numbered.unlink()


def _probabilities(path: Path) -> None:
    frames = read_npz(path, "frames")["frames"]
    for _ in zip(frames, iterate_npz(path, "probabilities")):
        pass


def _keys(path: Path) -> None:
    file = path.with_name("000000.npy")
    path.replace(file)
    try:
        KeyFolder(file.parent).read(0)
        KeyFolder(file.parent).grid(0)
    finally:
        file.unlink()


def _key_folder(path: Path) -> None:
    marker = path.with_name("about.json")
    path.replace(marker)
    KeyFolder.open(marker.parent, {"clip": "shot.mp4"})
    marker.unlink()


def _environment(path: Path) -> None:
    marker = path.with_name("keymatte-environment.json")
    path.replace(marker)
    read_marker(marker.parent)
    marker.unlink()


def _checkpoint(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        job = JobCheckpoint(MatteFolder(Path(folder)), {"job": "fuzz"})
        file = job.first_matte_path(1, 0).parents[1] / "memory.safetensors"
        file.parent.mkdir(parents=True)
        path.replace(file)
        job.load()


def _download_note(path: Path) -> None:
    target = path.with_name("XMem.pth")
    note, part = path.with_name("XMem.pth.part.json"), path.with_name("XMem.pth.part")
    part.write_bytes(b"part")
    path.replace(note)
    _PartialDownload(target).resumable(_ADDRESS)
    _PartialDownload(target).remove()


def _lines(path: Path) -> None:
    with path.open("rb") as stream:
        for line in itertools.islice(bounded_lines(stream, 1000), 10_000):
            decode(line)
    decode(path.read_bytes())


def _pip(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    progress = ProgressFilter(lambda _line: None)
    for line in text.splitlines():
        progress.line(line)
    assert failure(text, 1).sentence()


def _settings(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    name, equals, value = text.partition("=")
    if not equals:
        parse_frame_range(text, 60)
        return
    for recipe in ("xmem", "xmem++"):
        find_settings(recipe).apply({name: value})


_ENGINE = (EngineError,)
READERS = (
    Reader("pictures", _frames, corpus.pictures, _ENGINE, 8),
    Reader("movies", _frames, corpus.movies, _ENGINE, 2),
    Reader("labels", read_labels, corpus.masks, _ENGINE, 3),
    Reader("mattes", read_matte, corpus.masks, _ENGINE, 2),
    Reader("keyframes", _keyframes, corpus.masks, _ENGINE, 1),
    Reader("masks in Blender", png.read, corpus.small_pngs, (png.PngError, OSError), 3),
    Reader("splines", load_splines, corpus.spline_files, _ENGINE, 2),
    Reader("splines of other programs", load_roto, corpus.shape_files, _ENGINE, 3),
    Reader("probabilities", _probabilities, corpus.probabilities, (OSError, ArrayDamaged), 2),
    Reader("keys", _keys, corpus.key_files, (OSError, ValueError), 2),
    Reader("key folders", _key_folder, corpus.markers, _ENGINE),
    Reader("weights", loading.read, corpus.weights, _ENGINE, 4),
    Reader("metadata of weights", loading.metadata, corpus.weights, _ENGINE),
    Reader("checkpoints", _checkpoint, partial(corpus.checkpoints, _JOB._identity), (), 3),
    Reader("lines", _lines, corpus.lines, _ENGINE, 3),
    Reader("JSON files", read_json, corpus.markers, ()),
    Reader("environments", _environment, corpus.markers, ()),
    Reader("notes of downloads", _download_note, partial(corpus.download_notes, _ADDRESS), ()),
    Reader("records of SHA-256", read_record, corpus.hash_records, _ENGINE),
    Reader("output of pip", _pip, corpus.pip_output, ()),
    Reader("settings", _settings, corpus.settings, _ENGINE),
)
