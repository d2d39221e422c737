"""Tracks that carry mask layers: Blender moves points along with their parent, a track or plane track of the clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import MaskLayer, MovieClip, MovieTrackingPlaneTrack, MovieTrackingTrack, SpaceClipEditor

from ..engine.shared.errors import NoActiveTrack
from . import clips


@dataclass(frozen=True)
class Carrier:
    """The active track or plane track of a clip, and the frame on which points have the places that they are given."""

    name: str
    warning: str  # why it carries less than it could; empty if it does not
    number: int  # file number of that frame
    motions: tuple[tuple[float, ...], ...]  # of each frame of the clip: a homography (3, 3) of pixels, by rows


def active_carrier(clip: MovieClip, number: int) -> Carrier:
    """Return the clip's active track or plane track, as it carries points from the frame with a file number on.

    Raises NoActiveTrack if none is active or it has no markers, ClipUnreadable.
    """
    track = _active(clip)
    if track is None or not len(track.markers):
        raise NoActiveTrack(f"clip {clip.name} has no active track")
    first = clips.first_number(clip)
    numbers = range(first, first + clips.frame_count(clip))
    start = _placed(clip, track, _clip_frame(clip, number))
    # Blender reads the markers of plane tracks, but not those of tracks, by the frame of the scene.
    read_on = _clip_frame if isinstance(track, MovieTrackingTrack) else clips.scene_frame_of
    motions = [_motion(start, _placed(clip, track, read_on(clip, other))) for other in numbers]
    warning = ""
    if clip.frame_start != 1 and not isinstance(track, MovieTrackingTrack):
        warning = "Blender moves masks on plane tracks in time with the clip only if its Start Frame is 1"
    return Carrier(track.name, warning, number, tuple(tuple(matrix.ravel().tolist()) for matrix in motions))


def follow(layers: Iterable[MaskLayer], clip: MovieClip, number: int, space: SpaceClipEditor) -> None:
    """Parent all points of mask layers, but for marks, to the clip's active track, from the frame `number` on.

    `space` is the active space of an editor in which Blender's operator can run, in mask mode.
    """
    for layer in layers:
        for spline in layer.splines:
            for point in spline.points:
                point.select = not point.parent.sub_parent
    before = space.clip, space.clip_user.frame_current
    try:
        space.clip = clip
        space.clip_user.frame_current = clips.scene_frame_of(clip, number)
        if "FINISHED" not in bpy.ops.mask.parent_set():
            raise RuntimeError("Blender did not set the parents of mask points")
    finally:
        space.clip, space.clip_user.frame_current = before


def _active(clip: MovieClip) -> MovieTrackingTrack | MovieTrackingPlaneTrack | None:
    """Return the active track of the active tracking object, or else its plane track, as Blender's operator does."""
    tracked = clip.tracking.objects.active
    if tracked is None:
        return None
    return tracked.tracks.active or tracked.plane_tracks.active


def _clip_frame(clip: MovieClip, number: int) -> int:
    """Return the frame of a clip, as its markers count them, that has a file number."""
    return clips.scene_frame_of(clip, number) - clip.frame_start + 1


def _placed(clip: MovieClip, track: MovieTrackingTrack | MovieTrackingPlaneTrack, frame: int) -> np.ndarray:
    """Return where a track is on a frame of its markers, in pixels with y down: (1, 2), or (4, 2) of a plane track."""
    marker = track.markers.find_frame(frame, exact=False)
    if isinstance(track, MovieTrackingTrack):
        places = np.array([marker.co], np.float64) + np.array([track.offset], np.float64)
    else:
        places = np.array([tuple(corner) for corner in marker.corners], np.float64)
    width, height = clips.pixel_size(clip)
    return np.stack([places[:, 0] * width, (1 - places[:, 1]) * height], axis=1)


def _motion(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the homography (3, 3) that moves points (N, 2) `start` to `end`: one point by a shift, or four corners."""
    if len(start) == 1:
        matrix = np.eye(3)
        matrix[:2, 2] = end[0] - start[0]
        return matrix
    rows: list[Sequence[float]] = []
    for (x, y), (u, v) in zip(start, end):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
    solved = np.linalg.solve(np.array(rows, np.float64), end.ravel())
    return np.append(solved, 1.0).reshape(3, 3)
