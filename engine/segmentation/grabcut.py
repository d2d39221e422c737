"""GrabCut: learns the colours of an object and of what is around it, and cuts between them along edges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..shared.alphas import INSIDE, hard_alpha
from ..shared.marks import Mark
from . import guided
from .segmenter import NotSeparable

# Sizes are multiples of the square root of the rough mask's area, unless they say otherwise.
_COARSE_PIXELS = 40_000  # of the reduced picture in which colours are learned: a cut takes 10 us per pixel
_FINE_PIXELS = 160_000  # of the reduced picture in which the outline is found
_ROUNDS = 4  # of learning colours and cutting
_REACH = 0.04  # how far the object may lie outside the rough mask
_STROKE_REACH = 1.0  # how far it may lie from strokes, in multiples of the longer side of their bounding box
_MARGIN = 0.25  # of background beyond that
_MIN_MARGIN = 12  # pixels
_CORE = 0.08  # depth inside the rough mask from which pixels are object, unless their colour says otherwise
_BACKGROUND = -0.5  # evidence below which it does: log of how much commoner the colour is inside than outside
_OBJECT = -0.3  # evidence above which pixels around strokes are object at first
_RARE = 1e-3  # share of pixels of a colour below which it is no evidence
_MIN_CONTRAST = 6  # grey levels between the darkest and the brightest pixels
_MIN_PART = 0.04  # of the largest part's area: smaller parts are specks
_MAX_HOLE = 0.002  # of the object's area: smaller holes are filled
_MIN_AGREEMENT = 0.3  # intersection over union of the result and the rough mask
_MIN_GAIN = 1.2  # contrast along the outline found, in multiples of that along the outline of the rough mask
_EDGE = 0.8  # sigma of the blur that softens the outline's steps, pixels

Models = tuple[np.ndarray, np.ndarray]  # of the background's and the object's colours, as OpenCV keeps them


def segment(picture: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Return the alpha (H, W) uint8 of the marked object in a picture (H, W, 3) uint8 RGB; `marks` is (H, W) uint8.

    The same input gives the same result. Raises NotSeparable.
    """
    window = _Window.around(marks)
    colours, marked = _stretched(picture[window.slices]), marks[window.slices]
    fine = _Level.of(colours, marked)
    mask = _cut_finely(fine, *_cut_coarsely(fine.reduced(_COARSE_PIXELS), window))
    if window.is_rough:
        _expect_better(fine, mask)
    shape = guided.enlarge(mask, fine.picture, colours) if mask.shape != marked.shape else mask
    alpha = np.where(marks == Mark.OBJECT, np.uint8(255), np.uint8(0))
    alpha[window.slices] = _softened(shape, marked)
    return alpha


@dataclass(frozen=True)
class _Window:
    """Part of the picture in which the object is looked for."""

    slices: tuple[slice, slice]  # rows, columns
    reach: float  # how far the object may lie from the rough mask or the strokes, in multiples of the window's height
    is_rough: bool  # whether there is a rough mask; if not, only strokes

    @classmethod
    def around(cls, marks: np.ndarray) -> _Window:
        """Return the window around the rough mask, or around the strokes if there is none. Raises NotSeparable."""
        rough = marks == Mark.LIKELY
        is_rough = bool(rough.any())
        start = rough if is_rough else marks == Mark.OBJECT
        left, top, width, height = cv2.boundingRect(start.view(np.uint8))
        if not width:
            raise NotSeparable("nothing is marked on this frame")
        extent = float(np.sqrt(np.count_nonzero(start))) if is_rough else float(max(width, height))
        reach = max(2.0, _REACH * extent) if is_rough else max(8.0, _STROKE_REACH * extent)
        margin = round(reach + max(_MIN_MARGIN, _MARGIN * extent))
        rows = slice(max(0, top - margin), min(marks.shape[0], top + height + margin))
        columns = slice(max(0, left - margin), min(marks.shape[1], left + width + margin))
        return cls((rows, columns), reach / (rows.stop - rows.start), is_rough)


