"""Errors that a user can act on, each with a message, a code and a remedy."""

from __future__ import annotations

from .text import as_sentence


class EngineError(Exception):
    """Base of all errors shown to a user; `code` identifies the kind, `remedy` says what to do."""

    code = "engine-error"
    default_remedy = ""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy or self.default_remedy
        if self.remedy:
            self.add_note(self.remedy)  # below the message in the traceback of a script that does not catch it

    def sentence(self) -> str:
        """Return message and remedy as one line."""
        return f"{as_sentence(self.message)}. {self.remedy}" if self.remedy else as_sentence(self.message)


class Cancelled(Exception):
    """The user cancelled the job; files written so far are kept."""


class NoKeyframes(EngineError):
    code = "no-keyframes"
    default_remedy = "Mark at least one object on one frame first."


class KeyframeUnreadable(EngineError):
    code = "keyframe-unreadable"
    default_remedy = "Replace the file with a PNG label image, or remove this keyframe."


class KeyframeNotLabels(EngineError):
    code = "keyframe-not-labels"
    default_remedy = "Save it as a palette or grey PNG in which each pixel is an object number (0 is background)."


class KeyframeSizeMismatch(EngineError):
    code = "keyframe-size"
    default_remedy = "Make the keyframe again at the size of this clip."


class KeyframeOutsideClip(EngineError):
    code = "keyframe-outside"
    default_remedy = "Remove it, or put the number of a frame of this clip into its name."


class KeyframeNameUnclear(EngineError):
    code = "keyframe-name"
    default_remedy = "Name it like the image of its frame, or by the number of its frame alone, such as 00005.png."


class ClipNotFound(EngineError):
    code = "clip-not-found"
    default_remedy = "Put the file back, or open the clip from where it is now."


class ClipUnreadable(EngineError):
    code = "clip-unreadable"
    default_remedy = "Check that the file plays in another program, or convert it to an image sequence."


class NotSaved(EngineError):
    """Blender would not save changes to a data-block with this file, such as one linked from another .blend."""

    code = "not-saved"
    default_remedy = "Make it local, with the icon beside its name or in the Outliner under ID Data."


class BlenderLimit(EngineError):
    """Blender cannot hold a number that is needed, and would silently use another."""

    code = "blender-limit"


class MixedSizes(EngineError):
    code = "mixed-sizes"
    default_remedy = "Put only images of one size into the folder."


class SeveralSequences(EngineError):
    code = "several-sequences"
    default_remedy = "Choose one of them by its pattern, or put each into a folder of its own."


class FramesUnreadable(EngineError):
    code = "frames-unreadable"
    default_remedy = "Repair or replace the clip and run again."


class MatteUnreadable(EngineError):
    code = "matte-unreadable"
    default_remedy = "Delete the file and propagate again to recreate it."


class SplinesUnreadable(EngineError):
    code = "splines-unreadable"
    default_remedy = "Make the splines again."


class ScoreIncomplete(EngineError):
    """The predicted and the true frames to score differ, or one of the two is missing."""

    code = "score-incomplete"
    default_remedy = "Propagate through all frames of the ground truth first, or choose other folders."


class ScoreSizeMismatch(EngineError):
    code = "score-size"
    default_remedy = "Compare label images of the same size."


class UnknownRecipe(EngineError):
    code = "unknown-recipe"
    default_remedy = "Choose one of them."


class BadSetting(EngineError):
    code = "bad-setting"
    default_remedy = "Correct it and run again; nothing was started."


class WeightsMissing(EngineError):
    code = "weights-missing"
    default_remedy = "Choose an existing file."


class WeightsDamaged(EngineError):
    code = "weights-damaged"
    default_remedy = "Download the file again."


class WeightsUnsafe(EngineError):
    """A weights file contains more than tensors, and could run code."""

    code = "weights-unsafe"
    default_remedy = "Download the weights from their authors' page. Files that could run code are never opened."


