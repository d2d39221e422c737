"""Export of a clip's mattes for other programs: the job that the engine is asked for, and the folder chosen last."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.types import MovieClip, Scene

from ..engine.shared.delivery import TRAITS, Alpha, Content, DeliveredObject, ExportJob, Format
from ..engine.shared.errors import BadSetting, ClipNotFound, ClipUnreadable, NothingPropagated
from ..engine.shared.types import VideoClip
from . import clips, run_frames
from .folders import existing_folder, relative_path, results
from .matte_files import objects_to_refine
from .matte_views import on_screen
from .objects import find_object, matte_numbers


@dataclass(frozen=True)
class Choices:
    """What the user chooses of an export."""

    format: Format = Format.PNG
    is_deep: bool = False  # the higher of a format's two depths
    alpha: Alpha = Alpha.AUTO
    content: Content = Content.CUTOUT
    together: bool = False
    in_out_range: bool = False  # only from the in point to the out point


def gather_export(
    clip: MovieClip, scene: Scene, object_ids: Iterable[int], directory: str, choices: Choices
) -> ExportJob:
    """Return the job that writes files of the objects' mattes to a folder, which may be relative to the .blend.

    Raises NothingPropagated, BadSetting, ClipUnreadable, and ClipNotFound if the clip's pictures are needed.
    """
    folder = existing_folder(clip)
    ids = [object_id for object_id in object_ids if matte_numbers(clip, object_id)]
    if folder is None or not ids:
        raise NothingPropagated(f"clip {clip.name} has no mattes yet")
    if not directory:
        raise BadSetting("no folder is chosen to export to", remedy="Choose one.")
    depths = TRAITS[choices.format].depths
    film = _video_clip(clip)
    job = ExportJob(
        job_id=uuid.uuid4().hex,
        clip=film,
        folder=folder.root,
        frames=run_frames.in_out_range(clip) if choices.in_out_range else range(film.frame_count),
        objects=tuple(_delivered(clip, object_id) for object_id in ids),
        out=Path(bpy.path.abspath(directory)),
        format=choices.format,
        depth=depths[-1] if choices.is_deep else depths[0],
        alpha=choices.alpha,
        content=choices.content,
        together=choices.together,
        rate=film.fps or scene.render.fps / scene.render.fps_base,
    )
    if job.needs_pictures and not film.path.is_file():
        raise ClipNotFound(f"footage not found: {film.path}")
    return job


def last_folder(clip: MovieClip) -> str:
    """Return the folder to which the clip was exported last, or that of the .blend file; empty if there is none."""
    folder = clip.matting.export_folder
    return bpy.path.abspath(folder, library=clip.library) if folder else bpy.path.abspath("//")


def remember_folder(clip: MovieClip, folder: Path) -> None:
    """Remember where a clip was exported to, if its file keeps what is changed of it."""
    if clip.is_editable:
        clip.matting.export_folder = relative_path(folder)


def _video_clip(clip: MovieClip) -> VideoClip:
    """Return the clip; if its file is gone, as far as Blender and its mattes tell. Raises ClipUnreadable."""
    try:
        return clips.video_clip(clip)
    except ClipNotFound:
        numbers = results(clip).numbers
        try:
            width, height = clips.known_size(clip)
        except ClipUnreadable:
            width = height = 0  # the engine takes that of the mattes
        count = max(clip.frame_duration, numbers[-1] - clips.first_number(clip) + 1)
        shown_from = clips.scene_frame(clip, 0)
        return VideoClip(clips.media_path(clip), height, width, count, shown_from=shown_from)


def _delivered(clip: MovieClip, object_id: int) -> DeliveredObject:
    item = find_object(clip, object_id)
    if item is None:
        return DeliveredObject(object_id, f"object_{object_id}")
    red, green, blue = (min(max(round(255 * value), 0), 255) for value in on_screen(item.colour))
    refined = objects_to_refine(clip, [object_id])
    colour = red << 16 | green << 8 | blue
    return DeliveredObject(object_id, item.name, colour, refined[0].refinement if refined else None)
