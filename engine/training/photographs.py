"""Ubuntu packages of desktop photographs, pinned by URL and checksum, with their licences."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

ARCHIVE = "http://archive.ubuntu.com/ubuntu/"
VERSIONS = "https://launchpad.net/ubuntu/+source/"  # keeps versions that the archive has removed
# `packages`: name -> path in the archive and SHA-256; `left_out`: globs of files to leave out, as they are not pictures
# or show protected logos or characters
_TABLE = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
LEFT_OUT = tuple(_TABLE["left_out"])
PICTURES = "usr/share/**/*.*"


@dataclass(frozen=True)
class PackageFamily:
    """Packages of one project, one per Ubuntu release; `licence` lists what their copyright files state."""

    prefix: str  # of the packages' names
    licence: str
    attribution: str


FAMILIES = (
    PackageFamily(
        "ubuntu-wallpapers-",
        "CC BY-SA 4.0, CC BY-SA 3.0, CC BY-SA 2.0, CC BY 2.0, CC0 per file",
        "Ubuntu wallpapers, by the photographers named in the packages' copyright files",
    ),
    PackageFamily(
        "budgie-wallpapers-",
        "CC0, CC BY-SA 4.0 per file",
        "Ubuntu Budgie wallpapers, by the photographers named in the packages' copyright files",
    ),
    PackageFamily(
        "ubuntu-gnome-wallpapers-",
        "CC BY-SA 4.0",
        "Ubuntu GNOME wallpapers, by the photographers named in the packages' copyright files",
    ),
    PackageFamily(
        "ubuntukylin-wallpapers-",
        "CC BY-SA 3.0",
        "Ubuntu Kylin wallpapers, by the photographers named in the packages' copyright files",
    ),
    PackageFamily(
        "xubuntu-community-wallpapers-",
        "CC BY 3.0, CC BY 4.0, CC BY-SA 3.0, CC0 per file",
        "Xubuntu community wallpapers, by the photographers named in the packages' copyright files",
    ),
)


@dataclass(frozen=True)
class PinnedPackage:
    """Ubuntu package of photographs, with its URL and SHA-256 checksum."""

    package: str
    family: PackageFamily
    address: str
    sha256: str


def pinned_packages() -> list[PinnedPackage]:
    """Return all pinned packages, ordered by family and name."""
    return [
        PinnedPackage(package, family, ARCHIVE + path, sha256)
        for family in FAMILIES
        for package, (path, sha256) in sorted(_TABLE["packages"].items())
        if package.startswith(family.prefix)
    ]
