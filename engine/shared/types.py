"""Data passed between Blender and the engine: clips, keyframes, settings and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .mask_images import EXACT_NUMBERS, GREY_ALPHA, Meaning
from .refinement import RefinedObject


class Direction(StrEnum):
    """Direction of propagation from the keyframes."""

    BOTH = "both"
    FORWARD = "forward"
    BACKWARD = "backward"


PRECISIONS = ("auto", "float32", "half", "int8")  # names; see `device.pick_precision`


@dataclass(frozen=True)
class VideoClip:
    """A clip on disk. Frames are counted from 0 in the file or sequence, independently of Blender's scene frames."""

    path: Path  # movie file, or the first image of a sequence, or a folder of images
    height: int  # pixels
    width: int  # pixels
    frame_count: int
    fps: float | None = None  # at which a movie's frames are counted by time, as in Blender; None: by picture
    upright: bool | None = None  # whether a movie's rotation metadata is applied; None: unless the size is unrotated
    shown_from: int | None = field(default=None, compare=False)  # frame 0 in what is told the user; None: file number


@dataclass(frozen=True)
class KeyframeFile:
    """Mask image by the user. A frame may have several, each for other objects."""

    frame: int  # media frame, from 0
    labels: Path  # image (H, W): pixel = object id, 0 = background, unless `meaning` says otherwise
    objects: tuple[int, ...]  # annotated ids; an id without pixels is absent from this frame
    meaning: Meaning = EXACT_NUMBERS
    object_id: int | None = None  # the object of a mask of one object; None if the image has the ids


@dataclass(frozen=True)
class Absence:
    """Frames on which an object is not visible, whatever the network sees there. A keyframe among them overrides it."""

    object_id: int
    frames: range  # media frames


@dataclass(frozen=True)
class ExclusionImage:
    """Image of an exclusion from a frame on, until that of a later frame."""

    frame: int  # media frame, from 0
    path: Path  # image (H, W)
    meaning: Meaning = GREY_ALPHA


@dataclass(frozen=True)
class Exclusion:
    """Garbage or hold-out mask: its alpha is taken away from the mattes that the network makes, keyframes included."""

    images: tuple[ExclusionImage, ...]  # by frame; the first also counts before its frame
    objects: tuple[int, ...] | None = None  # ids of the objects that it covers; None: all
    inverted: bool = False  # what lies outside is taken away, rather than what lies inside


@dataclass(frozen=True)
class Lock:
    """Frames on which an object's mattes never change, whatever runs."""

    frames: range  # media frames
    object_id: int | None = None  # None: all objects

    def covers(self, object_id: int, frame: int) -> bool:
        """Return whether the lock holds for an object on a media frame."""
        return frame in self.frames and self.object_id in (None, object_id)


@dataclass(frozen=True)
class EarlyEnd:
    """When a walk away from a changed keyframe ends before the next keyframe: where new and earlier mattes agree."""

    frames: int = 5  # in a row on which they must agree; 0: no walk ends early
    share: float = 0.01  # of an object's pixels, below which the mattes may differ


class Redo(StrEnum):
    """Which mattes a propagation job makes, of those on its frames."""

    EVERYTHING = "everything"
    CHANGED = "changed"  # those that are missing or stale; see `shared.staleness`


@dataclass(frozen=True)
class VersionCap:
    """How much is kept of what runs replace in a matte folder, so that they can be undone; the oldest goes first."""

    count: int = 10  # runs; 0: nothing is kept
    bytes: int = 2 * 10**9


@dataclass(frozen=True)
class Settings:
    """Settings of a job that a user can change."""

    height: int = 480  # working height: shorter side of the frame in the network, pixels
    device: str = "auto"  # auto, cpu, cuda, mps
    precision: str = "auto"  # of PRECISIONS
    overrides: dict[str, str] = field(default_factory=dict)  # of the recipe's numbers, as "section.name": value
    adapt: bool = False  # fine-tune on the keyframes of this shot first


FEATURE_BYTES = 4 * 10**9  # on disk, of the features that are kept for later runs, of all clips together


