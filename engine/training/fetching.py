"""Download and unpacking of the packages that training pictures are taken from."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

from ..checkpoints.download import download, sha256_of
from ..shared.errors import DownloadFailed, DownloadRefused
from .photographs import VERSIONS
from .sources import SOURCES, SourcePackage, SourceUnavailable, unpacked

RELEASE = "Debian 12 (bookworm)"  # other releases lack some packages, or their packages have other pictures

log = logging.getLogger(__name__)


def fetch(folder: Path) -> None:
    """Download and unpack (never install) every source package that is missing below `folder`.

    Raises SourceUnavailable if a package cannot be downloaded or unpacked.
    """
    missing = [source for source in SOURCES if not unpacked(folder, source.package).is_dir()]
    if not missing:
        return
    _require_tools()
    archives = folder / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(missing, start=1):
        log.info("fetching %s (%d of %d)", source.package, number, len(missing))
        archive = _download_from_address(source, archives) if source.address else _download(source.package, archives)
        _unpack(archive, unpacked(folder, source.package))


def _require_tools() -> None:
    """Raise SourceUnavailable if apt-get or dpkg-deb is not installed."""
    absent = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if absent:
        raise SourceUnavailable(
            f"the training pictures come from Debian packages, but {' and '.join(absent)} is not installed",
            remedy=f"Run train-data on {RELEASE}, for example in a container, or copy a prepared folder from there.",
        )


def _download(package: str, archives: Path) -> Path:
    """Download a Debian package to the folder `archives` unless it is there; return the path of its file."""
    present = sorted(archives.glob(f"{package}_*.deb"))
    if present:
        return present[-1]
    done = subprocess.run(["apt-get", "download", package], cwd=archives, capture_output=True, text=True)
    downloaded = sorted(archives.glob(f"{package}_*.deb"))
    if done.returncode != 0 or not downloaded:
        raise SourceUnavailable(
            f"package {package} could not be downloaded: {done.stderr.strip()[-300:]}",
            remedy=f"Check the network, run 'apt-get update' on {RELEASE}, and start train-data again: it resumes "
            "where it stopped.",
        )
    return downloaded[-1]


def _download_from_address(source: SourcePackage, archives: Path) -> Path:
    """Download a package from its URL to `archives` unless it is there, check its SHA-256 and return its path."""
    *_, folder, name = source.address.split("/")
    archive = archives / name
    try:
        if not archive.is_file():
            download(source.address, archive, lambda done, total: None, lambda: False, sha256=source.sha256)
    except (DownloadFailed, DownloadRefused) as problem:
        raise SourceUnavailable(
            f"package {source.package} could not be downloaded: {problem.message}",
            remedy=f"Start train-data again. If the archive no longer has the package, download {name} from "
            f"{VERSIONS}{folder} to {archives}.",
        ) from problem
    if sha256_of(archive) != source.sha256:
        raise SourceUnavailable(
            f"{archive} is not the expected package: its SHA-256 differs",
            remedy="Delete the file, and start train-data again.",
        )
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a package into a temporary folder, then rename it to `folder`. Raises SourceUnavailable on failure."""
    half = folder.with_name(folder.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    done = subprocess.run(["dpkg-deb", "-x", str(archive), str(half)], capture_output=True, text=True)
    if done.returncode != 0:
        archive.unlink(missing_ok=True)
        raise SourceUnavailable(
            f"{archive.name} could not be unpacked: {done.stderr.strip()[-300:]}",
            remedy="Free some disk space, and start train-data again; the damaged archive was deleted.",
        )
    half.rename(folder)
