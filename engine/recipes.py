"""The table of recipes: a name -> a network and the memory it is run with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from . import catalogue, checkpoints
from .errors import BadSetting, UnknownRecipe, WeightsDamaged, WeightsMissing
from .framing import OUR_STYLE, FramingStyle
from .memory.bank import MemoryBank
from .memory.long_term import LongTerm
from .memory.stores import Bounded, Permanent, Store
from .memory.working import FirstAndWorking, Working
from .memory.worth import recency
from .networks.colour import Colour
from .networks.keymatte import Keymatte
from .networks.network import IMAGENET_MEAN, Network
from .networks.xmem import XMem, XMemSizes
from .sweeps import ALL_PERMANENT, Habits
from .types import Direction

Numbers = dict[str, int]  # a recipe's numbers by name, such as "memory.interval"
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Option:
    """A number of a recipe that can be set."""

    name: str
    default: int
    meaning: str
    least: int = 1
    most: int | None = None
    paper: str = ""  # its name in the method's paper or program


@dataclass(frozen=True)
class Recipe:
    """A method: a network, the memories it is run with, and where its weights are."""

    name: str
    summary: str
    licence: str
    build: Callable[[Numbers, Tensors], Network]
    bank: Callable[[Numbers], MemoryBank]
    options: tuple[Option, ...]
    weights: Path | None = None  # in the repository
    layers: tuple[checkpoints.Layer, ...] | Callable[[Tensors], tuple[checkpoints.Layer, ...]] = ()
    adapt: Callable[[Tensors], Tensors] = dict  # what its weights need before they are loaded
    framing: FramingStyle = OUR_STYLE
    habits: Habits = ALL_PERMANENT
    direction: Direction = Direction.BOTH  # if none is asked for
    unlabelled: Literal["unknown", "absent"] = "unknown"  # what a keyframe says of objects that it does not show

    def numbers(self, overrides: Mapping[str, str]) -> Numbers:
        """Defaults with `overrides` in their place. Raises BadSetting."""
        options = {option.name: option for option in self.options}
        numbers = {option.name: option.default for option in self.options}
        for name, text in overrides.items():
            if name not in options:
                raise BadSetting(f"recipe {self.name!r} has no setting {name!r}; it has {', '.join(numbers)}")
            try:
                numbers[name] = int(text)
            except ValueError:
                raise BadSetting(f"{name} must be a whole number, not {text!r}") from None
            if numbers[name] < options[name].least:
                raise BadSetting(f"{name} must be at least {options[name].least}, not {numbers[name]}")
            if options[name].most is not None and numbers[name] > options[name].most:
                raise BadSetting(f"{name} must be at most {options[name].most}, not {numbers[name]}")
        return numbers

    def network(self, numbers: Numbers, *, weights: Path | None, device: torch.device) -> Network:
        """The network, loaded and on `device`. Raises WeightsMissing, WeightsDamaged."""
        source = weights or self.weights_file()
        tensors = self.adapt(checkpoints.read(source)) if source else {}
        network = self.build(numbers, tensors)
        if isinstance(network, torch.nn.Module):
            layers = self.layers(tensors) if callable(self.layers) else self.layers
            checkpoints.fill(network, tensors, source=source, layers=layers)
            # Convolutions are faster on it on every device; what follows a convolution takes its format over.
            network = network.eval().requires_grad_(False).to(device=device, memory_format=torch.channels_last)
        return network

    def weights_file(self) -> Path | None:
        """The file with its weights; None if it needs none. Raises WeightsMissing."""
        found, entries = self.weights_there(), catalogue.published_for(self.name)
        if found is None and entries:
            raise WeightsMissing(
                f"recipe {self.name!r} runs on its authors' weights, {entries[0].name}, which are not here",
                remedy=f"Fetch them with `models download {entries[0].name}`, or name a file that you have.",
            )
        return found

    def weights_there(self) -> Path | None:
        """The file with its weights, if it needs any and they are here."""
        entries = catalogue.published_for(self.name)
        there = [catalogue.installed(entry, catalogue.default_folder()) for entry in entries]
        return self.weights or next((file for file in there if file.is_file()), None)

    def framing_style(self, numbers: Numbers) -> FramingStyle:
        """How frames are fitted, with these numbers."""
        return replace(self.framing, enlarge=bool(numbers.get(_ENLARGE.name)))

    def keyframe_habits(self, numbers: Numbers) -> Habits:
        """How keyframes are treated, with these numbers."""
        return replace(
            self.habits,
            predicts=bool(numbers.get(_PREDICTS.name, 0)),
            blurred=numbers.get(_UPDATED.name, -1),
        )


# -- our own -----------------------------------------------------------------------------------------------------------
_TOP_K = Option("read.top_k", 30, "memory tokens that each place of the frame reads", paper="top_k")
_FRAMES = Option("memory.frames", 4, "past frames kept beside the keyframes", least=0)
_INTERVAL = Option("memory.interval", 5, "frames between two that are kept", paper="mem_every")


def _permanent_and_recent(numbers: Numbers) -> MemoryBank:
    stores = [Permanent(), Bounded(numbers[_FRAMES.name], recency)]
    return MemoryBank(stores, interval=numbers[_INTERVAL.name])


# -- XMem and XMem++ ---------------------------------------------------------------------------------------------------
_LEAST = Option("memory.least_frames", 5, "frames that stay in working memory (T_min)", paper="min_mid_term_frames")
_MOST = Option(
    "memory.most_frames", 10, "frames at which the older go down together (T_max)", 2, paper="max_mid_term_frames"
)
_LONG = Option(
    "memory.long_term", 1, "1: older frames go down into long-term memory; 0: all stay", 0, 1, "enable_long_term"
)
_PROTOTYPES = Option("memory.prototypes", 128, "tokens distilled from each batch (P)", paper="num_prototypes")
_TOKENS = Option(
    "memory.long_term_tokens", 10_000, "most tokens in long-term memory (LT_max)", paper="max_long_term_elements"
)
_COUNTING = Option(
    "memory.count_long_term", 1, "1: the least used tokens are forgotten first; 0: the oldest", 0, 1,
    "enable_long_term_count_usage",
)  # fmt: skip
_DEEP = Option(
    "sensory.deep_update", -1, "frames between two refreshes of the sensory memory; -1: at every memory frame", -1,
    paper="deep_update_every",
)  # fmt: skip
_SIZE = "channels; 0: as the weights have it"
_KEY = Option("network.key_channels", 0, f"of keys: {_SIZE}", 0, paper="key_dim")
_VALUE = Option("network.value_channels", 0, f"of values: {_SIZE}", 0, paper="value_dim")
_SENSORY = Option("network.sensory_channels", 0, f"of the sensory memory: {_SIZE}", 0, paper="hidden_dim")
_ENLARGE = Option("frame.enlarge", 0, "1: clips smaller than the working height are scaled up to it", 0, 1, "size")
_PREDICTS = Option(
    "keyframes.predict", 0, "1: the memory is read on keyframes too, and that use counted, as in the authors' window",
    0, 1,
)  # fmt: skip
_UPDATED = Option(
    "keyframes.updated", -1,
    "frame of a corrected keyframe that is written as the authors' window updates one, which gives every object the "
    "value of the first; only for comparing; -1: none", -1,
)  # fmt: skip
_XMEM = (
    _TOP_K, _INTERVAL, _LEAST, _MOST, _LONG, _PROTOTYPES, _TOKENS, _COUNTING, _DEEP, _KEY, _VALUE, _SENSORY, _ENLARGE,
    _PREDICTS,
)  # fmt: skip


def _long_term(numbers: Numbers) -> LongTerm:
    if numbers[_MOST.name] <= numbers[_LEAST.name]:
        raise BadSetting(f"{_MOST.name} must be more than {_LEAST.name}, which is {numbers[_LEAST.name]}")
    if numbers[_TOKENS.name] < numbers[_PROTOTYPES.name]:
        raise BadSetting(f"{_TOKENS.name} must be at least {_PROTOTYPES.name}, which is {numbers[_PROTOTYPES.name]}")
    return LongTerm(
        XMem.distil,
        prototypes=numbers[_PROTOTYPES.name],
        most=numbers[_TOKENS.name],
        counting=bool(numbers[_COUNTING.name]),
    )


def _xmem_bank(numbers: Numbers) -> MemoryBank:
    stores: list[Store] = [Working(1, 2**31)]
    if numbers[_LONG.name]:
        stores = [FirstAndWorking(numbers[_LEAST.name], numbers[_MOST.name]), _long_term(numbers)]
    return MemoryBank(stores, interval=numbers[_INTERVAL.name])


def _xmem_plus_plus_bank(numbers: Numbers) -> MemoryBank:
    stores: list[Store] = [Permanent(), Working(1, 2**31)]
    if numbers[_LONG.name]:
        stores = [Permanent(), Working(numbers[_LEAST.name], numbers[_MOST.name]), _long_term(numbers)]
    return MemoryBank(stores, interval=numbers[_INTERVAL.name])


def _xmem(numbers: Numbers, tensors: Tensors) -> XMem:
    """XMem of the sizes that its weights have."""
    rows = {name: len(tensor) for name, tensor in tensors.items() if tensor.ndim}
    sizes = XMemSizes(
        key=rows.get("key_proj.key_proj.weight", 64),
        value=rows.get("value_encoder.fuser.block2.conv2.weight", 512),
        value_mid=rows.get("value_encoder.fuser.block1.conv1.weight", 512),
        sensory=rows.get("decoder.hidden_update.transform.weight", 0) // 3,
    )
    for option, size in ((_KEY, sizes.key), (_VALUE, sizes.value), (_SENSORY, sizes.sensory)):
        if numbers[option.name] not in (0, size):
            raise WeightsDamaged(
                f"{option.name} is set to {numbers[option.name]}, but these weights have {size}",
                remedy="Leave it at 0, or choose other weights.",
            )
    return XMem(sizes, top_k=numbers[_TOP_K.name], deep_update=numbers[_DEEP.name])


def _with_others(tensors: Tensors) -> Tensors:
    """Weights trained on single objects have no input for the other objects' masks: they get one that is not heard."""
    name = "value_encoder.conv1.weight"
    stem = tensors.get(name)
    if stem is None or stem.ndim != 4 or stem.shape[1] != 4:
        return tensors
    return {**tensors, name: torch.cat([stem, torch.zeros_like(stem[:, :1])], 1)}


