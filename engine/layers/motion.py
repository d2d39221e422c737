"""Dense optical flow between consecutive frames, and warping of maps by the flow."""

from __future__ import annotations

import threading

import cv2
import torch
from torch import Tensor
from torch.nn import functional

STRIDE = 2  # of the flow field
_PATCH, _STEP = 8, 4  # patch size and patch spacing of the search, in cells
_LUMA = (0.299, 0.587, 0.114)
_searching = threading.local()  # DISOpticalFlow holds buffers: one instance per thread


def luma(images: Tensor) -> Tensor:
    """Compute luma, the input of `flow`: (B, 3, H, W) RGB 0..1 -> (B, H / 2, W / 2) uint8."""
    mean = images.new_tensor(_LUMA).view(1, 3, 1, 1).expand(-1, -1, STRIDE, STRIDE) / STRIDE**2
    with torch.autocast(images.device.type, enabled=False):  # half precision cannot resolve 256 levels
        shade = functional.conv2d(images.float(), mean.float(), stride=STRIDE)[:, 0]
    return (shade * 255).round().to(torch.uint8)


def flow(now: Tensor, before: Tensor) -> Tensor:
    """Compute flow (2, h, w) from `now` to `before`, both luma (h, w) in CPU memory: x right and y down, in cells.

    Dense inverse search (Kroeger et al., ECCV 2016) of OpenCV, without variational refinement, which blurs outlines.
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
    """Warp maps (C, h, w) of the previous frame to the current one by `moved` (2, h, w), the result of `flow`.

    Bilinear, with border padding.
    """
    h, w = maps.shape[-2:]
    rows, columns = torch.arange(h, device=moved.device), torch.arange(w, device=moved.device)
    x, y = (moved[0] + columns).clamp(0, w - 1), (moved[1] + rows[:, None]).clamp(0, h - 1)
    # Clamped here because MPS lacks border padding; -1 and 1 are the image edges.
    places = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)[None]
    return functional.grid_sample(maps[None], places, align_corners=False)[0]