class UnknownWeights(EngineError):
    code = "unknown-weights"
    default_remedy = "Choose one of them."


class NotConfirmed(EngineError):
    code = "not-confirmed"
    default_remedy = "Read the text above, then add --yes."


class DownloadFailed(EngineError):
    """A download was interrupted; the part received is kept."""

    code = "download-failed"
    default_remedy = "Check the network connection and run again; the download continues where it stopped."


class DownloadRefused(EngineError):
    """The address offers something other than the expected file; nothing of it is kept."""

    code = "download-refused"
    default_remedy = "Download the file with a browser, then import it."


class FolderNotWritable(EngineError):
    code = "folder-not-writable"
    default_remedy = "Choose another folder, or change its permissions."


class FolderTaken(EngineError):
    code = "folder-taken"
    default_remedy = "Choose a new or empty folder; nothing was changed in this one."


class FolderInUse(EngineError):
    code = "folder-in-use"
    default_remedy = "Wait until it has ended, or choose another folder; nothing was changed in this one."


class DiskFull(EngineError):
    code = "disk-full"
    default_remedy = "Free some space and run again; what is already written stays valid."


class OutputNotWritable(EngineError):
    """Standard output is a file or device that takes no more."""

    code = "output-not-writable"
    default_remedy = "Direct it elsewhere; files already written stay valid."


class OutOfMemory(EngineError):
    code = "out-of-memory"
    default_remedy = "Choose a smaller working height, or the CPU as device."


class DeviceMissing(EngineError):
    code = "device-missing"
    default_remedy = "Choose 'auto' or 'cpu' as device."


class BadMessage(EngineError):
    """The two processes run different versions of Keymatte, such as after an update."""

    code = "bad-message"
    default_remedy = "Restart Blender. If it happens again, install the extension again."


class EngineMissing(EngineError):
    code = "engine-missing"
    default_remedy = "Click Install Engine in Keymatte's preferences."


class PythonMissing(EngineError):
    """The Python that the user chose for the engine is not there, or cannot be started."""

    code = "python-missing"
    default_remedy = "Choose another in Keymatte's preferences, or clear the field and click Install Engine."


class EnvironmentFailed(EngineError):
    """A Python environment could not be created."""

    code = "environment-failed"
    default_remedy = "Run again. If it fails again, delete the folder first."


class EngineDied(EngineError):
    code = "engine-died"
    default_remedy = "Run again: mattes already written are kept. If it happens again, report this message."


class KeyframeEmpty(EngineError):
    code = "keyframe-empty"
    default_remedy = "Draw the object on this frame, or click Object Not Visible."


class NoActiveObject(EngineError):
    code = "no-object"
    default_remedy = "Select an object in the list, or add one."


class ObjectLocked(EngineError):
    code = "object-locked"
    default_remedy = "Unlock it in the list of objects first."


class TooManyObjects(EngineError):
    code = "too-many-objects"
    default_remedy = "Remove an object, or open the clip a second time for more objects."


class NoActiveTrack(EngineError):
    code = "no-track"
    default_remedy = "Select a track or a plane track of the object, in the editor's Tracking mode."


class NoActiveMask(EngineError):
    code = "no-mask"
    default_remedy = "Draw a mask in the editor's Mask mode, or choose one in its header."


class NothingPropagated(EngineError):
    code = "nothing-propagated"
    default_remedy = "Propagate first."


class EngineBusy(EngineError):
    code = "engine-busy"
    default_remedy = "Wait until it has finished, or cancel it."


class Offline(EngineError):
    code = "offline"
    default_remedy = "Enable Allow Online Access in Preferences > System, and try again."


class ImageUnreadable(EngineError):
    code = "image-unreadable"
    default_remedy = "Choose a PNG, JPEG, TIFF or EXR image of the clip's size."


class MasksMissing(EngineError):
    code = "masks-missing"
    default_remedy = "Propagate first; frames are suggested from its mattes."
