"""Desktop photographs of Ubuntu's releases: packages from its archive, by address and checksum, with their licences."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

ARCHIVE = "http://archive.ubuntu.com/ubuntu/"
VERSIONS = "https://launchpad.net/ubuntu/+source/"  # where those are found that the archive has left out
# `packages`: each one's path in the archive and its SHA-256; `left_out`: globs of what is no picture, and of logos and
# characters that belong to somebody
_TABLE = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
LEFT_OUT = tuple(_TABLE["left_out"])
PICTURES = "usr/share/**/*.*"


@dataclass(frozen=True)
class Family:
    """Packages of one project, one to a release; licences are those of their own copyright files."""

    prefix: str  # of their names
    licence: str
    attribution: str


FAMILIES = (
    Family(
        "ubuntu-wallpapers-",
        "CC BY-SA 4.0, CC BY-SA 3.0, CC BY-SA 2.0, CC BY 2.0, CC0 per file",
        "Ubuntu wallpapers, by the photographers named in the packages' copyright files",
    ),
    Family(
        "budgie-wallpapers-",
        "CC0, CC BY-SA 4.0 per file",
        "Ubuntu Budgie wallpapers, by the photographers named in the packages' copyright files",
    ),
    Family(
        "ubuntu-gnome-wallpapers-",
        "CC BY-SA 4.0",
        "Ubuntu GNOME wallpapers, by the photographers named in the packages' copyright files",
    ),
    Family(
        "ubuntukylin-wallpapers-",
        "CC BY-SA 3.0",
        "Ubuntu Kylin wallpapers, by the photographers named in the packages' copyright files",
    ),
    Family(
        "xubuntu-community-wallpapers-",
        "CC BY 3.0, CC BY 4.0, CC BY-SA 3.0, CC0 per file",
        "Xubuntu community wallpapers, by the photographers named in the packages' copyright files",
    ),
)


@dataclass(frozen=True)
class Pinned:
    """A package at the archive."""

    package: str
    family: Family
    address: str
    sha256: str


def pinned() -> list[Pinned]:
    """All packages, by family and name."""
    return [
        Pinned(package, family, ARCHIVE + path, sha256)
        for family in FAMILIES
        for package, (path, sha256) in sorted(_TABLE["packages"].items())
        if package.startswith(family.prefix)
    ]