@dataclass(frozen=True)
class _Level:
    """Copy of the picture, and of the marks as masks, at a reduced size."""

    picture: np.ndarray  # (h, w, 3) uint8
    inside: np.ndarray  # (h, w) bool: the rough mask, or strokes
    sure: np.ndarray  # (h, w) bool
    never: np.ndarray  # (h, w) bool

    @classmethod
    def of(cls, picture: np.ndarray, marks: np.ndarray) -> _Level:
        """Return a picture (H, W, 3) and marks (H, W) at the size in which the outline is found."""
        full = cls(picture, marks >= Mark.LIKELY, marks == Mark.OBJECT, marks == Mark.NOT_OBJECT)
        return full.reduced(_FINE_PIXELS)

    def reduced(self, pixels: int) -> _Level:
        """Return a copy with at most about this many pixels."""
        height, width = self.inside.shape
        scale = float(np.sqrt(pixels / (height * width)))
        if scale >= 1.0:
            return self
        size = max(1, round(width * scale)), max(1, round(height * scale))

        def share(mask: np.ndarray) -> np.ndarray:
            return cv2.resize(hard_alpha(mask), size, interpolation=cv2.INTER_AREA)

        sure = share(self.sure) > 64  # strokes may be thinner than a pixel of the reduced picture
        picture = cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA)
        return _Level(picture, share(self.inside) >= INSIDE, sure, (share(self.never) >= INSIDE) & ~sure)


def _stretched(picture: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) with its contrast stretched to all grey levels. Raises NotSeparable if it has none.

    Otherwise the colours of a dark clip would all be alike to the models.
    """
    step = 1 + max(picture.shape[:2]) // 256
    low, high = np.percentile(picture[::step, ::step], (0.5, 99.5))
    if high - low < _MIN_CONTRAST:
        raise NotSeparable("the picture has hardly any contrast there")
    table = np.clip((np.arange(256) - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    return cv2.LUT(picture, table)


# -- cuts --------------------------------------------------------------------------------------------------------------
def _cut_coarsely(level: _Level, window: _Window) -> tuple[np.ndarray, Models]:
    """Learn the colours and cut in a small copy of the picture; return the mask (h, w) bool, and the colour models.

    Raises NotSeparable.
    """
    away = cv2.distanceTransform((~level.inside).view(np.uint8), cv2.DIST_L2, 5)
    labels = np.where(level.inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[away > max(1.0, window.reach * len(labels))] = cv2.GC_BGD
    if window.is_rough:
        core = _core(level.inside)
        labels[core & (_evidence(level.picture, core, labels == cv2.GC_BGD) > _BACKGROUND)] = cv2.GC_FGD
    else:
        outside = (labels == cv2.GC_BGD) | level.never
        labels[~outside & (_evidence(level.picture, level.sure, outside) > _OBJECT)] = cv2.GC_PR_FGD
    labels[level.never] = cv2.GC_BGD
    labels[level.sure] = cv2.GC_FGD
    if not (labels == cv2.GC_BGD).any():
        raise NotSeparable("the mask covers the picture, so nothing shows what the background looks like")
    return _grab_cut(level.picture, labels)


def _core(inside: np.ndarray) -> np.ndarray:
    """Return the part of a mask (h, w) bool that is so far from its outline that even a rough one includes it."""
    depth = cv2.distanceTransform(np.pad(inside, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    core: np.ndarray = depth > min(_CORE * np.sqrt(np.count_nonzero(inside)), 0.5 * depth.max())
    return core


def _evidence(picture: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return for each pixel (h, w) how much commoner its colour is inside than outside, as the log of the ratio."""
    bins = (picture >> 4).astype(np.int32)
    cells = (bins[..., 0] * 16 + bins[..., 1]) * 16 + bins[..., 2]

    def shares(mask: np.ndarray) -> np.ndarray:
        counts = np.bincount(cells[mask], minlength=16**3).astype(np.float64).reshape(16, 16, 16)
        for axis in range(3):  # neighbouring colours count too
            padded = np.pad(counts, [(int(axis == other),) * 2 for other in range(3)], mode="edge")
            counts = 0.5 * counts + 0.25 * (padded.take(range(16), axis) + padded.take(range(2, 18), axis))
        return counts.ravel() / max(1.0, counts.sum())

    evidence: np.ndarray = np.log((shares(inside) + _RARE) / (shares(outside) + _RARE))[cells]
    return evidence


