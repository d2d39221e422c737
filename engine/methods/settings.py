"""Settings of every recipe, which are found and checked before PyTorch is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..shared import catalogue
from ..shared.errors import BadSetting, UnknownRecipe, WeightsMissing
from ..shared.types import Settings
from .options import (
    DISTILS,
    ENLARGED,
    FOLDS,
    FOLLOW,
    GAP,
    GAP_MAVOS,
    GAP_RMEM,
    GATE,
    INTERVAL,
    LATTER,
    LONG,
    MAX_FRAMES,
    MEMORIES,
    MIN_FRAMES,
    PERMANENT,
    PROTOTYPES,
    PUBLISHED_SLOTS,
    QDMN,
    QDMN_YOUTUBE,
    STEPS,
    TOKENS,
    TOP_K,
    UPDATED,
    XMEM,
    YOUTUBE,
    Option,
)

Numbers = dict[str, int]  # setting name -> value

MEMORY = "memory"  # name of the setting that selects another memory
_MIN_HEIGHT = 32  # pixels: two cells of the stride-16 grid, the least that a network can use
_RENAMED = {"memory.least_frames": "memory.min_frames", "memory.most_frames": "memory.max_frames"}  # since 0.1.0
_SET_BY_OPTION = {"size": "--height", "TEST_MIN_SIZE": "--height", "TEST_MAX_SIZE": "--height"}


# -- recipes -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RecipeSettings:
    """The settings of one recipe, and what else can be checked of it before its network is built."""

    recipe: str
    options: tuple[Option, ...]
    network: str = ""  # what its network can do: DISTILS, FOLDS, or nothing
    bundled: Path | None = None  # weights file that comes with Keymatte

    def apply(self, overrides: Mapping[str, str]) -> tuple[RecipeSettings, Numbers]:
        """Apply `overrides`: return the settings, with another memory if they name one, and the value of each.

        Raises BadSetting.
        """
        chosen = self.with_memory(overrides[MEMORY]) if MEMORY in overrides else self
        return chosen, chosen.numbers({name: text for name, text in overrides.items() if name != MEMORY})

    def with_memory(self, memory: str) -> RecipeSettings:
        """Return the settings of the recipe with the memory called `memory`. Raises BadSetting."""
        choice = MEMORIES.get(memory)
        if choice is None:
            raise BadSetting(f"there is no memory {memory!r}; {_choose_from(memory, MEMORIES)}")
        if choice.needs and choice.needs != self.network:
            raise BadSetting(f"the memory {memory!r} needs a network that {choice.needs}; {self.recipe!r} does not")
        own = {option.name: option for option in self.options}
        kept = [option for option in self.options if not option.name.startswith(f"{MEMORY}.")]
        interval = own.get(INTERVAL.name, INTERVAL)
        interval = replace(interval, min_value=1, default=interval.default or INTERVAL.default)
        return replace(self, options=(*kept, interval, *choice.options, own.get(GATE.name, GATE)))

    def numbers(self, overrides: Mapping[str, str]) -> Numbers:
        """Return the value of each setting: from `overrides`, by our names or the papers', else the default.

        Raises BadSetting.
        """
        numbers = {option.name: option.default for option in self.options}
        given: dict[str, str] = {}  # our name -> the name that was used
        for name, text in overrides.items():
            option = self._find(name)
            if given.setdefault(option.name, name) != name:
                raise BadSetting(f"{given[option.name]!r} and {name!r} are the same setting")
            numbers[option.name] = option.parse(text)
        if numbers.get(YOUTUBE.name):
            own = {option.name for option in self.options} - given.keys()
            numbers |= {option.name: option.default for option in QDMN_YOUTUBE if option.name in own}
        _check_long_term(numbers)
        return numbers

    def name_of(self, name: str) -> str:
        """Return our name of the option called `name` by us, in the paper or in its code. Raises BadSetting."""
        return name if name == MEMORY else self._find(name).name

    def _find(self, name: str) -> Option:
        """Return the option called `name` by us, in the paper or in its code. Raises BadSetting."""
        for option in self.options:
            if option.name in (name, _PAPERS.get(name)):
                return option
        if _RENAMED.get(name) in {option.name for option in self.options}:
            raise BadSetting(f"the setting {name!r} is now called {_RENAMED[name]!r}")
        if name in _SET_BY_OPTION:
            raise BadSetting(f"{name!r} is set by the option {_SET_BY_OPTION[name]}")
        own = [option.name for option in self.options]
        theirs = [spelling for spelling, ours in _PAPERS.items() if ours in own]
        raise BadSetting(
            f"recipe {self.recipe!r} has no setting {name[:60]!r}; {_choose_from(name, [*own, MEMORY], also=theirs)}"
        )

    def available_weights(self) -> Path | None:
        """Return the weights file that comes with Keymatte, else the first installed published one, else None."""
        entries = catalogue.published_for(self.recipe)
        candidates = [catalogue.installed_file(entry, catalogue.default_folder()) for entry in entries]
        return self.bundled or next((file for file in candidates if file.is_file()), None)

    def weights_file(self) -> Path | None:
        """Return the weights file that comes with Keymatte, else the first published one that is installed.

        Returns None for a recipe without bundled or published weights. Raises WeightsMissing if the recipe needs
        published weights and none are installed, or if the bundled file is missing.
        """
        found, entries = self.available_weights(), catalogue.published_for(self.recipe)
        if found is None and entries:
            raise WeightsMissing(
                f"recipe {self.recipe!r} needs its authors' weights, {entries[0].name}, which are not installed",
                remedy=f"To use it, {entries[0].how_to_install}, or choose a file with --weights.",
            )
        if found is not None and not found.is_file():
            raise WeightsMissing(
                f"the weights file {found}, which comes with Keymatte, does not exist",
                remedy="Install Keymatte again, or choose a file with --weights.",
            )
        return found

    def check(self, settings: Settings, weights: Path | None) -> None:
        """Check the settings of a job, and that its weights file exists. Raises BadSetting, WeightsMissing."""
        if settings.adapt and STEPS not in self.options:
            raise BadSetting(
                f"recipe {self.recipe!r} cannot adapt to the shot",
                remedy="Turn adapting off, or choose the recipe 'keymatte'.",
            )
        self.apply(settings.overrides)
        if settings.height < _MIN_HEIGHT:
            raise BadSetting(f"a working height of {settings.height} pixels is too small; the minimum is {_MIN_HEIGHT}")
        if weights is None:
            self.weights_file()
        else:
            catalogue.expect_file(weights)


def _check_long_term(numbers: Numbers) -> None:
    """Raise BadSetting if the values of XMem's long-term memory contradict each other."""
    if MAX_FRAMES.name not in numbers or not numbers.get(LONG.name, 1):
        return
    if numbers[MAX_FRAMES.name] <= numbers[MIN_FRAMES.name]:
        raise BadSetting(
            f"{MAX_FRAMES.name} must be greater than {MIN_FRAMES.name}, which is {numbers[MIN_FRAMES.name]}"
        )
    if numbers[TOKENS.name] < numbers[PROTOTYPES.name]:
        raise BadSetting(f"{TOKENS.name} must be at least {PROTOTYPES.name}, which is {numbers[PROTOTYPES.name]}")


