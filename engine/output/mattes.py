"""Writers of results: mattes, label images and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..inference.mattes import Matte
from ..media.label_images import encode_labels, encode_matte, read_matte
from ..quality.account import AGREEMENT, QualityAccount, joined, overlap
from ..quality.signals import Signals
from ..shared.errors import MatteUnreadable
from ..shared.matte_folder import MatteFolder
from ..shared.quality import MatteQuality
from ..shared.types import Lock
from ..shared.written_files import WrittenFiles
from .fusion import Quality, fuse
from .matte_files import labels_from_alphas, read_existing
from .renewed_labels import renew_labels

Earlier = Callable[[int, int], np.ndarray | None]  # object, frame -> matte (H, W) before this run, 0..1
Exclude = Callable[[int, Sequence[int], np.ndarray], np.ndarray]  # frame, objects, mattes (O, H, W) -> what is left
Fuse = Callable[[np.ndarray, np.ndarray, float, Quality | None], np.ndarray]  # see `fusion.fuse`
Sign = Callable[[MatteQuality, int, int, bool], MatteQuality]  # see `MatteWriter`
_KEPT, _LOCKED, AGREED = -1, -2, -3  # instead of the size of a matte that this run wrote


class MatteWriter:
    """Writes the mattes of each sweep, fused where two sweeps reach a frame, and the label images made of them.

    Images that were edited since Keymatte wrote them, or that it never wrote, are kept.
    """

    def __init__(
        self,
        folder: MatteFolder,
        files: WrittenFiles,
        numbers: tuple[int, ...],
        objects: list[int],
        frames: range,
        *,
        keep_first: Callable[[int, int], Path] | None = None,
        exclude: Exclude = lambda frame, objects, alpha: alpha,
        account: QualityAccount | None = None,
        fuse: Fuse = fuse,
        sign: Sign = lambda quality, frame, object_id, finished: quality,
        locks: Sequence[Lock] = (),
    ) -> None:
        """Set up writing; `keep_first(object_id, number)` copies the first sweep's matte before it is fused.

        It returns the path of the copy, which a resumed run needs, as fusing a fused matte again would be wrong.
        `account` judges the quality that is recorded beside each matte; `sign` adds to it what the matte of an object
        on a frame was made from, and whether that matte is finished, or waits for the other sweep. Mattes under `locks`
        are left as they are.
        """
        self._folder = folder
        self._files = files
        self._keep_first = keep_first
        self._exclude = exclude
        self._account = account or QualityAccount("")
        self._fuse = fuse
        self._sign = sign
        self._locks = locks
        self.numbers = numbers  # in file names, by media frame
        self._objects = objects
        self._frames = frames
        # Bytes written by this run, _KEPT for an edited matte, _LOCKED; files of earlier runs are not fused.
        self._written = np.zeros((len(frames), len(objects)), np.int64)
        self._renewed = np.zeros((len(frames), len(objects)), bool)  # whether this run wrote the matte, even if empty
        self.kept_labels: set[int] = set()  # frame numbers of label images that were edited, and kept
        self.set_aside: list[Path] = []  # where images that could not be read were moved to

    def written(self) -> np.ndarray:
        """Return the file size in bytes of each matte that this run wrote: (frames, objects) int64.

        It is 0 if there is none, -1 if an edited matte was kept instead, -2 if a locked one was, and -3 if an earlier
        one was, since it agrees with what this run would make.
        """
        return self._written.copy()

    @property
    def record_damaged(self) -> bool:
        """Return whether the record of what Keymatte wrote was damaged when this run began."""
        return self._files.is_damaged

    def kept(self) -> dict[int, list[int]]:
        """Return the frame numbers of the edited mattes that were kept, by object."""
        rows = {object_id: np.flatnonzero(self._written[:, i] == _KEPT) for i, object_id in enumerate(self._objects)}
        return {object_id: [self.numbers[self._frames[row]] for row in found] for object_id, found in rows.items()}

    def of_earlier_runs(self) -> list[int]:
        """Return the frame numbers on which mattes of this job's objects are left that this run did not write."""
        numbers = {self.numbers[frame]: row for row, frame in enumerate(self._frames)}
        columns = {f"{object_id:03d}": i for i, object_id in enumerate(self._objects)}
        done = self._renewed | (self._written != 0)
        found = [(int(path.stem), columns.get(path.parent.name)) for path in self._files.recorded()]
        return sorted(
            {number for number, i in found if i is not None and not (number in numbers and done[numbers[number], i])}
        )

    def adopt(self, written: np.ndarray, first_matte: Callable[[int, int], Path]) -> bool:
        """Take over mattes that an interrupted run wrote, if their file sizes match; else return False.

        If a matte was fused later, its first version is at `first_matte(object_id, number)`.
        """
        if written.shape != self._written.shape or written.dtype != self._written.dtype or (written < AGREED).any():
            return False
        for row, i in np.argwhere(written > 0):
            object_id, number = self._objects[i], self.numbers[self._frames[row]]
            files = self._folder.matte(object_id, number), first_matte(object_id, number)
            if not files[0].is_file() or written[row, i] not in [
                path.stat().st_size for path in files if path.is_file()
            ]:
                return False
        self._written = written.copy()
        self._renewed |= (written != 0).any(axis=1, keepdims=True)
        return True

    def start_again(self) -> None:
        """Forget which mattes this run wrote; they are written again, and not fused."""
        self._written[:] = 0

    def write(self, matte: Matte, *, complete: bool = True) -> dict[int, MatteQuality]:
        """Write the mattes of one frame and sweep, fused with those of the other sweep if already written.

        With `complete`, objects that have no matte on this frame yet get an empty one. Returns the qualities of the
        mattes that were written, by object.
        """
        if all(self._is_locked(object_id, matte.frame) for object_id in self._objects):
            self._written[matte.frame - self._frames.start] = _LOCKED
            return {}
        matte = replace(matte, alpha=self._exclude(matte.frame, matte.objects, matte.alpha))
        number = self.numbers[matte.frame]
        alphas = np.zeros((len(self._objects), *matte.alpha.shape[1:]), np.float32)
        qualities: dict[int, MatteQuality] = {}
        for i, object_id in enumerate(self._objects):
            left = self._left(matte, object_id, number)
            if left is not None:
                alphas[i] = left
            elif object_id in matte.objects or complete:
                alphas[i], qualities[object_id] = self._write_matte(matte, object_id, number)
        self._write_labels(number, encode_labels(labels_from_alphas(alphas, self._objects)))
        return qualities

    def take(self, frame: int, object_id: int, data: bytes, quality: MatteQuality) -> None:
        """Write the bytes of a finished matte that another run with the same inputs has made."""
        path = self._folder.matte(object_id, self.numbers[frame])
        row, column = frame - self._frames.start, self._objects.index(object_id)
        if self._is_locked(object_id, frame) or not self._may_write(path):
            self._written[row, column] = _LOCKED if self._is_locked(object_id, frame) else _KEPT
            return
        self._files.write(path, data, self._sign(quality, frame, object_id, True))
        self._written[row, column] = len(data)
        self._renewed[row, column] = True

    def take_labels(self, frame: int, data: bytes) -> None:
        """Write the bytes of the label image that belongs to the mattes that were taken on a frame."""
        if not all(self._is_locked(object_id, frame) for object_id in self._objects):
            self._write_labels(self.numbers[frame], data)

    def _left(self, matte: Matte, object_id: int, number: int) -> np.ndarray | None:
        """Return the matte (H, W) of an object that is left as it is on a frame; None if one is to be written."""
        path, is_new = self._folder.matte(object_id, number), object_id in matte.objects
        row, column = matte.frame - self._frames.start, self._objects.index(object_id)
        is_locked = self._is_locked(object_id, matte.frame)
        if is_locked or not self._may_write(path):
            if is_new:
                self._written[row, column] = _LOCKED if is_locked else _KEPT
            existing = read_existing(path, matte.alpha.shape[1:])
            return np.zeros(matte.alpha.shape[1:], np.float32) if existing is None else existing
        # What stays is the other sweep's or an earlier run's for an object that this matte lacks, or a keyframe's.
        stays = not is_new or (self._written[row, column] > 0 and _weight(matte, object_id) == 1)
        return read_existing(path, matte.alpha.shape[1:]) if stays else None

    def _write_matte(self, matte: Matte, object_id: int, number: int) -> tuple[np.ndarray, MatteQuality]:
        """Write the matte of an object, fused with the first sweep's; an empty one if no keyframe reaches the frame.

        Returns the matte (H, W) and its quality.
        """
        path, is_new = self._folder.matte(object_id, number), object_id in matte.objects
        row, column = matte.frame - self._frames.start, self._objects.index(object_id)
        alpha, quality = np.zeros(matte.alpha.shape[1:], np.float32), self._account.judge({})
        has_first = bool(self._written[row, column] > 0)
        if is_new:
            alpha, quality = self._fused(matte, object_id, number, has_first)
        finished = not is_new or has_first or _weight(matte, object_id) == 1
        quality = self._sign(quality, matte.frame, object_id, finished)
        data = encode_matte(alpha)
        self._files.write(path, data, quality)
        self._written[row, column] = len(data) if is_new else 0
        self._renewed[row, column] = True
        return alpha, quality

    def _fused(self, matte: Matte, object_id: int, number: int, has_first: bool) -> tuple[np.ndarray, MatteQuality]:
        """Return the matte of an object, fused with the first sweep's if it has one, and its quality."""
        alpha, weight = matte.alpha[matte.objects.index(object_id)], _weight(matte, object_id)
        signals = matte.signals.get(object_id, {})
        if has_first and weight < 1:
            first, earlier = self._read_first(object_id, number)
            qualities = self._account.probability(earlier), self._account.probability(signals)
            known = None if qualities[0] is None or qualities[1] is None else (qualities[0], qualities[1])
            signals = joined(earlier, signals, weight, overlap(first, alpha))
            alpha = self._fuse(first, alpha, weight, known)
        return alpha, self._account.judge(signals)

    def _read_first(self, object_id: int, number: int) -> tuple[np.ndarray, Signals]:
        """Read the first sweep's matte of an object and its signals, keeping a copy of it if `keep_first` is set."""
        matte = self._folder.matte(object_id, number)
        path = self._keep_first(object_id, number) if self._keep_first else matte
        recorded = (quality.signals for quality in self._files.qualities(matte, path.read_bytes()))
        # A fused matte may have the same bytes; in a run that resumes one it is recorded as well.
        return read_matte(path), next((dict(signals) for signals in recorded if AGREEMENT not in signals), {})

    def _is_locked(self, object_id: int, frame: int) -> bool:
        return any(lock.covers(object_id, frame) for lock in self._locks)

    def _write_labels(self, number: int, data: bytes) -> None:
        path = self._folder.labels(number)
        if self._may_write(path):
            self._files.write(path, data)
        else:
            self.kept_labels.add(number)

    def _may_write(self, path: Path) -> bool:
        """Return whether no edited image is at `path`; a file there that is no image is moved aside first."""
        if not self._files.is_edited(path):
            return True
        try:
            read_matte(path)
        except MatteUnreadable:
            self.set_aside.append(self._files.set_aside(path))
            return True
        return False

    def soften(self, frame: int, object_id: int, alpha: np.ndarray) -> None:
        """Replace the matte that this run wrote of an object on a keyframe, without what is excluded there.

        A copy of the earlier one is kept for a run that resumes this one.
        """
        number, row = self.numbers[frame], frame - self._frames.start
        path = self._folder.matte(object_id, number)
        column = self._objects.index(object_id)
        if self._written[row, column] > 0 and self._may_write(path):
            if self._keep_first:
                self._keep_first(object_id, number)
            data = encode_matte(self._exclude(frame, (object_id,), alpha[None])[0])
            self._files.write(path, data, self._files.quality(path))
            self._written[row, column] = len(data)

    def finish(self, frame: int, earlier: Earlier | None = None, share: float = 0.0, *, seam: bool = False) -> None:
        """Note that no other sweep reaches the mattes that this run wrote on a frame.

        Where there are `earlier` mattes, these get a `share` of the result. With `seam`, the mattes beyond are earlier
        ones.
        """
        for column, object_id in enumerate(self._objects):
            path, row = self._folder.matte(object_id, self.numbers[frame]), frame - self._frames.start
            quality = self._files.quality(path) if self._written[row, column] > 0 else None
            if quality is None:
                continue
            done = replace(quality, unfinished=False, seam=seam)
            before = earlier(object_id, frame) if earlier else None
            if before is None and done != quality:
                self._files.sign(path, done)
            if before is not None:
                data = encode_matte((1 - share) * read_matte(path) + share * before)
                self._files.write(path, data, done)
                self._written[row, column] = len(data)
        if earlier:
            self.renew_labels_of(frame)

    def leave(self, frame: int, run: str) -> None:
        """Note that a run leaves the mattes on a frame as they are, as they agree with what it would make."""
        for column, object_id in enumerate(self._objects):
            path = self._folder.matte(object_id, self.numbers[frame])
            if quality := self._files.quality(path):
                self._files.sign(path, replace(quality, kept_by=run))
                self._written[frame - self._frames.start, column] = AGREED

    def renew_labels(self, *, all_frames: bool) -> None:
        """Make the label images of frames that this run did not write again where they disagree with the mattes.

        That is where a matte was edited or, with `all_frames`, on every frame. A label image without mattes is removed.
        """
        mattes = (path for path in self._files.recorded() if path.parent.name != "labels")
        edited = {int(path.stem) for path in mattes if self._files.is_edited(path)}
        done = {self.numbers[self._frames[row]] for row in np.flatnonzero(self._written.any(axis=1))}
        for number in sorted((set(self._folder.numbers_done()) if all_frames else edited) - done):
            renew_labels(self._folder, self._files, self._objects, number)

    def renew_labels_of(self, frame: int) -> None:
        """Make the label image of a frame again where it disagrees with the mattes."""
        renew_labels(self._folder, self._files, self._objects, self.numbers[frame])


def _weight(matte: Matte, object_id: int) -> float:
    return matte.blend_weights[matte.objects.index(object_id)]
