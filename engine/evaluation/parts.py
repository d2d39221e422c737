"""Parts of the study: each is a set of clips, with a rule which of their masks are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..shared.errors import NoKeyframes
from ..shared.matte_folder import number_in
from .clips import Case, StudyClip, evenly_spaced_case, leave_one_out
from .composed import COUNT, composed_films
from .errors import PicturesMissing

BUNDLED = Path(__file__).parents[2] / "tests" / "clips" / "chair"
MAX_RENDERED = 12  # clips
_CHAIR_GIVEN = (0,), (0, 20, 45), (0, 15, 30, 44, 59)
_HELD_OUT_EVERY = 20  # scenes whose seed is a multiple are never trained on
_DAVIS = ("JPEGImages/480p", "Annotations/480p")
FILMS = ("composed", "rendered")
_KNOWN = Path(__file__).parent / "films.json"  # SHA-256 of each film that the model card was measured on

ReportText = Callable[[str], None]  # takes sentences


@dataclass(frozen=True)
class ClipFolders:
    """Folders of clips that are not part of the repository; None: not available."""

    clips: Path | None = None  # contains pumavos_caps
    films: Path | None = None  # composed films; written here the first time
    data: Path | None = None  # made by train-data
    scenes: Path | None = None  # rendered clips
    folder: Path | None = None  # any clips
    given: int = 1  # number of given masks per clip in `folder`

    @property
    def prepared(self) -> Path | None:
        """Return the folder of the images from which films are composed; None: not available."""
        return self.data / "prepared" if self.data else None


@dataclass(frozen=True)
class StudyPart:
    """Part of the study: cases whose results are averaged in one table."""

    name: str  # also used as a folder name
    title: str
    cases: tuple[Case, ...]


def gather_parts(folders: ClipFolders, names: Iterable[str], report: ReportText) -> list[StudyPart]:
    """Return the named parts whose clips are available; report how to get the clips of the others."""
    parts: list[StudyPart] = []
    for name in names:
        try:
            parts += [part for part in _MAKERS[name](folders, report) if part.cases]
        except _ClipsMissing as missing:
            report(f"{name} is left out: {missing}")
    return parts


class _ClipsMissing(Exception):
    """Raised if the clips of a part are not available; the message says how to get them."""


def _chair(folders: ClipFolders, report: ReportText) -> Iterator[StudyPart]:
    """Yield the parts of the bundled clip `chair`, with 1, 3 and 5 given masks. Raises _ClipsMissing."""
    if not BUNDLED.is_dir():
        raise _ClipsMissing("the clip is in tests/clips of Keymatte's repository only.")
    clip = StudyClip.open("chair", BUNDLED / "frames", BUNDLED / "masks")
    for given in _CHAIR_GIVEN:
        wanted = tuple(frame for frame in clip.masks if frame not in given)
        name = f"chair-{len(given)}"
        description = "frame 0 given" if len(given) == 1 else f"frames {', '.join(map(str, given))} given"
        yield StudyPart(name, f"chair, {description}", (Case(name, "chair", clip, given, wanted),))


def _caps(folders: ClipFolders, report: ReportText) -> Iterator[StudyPart]:
    """Yield the parts of the PUMaVOS clip `caps`: leave-one-out, and with 3 given masks. Raises _ClipsMissing."""
    caps = folders.clips / "pumavos_caps" if folders.clips else None
    if caps is None or not caps.is_dir():
        raise _ClipsMissing(
            "name with --clips the folder that contains pumavos_caps/frames and pumavos_caps/masks: JPEGImages and "
            "Annotations of example_videos/caps in github.com/max810/XMem2 (PUMaVOS)."
        )
    clip = StudyClip.open("caps", caps / "frames", caps / "masks")
    title = "caps, each frame with a mask predicted from the others; visible objects"
    yield StudyPart("caps", title, tuple(leave_one_out("caps", clip)))
    three = _from_masks("caps-3", "caps; visible objects", _triples([caps]), report, count=3)
    yield replace(three, cases=tuple(replace(case, seen_only=True) for case in three.cases))


def _composed(folders: ClipFolders, report: ReportText) -> Iterator[StudyPart]:
    """Yield the part of the composed films. Raises _ClipsMissing."""
    if folders.films is None:
        raise _ClipsMissing(
            "name a folder for its films with --films and, the first time, the folder made by train-data with --data."
        )
    try:
        film_folders = composed_films(folders.films, folders.prepared)
    except PicturesMissing as error:
        raise _ClipsMissing(error.sentence()) from error
    yield _compared_with_card(
        _from_masks("composed", f"{COUNT} composed films", _triples(film_folders), report), report
    )


def _rendered(folders: ClipFolders, report: ReportText) -> Iterator[StudyPart]:
    """Yield the part of the rendered clips that are kept out of training. Raises _ClipsMissing."""
    rendered = _clip_folders(folders.scenes) if folders.scenes and folders.scenes.is_dir() else []
    numbers = [(folder, number_in(folder.name)) for folder in rendered]
    held_out = [folder for folder, number in numbers if number is not None and number % _HELD_OUT_EVERY == 0]
    if not held_out:
        raise _ClipsMissing(
            f"name the folder of rendered clips with --scenes; only those whose number is a multiple of "
            f"{_HELD_OUT_EVERY} are never trained on."
        )
    some = held_out[:MAX_RENDERED]
    yield _compared_with_card(_from_masks("rendered", f"{len(some)} rendered films", _triples(some), report), report)


def _compared_with_card(part: StudyPart, report: ReportText) -> StudyPart:
    """Return `part`; report if some of its films differ from those with which the model card's scores were measured."""
    known = json.loads(_KNOWN.read_text(encoding="utf-8"))[part.name]
    identical = sum(known.get(case.name) == case.clip.checksum for case in part.cases)
    if identical < len(known):
        report(
            f"{part.name}: {identical} of its {len(known)} films are those of the model card. The others were made "
            f"from other packages or by another Blender: compare methods on them, but not with the card."
        )
    return part