def _xmem_layers(tensors: Tensors) -> tuple[checkpoints.Layer, ...]:
    with_sensory = any(name.startswith("decoder.hidden_update.") for name in tensors)
    return (*checkpoints.XMEM, *(checkpoints.XMEM_SENSORY if with_sensory else ()))


def _with_defaults(options: tuple[Option, ...], defaults: Mapping[str, int]) -> tuple[Option, ...]:
    return tuple(replace(option, default=defaults.get(option.name, option.default)) for option in options)


_XMEM_FRAMING = FramingStyle(smooth=False, truncate=True, border=IMAGENET_MEAN)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="keymatte",
            summary="Keymatte's own small network; every keyframe permanent, beside some past frames",
            licence="GPL-3.0-or-later",
            build=lambda numbers, tensors: Keymatte(top_k=numbers[_TOP_K.name]),
            bank=_permanent_and_recent,
            options=(_TOP_K, _FRAMES, _INTERVAL),
            weights=checkpoints.BUNDLED / "keymatte.safetensors",
        ),
        Recipe(
            name="xmem++",
            summary="XMem++ (ICCV 2023): every keyframe permanent, beside XMem's working, long-term and sensory memory",
            licence="own code GPL-3.0-or-later; weights XMem's: code MIT, the weights' own licence is not stated",
            build=_xmem,
            bank=_xmem_plus_plus_bank,
            options=_with_defaults((*_XMEM, _UPDATED), {_INTERVAL.name: 10}),
            layers=_xmem_layers,
            adapt=_with_others,
            framing=_XMEM_FRAMING,
            direction=Direction.FORWARD,
            unlabelled="absent",
        ),
        Recipe(
            name="xmem",
            summary="XMem (ECCV 2022): keyframes met on the way; working, long-term and sensory memory",
            licence="own code GPL-3.0-or-later; weights XMem's: code MIT, the weights' own licence is not stated",
            build=_xmem,
            bank=_xmem_bank,
            options=_XMEM,
            layers=_xmem_layers,
            adapt=_with_others,
            framing=_XMEM_FRAMING,
            habits=Habits(permanent=False),
            direction=Direction.FORWARD,
        ),
        Recipe(
            name="colour",
            summary="No network: matches colours. For tests and for the first-run check",
            licence="GPL-3.0-or-later",
            build=lambda numbers, tensors: Colour(top_k=numbers["read.top_k"]),
            bank=lambda numbers: MemoryBank([Permanent()], interval=1),
            options=(Option("read.top_k", 8, "memory cells that each place of the frame reads"),),
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`. Raises UnknownRecipe."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownRecipe(f"no recipe {name!r}; there are {', '.join(RECIPES)}") from None