def _choose_from(name: str, names: Iterable[str], *, also: Iterable[str] = ()) -> str:
    """Return the end of a sentence about an unknown `name`: the most similar names, or else all of `names`.

    Those in `also` are other spellings, which are named only if they are similar.
    """
    names = list(names)
    spellings = {spelling.casefold(): spelling for spelling in (*names, *also)}
    leaves = {spelling.rpartition(".")[2].casefold(): spelling for spelling in names}  # interval -> memory.interval
    wanted = name[:60].casefold()
    close = difflib.get_close_matches(wanted, [*spellings, *leaves], 3, 0.7)
    similar = list(dict.fromkeys(spellings.get(word) or leaves[word] for word in close))
    return f"similar names are {', '.join(similar)}" if similar else f"choose from {', '.join(names)}"


_KEYMATTE = (
    replace(TOP_K, default=12), FOLLOW, PERMANENT, ENLARGED, INTERVAL, replace(GATE, default=60), STEPS,
)  # fmt: skip
_XMEM_PLUS_PLUS = (*(replace(option, default=10) if option is INTERVAL else option for option in XMEM), UPDATED)

SETTINGS = {
    settings.recipe: settings
    for settings in (
        RecipeSettings("keymatte", _KEYMATTE, FOLDS, catalogue.bundled_file("keymatte")),
        RecipeSettings("xmem++", _XMEM_PLUS_PLUS, DISTILS),
        RecipeSettings("xmem", XMEM, DISTILS),
        RecipeSettings("qdmn++", QDMN),
        RecipeSettings("qdmn", (*QDMN, PUBLISHED_SLOTS)),
        *(RecipeSettings(f"mavos++{encoder}", (GAP_MAVOS, GATE), FOLDS) for encoder in ("", "-r50", "-swinb")),
        *(RecipeSettings(f"mavos{encoder}", (GAP_MAVOS,), FOLDS) for encoder in ("", "-r50", "-swinb")),
        *(
            RecipeSettings(f"{method}{encoder}", (GAP,))
            for method in ("deaot-l", "aot-l")
            for encoder in ("", "-mbv2", "-swinb")
        ),
        *(RecipeSettings(f"{method}+rmem", (GAP_RMEM, LATTER)) for method in ("aot-l", "deaot-l")),
        RecipeSettings("colour", (replace(TOP_K, default=8, paper="", symbol=""),)),
    )
}
_PAPERS = {  # name in a paper or its code -> our name; each is understood for every recipe that has the setting
    spelling: option.name
    for options in (*(row.options for row in SETTINGS.values()), *(row.options for row in MEMORIES.values()))
    for option in options
    for spelling in (option.paper, option.symbol)
    if spelling
}


def find_settings(recipe: str) -> RecipeSettings:
    """Return the settings of the recipe called `recipe`. Raises UnknownRecipe."""
    found = SETTINGS.get(recipe)
    if found is None:
        similar = difflib.get_close_matches(recipe[:60].casefold(), SETTINGS, 1)
        hint = f", but {similar[0]!r}" if similar else ""
        raise UnknownRecipe(f"there is no recipe {recipe!r}{hint}; the recipes are {', '.join(SETTINGS)}")
    return found


def describe(settings: RecipeSettings) -> str:
    """Format one table: a recipe's settings, then all memories that can be chosen, each with its settings."""
    rows = [("--set", "in the paper", "default", "meaning"), *map(_row, settings.options)]
    rows.append((MEMORY, "-", "the recipe's", "use another memory: every keyframe, ..."))
    for choice in MEMORIES.values():
        rows.append((f"{MEMORY}={choice.name}", "", "", f"... {choice.meaning}"))
        rows += [_row(option, "  ") for option in choice.options]
    rows.append(_row(GATE, "  "))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  " + "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )


def _row(option: Option, indent: str = "") -> tuple[str, str, str, str]:
    names = ", ".join(filter(None, (option.paper, option.symbol))) or "-"
    return indent + option.name, names, option.show(option.default), option.meaning
