"""What mask images hold: object numbers, black and white, alpha or colours, by their values, palettes and alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .errors import KeyframeNotLabels
from .mask_images import DAVIS_NUMBERS, MAX_COLOURS, UNSURE, VOID, WORDS, Masks, Meaning
from .mask_looks import MaskLook, ValueCounts, extreme_share

_WHITE = 0xFFFFFF
_MAX_SMALL = 31  # grey values up to this are object numbers, not shades
_MAX_VALUES = 32  # more are shades or a photograph
_MIN_EXTREME = 0.75  # share of the pixels of a soft mask that are nearly black or nearly white
_REGION = 0.4  # flatness from which on values fill regions
_MIN_NUMBERED = 0.25  # of the area of 255: what object numbers cover at least if 255 is the rim around them


def meanings_of(looks: Sequence[MaskLook], asked: Masks = Masks.AUTO) -> list[Meaning]:
    """Decide how each image is read; all of them hold the same: numbers, black and white, alpha or colours.

    Raises KeyframeNotLabels, which offers the choice, if it cannot be told.
    """
    if asked == Masks.COLOURS:
        return [_as_colours(looks)] * len(looks)
    if asked in (Masks.NUMBERS, Masks.ALPHA):
        return [Meaning(asked)] * len(looks)
    if asked == Masks.AUTO and any(mask.transparent for mask in looks):
        _check_alpha(looks)
        if not all(mask.numbered for mask in looks if mask.transparent):
            return [Meaning(Masks.ALPHA) if mask.transparent or not mask.empty else Meaning() for mask in looks]
        decided = _by_colours(_of_one_form(looks), asked)
        # Where the transparent background is the bright one of two colours, only the alpha says what is inside.
        return [_on_transparent_white(mask, meaning) for mask, meaning in zip(looks, decided)]
    return _by_colours(_of_one_form(looks), asked)


def _on_transparent_white(mask: MaskLook, meaning: Meaning) -> Meaning:
    """Return the reading by alpha for a black and white palette image whose transparent part is white."""
    inverted = meaning.masks == Masks.BINARY and mask.transparent and mask.brightness(0) >= mask.white / 2
    return Meaning(Masks.ALPHA) if inverted else meaning


def _by_colours(looks: Sequence[MaskLook], asked: Masks) -> list[Meaning]:
    """Decide, or only find what is half of white if black and white is asked for; alpha is ignored."""
    groups: dict[tuple[object, ...], list[MaskLook]] = {}
    for mask in looks:
        groups.setdefault(_group(mask), []).append(mask)
    decide = _binary if asked == Masks.BINARY else _decide
    if asked != Masks.BINARY:
        groups = {key: group for key, group in groups.items() if not all(mask.empty for mask in group)}
    decided = {key: decide(ValueCounts.of(group), group[0]) for key, group in groups.items()}
    _check_that_all_agree([(groups[key][0].name, meaning) for key, meaning in decided.items()])
    colours = tuple(sorted({colour for meaning in decided.values() for colour in meaning.colours}))
    void = any(meaning.void for meaning in decided.values())
    return [replace(decided.get(_group(mask), Meaning()), colours=colours, void=void) for mask in looks]


def _group(mask: MaskLook) -> tuple[object, ...]:
    """Return what images must have in common for their values to be comparable."""
    return mask.form, mask.white, mask.palette


def _check_alpha(looks: Sequence[MaskLook]) -> None:
    """Raise KeyframeNotLabels unless alpha alone says what the object is, in all images."""
    marked = [mask for mask in looks if mask.transparent]
    if not any(mask.opaque for mask in marked) and max(len(mask.pixels) for mask in marked) > 1:
        raise _unsure(marked[0].name, "it is transparent everywhere, but its colours differ")
    if all(mask.numbered for mask in marked):
        return
    for mask in looks:
        if mask.transparent and not mask.cut_out:
            raise _unsure(mask.name, "both its colours and its alpha could be the mask")
        if not mask.transparent and not mask.empty:
            raise _unsure(mask.name, f"it has no transparent pixels, unlike {marked[0].name}")


def _of_one_form(looks: Sequence[MaskLook]) -> list[MaskLook]:
    """Return the statistics with those of grey RGB images in terms of colours if others have colours."""
    if not any(mask.form == "colour" for mask in looks):
        return list(looks)
    return [mask.as_colour() if mask.form == "grey" and mask.rgb and mask.white == 255 else mask for mask in looks]


def _check_that_all_agree(decided: Sequence[tuple[str, Meaning]]) -> None:
    """Raise KeyframeNotLabels if images hold different things."""
    for name, meaning in decided[1:]:
        first_name, first = decided[0]
        if meaning.masks != first.masks:
            raise KeyframeNotLabels(
                f"{first_name} holds {WORDS[first.masks]}, but {name} holds {WORDS[meaning.masks]}",
                remedy=f"Keep masks of one kind in a folder. {UNSURE}",
            )


def _as_colours(looks: Sequence[MaskLook]) -> Meaning:
    """Return the reading of images as colours: each colour but black is an object, in the order of 0xRRGGBB."""
    colours = sorted({colour for mask in looks for colour in mask.shown_colours() if colour})
    if len(colours) > MAX_COLOURS:
        raise KeyframeNotLabels(
            f"{looks[0].name} has {len(colours)} colours, from soft edges or a photograph: these are not objects",
            remedy="Save it without anti-aliasing, as a PNG, on black.",
        )
    return Meaning(Masks.COLOURS, colours=tuple(colours))


def _binary(values: ValueCounts, mask: MaskLook) -> Meaning:
    """Return the reading as black and white, cut at half of white or, if all is darker, of the brightest value."""
    brightness = max(mask.brightness(value) for value in values.pixels)
    white = values.white if brightness >= values.white / 2 or not brightness else brightness
    return Meaning(Masks.BINARY, half=white / 2)


def _decide(values: ValueCounts, mask: MaskLook) -> Meaning:
    rules: dict[str, Callable[[ValueCounts, MaskLook], Meaning]]
    rules = {"grey": _of_grey, "palette": _of_palette, "colour": _of_colour}
    return rules[mask.form](values, mask)


# -- palettes and colours ----------------------------------------------------------------------------------------------
def _of_palette(values: ValueCounts, mask: MaskLook) -> Meaning:
    used = {int(value): mask.palette[int(value)] for value in values.ordered}
    numbers = Meaning(void=values.void_beside_numbers)
    if all(DAVIS_NUMBERS.get(colour) == index for index, colour in used.items()):
        return numbers
    if len(used) > _MAX_VALUES:
        raise _not_numbers(values, f"{len(used)} colours, from soft edges or a photograph")
    if len(set(used.values())) < len(used):  # the palette does not tell the numbers apart
        return numbers
    if all(colour % 0x010101 == 0 for colour in used.values()):
        return _of_grey(values.renamed({index: colour & 255 for index, colour in used.items()}), mask)
    if len(used) > 3 and len(values.at_edges(used)) > len(used) / 2:
        raise _not_numbers(values, f"{len(used)} colours, from soft edges or a photograph")
    likely_backgrounds = {0, _WHITE} & {colour for index, colour in used.items() if index not in (0, VOID)}
    if mask.palette[0] and likely_backgrounds:
        raise _unsure(values.name, "by its numbers, the black or white part would be an object")
    return numbers


def _of_colour(values: ValueCounts, mask: MaskLook) -> Meaning:
    colours = [int(value) for value in values.ordered]
    numbers = {DAVIS_NUMBERS.get(colour) for colour in colours}
    if None not in numbers and not values.lossy:
        return Meaning(void=VOID in numbers and len(numbers - {0, VOID}) > 0)
    if values.lossy or len(colours) > _MAX_VALUES:
        raise KeyframeNotLabels(
            f"{values.name} is a colour image, so the objects in it cannot be identified", remedy=UNSURE
        )
    if 0 not in colours:
        raise _unsure(values.name, "it has colours, but no black background")
    if len(colours) > 2 and values.at_edges(colours[1:]):
        raise _unsure(values.name, f"it has {len(colours)} colours, which could be soft edges or objects")
    return Meaning(Masks.COLOURS, colours=tuple(colour for colour in colours if colour))


# -- greys -------------------------------------------------------------------------------------------------------------
def _of_grey(values: ValueCounts, mask: MaskLook) -> Meaning:
    ordered = values.ordered
    lit = [value for value in ordered if value]
    black_and_white = Meaning(Masks.BINARY, half=values.white / 2)
    if ordered[0] < 0 and values.white > 1:
        raise _not_numbers(values, "negative values")
    if lit and (values.lossy or any(value % 1 for value in lit)):  # numbers would be exact
        return _shades(values, black_and_white)
    return _of_whole_greys(values, lit, black_and_white) if lit else black_and_white


def _of_whole_greys(values: ValueCounts, lit: Sequence[float], black_and_white: Meaning) -> Meaning:
    """Return the reading of grey values without fractions; `lit` are those above 0."""
    ordered = values.ordered
    if ordered[-1] < values.white / 2:
        return _dark_numbers(values)
    others = [value for value in lit if value != VOID]
    if others and len(others) < len(lit) and max(others) <= _MAX_SMALL:
        return _small_numbers_and_255(values, others, black_and_white)
    if len(ordered) <= 2:
        return _two_greys(values, black_and_white)
    between = ordered[1:-1]
    edges = values.at_edges(between)
    if len(ordered) > _MAX_VALUES or len(edges) == len(between):
        return _shades(values, black_and_white)
    if edges or VOID in lit:
        raise _unsure(values.name, f"its values {_listed(lit)} could be objects, or shades of a mask")
    return Meaning()


def _two_greys(values: ValueCounts, black_and_white: Meaning) -> Meaning:
    """Return the reading of one or two grey values of which the last is brighter than mid-grey."""
    dark, bright = values.ordered[0], values.ordered[-1]
    if dark == bright or (dark < values.white / 2 and (not dark or bright > _MAX_SMALL)):
        return black_and_white
    if bright > _MAX_SMALL:
        raise _unsure(values.name, f"its values {dark:g} and {bright:g} could be two objects, or one on a background")
    return Meaning()


def _dark_numbers(values: ValueCounts) -> Meaning:
    """Return the reading of grey values that are all darker than mid-grey, as numbers."""
    ordered = values.ordered
    if len(ordered) > _MAX_VALUES:
        raise _not_numbers(values, f"{len(ordered)} values, from soft edges or a photograph")
    if ordered[-1] > _MAX_SMALL and values.at_edges(ordered[1:-1]):
        raise _unsure(values.name, f"its {len(ordered)} dark values could be soft edges or objects")
    return Meaning()


def _small_numbers_and_255(values: ValueCounts, others: Sequence[float], black_and_white: Meaning) -> Meaning:
    """Return the reading of small values and 255: object numbers and unknown pixels, or a mask and its soft edges."""
    if not values.void_beside_numbers or (len(others) == 1 and 0 not in values.pixels):
        raise _unsure(values.name, "255 could be an object, white, or unknown")
    flat = values.flatness(others) >= _REGION
    if flat or sum(values.pixels[value] for value in others) >= _MIN_NUMBERED * values.pixels[VOID]:
        return Meaning(void=True)
    if others == list(range(1, len(others) + 1)):
        raise _unsure(values.name, "255 could be an object, white, or unknown")
    return black_and_white


def _shades(values: ValueCounts, black_and_white: Meaning) -> Meaning:
    """Return the reading as black and white with soft edges, if most pixels are nearly black or nearly white."""
    count = len(values.pixels)
    if values.ordered[-1] < values.white / 2:
        raise _not_numbers(values, f"{count} values, none of them as bright as mid-grey")
    if count > 2 and extreme_share(values.pixels) < _MIN_EXTREME:
        raise _not_numbers(values, f"{count} values, from soft edges or a photograph")
    return black_and_white


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers[:8]) + (" ..." if len(numbers) > 8 else "")


def _not_numbers(values: ValueCounts, has: str) -> KeyframeNotLabels:
    return KeyframeNotLabels(f"{values.name} has {has}: these are not object numbers", remedy=UNSURE)


def _unsure(name: str, why: str) -> KeyframeNotLabels:
    return KeyframeNotLabels(f"what {name} holds is not clear: {why}", remedy=UNSURE)
