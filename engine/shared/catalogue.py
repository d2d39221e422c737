"""Catalogue of published weights: sources, licences, sizes, and the folder in which they are installed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import UnknownWeights, WeightsMissing
from .user_folders import data_folder

FOLDER_VARIABLE = "KEYMATTE_WEIGHTS"  # environment variable with the folder of installed weights
_BUNDLED = Path(__file__).parents[1] / "weights"
_WITH_BUNDLED = ("keymatte",)  # recipes whose weights come with Keymatte


@dataclass(frozen=True)
class PublishedWeights:
    """Weights file that the authors of a method published; it is downloaded only when the user asks for it."""

    name: str
    recipes: tuple[str, ...]  # that can run with these weights
    method: str  # name given by its authors, and the paper
    file_name: str  # of the published file
    licence: str  # of code and weights, also where the authors state none
    size: int  # bytes, approximate
    page: str  # web page that offers the file
    address: str = ""  # URL of the file itself; empty: not downloadable by a program
    sha256: str = ""  # of the published file; empty: its authors state none, see `hash_record`
    note: str = ""

    @property
    def max_size(self) -> int:
        """Return the bytes that the published file has at most, as `size` is approximate."""
        return self.size + self.size // 10 + (1 << 20)

    @property
    def how_to_install(self) -> str:
        """Return how to install the weights on the command line, as the end of a sentence."""
        if self.address:
            return f"run `models download {self.name}`"
        return f"download {self.file_name} from {self.page} with a browser, and run `models import FILE`"


def _xmem(name: str, note: str, *, size: int = 249_000_000) -> PublishedWeights:
    return PublishedWeights(
        name=name,
        recipes=("xmem++", "xmem"),
        method="XMem (Cheng & Schwing, ECCV 2022)",
        file_name=f"{name}.pth",
        licence="code MIT, by Ho Kei Cheng; for the weights themselves its authors state none",
        size=size,
        page="https://github.com/hkchengrex/XMem/releases/tag/v1.0",
        address=f"https://github.com/hkchengrex/XMem/releases/download/v1.0/{name}.pth",
        note=note,
    )


def _google_drive(
    name: str,
    recipes: tuple[str, ...],
    method: str,
    code: tuple[str, str],
    *,
    file_name: str,
    drive: str,
    millions: float,
) -> PublishedWeights:
    """Make the catalogue entry of weights on Google Drive, which the user must download with a browser.

    The entry has no `address`, as Google Drive asks for a confirmation before it sends large files. `code` is the
    licence and the repository of the code, `drive` the id of the file, `millions` the number of parameters in millions.
    """
    licence, repository = code
    return PublishedWeights(
        name=name,
        recipes=recipes,
        method=method,
        file_name=file_name,
        licence=f"code {licence}; for the weights themselves their authors state none",
        size=round(millions * 4e6),
        page=f"https://drive.google.com/file/d/{drive}/view",
        address="",
        note=f"Linked from github.com/{repository}",
    )


_AOT_CODE = ("BSD-3-Clause", "yoxu515/aot-benchmark")
_MAVOS_CODE = ("BSD-3-Clause", "Amshaker/MAVOS")
_RMEM_CODE = ("MIT", "Restricted-Memory/RMem")
_DEAOT, _AOT, _MAVOS = "DeAOT-L (NeurIPS 2022)", "AOT-L (NeurIPS 2021)", "MAVOS (2024)"
_MAVOS_FILES = (
    ("mbv2", "", 34.4, {
        "LVOS": "1KhD6e-590vlAUitIXWFuhOv1typfTB-N",
        "LTV": "1wIgUZ36BVWzUL5nmOifct7U42I2nS8mT",
        "DAVIS": "1jEh1qDacEZSnPyZTL913hW3GUHKhqaOn",
    }),
    ("r50", "-r50", 41.1, {
        "LVOS": "1Hp-j0hNWesSBle6HQxm6ghJE9b1THn1I",
        "LTV": "1AdyEiwjc6l5OrK9PBViFwcJs00UdQe5U",
        "DAVIS": "1pfKbm--DdHPYXJfZwE7LKaaIPzjRDn2K",
    }),
    ("swinb", "-swinb", 91.6, {
        "LVOS": "1HbRHeChnQWK73OYaYov-bchfwbm4lRyf",
        "LTV": "1QYxyHa_GFrW4IT44qBv8vqEHpDAj4gVv",
        "DAVIS": "1KSbKmKZg66u6edSqLVZyKzlanyVOhAvt",
    }),
)  # fmt: skip
_AOT_FAMILY = (
    _google_drive(
        "R50_AOTL_PRE_YTB_DAV", ("aot-l",), _AOT, _AOT_CODE,
        file_name="R50_AOTL_PRE_YTB_DAV.pth", drive="1qJDYn3Ibpquu4ffYoQmVjg1YCbr2JQep", millions=14.9,
    ),
    _google_drive(
        "R50_DeAOTL_PRE_YTB_DAV", ("deaot-l",), _DEAOT, _AOT_CODE,
        file_name="R50_DeAOTL_PRE_YTB_DAV.pth", drive="1QoChMkTVxdYZ_eBlZhK2acq9KMQZccPJ", millions=19.8,
    ),
    _google_drive(
        "DeAOTL_PRE_YTB_DAV", ("deaot-l-mbv2",), _DEAOT, _AOT_CODE,
        file_name="DeAOTL_PRE_YTB_DAV.pth", drive="18elNz_wi9JyVBcIUYKhRdL08MA-FqHD5", millions=13.2,
    ),
    _google_drive(
        "SwinB_DeAOTL_PRE_YTB_DAV", ("deaot-l-swinb",), _DEAOT, _AOT_CODE,
        file_name="SwinB_DeAOTL_PRE_YTB_DAV.pth", drive="1g4E-F0RPOx9Nd6J7tU9AE1TjsouL4oZq", millions=70.3,
    ),
    *(
        _google_drive(
            f"MAVOS-{encoder}-{trained}", (f"mavos++{suffix}", f"mavos{suffix}"), f"{_MAVOS}, for {trained}",
            _MAVOS_CODE, file_name=f"MAVOS-{encoder}-{trained}.pth", drive=drive, millions=millions,
        )
        for encoder, suffix, millions, files in _MAVOS_FILES
        for trained, drive in files.items()
    ),
    _google_drive(
        "RMem-R50-AOTL", ("aot-l+rmem",), "RMem on AOT-L (CVPR 2024)", _RMEM_CODE,
        file_name="aotplus_R50_AOTL_Temp_pe_Slot_4_ema_20000.pth", drive="1_Wp-zXw2u9zIWRJLYCw-TGaVOKGFaVb_",
        millions=15.2,
    ),
    _google_drive(
        "RMem-R50-DeAOTL", ("deaot-l+rmem",), "RMem on DeAOT-L (CVPR 2024)", _RMEM_CODE,
        file_name="aotplus_R50_DeAOTL_Temp_pe_Slot_4_ema_20000.pth", drive="1jMqSOuF5t_W6U7UrKdaX6SH42GSnc78-",
        millions=19.9,
    ),
)  # fmt: skip

_QDMN = PublishedWeights(
    name="QDMN",
    recipes=("qdmn++", "qdmn"),
    method="QDMN (Liu et al., ECCV 2022)",
    file_name="QDMN.pth",
    licence="none stated by the authors, neither for code nor for weights: all rights reserved",
    size=418_000_000,
    page="https://drive.google.com/file/d/1fdiGFGol1ecVowPe6gfRHsRs9zCThFXB/view",
    note="Trained on still images, BL30K, DAVIS and YouTube-VOS; linked from github.com/workforai/QDMN",
)

CATALOGUE = (
    _xmem("XMem", "The authors' default"),
    _xmem("XMem-s012", "Trained on BL30K too, somewhat more accurate"),
    _xmem("XMem-s2", "Trained without still images, less accurate, for comparison"),
    _xmem("XMem-no-sensory", "Without sensory memory, for views that do not follow each other", size=239_000_000),
    _QDMN,
    *_AOT_FAMILY,
)


def find_weights(name: str) -> PublishedWeights:
    """Return the catalogue entry of the weights called `name`, ignoring case. Raises UnknownWeights."""
    for entry in CATALOGUE:
        if entry.name.casefold() == name.casefold():
            return entry
    raise UnknownWeights(f"there are no weights {name!r}; published are {', '.join(entry.name for entry in CATALOGUE)}")


def find_by_file(file: Path) -> PublishedWeights:
    """Return the catalogue entry whose published file has the same name as `file`. Raises UnknownWeights."""
    # without suffixes that browsers and file managers append to copies
    stem = re.sub(r"\s*\(\d+\)$|\s*-?\s*[Cc]opy$", "", file.stem).casefold()
    for entry in CATALOGUE:
        if stem in (entry.name.casefold(), Path(entry.file_name).stem.casefold()):
            return entry
    raise UnknownWeights(
        f"the name of {file} is not that of any published weights",
        remedy=f"Add --as NAME, one of {', '.join(entry.name for entry in CATALOGUE)}.",
    )


def published_for(recipe: str) -> tuple[PublishedWeights, ...]:
    """Return the catalogue entries of weights for a recipe; its authors' default comes first."""
    return tuple(entry for entry in CATALOGUE if recipe in entry.recipes)


