"""Edges at keyframes, measured: soft pixels against those of the frames beside them, and flicker (dtSSD).

    python -m tests.keyframe_edges MATTES KEYFRAMES [TRUTH]

MATTES is the folder of one object's mattes, such as `mattes/001`; KEYFRAMES are frame numbers, such as 0,20,40. TRUTH
is a folder of true masks with the same numbers, in which every value but 0 is the object. Without TRUTH, dtSSD is that
of the mattes alone, so that motion counts too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from engine.evaluation.measures import flicker
from engine.media.label_images import read_labels, read_matte

SOFT = 0.02, 0.98  # a pixel with an alpha between these is soft


def main(mattes: Path, keyframes: list[int], truth: Path | None) -> None:
    """Print the soft pixels of each keyframe and its neighbours, and dtSSD at keyframes and elsewhere."""
    alphas = {number: read_matte(path) for number, path in numbered(mattes).items()}
    soft = {number: int(((alpha > SOFT[0]) & (alpha < SOFT[1])).sum()) for number, alpha in alphas.items()}
    for number in keyframes:
        beside = [soft[other] for other in (number - 1, number + 1) if other in soft]
        share = soft[number] / max(float(np.mean(beside)), 1.0) - 1
        print(f"keyframe {number}: {soft[number]} soft pixels, beside it {beside} ({share:+.0%})")
    true = {number: read_labels(path) > 0 for number, path in numbered(truth).items()} if truth else {}
    steps = {number: flicker_after(number, alphas, true) for number in alphas if number + 1 in alphas}
    near = {number for key in keyframes for number in (key - 1, key)}
    for name, numbers in (("at keyframes", steps.keys() & near), ("elsewhere", steps.keys() - near)):
        print(f"dtSSD x 100 {name}: {np.mean([steps[number] for number in numbers]):.3f}")


def numbered(folder: Path) -> dict[int, Path]:
    """Return the PNGs of a folder by the numbers at the end of their names."""
    found = ((re.search(r"([0-9]+)$", path.stem), path) for path in folder.glob("*.png"))
    return {int(match[1]): path for match, path in sorted(found, key=lambda pair: pair[1]) if match}


def flicker_after(number: int, alphas: dict[int, np.ndarray], true: dict[int, np.ndarray]) -> float:
    """Return dtSSD x 100 from a frame to the next; without true masks, that of the mattes alone."""
    still = np.zeros_like(alphas[number])
    before, after = (true[at].astype(np.float32) if true else still for at in (number, number + 1))
    return flicker(alphas[number], alphas[number + 1], before, after)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(word) for word in sys.argv[2].split(",")], Path(sys.argv[3]) if sys.argv[3:] else None)
