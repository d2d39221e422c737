"""Errors of the evaluation, which the extension does not have."""

from __future__ import annotations

from ..shared.errors import EngineError


class PicturesMissing(EngineError):
    """The prepared images from which training clips are composed are missing."""

    code = "pictures-missing"
    default_remedy = "Run `train-data`, and name its folder with --data."


class FilmsChanged(EngineError):
    """The composed films kept for comparing methods are no longer as they were written."""

    code = "films-changed"
    default_remedy = "Delete that folder, or choose another. New clips are then composed, which differ from these."


class ClipsMissing(EngineError):
    """None of the clips that a study was asked for is available."""

    code = "clips-missing"
    default_remedy = "Name folders of clips with --clips, --films, --scenes or --folder, or choose other --parts."


class DatasetMissing(EngineError):
    """A folder does not hold a data set as it is unpacked."""

    code = "dataset-missing"
    default_remedy = "Run `datasets` to see which are found where, and where to get them."


class DatasetDamaged(EngineError):
    """A file of a data set is not as its authors wrote it."""

    code = "dataset-damaged"
    default_remedy = "Unpack the data set again."


class ResultsDiffer(EngineError):
    """A folder holds results of other settings, of another data set or of another version."""

    code = "results-differ"
    default_remedy = "Choose another folder for --out, or add --again to remove those and make them anew."