def _folder(folders: ClipFolders, report: ReportText) -> Iterator[StudyPart]:
    """Yield the part of the clips in the user's folder, if one is given. Raises _ClipsMissing."""
    clips = folders.folder
    if clips is None:
        return
    if not clips.is_dir():
        raise _ClipsMissing(f"{clips} is not a folder.")
    pictures, masks = (clips / subfolder for subfolder in _DAVIS)
    if pictures.is_dir() and masks.is_dir():
        triples = [(folder.name, folder, masks / folder.name) for folder in sorted(pictures.iterdir())]
        triples = [triple for triple in triples if triple[2].is_dir()]
    else:
        triples = _triples(_clip_folders(clips))
    if not triples:
        raise _ClipsMissing(f"{clips} contains neither folders with frames and masks, nor {' and '.join(_DAVIS)}.")
    name = f"folder-{clips.resolve().name}" + (f"-{folders.given}" if folders.given > 1 else "")
    yield _from_masks(name, f"{len(triples)} clips of {clips.name}", triples, report, count=folders.given)


def _clip_folders(parent: Path) -> list[Path]:
    """List the folders in `parent` that contain the subfolders `frames` and `masks`."""
    if not parent.is_dir():
        return []
    finished = (path for path in parent.iterdir() if path.suffix != ".part")  # .part: still being written
    return sorted(path for path in finished if (path / "frames").is_dir() and (path / "masks").is_dir())


def _triples(folders: list[Path]) -> list[tuple[str, Path, Path]]:
    """Return (name, folder of frames, folder of masks) for each clip folder."""
    return [(folder.name, folder / "frames", folder / "masks") for folder in folders]


def _from_masks(
    name: str, title: str, triples: list[tuple[str, Path, Path]], report: ReportText, *, count: int = 1
) -> StudyPart:
    """Make a part from clips with `count` given masks each; report and leave out clips with no mask to predict."""
    cases = []
    for triple in triples:
        try:
            cases.append(evenly_spaced_case(name, StudyClip.open(*triple), count))
        except NoKeyframes as error:
            report(f"{name}: {error.message}; it is left out.")
    description = (
        "only the first mask given" if count == 1 else f"{count} masks given, evenly spaced from the first to the last"
    )
    return StudyPart(name, f"{title}, {description}", tuple(cases))


_MAKERS: dict[str, Callable[[ClipFolders, ReportText], Iterator[StudyPart]]] = {
    "chair": _chair,
    "caps": _caps,
    "composed": _composed,
    "rendered": _rendered,
    "folder": _folder,
}
