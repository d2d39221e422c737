"""Results of a benchmark on disk: masks in the official layout and palette, a record per sequence, and the zip."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...media.pictures import DECODER_ERRORS
from ...media.stored_images import read_stored
from ...shared.files import atomic_write, read_json, writing_error
from ...shared.mask_images import PALETTE
from .given import GivenMasks
from .types import Benchmark, Rules, Sequence, SequenceRun

MASKS = "Annotations"  # folder of the results, with one folder per sequence
_RECORDS = "runs"  # folder of the records of finished sequences
_UNFINISHED = "unfinished"  # folder of the sequences that are being written
_DATE = (1980, 1, 1, 0, 0, 0)  # of the files in a zip, so that the same results make the same zip
_WITH_FOLDER = (Rules.YOUTUBE, Rules.LVOS)  # their servers expect the folder Annotations in a zip; DAVIS' does not


@dataclass(frozen=True)
class ResultsFolder:
    """Folder of a benchmark's results."""

    root: Path

    @property
    def masks(self) -> Path:
        """Return the folder with a folder of masks for each finished sequence."""
        return self.root / MASKS

    def finished(self, sequence: Sequence, identity: str) -> SequenceRun | None:
        """Return the record of a sequence that is complete and was made from the same files; else None."""
        record = read_json(self._record(sequence.name))
        if not isinstance(record, dict) or record.get("files") != identity:
            return None
        if record.get("bytes") != self._bytes(sequence):
            return None
        with suppress(KeyError, TypeError):
            run = record["run"]
            objects = {stem: tuple(ids) for stem, ids in run["given_objects"].items()}
            return SequenceRun(**{**run, "given": tuple(run["given"]), "given_objects": objects})
        return None

    def begin(self, name: str) -> Path:
        """Return an empty folder for the masks of a sequence until it is finished.

        Raises FolderNotWritable, DiskFull.
        """
        folder = self.root / _UNFINISHED / name
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        except OSError as error:
            raise writing_error(folder, error) from error
        return folder

    def finish(self, sequence: Sequence, run: SequenceRun, identity: str) -> None:
        """Move the masks of a sequence to their place and record it. Raises FolderNotWritable, DiskFull."""
        source, target = self.root / _UNFINISHED / run.name, self.masks / run.name
        try:
            self._record(run.name).unlink(missing_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)  # noqa: PTH105  # a path object would cost more than the call
        except OSError as error:
            raise writing_error(target, error) from error
        with atomic_write(self._record(run.name)) as part:
            record = {"files": identity, "bytes": self._bytes(sequence), "run": asdict(run)}
            part.write_text(json.dumps(record, indent=1), encoding="utf-8")

    def drop_unfinished(self, name: str = "") -> None:
        """Remove what is left of the masks of an unfinished sequence, or of all of them."""
        shutil.rmtree(self.root / _UNFINISHED / name, ignore_errors=True)

    def clear(self) -> None:
        """Remove all results that were recorded here, and nothing else."""
        for record in sorted((self.root / _RECORDS).glob("*.json")):
            shutil.rmtree(self.masks / record.stem, ignore_errors=True)
            record.unlink(missing_ok=True)
        for folder in (self.masks, self.root / _RECORDS):
            with suppress(OSError):  # files that are not ours stay, and so do their folders
                folder.rmdir()
        self.drop_unfinished()

    def write_zip(self, benchmark: Benchmark, sequences: Iterable[Sequence]) -> Path:
        """Write a zip of the wanted masks as the benchmark's server takes it; the same masks make the same bytes.

        Raises FolderNotWritable, DiskFull.
        """
        path = self.root / f"{benchmark.name}.zip"
        inner = f"{MASKS}/" if benchmark.rules in _WITH_FOLDER else ""
        with atomic_write(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for sequence in sorted(sequences, key=lambda one: one.name):
                for stem in sorted(sequence.saved):
                    info = zipfile.ZipInfo(f"{inner}{sequence.name}/{stem}.png", _DATE)
                    info.external_attr = 0o644 << 16
                    info.create_system = 3  # whatever the system
                    archive.writestr(info, (self.masks / sequence.name / f"{stem}.png").read_bytes())
        return path

    def _bytes(self, sequence: Sequence) -> int:
        """Return the size of all masks of a sequence; -1 if one is missing."""
        try:
            return sum((self.masks / sequence.name / f"{stem}.png").stat().st_size for stem in sequence.saved)
        except OSError:
            return -1

    def _record(self, name: str) -> Path:
        return self.root / _RECORDS / f"{name}.json"


def palette_of(given: GivenMasks, benchmark: Benchmark) -> NDArray[np.uint8]:
    """Return the palette (256, 3) that results get: that of the first mask given, else DAVIS'."""
    with suppress(*DECODER_ERRORS):
        palette = read_stored(given.first).palette
        if palette is not None and not benchmark.merged:
            return palette
    return PALETTE


def encode_mask(labels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Encode labels (H, W) as a PNG with this palette; the value of a pixel is the object's id."""
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8))
    image.putpalette(np.ascontiguousarray(palette, np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def files_identity(sequence: Sequence, given: GivenMasks) -> str:
    """Return a checksum of a sequence's images, by name and size, and of the masks that are given."""
    digest = hashlib.sha256()
    for path in sequence.frames:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    for frame, labels in given.labels.items():
        digest.update(f"{frame} {given.objects[frame]} {labels.shape}\n".encode())
        digest.update(labels.tobytes())
    digest.update(" ".join(sequence.saved).encode())
    return digest.hexdigest()


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say which settings differ: "recipe (xmem, now keymatte), height (480, now 600)"; empty if none does."""
    names = [name for name in {**earlier, **now} if earlier.get(name) != now.get(name)]
    return ", ".join(f"{name} ({_short(earlier.get(name))}, now {_short(now.get(name))})" for name in names)


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
