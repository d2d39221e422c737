"""Job that installs published weights: downloads or imports a file, tests it in its network, and converts it."""

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
from ..checkpoints.hash_record import expect_recorded, read_record, write_record
from ..methods.registry import find_recipe
from ..shared.catalogue import (
    PublishedWeights,
    expect_file,
    find_weights,
    hash_record,
    installed_file,
    installed_message,
    is_installed,
)
from ..shared.errors import Cancelled, DownloadRefused, WeightsDamaged, WeightsMissing, WeightsUnsafe
from ..shared.files import atomic_write
from ..shared.protocol import Answer, Download, Finished, Import, JobCancelled, Stage

ReportStage = Callable[[str, int, int], None]  # (what is being done, steps done, total steps or 0 if unknown)

_DOWNLOAD_FOLDER = ".installing"  # within the weights folder; holds no file of the user


def run(request: Download | Import, report: Callable[[Answer], None], cancelled: IsCancelled) -> None:
    """Run a download or import of weights, and end with the report Finished or JobCancelled.

    Raises the errors of `install` and `import_file`, except Cancelled.
    """

    def report_stage(text: str, done: int, total: int) -> None:
        report(Stage(request.job_id, text, done, total))

    entry = find_weights(request.name)
    if is_installed(entry, request.folder) and not request.again:
        report(Finished(request.job_id, warning=installed_message(entry, request.folder)))
        return
    try:
        match request:
            case Download():
                install(entry, request.folder, report_stage, cancelled)
            case Import(file=file):
                import_file(entry, file, request.folder, report_stage, cancelled)
    except Cancelled:
        report(JobCancelled(request.job_id))
    else:
        report(Finished(request.job_id))


def install(entry: PublishedWeights, folder: Path, report: ReportStage, cancelled: IsCancelled) -> Path:
    """Download the published weights `entry` and install them in `folder`; return the installed file.

    An interrupted download is resumed. If the catalogue has no SHA-256 of the file, that of the first download is
    recorded beside the weights, and later downloads must have the same. Weights that are already installed are replaced
    when the new file is complete.

    Raises Cancelled if `cancelled()` becomes true, DownloadFailed, DownloadRefused, DiskFull, FolderNotWritable,
    WeightsDamaged, WeightsUnsafe.
    """
    if not entry.address:
        raise DownloadRefused(
            f"{entry.name} can only be downloaded with a browser",
            remedy=f"Download {entry.file_name} from {entry.page}, then import it.",
        )
    record = hash_record(entry, folder)
    read_record(record)  # raises now, if it is damaged, and not after the download
    fetched = folder / _DOWNLOAD_FOLDER / entry.file_name
    if fetched.is_file():  # converting was interrupted
        sha256 = sha256_of(fetched, cancelled)
    else:
        sha256 = download(
            entry.address,
            fetched,
            partial(report, f"Downloading {entry.name}"),
            cancelled,
            sha256=entry.sha256,
            max_size=entry.max_size,
            copies=2,
            page=entry.page,
        )
    try:
        if not entry.sha256:
            expect_recorded(record, entry.file_name, sha256)
        path = _convert(entry, fetched, folder, {"source": entry.address, "source_sha256": sha256}, report, cancelled)
    except (DownloadRefused, WeightsDamaged, WeightsUnsafe) as error:
        traceback.clear_frames(error.__traceback__)  # Windows cannot delete a file while tensors are mapped to it
        fetched.unlink()  # or the next run would try to convert it again
        raise
    if not (entry.sha256 or record.exists()):
        write_record(record, entry.file_name, sha256)
    with suppress(OSError):  # the folder may hold parts of other downloads
        fetched.unlink()
        fetched.parent.rmdir()
    return path


def import_file(entry: PublishedWeights, file: Path, folder: Path, report: ReportStage, cancelled: IsCancelled) -> Path:
    """Install the published weights `entry` in `folder` from the user's `file`; return the installed file.

    `file` is not changed. Raises Cancelled if `cancelled()` becomes true, WeightsMissing, WeightsDamaged,
    WeightsUnsafe, DiskFull, FolderNotWritable.
    """
    expect_file(file)
    report(f"Reading {file.name}", 0, 0)
    try:
        sha256 = sha256_of(file, cancelled)
    except OSError as error:
        raise WeightsMissing(f"{file} cannot be read: {error.strerror}", remedy="Check its permissions.") from error
    if entry.sha256 and sha256 != entry.sha256.lower():
        raise WeightsDamaged(
            f"{file} is not {entry.name} as published: its SHA-256 is {sha256} instead of {entry.sha256}"
        )
    return _convert(entry, file, folder, {"source": file.name, "source_sha256": sha256}, report, cancelled)


def _convert(
    entry: PublishedWeights,
    file: Path,
    folder: Path,
    source: dict[str, str],
    report: ReportStage,
    cancelled: IsCancelled,
) -> Path:
    """Load `file` into its network as a test, write its tensors under the same names, and return the installed file."""
    report(f"Testing {entry.name}", 0, 0)
    recipe = find_recipe(entry.recipes[0])
    recipe.network(recipe.numbers({}), weights=file, device=torch.device("cpu"))
    if cancelled():
        raise Cancelled
    report(f"Converting {entry.name}", 0, 0)
    metadata = {
        "name": entry.name,
        "method": entry.method,
        "licence": entry.licence,
        **source,
        "converted_by": f"Keymatte {VERSION}",
        "date": datetime.now(UTC).date().isoformat(),
    }
    tensors = loading.read(file)
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    content = save(copies, metadata)
    with atomic_write(installed_file(entry, folder)) as part:
        part.write_bytes(content)
    return installed_file(entry, folder)
