"""Where each place of a frame was on the frame before: dense optical flow, and maps carried along with it."""

from __future__ import annotations

import threading

import cv2
import torch
from torch import Tensor
from torch.nn import functional

STRIDE = 2  # at which flow is found
_PATCH, _STEP = 8, 4  # cells: side of the patches that are matched, and from one to the next
_LUMA = (0.299, 0.587, 0.114)
_searching = threading.local()  # a search keeps buffers: one for each thread


def luma(images: Tensor) -> Tensor:
    """(B, 3, H, W) RGB 0..1 -> what flow is found by: (B, H / 2, W / 2) uint8."""
    mean = images.new_tensor(_LUMA).view(1, 3, 1, 1).expand(-1, -1, STRIDE, STRIDE) / STRIDE**2
    with torch.autocast(images.device.type, enabled=False):  # half precision has fewer steps than there are shades
        shade = functional.conv2d(images.float(), mean.float(), stride=STRIDE)[:, 0]
    return (shade * 255).round().to(torch.uint8)


def flow(now: Tensor, before: Tensor) -> Tensor:
    """Shades (h, w) of two frames -> (2, h, w) how many cells right and down each place of `now` was on `before`.

    All in main memory.

    Dense inverse search (Kroeger et al. 2016), OpenCV's, without its variational smoothing, which blurs outlines.
    """
    if not hasattr(_searching, "search"):
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)
        search.setVariationalRefinementIterations(0)
        search.setPatchSize(_PATCH)
        search.setPatchStride(_STEP)
        _searching.search = search
    found = _searching.search.calc(now.numpy(), before.numpy(), None)
    return torch.from_numpy(found).permute(2, 0, 1)


def carried(maps: Tensor, moved: Tensor) -> Tensor:
    """Maps (C, h, w) of the frame before, each place of them where it is now; `moved` (2, h, w) is from `flow`.

    Bilinear; what comes from outside the picture is what lies at its border.
    """
    h, w = maps.shape[-2:]
    rows, columns = torch.arange(h, device=moved.device), torch.arange(w, device=moved.device)
    x, y = (moved[0] + columns).clamp(0, w - 1), (moved[1] + rows[:, None]).clamp(0, h - 1)
    # Clamped here, as Apple's GPUs know no border padding; -1 and 1 are the picture's edges.
    places = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)[None]
    return functional.grid_sample(maps[None], places, align_corners=False)[0]
