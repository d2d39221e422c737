"""Ways in which a clip editor shows a clip: proxies, wide pixels, stabilised, undistorted, and several at once."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.types import Area, MovieClip, SpaceClipEditor


def plain(space: SpaceClipEditor, clip: MovieClip) -> None:
    pass


def proxy(size: int) -> Callable[[SpaceClipEditor, MovieClip], None]:
    def prepare(space: SpaceClipEditor, clip: MovieClip) -> None:
        clip.use_proxy, space.clip_user.proxy_render_size = True, f"PROXY_{size}"

    return prepare


def wide(space: SpaceClipEditor, clip: MovieClip) -> None:
    clip.display_aspect = 2, 1


def wide_camera(space: SpaceClipEditor, clip: MovieClip) -> None:
    clip.tracking.camera.pixel_aspect = 2


def stabilized(space: SpaceClipEditor, clip: MovieClip) -> None:
    clip.tracking.stabilization.use_2d_stabilization = space.show_stable = True


def autoscaled(space: SpaceClipEditor, clip: MovieClip) -> None:
    clip.tracking.stabilization.use_autoscale = True


def polynomial(space: SpaceClipEditor, clip: MovieClip) -> None:
    clip.tracking.camera.k1, space.clip_user.use_render_undistorted = -0.2, True


def brown(space: SpaceClipEditor, clip: MovieClip) -> None:
    camera = clip.tracking.camera
    camera.distortion_model, space.clip_user.use_render_undistorted = "BROWN", True
    camera.brown_k1, camera.brown_k2, camera.brown_p1, camera.brown_p2 = -0.15, 0.03, 0.01, -0.02


def locked(space: SpaceClipEditor, clip: MovieClip) -> None:
    space.mode, space.lock_selection = "TRACKING", True
    for number, track in enumerate(clip.tracking.tracks):
        track.select = number == 0


def together(*parts: Callable[[SpaceClipEditor, MovieClip], None]) -> Callable[[SpaceClipEditor, MovieClip], None]:
    def prepare(space: SpaceClipEditor, clip: MovieClip) -> None:
        for part in parts:
            part(space, clip)

    return prepare


DISPLAYS = {
    "plain": plain,
    "plain zoomed": plain,
    "proxy 25": proxy(25),
    "proxy 50": proxy(50),
    "proxy 75 zoomed": proxy(75),
    "proxy 100": proxy(100),
    "wide": wide,
    "wide camera zoomed": wide_camera,
    "locked": locked,
    "stabilized": stabilized,
    "stabilized zoomed": stabilized,
    "stabilized autoscaled wide camera": together(stabilized, autoscaled, wide_camera),
    "stabilized proxy 50": together(stabilized, proxy(50)),
    "stabilized locked": together(stabilized, locked),
    "polynomial": polynomial,
    "polynomial zoomed wide camera": together(polynomial, wide_camera),
    "brown": brown,
    "stabilized polynomial": together(stabilized, polynomial),
    "stabilized brown zoomed wide": together(stabilized, brown, wide),
    "stabilized polynomial proxy 50": together(stabilized, polynomial, proxy(50)),
}


def reset(area: Area) -> None:
    space, clip = area.spaces.active, bpy.data.movieclips[0]
    space.mode, space.show_stable, space.lock_selection, space.mask = "MASK", False, False, None
    space.show_track_path = space.show_marker_pattern = space.show_grid = space.show_gizmo = False
    space.cursor_location = -9, -9
    space.show_region_ui = space.show_region_toolbar = False
    space.clip_user.use_render_undistorted, space.clip_user.proxy_render_size = False, "FULL"
    clip.use_proxy, clip.display_aspect = False, (1, 1)
    camera, stabilization = clip.tracking.camera, clip.tracking.stabilization
    camera.distortion_model, camera.k1, camera.pixel_aspect = "POLYNOMIAL", 0, 1
    stabilization.use_2d_stabilization = stabilization.use_autoscale = False
    stabilization.target_scale = 1