def _cut_finely(level: _Level, mask: np.ndarray, models: Models) -> np.ndarray:
    """Cut once more along the outline of a coarse mask, in a larger copy of the picture; return a mask (h, w) bool.

    Raises NotSeparable if nothing is left.
    """
    height, width = level.inside.shape
    if mask.shape != level.inside.shape:
        grey = cv2.resize(hard_alpha(mask), (width, height), interpolation=cv2.INTER_LINEAR)
        start = np.where(grey >= INSIDE, np.uint8(1), np.uint8(0))
        side = 2 * int(np.ceil(1.5 * height / len(mask))) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        labels = np.where(start > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        labels[(cv2.dilate(start, disc) == 0) | level.never] = cv2.GC_BGD
        labels[((cv2.erode(start, disc) > 0) & ~level.never) | level.sure] = cv2.GC_FGD
        mask, _ = _grab_cut(level.picture, labels, models)
    mask = _connected(mask, level)
    if not mask.any():
        raise NotSeparable("nothing stands out from the background there")
    return mask


def _grab_cut(picture: np.ndarray, labels: np.ndarray, models: Models | None = None) -> tuple[np.ndarray, Models]:
    """Cut a picture (h, w, 3), with the colours of `models` or else with what it learns; return a mask (h, w) bool."""
    cv2.setRNGSeed(1)  # of this thread
    mode, rounds = (cv2.GC_INIT_WITH_MASK, _ROUNDS) if models is None else (cv2.GC_EVAL_FREEZE_MODEL, 1)
    background, foreground = models or (np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64))
    try:
        cut, background, foreground = cv2.grabCut(picture, labels, (0, 0, 1, 1), background, foreground, rounds, mode)
    except cv2.error as error:  # such as with fewer pixels of object or background than it needs
        raise NotSeparable("the object and the background cannot be told apart there") from error
    return (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD), (background, foreground)


def _connected(mask: np.ndarray, level: _Level) -> np.ndarray:
    """Return the parts of a mask (h, w) bool that are connected to the marks, without specks and tiny holes."""
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = statistics[:, cv2.CC_STAT_AREA]
    marked = np.bincount(parts[level.inside], minlength=count) > 0
    kept = marked & (areas >= _MIN_PART * np.max(areas[1:], initial=0))
    kept |= np.bincount(parts[level.sure], minlength=count) > 0
    kept[0] = False
    result = kept[parts]
    count, holes, statistics, _ = cv2.connectedComponentsWithStats((~result).view(np.uint8), connectivity=4)
    tiny = statistics[:, cv2.CC_STAT_AREA] <= _MAX_HOLE * np.count_nonzero(result)
    tiny[0] = False
    tiny[np.unique(holes[level.never])] = False
    filled: np.ndarray = result | tiny[holes]
    return filled


# -- the result --------------------------------------------------------------------------------------------------------
def _expect_better(level: _Level, mask: np.ndarray) -> None:
    """Raise NotSeparable unless a mask (h, w) bool resembles the rough mask, and follows the picture's edges better."""
    agreement = np.count_nonzero(level.inside & mask) / np.count_nonzero(level.inside | mask)
    if agreement < _MIN_AGREEMENT:
        raise NotSeparable("what stands out from the background there differs much from the mask")
    smooth = cv2.GaussianBlur(level.picture, (0, 0), 1.0)
    across, down = (np.abs(cv2.Sobel(smooth, cv2.CV_32F, *axis)).sum(-1) for axis in ((1, 0), (0, 1)))
    if _along(across + down, mask) < _MIN_GAIN * _along(across + down, level.inside):
        raise NotSeparable("no outline was found that follows the picture's edges better than the mask does")


def _along(values: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean of `values` (h, w) along the outline of a mask (h, w) bool; 0 if it has none."""
    outline = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(values[outline].mean()) if outline.any() else 0.0


def _softened(shape: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Return a mask (H, W) bool as alpha (H, W) uint8 with a smooth outline, which respects the marks (H, W)."""
    hard = _respecting(np.where(shape, np.uint8(255), np.uint8(0)), marks)
    return _respecting(cv2.GaussianBlur(hard, (0, 0), _EDGE), marks)


def _respecting(alpha: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Set an alpha (H, W) uint8 to 0 and 255 where the marks are certain; return it."""
    alpha[marks == Mark.NOT_OBJECT] = 0
    alpha[marks == Mark.OBJECT] = 255
    return alpha
