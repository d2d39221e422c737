"""The wipe between before and after in a clip editor: what is compared, and where the line between them lies."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
from bpy.types import Area, MovieClip, Region

from ..engine.shared.kept_state import KeptState
from ..engine.shared.version_store import RunInfo
from . import lane_place, lane_watch, versions
from .clip_view import ClipView
from .matte_views import WITHOUT_MATTES

_REACH, _HANDLE = 5.0, 9.0  # units of the interface from the line, and from the middle of its handle, to grab it
_MARGIN = 16.0  # that stays between the line and the edge of what is free of the region


@dataclass(frozen=True)
class Place:
    """Place of the line in the region, in pixels, y up; it is upright."""

    x: int
    left: int  # of what bars that lie over the region leave free of it
    right: int
    bottom: int  # above the lane
    top: int
    scale: float  # pixels in a unit of the interface

    @property
    def handle(self) -> tuple[int, int]:
        """Return the middle of the handle."""
        return self.x, (self.bottom + self.top) // 2

    @property
    def radius(self) -> float:
        """Return the radius of the handle."""
        return _HANDLE * self.scale

    def is_grabbed(self, x: float, y: float, *, by_handle: bool) -> bool:
        """Return whether the mouse grabs the line at a point; with `by_handle`, only at its handle."""
        across, up = x - self.handle[0], y - self.handle[1]
        if across**2 + up**2 <= self.radius**2:
            return True
        return not by_handle and abs(across) <= _REACH * self.scale and self.bottom <= y < self.top


def compared(clip: MovieClip) -> tuple[KeptState, RunInfo] | None:
    """Return the state that is shown on the left of the line, and its run; None if the mattes are not compared."""
    matting = clip.matting
    is_on = matting.show_before and matting.show_overlay and matting.view != WITHOUT_MATTES
    return versions.compared(clip) if is_on else None


def refusal(clip: MovieClip) -> str:
    """Return why the clip's mattes cannot be compared; empty if they can."""
    if clip.matting.view == WITHOUT_MATTES:
        return "Keyframes Only shows no mattes"
    return "" if versions.compared(clip) else "No earlier mattes are kept"


def names(info: RunInfo) -> tuple[str, str]:
    """Return what the left and the right side are called."""
    return ("Before", "After") if info.can_be_undone else ("Undone Run", "Now")


def place_of(clip: MovieClip, view: ClipView, area: Area, region: Region) -> Place | None:
    """Return where the line lies in an editor's region; None if there is no room for it.

    It belongs to the picture, and moves with it. It stops at the edge of the region, where it can be grabbed.
    """
    scale = bpy.context.preferences.system.ui_scale
    left, bottom, right = lane_place.free_part(area, region)
    lane = lane_watch.watch(clip) if clip.matting.show_lane else None
    rows = lane_place.place_of(lane, clip, area, region) if lane else None
    bottom = rows.top if rows else bottom + round(lane_place.BELOW * scale)
    margin = round(_MARGIN * scale)
    if right - left < 2 * margin or bottom >= region.height:
        return None
    x = round(view.left + clip.matting.wipe * (view.right - view.left))
    return Place(min(max(x, left + margin), right - margin), left, right, bottom, region.height, scale)


def position_at(view: ClipView, x: float) -> float:
    """Return the position of the line, 0..1, that lies at a column of the region."""
    return min(max((x - view.left) / (view.right - view.left), 0.0), 1.0)
