"""Where the lane lies in a clip editor, and what lies under the mouse there."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.types import Area, MovieClip, Region

from .lane_watch import Lane

BELOW = 30.0  # units of the interface below the lane, which Blender's own line and number of the frame need
_ROW, _LEAST_ROW = 14.0, 5.0  # height of a row
_SHARE = 0.3  # of the region's height that the lane may take
_SWATCH = 12.0  # width of the objects' colours
_MARGIN = 8.0


@dataclass(frozen=True)
class Place:
    """Rectangle of the lane in the region, in pixels, y up; its rows are the lane's from `top_row` on, downward."""

    left: int  # of the frames
    bottom: int
    width: int
    row_height: int
    rows: int
    top_row: int  # the first that is shown
    frames: int
    scale: float  # pixels in a unit of the interface

    @property
    def top(self) -> int:
        """Return the upper edge."""
        return self.bottom + self.rows * self.row_height

    @property
    def swatch(self) -> int:
        """Return the width of the objects' colours, left of the frames."""
        return round(_SWATCH * self.scale)

    def contains(self, x: float, y: float) -> bool:
        """Return whether a point is in the lane, the objects' colours included."""
        return self.left - self.swatch <= x < self.left + self.width and self.bottom <= y < self.top

    def frame_at(self, x: float) -> int:
        """Return the frame (from 0) at a point, the first or last one if it lies beside the lane."""
        return min(max(int((x - self.left) * self.frames // self.width), 0), self.frames - 1)

    def row_at(self, y: float) -> int:
        """Return the row at a point, the nearest one if it lies above or below the lane."""
        down = int((self.top - 1 - y) // self.row_height)
        return self.top_row + min(max(down, 0), self.rows - 1)

    def x_of(self, frame: float) -> float:
        """Return where a frame (from 0) begins; the middle of a frame is that of half a frame more."""
        return self.left + frame * self.width / self.frames


def place_of(lane: Lane, clip: MovieClip, area: Area, region: Region) -> Place | None:
    """Return where the clip's lane lies in an editor's region; None if there is no room for it."""
    scale = bpy.context.preferences.system.ui_scale
    left, bottom, right = free_part(area, region)
    left += round((_MARGIN + _SWATCH) * scale)
    right -= round(_MARGIN * scale)
    bottom += round(BELOW * scale)
    room = int(region.height * _SHARE)
    height = min(max(room // len(lane.rows), round(_LEAST_ROW * scale)), round(_ROW * scale))
    rows = min(len(lane.rows), room // height) if height else 0
    if rows < 1 or right - left < round(4 * _SWATCH * scale) or not lane.frames:
        return None
    active = _active_row(lane, clip)
    top_row = min(max(0, active - rows // 2), len(lane.rows) - rows)
    return Place(left, bottom, right - left, height, rows, top_row, lane.frames, scale)


def _active_row(lane: Lane, clip: MovieClip) -> int:
    """Return the row of the active object; 0 if that is a mask."""
    matting = clip.matting
    at = matting.active_object
    active = matting.objects[at].object_id if 0 <= at < len(matting.objects) else 0
    return next((row for row, one in enumerate(lane.rows) if one.object_id == active), 0)


def free_part(area: Area, region: Region) -> tuple[int, int, int]:
    """Return left, bottom and right of what bars that lie over the region leave free of it."""
    left, bottom, right = 0, 0, region.width
    for other in area.regions:
        begin, end = other.x - region.x, other.x - region.x + other.width
        is_over = end > 0 and begin < region.width and other.y < region.y + region.height
        if other.type == region.type or not is_over or min(other.width, other.height) <= 1:
            continue
        if other.type == "TOOLS":
            left = max(left, end)
        elif other.type == "UI" and begin > region.width // 2:
            right = min(right, begin)
        elif other.type == "UI":
            left = max(left, end)
        elif other.type in ("HEADER", "TOOL_HEADER") and other.y + other.height < region.y + region.height // 2:
            bottom = max(bottom, other.y + other.height - region.y)
    return left, bottom, right
