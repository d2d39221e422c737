"""Claim of a folder of results: only a new one, or one of the same settings and version, is written to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ... import VERSION
from ...shared.folder_claim import claim
from ...shared.matte_folder import MatteFolder
from ..errors import ResultsDiffer
from .results_folder import ResultsFolder, differences

_KEY = "evaluation"  # of the marker file: the settings
_VERSION = "keymatte"  # of the marker file


@contextmanager
def claim_results(folder: ResultsFolder, identity: Mapping[str, Any], *, again: bool) -> Iterator[None]:
    """Hold the lock of a folder of results, and note there what they depend on.

    With `again`, results of other settings are removed. Raises ResultsDiffer if there are any and they are not to be
    removed, FolderTaken if the folder holds other files, FolderInUse, FolderNotWritable, DiskFull.
    """
    now = json.loads(json.dumps({**identity, "version": VERSION}, default=str))
    with claim(MatteFolder(folder.root)) as claimed:
        earlier = claimed.earlier
        if earlier and _KEY not in earlier:
            raise ResultsDiffer(
                f"the folder {folder.root} holds results of another command", remedy="Choose another folder."
            )
        if earlier and (what := differences({**earlier[_KEY], "version": earlier.get(_VERSION)}, now)):
            if not again:
                raise ResultsDiffer(f"the folder {folder.root} holds results of other settings: {what}")
            folder.clear()
        folder.drop_unfinished()
        settings = {name: value for name, value in now.items() if name != "version"}
        claimed.mark({_KEY: settings})
        try:
            yield
        finally:
            folder.drop_unfinished()
