"""The parts of the study: which clips, and which of their masks are given; what is not at hand is told of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..shared.errors import NoKeyframes, PicturesMissing
from ..shared.matte_folder import number_in
from .clips import Case, StudyClip, evenly_given, leave_one_out
from .composed import COUNT, composed_films

BUNDLED = Path(__file__).parents[2] / "tests" / "clips" / "chair"
RENDERED = 12
_CHAIR_GIVEN = (0,), (0, 20, 45), (0, 15, 30, 44, 59)
_HELD_OUT_EVERY = 20  # scenes whose seed is a multiple of it are never trained on
_DAVIS = ("JPEGImages/480p", "Annotations/480p")
FILMS = ("composed", "rendered")
_KNOWN = Path(__file__).parent / "films.json"  # SHA-256 of each film by which the card was written

Tell = Callable[[str], None]  # is given sentences


@dataclass(frozen=True)
class Places:
    """Where clips are that do not come with Keymatte."""

    clips: Path | None = None  # holds pumavos_caps
    films: Path | None = None  # composed films, kept there
    data: Path | None = None  # made by train-data
    scenes: Path | None = None  # rendered clips
    folder: Path | None = None  # any clips
    given: int = 1  # masks of each of these


@dataclass(frozen=True)
class Part:
    """Cases that are told of together."""

    name: str  # also of a folder
    title: str
    cases: tuple[Case, ...]


def gather(places: Places, names: Iterable[str], tell: Tell) -> list[Part]:
    """All parts of these names that are at hand; of each other one `tell` is given a sentence how to get it."""
    parts: list[Part] = []
    for name in names:
        try:
            parts += [part for part in _MAKERS[name](places, tell) if part.cases]
        except _Missing as missing:
            tell(f"{name} is left out: {missing}")
    return parts


class _Missing(Exception):
    """A part is not at hand; the words say how to get it."""


def _chair(places: Places, tell: Tell) -> Iterator[Part]:
    if not BUNDLED.is_dir():
        raise _Missing("the clip lies in tests/clips of Keymatte's repository, which this is not.")
    clip = StudyClip.open("chair", BUNDLED / "frames", BUNDLED / "masks")
    for given in _CHAIR_GIVEN:
        wanted = tuple(frame for frame in clip.masks if frame not in given)
        name = f"chair-{len(given)}"
        words = "frame 0 given" if len(given) == 1 else f"frames {', '.join(map(str, given))} given"
        yield Part(name, f"chair, {words}", (Case(name, "chair", clip, given, wanted),))


def _caps(places: Places, tell: Tell) -> Iterator[Part]:
    place = places.clips / "pumavos_caps" if places.clips else None
    if place is None or not place.is_dir():
        raise _Missing(
            "name with --clips the folder that holds pumavos_caps/frames and pumavos_caps/masks: JPEGImages and "
            "Annotations of example_videos/caps in github.com/max810/XMem2 (PUMaVOS)."
        )
    clip = StudyClip.open("caps", place / "frames", place / "masks")
    title = "caps, each frame with a mask found from the others; objects that are to be seen"
    yield Part("caps", title, tuple(leave_one_out("caps", clip)))
    three = _from_masks("caps-3", "caps; objects that are to be seen", _triples([place]), tell, count=3)
    yield replace(three, cases=tuple(replace(case, seen_only=True) for case in three.cases))


def _composed(places: Places, tell: Tell) -> Iterator[Part]:
    if places.films is None:
        raise _Missing(
            "name a folder to keep its films in with --films and, the first time, the folder that train-data made "
            "with --data."
        )
    try:
        folders = composed_films(places.films, places.data / "prepared" if places.data else None)
    except PicturesMissing as error:
        raise _Missing(error.sentence()) from error
    yield _fixed(_from_masks("composed", f"{COUNT} composed films", _triples(folders), tell), tell)


def _rendered(places: Places, tell: Tell) -> Iterator[Part]:
    found = _clip_folders(places.scenes) if places.scenes and places.scenes.is_dir() else []
    numbers = {folder: number_in(folder.name) for folder in found}
    held_out = [folder for folder in found if numbers[folder] is not None and numbers[folder] % _HELD_OUT_EVERY == 0]
    if not held_out:
        raise _Missing(
            f"name the folder of rendered clips with --scenes; only those whose number is a multiple of "
            f"{_HELD_OUT_EVERY} are never trained on."
        )
    some = held_out[:RENDERED]
    yield _fixed(_from_masks("rendered", f"{len(some)} rendered films", _triples(some), tell), tell)


def _fixed(part: Part, tell: Tell) -> Part:
    """The part; `tell` is told if its films are not the ones by which the model card was written."""
    known = json.loads(_KNOWN.read_text(encoding="utf-8"))[part.name]
    same = sum(known.get(case.name) == case.clip.checksum for case in part.cases)
    if same < len(known):
        tell(
            f"{part.name}: {same} of its {len(known)} films are those of the model card. Others were made of other "
            f"packages or by another Blender: compare methods by them, not with the card."
        )
    return part


def _folder(places: Places, tell: Tell) -> Iterator[Part]:
    place = places.folder
    if place is None:
        return
    pictures, masks = (place / part for part in _DAVIS)
    if pictures.is_dir() and masks.is_dir():
        triples = [(folder.name, folder, masks / folder.name) for folder in sorted(pictures.iterdir())]
        triples = [triple for triple in triples if triple[2].is_dir()]
    else:
        triples = _triples(_clip_folders(place))
    if not triples:
        raise _Missing(f"{place} holds neither folders with frames and masks, nor {' and '.join(_DAVIS)}.")
    many = places.given > 1
    name = f"folder-{place.resolve().name}" + f"-{places.given}" * many
    yield _from_masks(name, f"{len(triples)} clips of {place.name}", triples, tell, count=places.given)


def _clip_folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    whole = (path for path in place.iterdir() if path.suffix != ".part")  # others are being written
    return sorted(path for path in whole if (path / "frames").is_dir() and (path / "masks").is_dir())


def _triples(folders: list[Path]) -> list[tuple[str, Path, Path]]:
    """Name, frames and masks of clip folders."""
    return [(folder.name, folder / "frames", folder / "masks") for folder in folders]


def _from_masks(name: str, title: str, triples: list[tuple[str, Path, Path]], tell: Tell, *, count: int = 1) -> Part:
    """Clips of which `count` masks each are given; those that have no more are told of."""
    cases = []
    for triple in triples:
        try:
            cases.append(evenly_given(name, StudyClip.open(*triple), count))
        except NoKeyframes as error:
            tell(f"{name}: {error.message}; it is left out.")
    words = "first mask alone" if count == 1 else f"{count} masks given, from the first evenly to the last"
    return Part(name, f"{title}, {words}", tuple(cases))


_MAKERS: dict[str, Callable[[Places, Tell], Iterator[Part]]] = {
    "chair": _chair,
    "caps": _caps,
    "composed": _composed,
    "rendered": _rendered,
    "folder": _folder,
}