def bundled_file(recipe: str) -> Path | None:
    """Return the weights file of a recipe that comes with Keymatte; None if its weights do not."""
    return _BUNDLED / f"{recipe}.safetensors" if recipe in _WITH_BUNDLED else None


def default_folder() -> Path:
    """Return the default folder for installed weights, which Blender and the command line share.

    The environment variable KEYMATTE_WEIGHTS sets it; else it is in `user_folders.data_folder`.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else data_folder() / "weights"


def installed_file(entry: PublishedWeights, folder: Path) -> Path:
    """Return the path at which these weights are installed in `folder`; the file may not exist."""
    return folder / f"{entry.name}.safetensors"


def hash_record(entry: PublishedWeights, folder: Path) -> Path:
    """Return the path at which the SHA-256 of the downloaded file is recorded; the file may not exist."""
    return folder / f"{entry.name}.sha256"


def is_installed(entry: PublishedWeights, folder: Path) -> bool:
    """Return whether these weights are installed in `folder`."""
    return installed_file(entry, folder).is_file()


def installed_message(entry: PublishedWeights, folder: Path) -> str:
    """Return a message that says that these weights are already installed in `folder`."""
    return f"{entry.name} is already installed in {installed_file(entry, folder)}"


def expect_file(file: Path) -> None:
    """Raise WeightsMissing unless the weights file that the user names exists."""
    if not file.is_file():
        raise WeightsMissing(f"the weights file {file} does not exist")


def size_in_words(size: int) -> str:
    """Format a number of bytes for display, such as "249 MB"."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 100 * factor else f"{size / factor:.0f} {unit}"
    return f"{size} bytes"
