"""Recipe: a method that a user can choose, made of a network, a memory, settings and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from ..checkpoints import loading
from ..inference.framing import DEFAULT_STYLE, Framing, FramingStyle
from ..inference.mask_merging import MaskMerger, SoftMaskMerger
from ..inference.sweeps import ALL_PERMANENT, KeyframePolicy
from ..memory.bank import MemoryBank
from ..networks.network import Network
from ..shared import catalogue
from ..shared.errors import BadSetting, WeightsMissing
from ..shared.types import Direction
from .memories import GATE, INTERVAL, PERMANENT, Numbers, Option, find_cascade

Tensors = Mapping[str, Tensor]
Module = TypeVar("Module", bound=nn.Module)

_MEMORY = "memory"  # name of the setting that selects another memory
_RENAMED = {"memory.least_frames": "memory.min_frames", "memory.most_frames": "memory.max_frames"}  # since 0.1.0

# Settings that several families share.
TOP_K = Option("read.top_k", 30, "memory tokens read at each position of the frame", paper="top_k")
ENLARGE = Option("frame.enlarge", 0, "1: scale smaller clips up to the working height", 0, 1, "size")
PREDICTS = Option(
    "keyframes.predict", 0, "1: read the memory on keyframes too, and count this as usage, as the authors' GUI does",
    0, 1,
)  # fmt: skip
STEPS = Option("adapt.steps", 200, "fine-tuning steps on the shot's keyframes, with --adapt", 4, 10_000)
UPDATED = Option(
    "keyframes.updated", -1,
    "frame of a corrected keyframe to write as the authors' GUI updates one: every object gets the value of the "
    "first (only for comparison); -1: none", -1,
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Method that a user can choose: how to build its network and memory, its settings, and its weights."""

    name: str
    summary: str
    licence: str
    build: Callable[[Numbers, Tensors], Network]
    bank: Callable[[Numbers, Network, int], MemoryBank]  # the int is the number of frames of the clip
    options: tuple[Option, ...]
    weights: Path | None = None  # file that comes with Keymatte
    needs_weights: bool = True
    names: Callable[[Tensors], loading.Names] = lambda tensors: ()  # published tensor names, if they differ from ours
    convert_weights: Callable[[Tensors], Tensors] = dict  # applied to published weights before they are loaded
    shares_entries: bool = False  # a memory entry describes all objects jointly, absent ones too
    framing: FramingStyle = DEFAULT_STYLE
    mask_merger: Callable[[Framing], MaskMerger] = SoftMaskMerger
    keyframe_policy: KeyframePolicy = ALL_PERMANENT
    direction: Direction = Direction.BOTH  # default of --direction
    unlabelled: Literal["unknown", "absent"] = "unknown"  # state of objects that a keyframe does not label

    def with_settings(self, overrides: Mapping[str, str]) -> tuple[Recipe, Numbers]:
        """Apply `overrides`: return the recipe, with another memory if they name one, and the value of each setting.

        Raises BadSetting.
        """
        rest = {name: text for name, text in overrides.items() if name != _MEMORY}
        recipe = self if _MEMORY not in overrides else self.with_memory(overrides[_MEMORY])
        return recipe, recipe.numbers(rest)

    def with_memory(self, memory: str) -> Recipe:
        """Return the recipe with the memory called `memory` and with permanent keyframes. Raises BadSetting."""
        cascade = find_cascade(memory)
        own = [option for option in self.options if not option.name.startswith(f"{_MEMORY}.")]
        interval, gate = (
            next((option for option in self.options if option.name == default.name), default)
            for default in (INTERVAL, GATE)
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
        """Return the value of each setting: from `overrides`, else the default. Raises BadSetting."""
        options = {option.name: option for option in self.options}
        numbers = {option.name: option.default for option in self.options}
        for name, text in overrides.items():
            if _RENAMED.get(name) in options:
                raise BadSetting(f"the setting {name!r} is now called {_RENAMED[name]!r}")
            if name not in options:
                raise BadSetting(f"recipe {self.name!r} has no setting {name!r}; choose from {', '.join(numbers)}")
            try:
                numbers[name] = int(text)
            except ValueError:
                raise BadSetting(f"{name} must be a whole number, not {text!r}") from None
            if numbers[name] < options[name].min_value:
                raise BadSetting(f"{name} must be at least {options[name].min_value}, not {numbers[name]}")
            max_value = options[name].max_value
            if max_value is not None and numbers[name] > max_value:
                raise BadSetting(f"{name} must be at most {max_value}, not {numbers[name]}")
        return numbers

    def network(self, numbers: Numbers, *, weights: Path | None, device: torch.device) -> Network:
        """Build the network and load its weights on `device`. Raises WeightsMissing, WeightsDamaged, WeightsUnsafe."""
        source = weights or self.weights_file()
        tensors = self.convert_weights(loading.read(source)) if source else {}
        network = self.build(numbers, tensors)
        if isinstance(network, torch.nn.Module):
            if source is None:
                raise WeightsMissing(
                    f"recipe {self.name!r} comes without weights", remedy="Choose a file with --weights."
                )
            loading.fill(network, tensors, source=source, names=self.names(tensors))
            network = for_inference(network, device)
        return network

    @property
    def adapts(self) -> bool:
        """Return whether the network can be fine-tuned on a shot's keyframes."""
        return STEPS in self.options

    def weights_file(self) -> Path | None:
        """Return the weights file that comes with Keymatte, else the first published one that is installed.

        Returns None for a recipe without bundled or published weights. Raises WeightsMissing if the recipe needs
        published weights and none are installed.
        """
        found, entries = self.available_weights(), catalogue.published_for(self.name)
        if found is None and entries:
            raise WeightsMissing(
                f"recipe {self.name!r} needs its authors' weights, {entries[0].name}, which are not installed",
                remedy=f"To use it, {entries[0].how_to_install}, or choose a file with --weights.",
            )
        return found

    def available_weights(self) -> Path | None:
        """Return the weights file that comes with Keymatte, else the first installed published one, else None."""
        entries = catalogue.published_for(self.name)
        candidates = [catalogue.installed_file(entry, catalogue.default_folder()) for entry in entries]
        return self.weights or next((file for file in candidates if file.is_file()), None)

    def framing_style(self, numbers: Numbers) -> FramingStyle:
        """Return how frames are scaled and padded for the network, given the values of the settings."""
        return replace(self.framing, enlarge=bool(numbers.get(ENLARGE.name)))

    def keyframe_policy_for(self, numbers: Numbers) -> KeyframePolicy:
        """Return how keyframes are used, given the values of the settings."""
        return replace(
            self.keyframe_policy,
            permanent=self.keyframe_policy.permanent and bool(numbers.get(PERMANENT.name, 1)),
            read_on_keyframes=bool(numbers.get(PREDICTS.name, 0)),
            first_value_frame=numbers.get(UPDATED.name, -1),
        )


def with_defaults(options: tuple[Option, ...], defaults: Mapping[str, int]) -> tuple[Option, ...]:
    """Return `options` with other default values, given by name."""
    return tuple(replace(option, default=defaults.get(option.name, option.default)) for option in options)


def for_inference(network: Module, device: torch.device) -> Module:
    """Prepare a network for inference on `device`: evaluation mode, no gradients, channels-last memory format."""
    # Convolutions are faster in this format on every device, and the layers after a convolution keep its format.
    network.eval().requires_grad_(False)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
