"""Recall and precision of the search for cuts, on films joined from real clips: `python -m tests.cut_finding FOLDER`.

FOLDER holds movies and folders of images. With `--half 0` or `--half 1` only every second of them is used.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.frames import FrameReader
from engine.media.looks import LookFinder
from engine.media.movies import SUFFIXES
from engine.media.pictures import is_picture

Pictures = NDArray[np.uint8]  # (T, H, W, 3) RGB
Source = tuple[str, Pictures]  # name and pictures

_SIZE = 320, 240  # of the films, in pixels
_LENGTH = 14  # frames of a shot
_MOST = 160  # frames read of a source


@dataclass(frozen=True)
class Joined:
    """A film of a kind, with the frames on which another shot begins."""

    kind: str
    frames: Pictures
    cuts: tuple[int, ...]


def find_sources(folder: Path) -> Iterator[Path]:
    """Yield the movies in a folder, and the deepest folders of photographs, by name."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES or (
            path.is_dir() and path.name == "frames" and any(map(is_picture, path.iterdir()))
        ):
            yield path


def read_source(path: Path) -> Source:
    """Read the pictures of a source, at most some and scaled down, spread over its length in runs of neighbours."""
    with FrameReader.open(path) as reader:
        count = reader.clip.frame_count
        starts = [0] if count <= _MOST else [0, count // 2 - _MOST // 4, count - _MOST // 2]
        runs = [range(start, min(count, start + _MOST // len(starts))) for start in starts]
        read = [cv2.resize(reader.read(i), (640, 480), interpolation=cv2.INTER_AREA) for run in runs for i in run]
    name = path.parent.name if path.name == "frames" else path.stem
    return name, np.stack(read).astype(np.uint8)


# -- shots -------------------------------------------------------------------------------------------------------------
def shot(source: Pictures, random: np.random.Generator, *, speed: int = 1, pan: float = 0.0, zoom: float = 1.0):
    """Return frames of a source, cropped at a random place; `speed` frames apart, `pan` of the width on a frame."""
    length = min(_LENGTH, (len(source) - 1) // speed + 1)
    first = random.integers(len(source) - speed * (length - 1))
    scale = random.uniform(0.45, 0.8) if pan else random.uniform(0.6, 1.0)
    angle, mirrored = random.uniform(0, 2 * np.pi), random.random() < 0.5
    place = random.uniform(0, 1, 2)
    frames = []
    for i in range(length):
        picture = source[first + speed * i]
        height, width = (int(side * scale / zoom**i) for side in picture.shape[:2])
        free = picture.shape[1] - width, picture.shape[0] - height
        at = [
            abs((p * f + i * pan * width * d + f) % (2 * f + 1e-9) - f) if f else 0
            for p, f, d in zip(place, free, (np.cos(angle), np.sin(angle)))
        ]
        x, y = int(at[0]), int(at[1])
        crop = picture[y : y + height, x : x + width]
        frames.append(cv2.resize(crop[:, ::-1] if mirrored else crop, _SIZE, interpolation=cv2.INTER_AREA))
    return np.stack(frames)


def lit(frames: Pictures, gain: float | NDArray[np.float64], lift: float = 0.0) -> Pictures:
    """Return frames at another exposure; `gain` may be one per frame."""
    gains = np.broadcast_to(np.asarray(gain, np.float32), len(frames))[:, None, None, None]
    return np.clip(frames * gains + lift, 0, 255).astype(np.uint8)


def _noisy(frames: Pictures, random: np.random.Generator, sigma: float) -> Pictures:
    return np.clip(frames + random.normal(0, sigma, frames.shape), 0, 255).astype(np.uint8)


# -- films without a cut -----------------------------------------------------------------------------------------------
def _flash(a: Pictures, random: np.random.Generator) -> Pictures:
    film, at, count = a.copy(), int(random.integers(3, len(a) - 4)), int(random.integers(1, 3))
    film[at : at + count] = lit(film[at : at + count], random.uniform(1.5, 4), random.uniform(0, 120))
    return film


def _fade(a: Pictures, random: np.random.Generator) -> Pictures:
    half = len(a) // 2
    ramp = np.concatenate([np.linspace(1, 0, half - 1), [0, 0], np.linspace(0, 1, len(a) - half - 1)])
    flat = random.choice([0.0, 0.0, 255.0])
    return np.clip(a * ramp[:, None, None, None] + flat * (1 - ramp[:, None, None, None]), 0, 255).astype(np.uint8)


def _dissolve(a: Pictures, b: Pictures, random: np.random.Generator) -> Pictures:
    count, length = int(random.integers(6, 13)), min(len(a), len(b))
    weight = np.clip((np.arange(length) - 1) / count, 0, 1)[:, None, None, None]
    return (a[:length] * (1 - weight) + b[:length] * weight).astype(np.uint8)


def _passing(a: Pictures, random: np.random.Generator) -> Pictures:
    film, tone = a.copy(), random.uniform(0, 255, 3)
    for i in range(4, 10):
        x = int((i - 4) / 5 * 1.6 * _SIZE[0] - 0.6 * _SIZE[0])
        film[i][:, max(0, x) : max(0, x + int(0.6 * _SIZE[0]))] = tone
    return film


def joined(sources: list[Source], count: int, seed: int) -> Iterator[Joined]:
    """Yield `count` films of each kind."""
    random = np.random.default_rng(seed)

    def pick(**how: float) -> Pictures:
        return shot(sources[random.integers(len(sources))][1], random, **how)

    def two() -> tuple[Pictures, Pictures]:
        a, b = random.choice(len(sources), 2, replace=False)
        return shot(sources[a][1], random), shot(sources[b][1], random)

    def cut(kind: str, *shots: Pictures) -> Joined:
        return Joined(kind, np.concatenate(shots), tuple(np.cumsum([len(one) for one in shots[:-1]]).tolist()))

    plain: dict[str, Callable[[], Pictures]] = {
        "one shot": pick,
        "three times as fast": lambda: pick(speed=3),
        "pan": lambda: pick(pan=random.uniform(0.02, 0.06)),
        "whip pan": lambda: pick(pan=random.uniform(0.08, 0.2)),
        "zoom": lambda: pick(zoom=random.uniform(1.02, 1.06)),
        "flash": lambda: _flash(pick(), random),
        "fade": lambda: _fade(pick(), random),
        "dissolve": lambda: _dissolve(*two(), random),
        "passing close by": lambda: _passing(pick(), random),
        "lamp": lambda: lit(pick(), np.where(np.arange(_LENGTH) < 7, 1, random.uniform(0.4, 0.7))),
        "noise": lambda: _noisy(lit(pick(), 0.3), random, 8),
    }
    for _ in range(count):
        for kind, make in plain.items():
            yield Joined(kind, make(), ())
        yield cut("two clips", *two())
        yield cut("two dark clips", *(lit(one, random.uniform(0.12, 0.3)) for one in two()))
        yield cut("dark to bright", *(lit(one, gain) for one, gain in zip(two(), (0.25, 1.0))))
        yield cut("two pans", pick(pan=0.04), pick(pan=0.04))
        yield cut("two noisy clips", *(_noisy(lit(one, 0.5), random, 8) for one in two()))
        yield cut("a short shot between", pick(), pick()[: random.integers(1, 4)], pick())
        yield cut("many short shots", *(pick()[: random.integers(1, 5)] for _ in range(6)))
        a = sources[random.integers(len(sources))][1]
        yield cut("one clip, another crop", shot(a, random), shot(a, random))


def found(film: Pictures) -> tuple[int, ...]:
    """Return the cuts that are found in a film."""
    finder = LookFinder()
    for picture in film:
        finder.add(picture)
    return finder.looks().cuts


def main() -> None:
    """Print recall and false cuts by kind of film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--count", type=int, default=40, help="films of each kind")
    options = parser.parse_args()
    paths = list(find_sources(options.folder))
    sources = [read_source(path) for path in (paths if options.half is None else paths[options.half :: 2])]
    print("sources:", ", ".join(name for name, _ in sources))
    table: dict[str, list[int]] = {}
    for film in joined(sources, options.count, seed=7):
        counts, cuts = table.setdefault(film.kind, [0, 0, 0, 0]), found(film.frames)
        right = set(cuts) & set(film.cuts)
        for i, number in enumerate((len(film.frames), len(film.cuts), len(right), len(cuts) - len(right))):
            counts[i] += number
    print(f"{'':24}{'frames':>8}{'cuts':>6}{'found':>7}{'false':>7}")
    for kind, row in table.items():
        print(f"{kind:24}{row[0]:8}{row[1]:6}{row[2]:7}{row[3]:7}")
    cuts_, right_, false_ = np.sum(list(table.values()), axis=0)[1:]
    print(f"recall {right_ / cuts_:.3f}, precision {right_ / (right_ + false_):.3f}")


if __name__ == "__main__":
    main()
