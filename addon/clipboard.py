"""Clipboard of one keyframe: its pixels, which outlive an undo and the file that it was copied from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.alphas import INSIDE
from ..engine.shared.errors import KeyframeSizeMismatch, NoKeyframes
from . import clips, keyframes


@dataclass(frozen=True)
class CopiedKeyframe:
    """Keyframe in the clipboard."""

    height: int
    width: int
    compressed: bytes  # alpha (H, W) uint8

    @property
    def alpha(self) -> np.ndarray:
        """Return the keyframe's alpha, (H, W) uint8; without pixels inside, the object is not visible."""
        return np.frombuffer(zlib.decompress(self.compressed), np.uint8).reshape(self.height, self.width)


copied: CopiedKeyframe | None = None


def copy(clip: MovieClip, object_id: int, scene_frame: int) -> None:
    """Copy an object's keyframe on a frame. Raises NoKeyframes if it has none there, KeyframeUnreadable."""
    global copied
    number = clips.number_at(clip, scene_frame)
    key = keyframes.find_keyframe(clip, object_id, number) or keyframes.absence_on(clip, object_id, number)
    if key is None:
        raise NoKeyframes(
            f"there is no keyframe of the active object on frame {scene_frame}",
            remedy="Go to a frame with one of its keyframes.",
        )
    alpha = keyframes.keyframe_alpha(clip, key)
    height, width = alpha.shape
    copied = CopiedKeyframe(height, width, zlib.compress(alpha.tobytes(), 1))


def paste(clip: MovieClip, object_id: int, scene_frame: int) -> None:
    """Set an object's keyframe on a frame to the copied one.

    Raises NoKeyframes if none was copied, KeyframeSizeMismatch, KeyframeOutsideClip, ObjectLocked.
    """
    if copied is None:
        raise NoKeyframes("no keyframe was copied", remedy="Copy one first.")
    width, height = clips.pixel_size(clip)
    if (copied.height, copied.width) != (height, width):
        raise KeyframeSizeMismatch(
            f"the copied keyframe is {copied.width}x{copied.height}, but the clip is {width}x{height}",
            remedy="Paste it into a clip of its size.",
        )
    if (copied.alpha >= INSIDE).any():
        keyframes.set_keyframe(clip, object_id, scene_frame, copied.alpha)
    else:
        keyframes.set_absent(clip, object_id, scene_frame)
