"""What a recipe is: a network, the memories it is run with, its numbers, and where its weights are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ..checkpoints import loading
from ..inference.framing import OUR_STYLE, Framing, FramingStyle
from ..inference.mask_merging import MaskMerger, SoftMaskMerger
from ..inference.sweeps import ALL_PERMANENT, KeyframePolicy
from ..memory.bank import MemoryBank
from ..networks.network import Network
from ..shared import catalogue
from ..shared.errors import BadSetting, WeightsMissing
from ..shared.types import Direction
from .memories import GATE, INTERVAL, PERMANENT, Numbers, Option, find_cascade

Tensors = Mapping[str, Tensor]


_MEMORY = "memory"  # the setting that names one

# Numbers that several families have.
TOP_K = Option("read.top_k", 30, "memory tokens that each place of the frame reads", paper="top_k")
ENLARGE = Option("frame.enlarge", 0, "1: clips smaller than the working height are scaled up to it", 0, 1, "size")
PREDICTS = Option(
    "keyframes.predict", 0, "1: the memory is read on keyframes too, and that use counted, as in the authors' window",
    0, 1,
)  # fmt: skip
STEPS = Option("adapt.steps", 200, "steps in which the decoder learns from a shot's keyframes, with --adapt", 4, 10_000)
UPDATED = Option(
    "keyframes.updated", -1,
    "frame of a corrected keyframe that is written as the authors' window updates one, which gives every object the "
    "value of the first; only for comparing; -1: none", -1,
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A method: a network, the memories it is run with, and where its weights are."""

    name: str
    summary: str
    licence: str
    build: Callable[[Numbers, Tensors], Network]
    bank: Callable[[Numbers, Network, int], MemoryBank]  # with the number of frames of the clip
    options: tuple[Option, ...]
    weights: Path | None = None  # in the repository
    names: Callable[[Tensors], loading.Names] = lambda tensors: ()  # its authors' names, if they have others
    adapt: Callable[[Tensors], Tensors] = dict  # what its weights need before they are loaded
    shares_entries: bool = False  # what a frame leaves in memory speaks of all objects at once, also of absent ones
    framing: FramingStyle = OUR_STYLE
    mask_merger: Callable[[Framing], MaskMerger] = SoftMaskMerger
    keyframe_policy: KeyframePolicy = ALL_PERMANENT
    direction: Direction = Direction.BOTH  # if none is asked for
    unlabelled: Literal["unknown", "absent"] = "unknown"  # what a keyframe says of objects that it does not show

    def set_to(self, overrides: Mapping[str, str]) -> tuple[Recipe, Numbers]:
        """This recipe with its numbers, run with another memory if `overrides` name one. Raises BadSetting."""
        rest = {name: text for name, text in overrides.items() if name != _MEMORY}
        recipe = self if _MEMORY not in overrides else self.remembering(overrides[_MEMORY])
        return recipe, recipe.numbers(rest)

    def remembering(self, memory: str) -> Recipe:
        """The same with the memory of that name, which holds every keyframe. Raises BadSetting."""
        cascade = find_cascade(memory)
        own = [option for option in self.options if not option.name.startswith(f"{_MEMORY}.")]
        interval, gate = (
            next((option for option in self.options if option.name == one.name), one) for one in (INTERVAL, GATE)
        )
        return replace(
            self,
            bank=cascade.bank,
            options=(
                *own,
                replace(interval, min_value=1, default=interval.default or INTERVAL.default),
                *cascade.options,
                gate,
            ),
            keyframe_policy=replace(
                self.keyframe_policy,
                permanent=True,
                shared_memory=self.keyframe_policy.shared_memory and not self.shares_entries,
            ),
        )

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
            if numbers[name] < options[name].min_value:
                raise BadSetting(f"{name} must be at least {options[name].min_value}, not {numbers[name]}")
            if options[name].max_value is not None and numbers[name] > options[name].max_value:
                raise BadSetting(f"{name} must be at most {options[name].max_value}, not {numbers[name]}")
        return numbers

    def network(self, numbers: Numbers, *, weights: Path | None, device: torch.device) -> Network:
        """The network, loaded and on `device`. Raises WeightsMissing, WeightsDamaged."""
        source = weights or self.weights_file()
        tensors = self.adapt(loading.read(source)) if source else {}
        network = self.build(numbers, tensors)
        if isinstance(network, torch.nn.Module):
            if source is None:
                raise WeightsMissing(
                    f"recipe {self.name!r} comes without weights", remedy="Name a file with --weights."
                )
            loading.fill(network, tensors, source=source, names=self.names(tensors))
            # Convolutions are faster on it on every device; what follows a convolution takes its format over.
            network = network.eval().requires_grad_(False).to(device=device, memory_format=torch.channels_last)
        return network

    @property
    def adapts(self) -> bool:
        """Whether its network can learn from a shot's keyframes."""
        return STEPS in self.options

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
        return replace(self.framing, enlarge=bool(numbers.get(ENLARGE.name)))

    def keyframe_policy_for(self, numbers: Numbers) -> KeyframePolicy:
        """How keyframes are treated, with these numbers."""
        return replace(
            self.keyframe_policy,
            permanent=self.keyframe_policy.permanent and bool(numbers.get(PERMANENT.name, 1)),
            read_on_keyframes=bool(numbers.get(PREDICTS.name, 0)),
            first_value_frame=numbers.get(UPDATED.name, -1),
        )


def with_defaults(options: tuple[Option, ...], defaults: Mapping[str, int]) -> tuple[Option, ...]:
    """The options, some with another default."""
    return tuple(replace(option, default=defaults.get(option.name, option.default)) for option in options)
