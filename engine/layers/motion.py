"""Dense optical flow between consecutive frames, and warping of maps by the flow."""

from __future__ import annotations

import threading

import cv2
import torch
from torch import Tensor
from torch.nn import functional

STRIDE = 2  # of the flow field
_PATCH_SIZE, _PATCH_STRIDE = 8, 4  # of the search, in cells
_LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue
_thread_local = threading.local()  # DISOpticalFlow holds buffers: one instance per thread


def luma(images: Tensor) -> Tensor:
    """Return the luma of images (B, 3, H, W) RGB 0..1 at half size, the input of `optical_flow`: uint8."""
    weight = images.new_tensor(_LUMA).view(1, 3, 1, 1).expand(-1, -1, STRIDE, STRIDE) / STRIDE**2
    with torch.autocast(images.device.type, enabled=False):  # half precision cannot resolve 256 levels
        mean = functional.conv2d(images.float(), weight.float(), stride=STRIDE)[:, 0]
    return (mean * 255).round().to(torch.uint8)


def optical_flow(current: Tensor, previous: Tensor) -> Tensor:
    """Compute optical flow (2, h, w), x and y, from `current` to `previous`: luma (h, w) uint8 in CPU memory.

    The flow is in pixels of these half-size images. The method is OpenCV's dense inverse search (Kroeger et al., ECCV
    2016), without variational refinement, which blurs outlines.
    """
    if not hasattr(_thread_local, "search"):
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)
        search.setVariationalRefinementIterations(0)
        search.setPatchSize(_PATCH_SIZE)
        search.setPatchStride(_PATCH_STRIDE)
        _thread_local.search = search
    field = _thread_local.search.calc(current.numpy(), previous.numpy(), None)
    return torch.from_numpy(field).permute(2, 0, 1)


def warp(maps: Tensor, flow: Tensor) -> Tensor:
    """Warp maps (C, h, w) of the previous frame to the current one by `flow` (2, h, w) from `optical_flow`.

    Sampling is bilinear; positions outside the map read its border.
    """
    h, w = maps.shape[-2:]
    rows, columns = torch.arange(h, device=flow.device), torch.arange(w, device=flow.device)
    x, y = (flow[0] + columns).clamp(0, w - 1), (flow[1] + rows[:, None]).clamp(0, h - 1)
    # Clamped here because MPS lacks border padding; -1 and 1 are the image edges.
    positions = torch.stack([(2 * x + 1) / w - 1, (2 * y + 1) / h - 1], -1)[None]
    return functional.grid_sample(maps[None], positions, align_corners=False)[0]
