"""What the colours of imported masks stand for, remembered on the clip: an object, or nothing that is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpy.types import MovieClip

from .objects import find_object

NEW, IGNORE = -1, 0  # what a colour is if it is no object that there is


def code(colour: int) -> str:
    """Return a colour 0xRRGGBB as text: `#rrggbb`."""
    return f"#{colour:06x}"


def remembered(clip: MovieClip, colours: Sequence[int]) -> dict[int, int]:
    """Return what these colours were before: an object that still exists, or IGNORE."""
    known = {item.name: item.object_id for item in clip.matting.colours}
    choice = {colour: known[code(colour)] for colour in colours if code(colour) in known}
    return {colour: id_ for colour, id_ in choice.items() if id_ == IGNORE or find_object(clip, id_)}


def taken_for(clip: MovieClip, colours: Sequence[int]) -> dict[int, int]:
    """Return what to take each colour of an image for, without asking.

    That is what it was before. Others are objects 1, 2, 3 by their order, as long as the clip's colours are not known;
    then they are NEW, since the numbers may be those of other colours.
    """
    is_first = not any(item.object_id == IGNORE or find_object(clip, item.object_id) for item in clip.matting.colours)
    known = remembered(clip, colours)
    return {colour: known.get(colour, number if is_first else NEW) for number, colour in enumerate(colours, start=1)}


def remember(clip: MovieClip, choice: Mapping[int, int]) -> None:
    """Remember the object of each colour, or that it is ignored."""
    for colour, object_id in choice.items():
        index = clip.matting.colours.find(code(colour))
        item = clip.matting.colours[index] if index >= 0 else clip.matting.colours.add()
        item.name, item.object_id = code(colour), object_id


def told(clip: MovieClip, colours: Sequence[int]) -> str:
    """Say which of these colours is which object; empty without colours."""
    names = {item.object_id: item.name for item in clip.matting.objects} | {IGNORE: "ignored"}
    return ", ".join(f"{code(colour)} is {names[id_]}" for colour, id_ in remembered(clip, colours).items())
