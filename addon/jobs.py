"""Jobs for the engine, gathered from a clip, its keyframes and its settings."""

from __future__ import annotations

import uuid

from bpy.types import MovieClip

from ..engine.shared.errors import NoKeyframes, NothingPropagated
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.types import (
    Direction,
    EarlyEnd,
    PropagationJob,
    Redo,
    Settings,
    SuggestionJob,
    VersionCap,
    VideoClip,
)
from . import clips, environment, recipes, tracks, weights
from .absences import job_absences
from .exclusions import job_exclusions
from .folders import existing_folder, matte_folder, results
from .keyframes import keyframe_files
from .locks import job_locks
from .matte_files import objects_to_refine
from .objects import has_keyframes
from .stored_inputs import stored_exclusions, stored_keyframes


def gather_job(
    clip: MovieClip, frames: range, direction: Direction, *, recipe: str = "", redo: Redo = Redo.EVERYTHING
) -> PropagationJob:
    """Return the job that computes mattes for the media frames `frames` of `clip`, as far as `redo` asks for them.

    A given `recipe` replaces the clip's recipe.
    Raises NoKeyframes, WeightsMissing, ClipNotFound, ClipUnreadable, KeyframeOutsideClip, KeyframeUnreadable, and what
    `job_exclusions` raises.
    """
    matting = clip.matting
    recipe = recipe or matting.recipe
    film = clips.video_clip(clip)
    keyframes = keyframe_files(clip)
    if not keyframes:
        raise NoKeyframes(f"clip {clip.name} has no keyframes to propagate from")
    folder = existing_folder(clip)
    assert folder is not None  # the folder exists because keyframes are stored in it
    return PropagationJob(
        job_id=uuid.uuid4().hex,
        clip=film,
        frames=frames,
        keyframes=keyframes,
        folder=folder.root,
        recipe=recipe,
        weights=weights.file_for(recipe, matting.weights),
        direction=direction,
        settings=_settings(adapt=matting.adapt and recipe in recipes.ADAPT),
        absences=job_absences(clip),
        exclusions=job_exclusions(clip, frames),
        across_cuts=matting.across_cuts,
        crop=matting.follow_small,
        versions=_version_cap(),
        redo=redo,
        early_end=EarlyEnd(matting.early_frames, matting.early_percent / 100),
        locks=job_locks(clip),
        stabilization=_stabilization(clip, film.frame_count, (film.width, film.height)),
        feature_bytes=_feature_bytes(),
        refined=objects_to_refine(clip),
    )


def foreseen_job(clip: MovieClip, folder: MatteFolder, first: int, count: int) -> PropagationJob:
    """Return the job that `gather_job` would return for the whole clip, without changing anything on disk.

    The clip has `count` frames from the file number `first` on. Its garbage and hold-out masks are left out if one of
    them is a Blender mask, which would have to be rendered. Raises WeightsMissing.
    """
    matting = clip.matting
    return PropagationJob(
        job_id="",
        clip=VideoClip(clips.media_path(clip), 0, 0, count),
        frames=range(count),
        keyframes=stored_keyframes(clip, folder, first, count),
        folder=folder.root,
        recipe=matting.recipe,
        weights=weights.file_for(matting.recipe, matting.weights),
        settings=_settings(adapt=matting.adapt and matting.recipe in recipes.ADAPT),
        absences=job_absences(clip),
        exclusions=stored_exclusions(clip, folder, first) or (),
        across_cuts=matting.across_cuts,
        crop=matting.follow_small,
        stabilization=_stabilization(clip, count, clips.known_size(clip)),
    )


def gather_suggestion(clip: MovieClip, *, recipe: str = "") -> SuggestionJob:
    """Return the job that suggests frames to annotate next, among the clip's frames with mattes.

    If the clip has no keyframes, the job suggests which of all frames to mark first. The network of the clip's recipe
    compares the frames; a given `recipe` replaces the clip's recipe.
    Raises NothingPropagated, FolderNotWritable, DiskFull, and what `gather_job` raises except NoKeyframes.
    """
    matting = clip.matting
    recipe = recipe or matting.recipe
    film = clips.video_clip(clip)
    keyframes = keyframe_files(clip) if has_keyframes(clip) else ()
    frames = range(film.frame_count)
    if keyframes:
        numbers = results(clip).numbers
        if not numbers:
            raise NothingPropagated(f"clip {clip.name} has no mattes yet")
        first, last = (clips.media_frame_of(clip, number) for number in (numbers[0], numbers[-1]))
        frames = range(max(0, first), min(film.frame_count, last + 1))
    folder = matte_folder(clip)
    return SuggestionJob(
        job_id=uuid.uuid4().hex,
        clip=film,
        frames=frames,
        chosen=tuple(sorted({keyframe.frame for keyframe in keyframes})),
        masks=folder.labels(0).parent if keyframes else None,
        keys=folder.keys,
        recipe=recipe,
        weights=weights.file_for(recipe, matting.weights),
        settings=_settings(),
        count=matting.suggestion_count,
        alpha=matting.suggestion_alpha,
        feature_bytes=_feature_bytes(),
    )


def _stabilization(clip: MovieClip, count: int, size: tuple[int, int]) -> tuple[tuple[float, ...], ...]:
    """Return the 2D stabilisation of each of the clip's frames, if it is to be propagated stabilised."""
    if not (clip.matting.stabilized and tracks.is_stabilized(clip)):
        return ()
    start = clips.scene_frame(clip, 0)
    return tracks.pixel_stabilization(clip, range(start, start + count), size)


def _settings(*, adapt: bool = False) -> Settings:
    return Settings(device=environment.preferences().device, adapt=adapt)


def _feature_bytes() -> int:
    """Return how many bytes of features are to be kept for later runs, by the preferences."""
    return round(environment.preferences().feature_gigabytes * 1e9)


def _version_cap() -> VersionCap:
    """Return how much of what runs replace is to be kept, by the preferences."""
    preferences = environment.preferences()
    return VersionCap(preferences.undo_runs, round(preferences.undo_gigabytes * 1e9))
