"""Desktop photographs of Ubuntu's releases: packages from its archive, by address and checksum, with their licences."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

ARCHIVE = "http://archive.ubuntu.com/ubuntu/"
ARCHIVE_PAGE = "https://launchpad.net/ubuntu/+source/"  # where a version is found once the archive has left it out
_PINNED = Path(__file__).with_suffix(".json")  # package -> its path in the archive, its SHA-256
PICTURES = "usr/share/**/*.*"
LEFT_OUT = (
    *("*.xml", "*copyright", "*changelog*", "*/doc/*"),
    *("*warty*", "*logo*", "*kylin-*", "*Simple_Ubuntu*", "*_Grey_*"),  # drawn
    # Under the licence of Unsplash, which is not open.
    *("*Abstract_Painting*", "*Camera_Film*", "*Colored_Pencils*", "*Hippopotamus*", "*Landscape_Photography*"),
    *("*Macro_Shot_of_Black*", "*Silver_Back*"),
)


@dataclass(frozen=True)
class Family:
    """Packages of one project, one to a release; licences are those of their own copyright files."""

    prefix: str  # of their names
    licence: str
    attribution: str


FAMILIES = (
    Family(
        "ubuntu-wallpapers-",
        "CC BY-SA 4.0, CC BY-SA 3.0, CC BY-SA 2.0, CC BY 3.0, CC BY 2.0, CC0 per file",
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
        "CC BY-SA 3.0, CC BY-SA 4.0, GPL-3+ per file",
        "Ubuntu Kylin wallpapers, by the photographers named in the packages' copyright files",
    ),
    Family(
        "xubuntu-community-wallpapers-",
        "CC BY 3.0, CC BY 4.0, CC BY-SA, CC0 per file",
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
    table = json.loads(_PINNED.read_text(encoding="utf-8"))
    return [
        Pinned(package, family, ARCHIVE + path, sha256)
        for family in FAMILIES
        for package, (path, sha256) in sorted(table.items())
        if package.startswith(family.prefix)
    ]
