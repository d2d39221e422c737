"""Label images that are made again from the mattes on disk."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..media.label_images import encode_labels
from ..shared.matte_folder import MatteFolder
from ..shared.written_files import WrittenFiles
from .matte_files import labels_from_alphas, read_any


def renew_labels(folder: MatteFolder, files: WrittenFiles, objects: Iterable[int], number: int) -> None:
    """Make the label image of a frame again where it disagrees with the mattes; without mattes, remove it.

    An image that was edited, or that Keymatte never wrote, stays. Raises DiskFull, FolderNotWritable.
    """
    path = folder.labels(number)
    if path not in files or files.is_edited(path):
        return
    found = [(object_id, read_any(folder.matte(object_id, number))) for object_id in objects]
    alphas = {object_id: alpha for object_id, alpha in found if alpha is not None}
    if not alphas:
        files.remove(path)
    elif len({alpha.shape for alpha in alphas.values()}) == 1:
        data = encode_labels(labels_from_alphas(np.stack(list(alphas.values())), list(alphas)))
        if not path.is_file() or path.read_bytes() != data:
            files.write(path, data)
