"""Published weights made ready for use: fetched or from a user's file, tried in their network, converted once."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from .. import VERSION
from ..checkpoints import loading
from ..checkpoints.download import IsCancelled, download, sha256_of
from ..methods.registry import find_recipe
from ..shared.catalogue import PublishedWeights, find_weights, installed, is_installed
from ..shared.errors import Cancelled, DownloadRefused, WeightsDamaged, WeightsMissing, WeightsUnsafe
from ..shared.files import atomic_write
from ..shared.protocol import Answer, Download, Finished, Import, JobCancelled, Stage

Report = Callable[[str, int, int], None]  # what is being done, steps done, steps in all (0: not known)

_WORK = ".installing"  # folder of ours within the weights folder: nothing in it is a user's


def run(request: Download | Import, report: Callable[[Answer], None], cancelled: IsCancelled) -> None:
    """Do what Blender asked for: the last report is Finished or JobCancelled."""

    def tell(text: str, done: int, total: int) -> None:
        report(Stage(request.job_id, text, done, total))

    entry = find_weights(request.name)
    if is_installed(entry, request.folder) and not request.again:
        report(Finished(request.job_id, warning=already_there(entry, request.folder)))
        return
    try:
        match request:
            case Download():
                install(entry, request.folder, tell, cancelled)
            case Import(file=file):
                import_file(entry, file, request.folder, tell, cancelled)
    except Cancelled:
        report(JobCancelled(request.job_id))
    else:
        report(Finished(request.job_id))


def already_there(entry: PublishedWeights, folder: Path) -> str:
    """That these weights are installed, in words."""
    return f"{entry.name} is installed already, in {installed(entry, folder)}"


def install(entry: PublishedWeights, folder: Path, report: Report, cancelled: IsCancelled) -> Path:
    """Fetch `entry`, or what is still missing of it, and install it in `folder`; its file there.

    One that is installed already is replaced once the new one is ready. Raises Stopped when `cancelled`,
    DownloadFailed, DownloadRefused, DiskFull, FolderNotWritable, WeightsDamaged, WeightsUnsafe.
    """
    if not entry.address:
        raise DownloadRefused(
            f"{entry.name} cannot be fetched by a program",
            remedy=f"Get {entry.file_name} with a browser from {entry.page}, and import it.",
        )
    fetched = folder / _WORK / entry.file_name
    if fetched.is_file():  # converting it was broken off
        sha256 = sha256_of(fetched, cancelled)
    else:
        sha256 = download(
            entry.address,
            fetched,
            partial(report, f"Downloading {entry.name}"),
            cancelled,
            sha256=entry.sha256,
            copies=2,
            page=entry.page,
        )
    try:
        path = _convert(entry, fetched, folder, {"source": entry.address, "source_sha256": sha256}, report, cancelled)
    except (WeightsDamaged, WeightsUnsafe) as error:
        traceback.clear_frames(error.__traceback__)  # Windows deletes no file that tensors are still mapped to
        fetched.unlink()  # or the next run would go on with it
        raise
    with suppress(OSError):  # parts of other downloads may lie there
        fetched.unlink()
        fetched.parent.rmdir()
    return path


def import_file(entry: PublishedWeights, file: Path, folder: Path, report: Report, cancelled: IsCancelled) -> Path:
    """Install `entry` in `folder` from a file that the user has, which stays as it is; its file there.

    Raises Stopped when `cancelled`, WeightsMissing, WeightsDamaged, WeightsUnsafe, DiskFull, FolderNotWritable.
    """
    if not file.is_file():
        raise WeightsMissing(f"the weights file {file} is not there", remedy="Name a file that is.")
    report(f"Reading {file.name}", 0, 0)
    try:
        sha256 = sha256_of(file, cancelled)
    except OSError as error:
        raise WeightsMissing(f"{file} cannot be read: {error.strerror}", remedy="Check its permissions.") from error
    if entry.sha256 and sha256 != entry.sha256.lower():
        raise WeightsDamaged(
            f"{file} is not {entry.name} as published: its SHA-256 is {sha256}, published was {entry.sha256}"
        )
    return _convert(entry, file, folder, {"source": file.name, "source_sha256": sha256}, report, cancelled)


def _convert(
    entry: PublishedWeights, file: Path, folder: Path, source: dict[str, str], report: Report, cancelled: IsCancelled
) -> Path:
    """Try `file` in the network, and write its tensors, under the names they have, to the file of `entry`."""
    report(f"Trying {entry.name}", 0, 0)
    recipe = find_recipe(entry.recipes[0])
    recipe.network(recipe.numbers({}), weights=file, device=torch.device("cpu"))
    if cancelled():
        raise Cancelled
    report(f"Converting {entry.name}", 0, 0)
    about = {
        "name": entry.name,
        "method": entry.method,
        "licence": entry.licence,
        **source,
        "converted_by": f"Keymatte {VERSION}",
        "date": datetime.now(UTC).date().isoformat(),
    }
    tensors = loading.read(file)
    apart = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    content = save(apart, about)
    with atomic_write(installed(entry, folder)) as part:
        part.write_bytes(content)
    return installed(entry, folder)
