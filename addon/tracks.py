"""Reads a clip's tracks and stabilisation settings from Blender."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from bpy.types import MovieClip, MovieTrackingTrack

from .curves import find_curve
from .stabilization import Influences, Settings, Stabilizer, Track


def stabilization(clip: MovieClip, scene_frame: int, width: int, height: int) -> np.ndarray:
    """Return the matrix (2, 3) of the clip's 2D stabilisation on a scene frame.

    It converts points of the picture as it is shown, `width` x `height` pixels with y up, to points of the stabilised
    one, both from the middle of the lower left pixel. What is the same on all frames is kept until a marker or a
    setting changes.
    """
    stabilizer = stabilizers(_settings(clip, width, height))
    matrix = stabilizer.matrix(scene_frame - clip.frame_start + 1, _influences(clip))
    if clip.tracking.stabilization.filter_type == "NEAREST":  # which rounds places in the picture down
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5)
    return matrix


def is_stabilized(clip: MovieClip) -> bool:
    """Return whether the clip has a 2D stabilisation that is switched on."""
    return clip.tracking.stabilization.use_2d_stabilization


def pixel_stabilization(
    clip: MovieClip, scene_frames: Iterable[int], size: tuple[int, int]
) -> tuple[tuple[float, ...], ...]:
    """Return the clip's 2D stabilisation on scene frames, as jobs have it: 2x3 matrices by rows of pixels, y down.

    `size` is (width, height).
    """
    flip = np.array([(1.0, 0, 0), (0, -1.0, size[1] - 1), (0, 0, 1.0)])
    rows = []
    for frame in scene_frames:
        matrix = np.vstack([stabilization(clip, frame, *size), (0, 0, 1)])
        rows.append(tuple((flip @ matrix @ flip)[:2].ravel().tolist()))
    return tuple(rows)


stabilizers = lru_cache(maxsize=8)(Stabilizer)


def _settings(clip: MovieClip, width: int, height: int) -> Settings:
    from_tracks = clip.tracking.stabilization
    tracks = tuple(_tracks(clip))
    return Settings(
        tracks=tracks,
        anchor=from_tracks.anchor_frame,
        use_rotation=from_tracks.use_stabilize_rotation,
        use_scale=from_tracks.use_stabilize_scale,
        use_autoscale=from_tracks.use_autoscale,
        scale_max=from_tracks.scale_max,
        animated=_animated(clip, tracks) if from_tracks.use_autoscale else b"",
        width=width,
        height=height,
        pixel_aspect=clip.tracking.camera.pixel_aspect,
    )


def _influences(clip: MovieClip) -> Influences:
    from_tracks = clip.tracking.stabilization
    return Influences(
        location=from_tracks.influence_location,
        rotation=from_tracks.influence_rotation,
        scale=from_tracks.influence_scale,
        target_place=tuple(from_tracks.target_position),
        target_angle=from_tracks.target_rotation,
        # With the automatic scale, Blender keeps its last result here.
        target_scale=1.0 if from_tracks.use_autoscale else from_tracks.target_scale,
    )


def _tracks(clip: MovieClip) -> list[Track]:
    """Return the camera's tracks that stabilise."""
    from_tracks = clip.tracking.stabilization
    location = {track.name for track in from_tracks.tracks}
    rotation = {track.name for track in from_tracks.rotation_tracks}
    camera = next(item for item in clip.tracking.objects if item.is_camera)
    return [
        _track(clip, track, location=track.name in location, rotation=track.name in rotation)
        for track in camera.tracks
        if (track.name in location or track.name in rotation) and len(track.markers)
    ]


def _track(clip: MovieClip, track: MovieTrackingTrack, *, location: bool, rotation: bool) -> Track:
    count = len(track.markers)
    numbers, places = np.empty(count, np.int32), np.empty(count * 2, np.float32)
    muted = np.empty(count, bool)
    track.markers.foreach_get("frame", numbers)
    track.markers.foreach_get("co", places)
    track.markers.foreach_get("mute", muted)
    curve = find_curve(clip, track.path_from_id("weight_stab"))
    frames = numbers + clip.frame_start - 1
    weights = np.full(count, track.weight_stab) if curve is None else [curve.evaluate(frame) for frame in frames]
    return Track(
        numbers=numbers.tobytes(),
        places=places.tobytes(),
        muted=muted.tobytes(),
        weights=np.asarray(weights, np.float32).tobytes(),
        location=location,
        rotation=rotation,
    )


def _animated(clip: MovieClip, tracks: tuple[Track, ...]) -> bytes:
    """Return the influences (F, 3) on the frames of all markers, or nothing if none is animated."""
    numbers = np.concatenate([np.frombuffer(track.numbers, np.int32) for track in tracks] or [np.ones(1, np.int32)])
    frames = np.arange(numbers.min(), numbers.max() + 1) + clip.frame_start - 1
    from_tracks = clip.tracking.stabilization
    columns, animated = [], False
    for name in ("influence_location", "influence_rotation", "influence_scale"):
        curve = find_curve(clip, from_tracks.path_from_id(name))
        animated |= curve is not None
        value = getattr(from_tracks, name)
        columns.append([value if curve is None else curve.evaluate(frame) for frame in frames])
    return np.array(columns, np.float64).T.tobytes() if animated else b""
