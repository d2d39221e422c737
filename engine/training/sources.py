"""Debian and Ubuntu packages that training pictures are taken from, with their licences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..shared.errors import EngineError
from .photographs import ARCHIVE, LEFT_OUT, PICTURES, pinned_packages

CUTOUT, BACKGROUND, TEXTURE, MESH = "cutout", "background", "texture", "mesh"


class SourceUnavailable(EngineError):
    """Source packages or pretrained weights cannot be fetched or unpacked."""

    code = "source-unavailable"


@dataclass(frozen=True)
class FileSelection:
    """Pattern that selects files of a package, and the kind of picture to make of them."""

    kind: str  # CUTOUT, BACKGROUND, TEXTURE or MESH
    pattern: str  # glob below the package's root; "**" matches any number of folders
    archive: str = ""  # if set: glob of zip files, in which `pattern` is matched
    skip: tuple[str, ...] = ()  # globs of files to leave out
    limit: int = 2000  # maximum number of files, chosen by hash of the name


@dataclass(frozen=True)
class SourcePackage:
    """Package with openly licensed pictures; `licence` is what its copyright file states."""

    package: str
    licence: str
    attribution: str
    selections: tuple[FileSelection, ...]
    address: str = ""  # URL of the package's file, if it is not in Debian's archive
    sha256: str = ""  # of that file
    family: str = ""  # name shared by similar packages, one per release
    all_learned: bool = False  # True: no picture is held out, so that the held-out set does not change


_STAMPS = "usr/share/tuxpaint/stamps/**/*.png"
_CLIPART = "usr/share/openclipart/png"
_FURNITURE = "usr/share/sweethome3d/furniture"
_SHIPS = "usr/share/games/endless-sky/images"
_HORIZONS = "usr/share/unknown-horizons/content/gfx"
_KARTS = "usr/share/games/supertuxkart/data"
_AGES = "usr/share/games/0ad/mods/public/public.zip"
_DULL = ("*window*", "*door*", "*plug*", "*switch*", "*RJ-45*", "*dimmer*", "*stationnement*", "*fleche*", "*garage*")
_MAPS = ("*norm*", "*_n.*", "*_nm.*", "*spec*", "*gloss*", "*mask*", "*light*", "*splat*", "*minimap*", "*_bump*")
_SKY = "usr/share/stellarium/landscapes"
_COSTUMES = "usr/share/scratch/Media/Costumes"

SOURCES: tuple[SourcePackage, ...] = (
    SourcePackage(
        "tuxpaint-stamps-default",
        "GPL-2",
        "Tux Paint stamps, by the Tux Paint contributors",
        (FileSelection(CUTOUT, _STAMPS, skip=("*/symbols/alphabets/*", "*/symbols/math/*", "*/town/flags/*")),),
    ),
    SourcePackage(
        "openclipart-png",
        "public domain dedication",
        "Open Clip Art Library, by its contributors",
        tuple(
            FileSelection(CUTOUT, f"{_CLIPART}/{topic}/**/*.png", limit=limit)
            for topic, limit in {
                "animals": 300,
                "people": 250,
                "plants": 150,
                "food": 150,
                "tools": 100,
                "transportation": 200,
                "recreation": 150,
                "electronics": 80,
                "containers": 50,
                "decorations": 60,
                "buildings": 60,
            }.items()
        ),
    ),
    SourcePackage(
        "wesnoth-1.16-data",
        "GPL-2+",
        "The Battle for Wesnoth, by David White and its contributors",
        (FileSelection(CUTOUT, "usr/share/games/wesnoth/1.16/**/portraits/**/*.png"),),
    ),
    SourcePackage(
        "endless-sky-data",
        "CC BY-SA 4.0, CC BY-SA 3.0, CC BY 4.0, public domain per file",
        "Endless Sky, by Michael Zahniser and the contributors named in the package's copyright file",
        (
            FileSelection(CUTOUT, f"{_SHIPS}/ship/*.png", skip=("*@2x*",), limit=120),
            FileSelection(CUTOUT, f"{_SHIPS}/outfit/*.png", limit=100),
            FileSelection(BACKGROUND, f"{_SHIPS}/land/*.jpg", skip=("*/space*", "*/nasa*", "*/earthrise*")),
        ),
    ),
    SourcePackage(
        "unknown-horizons",
        "CC BY-SA 3.0",
        "Unknown Horizons, by Lamoot and the Unknown Horizons Team",
        (
            FileSelection(CUTOUT, f"{_HORIZONS}/units/ships/**/*.png", limit=60),
            FileSelection(CUTOUT, f"{_HORIZONS}/buildings/**/*.png", limit=120),
        ),
    ),
    SourcePackage(
        "trigger-rally-data",
        "GPL-2+, CC0, CC BY 3.0, CC BY-SA 3.0 per file",
        "Trigger Rally, by Jasmine Langridge, Richard Langridge, Onsemeliot and its contributors",
        (FileSelection(CUTOUT, "*textures/veg/*.png", archive="usr/share/games/trigger-rally/*.zip"),),
    ),
    SourcePackage(
        "plasma-workspace-wallpapers",
        "GPL-2+",
        "KDE Visual Design Group",
        (FileSelection(BACKGROUND, "usr/share/wallpapers/*/contents/images/*.*"),),
    ),
    SourcePackage(
        "mate-backgrounds",
        "GPL-2+, CC BY-SA 4.0 per file",
        "MATE backgrounds, by the photographers named in the package's copyright file",
        (FileSelection(BACKGROUND, "usr/share/backgrounds/mate/**/*.*", skip=("*.xml",)),),
    ),
    SourcePackage(
        "gnome-backgrounds",
        "GPL-2+, CC BY-SA 3.0, CC BY-SA 2.0, CC BY 2.0 per file",
        "Jakub Steiner, Helena Bartosova, Quinn Dombrowski, Felix Leupold, Garrett LeSage",
        (FileSelection(BACKGROUND, "usr/share/backgrounds/gnome/*.webp"),),
    ),
    SourcePackage(
        "lomiri-wallpapers-16.04",
        "CC BY 4.0, CC BY-SA 4.0, CC BY-SA 3.0, CC0 per file",
        "Lomiri wallpapers, by the photographers named in the package's copyright file",
        (FileSelection(BACKGROUND, "usr/share/backgrounds/**/*.jpg"),),
    ),
    SourcePackage(
        "lomiri-wallpapers-20.04",
        "CC BY 4.0, CC BY-SA 4.0, CC BY-SA 3.0, CC0 per file",
        "Lomiri wallpapers, by the photographers named in the package's copyright file",
        (FileSelection(BACKGROUND, "usr/share/backgrounds/**/*.jpg"),),
    ),
    SourcePackage(
        "ukui-wallpapers",
        "CC BY-SA 3.0",
        "Ubuntu Kylin community contributors",
        (FileSelection(BACKGROUND, "usr/share/backgrounds/**/*.*"),),
    ),
    SourcePackage(
        "stellarium-data",
        "GPL-2+",
        "Stellarium landscapes, by the Stellarium team",
        tuple(
            FileSelection(BACKGROUND, f"{_SKY}/{place}/*.png", skip=("*fog*", "*-gl*", "*-lgt*", "*illum*"))
            for place in ("garching", "guereins", "hurricane", "ocean")
        ),
    ),
    SourcePackage(
        "python3-skimage",
        "BSD-3-Clause",
        "scikit-image sample pictures, by the scikit-image team",
        tuple(
            FileSelection(kind, f"usr/lib/python3/dist-packages/skimage/data/{name}")
            for kind, name in (
                (BACKGROUND, "astronaut.png"),
                (BACKGROUND, "chelsea.png"),
                (BACKGROUND, "coffee.png"),
                (BACKGROUND, "rocket.jpg"),
                (TEXTURE, "brick.png"),
                (TEXTURE, "grass.png"),
                (TEXTURE, "gravel.png"),
            )
        ),
    ),
    SourcePackage(
        "lxqt-themes",
        "CC BY-SA 3.0, LGPL-2.1+, LGPL-3 per file",
        "LXQt team, Giacomo Barazzetti, Nuno Pinheiro",
        (FileSelection(TEXTURE, "usr/share/lxqt/wallpapers/*.*"),),
    ),
    SourcePackage(
        "tuxtype-data",
        "GPL-2",
        "Tux Typing, by Tux4Kids",
        (FileSelection(BACKGROUND, "usr/share/tuxtype/images/**/*.jpg"),),
    ),
    SourcePackage(
        "supertuxkart-data",
        "CC0, CC BY 3.0, CC BY 4.0, CC BY-SA 3.0, CC BY-SA 4.0, GPL, MIT, Apache-2.0, public domain per file",
        "SuperTuxKart, by the artists named in the package's copyright file",
        (
            FileSelection(TEXTURE, f"{_KARTS}/tracks/**/*.jpg", skip=_MAPS, limit=300),
            FileSelection(TEXTURE, f"{_KARTS}/textures/*.*", skip=_MAPS, limit=150),
        ),
    ),
    SourcePackage(
        "0ad-data",
        "CC BY-SA 3.0",
        "0 A.D., by Wildfire Games",
        (FileSelection(TEXTURE, "art/textures/terrain/types/*.dds", archive=_AGES, skip=_MAPS, limit=250),),
    ),
    SourcePackage(
        "nexuiz-textures",
        "GPL-2+",
        "Nexuiz, by Alientrap and its contributors",
        (
            FileSelection(
                TEXTURE, "textures/*/*.jpg", archive="usr/share/games/nexuiz/data/*.pk3", skip=_MAPS, limit=150
            ),
        ),
    ),
    SourcePackage(
        "sweethome3d-furniture",
        "CC BY 3.0, CC BY 3.0 US, CC0 per catalogue",
        "Andrew Kator & Jennifer Legaz; Reallusion; Scopia Visual Interfaces Systems; BlendSwap contributors; eTeks",
        (FileSelection(MESH, "*.obj", archive=f"{_FURNITURE}/*.sh3f", skip=_DULL),),
    ),
    SourcePackage(
        "scratch",
        "CC BY-SA 3.0",
        "Scratch, by the Lifelong Kindergarten Group at the MIT Media Lab",
        (
            # Mostly photographs of dancers, vehicles and animals; nothing with the logo of a team or company.
            FileSelection(CUTOUT, f"{_COSTUMES}/People/*.gif", skip=("*/boy*", "*/girl*", "*/football*")),
            FileSelection(
                CUTOUT, f"{_COSTUMES}/Animals/*.gif", skip=("*/cat*", "*/fish*", "*/bee*", "*/frog*", "*/whale*")
            ),
            FileSelection(
                CUTOUT, f"{_COSTUMES}/Things/*.gif", skip=("*/button*", "*/drum*", "*/laptop*", "*/hair*", "*/lego*")
            ),
            FileSelection(CUTOUT, f"{_COSTUMES}/Transportation/*.gif", skip=("*/train*",)),
            FileSelection(
                BACKGROUND,
                "usr/share/scratch/Media/Backgrounds/*/*.jpg",
                skip=("*mural*", "*graffiti*", "*movies*", "*/moon*", "*/room*"),
            ),
        ),
        address=f"{ARCHIVE}pool/universe/s/scratch/scratch_1.4.0.6~dfsg1-6.1_all.deb",
        sha256="04793af9ff3c9f8c0f35e8c0c86cad8a25ddaf57eebe83a0e9dc5cfc91b015b4",
        all_learned=True,
    ),
    SourcePackage(
        "gcompris-data",
        "GPL-3+ (photographs: as the copyright file of Debian's gcompris-qt-data records them)",
        "GCompris, by Bruno Coudoin; photographs by Ralf Schmode, Daniel Le Berre, Erwan Velu, Anne Nicolas, "
        "Julien Noel, Adrien Grellier, Claire Gegout",
        # Photographs from Wikipedia are left out, as some are under older versions of the GFDL only.
        (
            FileSelection(
                BACKGROUND,
                "usr/share/gcompris/boards/erase/*.jpg",
                skip=(
                    "*/Asian_*",
                    "*/giant_panda*",
                    "*/golden_toad*",
                    "*/Pteroglossus*",
                    "*/papilio*",
                    "*/gazelle*",
                    "*/Spider*",
                    "*/honey_bee*",
                    "*/Helio*",
                    "*/White_shark*",
                ),
            ),
        ),
        address=f"{ARCHIVE}pool/universe/g/gcompris/gcompris-data_15.02-1.1ubuntu1_all.deb",
        sha256="58cedfc1de785bebeb39d37fc1f365d2fdc0322e527aca2979dacbc59de5d0cf",
        all_learned=True,
    ),
    *(
        SourcePackage(
            row.package,
            row.family.licence,
            row.family.attribution,
            (FileSelection(BACKGROUND, PICTURES, skip=LEFT_OUT),),
            address=row.address,
            sha256=row.sha256,
            family=row.family.prefix,
            all_learned=True,
        )
        for row in pinned_packages()
    ),
)


def unpacked(folder: Path, package: str) -> Path:
    """Return the folder below `folder` into which `fetch` unpacks a package."""
    return folder / "unpacked" / package


def find_source(package: str) -> SourcePackage:
    """Return the source package with a name. Raises KeyError if there is no such package."""
    for source in SOURCES:
        if source.package == package:
            return source
    raise KeyError(f"no source {package!r}; there are {', '.join(source.package for source in SOURCES)}")
