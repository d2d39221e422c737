"""Where the pictures for training come from: a table of Debian's and Ubuntu's packages with their licences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..shared.errors import EngineError
from .photographs import ARCHIVE, LEFT_OUT, PICTURES, pinned

CUTOUT, BACKGROUND, TEXTURE, MESH = "cutout", "background", "texture", "mesh"


class SourceUnavailable(EngineError):
    """The source packages cannot be fetched on this machine."""

    code = "source-unavailable"


@dataclass(frozen=True)
class Take:
    """What is taken from a package: files that match a pattern, read as one kind of picture."""

    kind: str  # CUTOUT, BACKGROUND, TEXTURE or MESH
    pattern: str  # glob below the package's root; "**" crosses folders
    archive: str = ""  # when set: glob of zip files, and `pattern` is matched inside of them
    skip: tuple[str, ...] = ()  # globs of what the pattern should not have caught
    limit: int = 2000  # at most this many, chosen by hash of the name


@dataclass(frozen=True)
class Source:
    """A package with openly licensed pictures. Licences are those of its own copyright file."""

    package: str
    licence: str
    attribution: str
    takes: tuple[Take, ...]
    address: str = ""  # of the package's file, where this machine's own archive does not have it
    sha256: str = ""  # of that file
    family: str = ""  # of alike packages, one to a release
    all_learned: bool = False  # True: none is held out, so that the held-out pictures stay what they were


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

SOURCES: tuple[Source, ...] = (
    Source(
        "tuxpaint-stamps-default",
        "GPL-2",
        "Tux Paint stamps, by the Tux Paint contributors",
        (Take(CUTOUT, _STAMPS, skip=("*/symbols/alphabets/*", "*/symbols/math/*", "*/town/flags/*")),),
    ),
    Source(
        "openclipart-png",
        "public domain dedication",
        "Open Clip Art Library, by its contributors",
        tuple(
            Take(CUTOUT, f"{_CLIPART}/{topic}/**/*.png", limit=limit)
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
    Source(
        "wesnoth-1.16-data",
        "GPL-2+",
        "The Battle for Wesnoth, by David White and its contributors",
        (Take(CUTOUT, "usr/share/games/wesnoth/1.16/**/portraits/**/*.png"),),
    ),
    Source(
        "endless-sky-data",
        "CC BY-SA 4.0, CC BY-SA 3.0, CC BY 4.0, public domain per file",
        "Endless Sky, by Michael Zahniser and the contributors named in the package's copyright file",
        (
            Take(CUTOUT, f"{_SHIPS}/ship/*.png", skip=("*@2x*",), limit=120),
            Take(CUTOUT, f"{_SHIPS}/outfit/*.png", limit=100),
            Take(BACKGROUND, f"{_SHIPS}/land/*.jpg", skip=("*/space*", "*/nasa*", "*/earthrise*")),
        ),
    ),
    Source(
        "unknown-horizons",
        "CC BY-SA 3.0",
        "Unknown Horizons, by Lamoot and the Unknown Horizons Team",
        (
            Take(CUTOUT, f"{_HORIZONS}/units/ships/**/*.png", limit=60),
            Take(CUTOUT, f"{_HORIZONS}/buildings/**/*.png", limit=120),
        ),
    ),
    Source(
        "trigger-rally-data",
        "GPL-2+, CC0, CC BY 3.0, CC BY-SA 3.0 per file",
        "Trigger Rally, by Jasmine Langridge, Richard Langridge, Onsemeliot and its contributors",
        (Take(CUTOUT, "*textures/veg/*.png", archive="usr/share/games/trigger-rally/*.zip"),),
    ),
    Source(
        "plasma-workspace-wallpapers",
        "GPL-2+",
        "KDE Visual Design Group",
        (Take(BACKGROUND, "usr/share/wallpapers/*/contents/images/*.*"),),
    ),
    Source(
        "mate-backgrounds",
        "GPL-2+, CC BY-SA 4.0 per file",
        "MATE backgrounds, by the photographers named in the package's copyright file",
        (Take(BACKGROUND, "usr/share/backgrounds/mate/**/*.*", skip=("*.xml",)),),
    ),
    Source(
        "gnome-backgrounds",
        "GPL-2+, CC BY-SA 3.0, CC BY-SA 2.0, CC BY 2.0 per file",
        "Jakub Steiner, Helena Bartosova, Quinn Dombrowski, Felix Leupold, Garrett LeSage",
        (Take(BACKGROUND, "usr/share/backgrounds/gnome/*.webp"),),
    ),
    Source(
        "lomiri-wallpapers-16.04",
        "CC BY 4.0, CC BY-SA 4.0, CC BY-SA 3.0, CC0 per file",
        "Lomiri wallpapers, by the photographers named in the package's copyright file",
        (Take(BACKGROUND, "usr/share/backgrounds/**/*.jpg"),),
    ),
    Source(
        "lomiri-wallpapers-20.04",
        "CC BY 4.0, CC BY-SA 4.0, CC BY-SA 3.0, CC0 per file",
        "Lomiri wallpapers, by the photographers named in the package's copyright file",
        (Take(BACKGROUND, "usr/share/backgrounds/**/*.jpg"),),
    ),
    Source(
        "ukui-wallpapers",
        "CC BY-SA 3.0",
        "Ubuntu Kylin community contributors",
        (Take(BACKGROUND, "usr/share/backgrounds/**/*.*"),),
    ),
    Source(
        "stellarium-data",
        "GPL-2+",
        "Stellarium landscapes, by the Stellarium team",
        tuple(
            Take(BACKGROUND, f"{_SKY}/{place}/*.png", skip=("*fog*", "*-gl*", "*-lgt*", "*illum*"))
            for place in ("garching", "guereins", "hurricane", "ocean")
        ),
    ),
    Source(
        "python3-skimage",
        "BSD-3-Clause",
        "scikit-image sample pictures, by the scikit-image team",
        tuple(
            Take(kind, f"usr/lib/python3/dist-packages/skimage/data/{name}")
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
    Source(
        "lxqt-themes",
        "CC BY-SA 3.0, LGPL-2.1+, LGPL-3 per file",
        "LXQt team, Giacomo Barazzetti, Nuno Pinheiro",
        (Take(TEXTURE, "usr/share/lxqt/wallpapers/*.*"),),
    ),
    Source(
        "tuxtype-data",
        "GPL-2",
        "Tux Typing, by Tux4Kids",
        (Take(BACKGROUND, "usr/share/tuxtype/images/**/*.jpg"),),
    ),
    Source(
        "supertuxkart-data",
        "CC0, CC BY 3.0, CC BY 4.0, CC BY-SA 3.0, CC BY-SA 4.0, GPL, MIT, Apache-2.0, public domain per file",
        "SuperTuxKart, by the artists named in the package's copyright file",
        (
            Take(TEXTURE, f"{_KARTS}/tracks/**/*.jpg", skip=_MAPS, limit=300),
            Take(TEXTURE, f"{_KARTS}/textures/*.*", skip=_MAPS, limit=150),
        ),
    ),
    Source(
        "0ad-data",
        "CC BY-SA 3.0",
        "0 A.D., by Wildfire Games",
        (Take(TEXTURE, "art/textures/terrain/types/*.dds", archive=_AGES, skip=_MAPS, limit=250),),
    ),
    Source(
        "nexuiz-textures",
        "GPL-2+",
        "Nexuiz, by Alientrap and its contributors",
        (Take(TEXTURE, "textures/*/*.jpg", archive="usr/share/games/nexuiz/data/*.pk3", skip=_MAPS, limit=150),),
    ),
    Source(
        "sweethome3d-furniture",
        "CC BY 3.0, CC BY 3.0 US, CC0 per catalogue",
        "Andrew Kator & Jennifer Legaz; Reallusion; Scopia Visual Interfaces Systems; BlendSwap contributors; eTeks",
        (Take(MESH, "*.obj", archive=f"{_FURNITURE}/*.sh3f", skip=_DULL),),
    ),
    Source(
        "scratch",
        "CC BY-SA 3.0",
        "Scratch, by the Lifelong Kindergarten Group at the MIT Media Lab",
        (
            # Mostly photographs: of dancers, vehicles, animals; nothing with the signs of a team or a company.
            Take(CUTOUT, f"{_COSTUMES}/People/*.gif", skip=("*/boy*", "*/girl*", "*/football*")),
            Take(CUTOUT, f"{_COSTUMES}/Animals/*.gif", skip=("*/cat*", "*/fish*", "*/bee*", "*/frog*", "*/whale*")),
            Take(CUTOUT, f"{_COSTUMES}/Things/*.gif", skip=("*/button*", "*/drum*", "*/laptop*", "*/hair*", "*/lego*")),
            Take(CUTOUT, f"{_COSTUMES}/Transportation/*.gif", skip=("*/train*",)),
            Take(
                BACKGROUND,
                "usr/share/scratch/Media/Backgrounds/*/*.jpg",
                skip=("*mural*", "*graffiti*", "*movies*", "*/moon*", "*/room*"),
            ),
        ),
        address=f"{ARCHIVE}pool/universe/s/scratch/scratch_1.4.0.6~dfsg1-6.1_all.deb",
        sha256="04793af9ff3c9f8c0f35e8c0c86cad8a25ddaf57eebe83a0e9dc5cfc91b015b4",
        all_learned=True,
    ),
    Source(
        "gcompris-data",
        "GPL-3+ (photographs: as the copyright file of Debian's gcompris-qt-data records them)",
        "GCompris, by Bruno Coudoin; photographs by Ralf Schmode, Daniel Le Berre, Erwan Velu, Anne Nicolas, "
        "Julien Noel, Adrien Grellier, Claire Gegout",
        # Those from Wikipedia, some under GFDL without its newer terms, are not taken.
        (
            Take(
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
        Source(
            row.package,
            row.family.licence,
            row.family.attribution,
            (Take(BACKGROUND, PICTURES, skip=LEFT_OUT),),
            address=row.address,
            sha256=row.sha256,
            family=row.family.prefix,
            all_learned=True,
        )
        for row in pinned()
    ),
)


def unpacked(folder: Path, package: str) -> Path:
    """Where `fetch` puts the contents of a package."""
    return folder / "unpacked" / package


def find_source(package: str) -> Source:
    """The row of the table for a package."""
    for source in SOURCES:
        if source.package == package:
            return source
    raise KeyError(f"no source {package!r}; there are {', '.join(source.package for source in SOURCES)}")
