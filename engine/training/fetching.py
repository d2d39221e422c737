"""Fetches and unpacks the packages that training pictures come from."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

from ..checkpoints.download import download, sha256_of
from ..shared.errors import DownloadFailed, DownloadRefused
from .photographs import VERSIONS
from .sources import SOURCES, Source, SourceUnavailable, unpacked

RELEASE = "Debian 12 (bookworm)"  # others lack some of the packages, or have other pictures in them

log = logging.getLogger(__name__)


def fetch(folder: Path) -> None:
    """Download and unpack (never install) every source package below `folder`; what is there is not fetched again."""
    missing = [source for source in SOURCES if not unpacked(folder, source.package).is_dir()]
    if not missing:
        return
    _demand_tools()
    archives = folder / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(missing, start=1):
        log.info("fetching %s (%d of %d)", source.package, number, len(missing))
        archive = _from_address(source, archives) if source.address else _download(source.package, archives)
        _unpack(archive, unpacked(folder, source.package))


def _demand_tools() -> None:
    absent = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if absent:
        raise SourceUnavailable(
            f"the training pictures come from Debian packages, but {' and '.join(absent)} cannot be found here",
            remedy=f"Run the fetch on {RELEASE} (a container will do), or copy a prepared folder from one.",
        )


def _download(package: str, archives: Path) -> Path:
    """The package's archive file, downloaded when it is not there yet."""
    found = sorted(archives.glob(f"{package}_*.deb"))
    if found:
        return found[-1]
    done = subprocess.run(["apt-get", "download", package], cwd=archives, capture_output=True, text=True)
    found = sorted(archives.glob(f"{package}_*.deb"))
    if done.returncode != 0 or not found:
        raise SourceUnavailable(
            f"package {package} could not be downloaded: {done.stderr.strip()[-300:]}",
            remedy=f"Check the network, run 'apt-get update' once on {RELEASE}, whose packages these are, and start "
            "the fetch again: it goes on where it was.",
        )
    return found[-1]


def _from_address(source: Source, archives: Path) -> Path:
    """The package's archive file from its address, downloaded when it is not there yet."""
    *_, folder, name = source.address.split("/")
    place = archives / name
    try:
        if not place.is_file():
            download(source.address, place, lambda done, total: None, lambda: False, sha256=source.sha256)
    except (DownloadFailed, DownloadRefused) as problem:
        raise SourceUnavailable(
            f"package {source.package} could not be downloaded: {problem.message}",
            remedy=f"Start the fetch again. If the archive no longer has it, put {name} from {VERSIONS}{folder} "
            f"into {archives}.",
        ) from problem
    if sha256_of(place) != source.sha256:
        raise SourceUnavailable(
            f"{place} is not the package that is known: its SHA-256 is another one",
            remedy="Remove it, and start the fetch again.",
        )
    return place


def _unpack(archive: Path, place: Path) -> None:
    """Unpack beside the final place first, so that an interrupted run leaves no half-filled folder."""
    half = place.with_name(place.name + ".part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    done = subprocess.run(["dpkg-deb", "-x", str(archive), str(half)], capture_output=True, text=True)
    if done.returncode != 0:
        archive.unlink(missing_ok=True)
        raise SourceUnavailable(
            f"{archive.name} could not be unpacked: {done.stderr.strip()[-300:]}",
            remedy="Free some disk space and start the fetch again; the damaged archive was removed.",
        )
    half.rename(place)