@dataclass(frozen=True)
class PropagationJob:
    """Parameters of a propagation job; files are given by path."""

    job_id: str
    clip: VideoClip
    frames: range  # media frames to compute mattes for
    keyframes: tuple[KeyframeFile, ...]
    folder: Path  # folder of the results, see `matte_folder`
    recipe: str = "keymatte"
    weights: Path | None = None  # None: the recipe's own file
    direction: Direction = Direction.BOTH
    settings: Settings = Settings()
    keys: Path | None = None  # folder in which to write the frames' keys, for suggestions
    probabilities: Path | None = None  # .npz file for the network's probabilities, before rounding
    absences: tuple[Absence, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    across_cuts: bool = False  # keyframes count in all shots; else only in their own
    redo: Redo = Redo.EVERYTHING
    early_end: EarlyEnd = EarlyEnd()  # of a job that makes what has changed
    locks: tuple[Lock, ...] = ()
    stabilization: tuple[tuple[float, ...], ...] = ()  # of each frame of the clip: a 2x3 matrix by rows, from pixel
    # centres, x right and y down, to where the camera stands still; empty: frames are taken as they are
    crop: bool = True  # small objects are followed by crops, if the recipe can
    is_part: bool = False  # of a larger job, which softens the edges of keyframes when it joins all
    feature_bytes: int = FEATURE_BYTES
    features: Path | None = None  # folder in which they are kept; None: one in the user's cache folder
    parts: tuple[Path, ...] = ()  # folders of such parts: their mattes are joined, and none is computed
    versions: VersionCap = VersionCap()
    refined: tuple[RefinedObject, ...] = ()  # objects whose mattes are refined afterwards


class Ranking(StrEnum):
    """Order of suggested frames."""

    GAIN = "gain"  # where a keyframe would repair most, then as XMem++
    DIVERSITY = "xmem++"  # least like the annotated frames


@dataclass(frozen=True)
class SuggestionJob:
    """Parameters of a job that suggests frames to annotate next, or first."""

    job_id: str
    clip: VideoClip
    frames: range  # media frames to choose from
    chosen: tuple[int, ...]  # media frames already annotated; empty: suggest which frame to annotate first
    masks: Path | None  # folder of label images, such as `labels` of a run; or an .npz of probabilities
    keys: Path  # folder that caches the frames' keys
    recipe: str = "keymatte"
    weights: Path | None = None  # None: the recipe's own file
    settings: Settings = Settings()
    count: int = 5  # maximum number of frames to suggest
    alpha: float = 0.5  # 0..1: weight of the masks
    min_mask: float = 0.25  # minimum object coverage of a frame suggested for its looks, in percent
    ranking: Ranking = Ranking.GAIN
    feature_bytes: int = FEATURE_BYTES


@dataclass(frozen=True)
class SegmentationJob:
    """Parameters of a job that segments one object on one frame, from marks by the user."""

    job_id: str
    clip: VideoClip
    frame: int  # media frame
    marks: Path  # grey PNG (H, W) whose values are those of `marks.Mark`
    alpha: Path  # .npy file to write, (H, W) uint8; from 128 on, a pixel belongs to the object
    segmenter: str = "grabcut"  # of `segmenters.SEGMENTERS`


@dataclass(frozen=True)
class EditedMatte:
    """Image that stands in for an object's matte in a spline job, where the user has edited its mask."""

    object_id: int
    number: int  # of the frame, as in the names of mattes
    alpha: Path  # grey PNG (H, W)


@dataclass(frozen=True)
class SplineJob:
    """Parameters of a job that fits Bezier splines to the mattes of some objects."""

    job_id: str
    folder: Path  # folder of the mattes, see `matte_folder`
    objects: tuple[int, ...]
    numbers: range  # of the frames to fit splines to, as in the names of mattes
    width: int  # pixels of the mattes; others are left out
    height: int
    out: Path  # folder for one file per object, see `splines_file`
    edited: tuple[EditedMatte, ...] = ()
    refined: tuple[RefinedObject, ...] = ()  # objects whose refined mattes are taken, where they are up to date
    motions: tuple[tuple[float, ...], ...] = ()  # that carry the splines: of each number, a 3x3 matrix by rows; or none


@dataclass(frozen=True)
class RefineJob:
    """Parameters of a job that refines the mattes of some objects; those that are up to date are left as they are."""

    job_id: str
    clip: VideoClip
    folder: Path  # of the mattes, see `matte_folder`
    frames: range  # media frames
    objects: tuple[RefinedObject, ...]


@dataclass(frozen=True)
class PreviewJob:
    """Parameters of a job that refines one matte, to be looked at; temporal smoothing is left out."""

    job_id: str
    clip: VideoClip
    folder: Path  # of the mattes
    frame: int  # media frame
    object: RefinedObject
    alpha: Path  # file to write: grey PNG (H, W)


def splines_file(folder: Path, object_id: int) -> Path:
    """Return the path of the splines that a spline job fits to an object's mattes, see `splines`."""
    return folder / f"{object_id:03d}.npz"
