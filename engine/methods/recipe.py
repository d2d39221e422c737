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
from ..shared.errors import WeightsMissing
from ..shared.types import Direction
from .memories import CASCADES
from .options import ENLARGE, PERMANENT, PREDICTS, STEPS, UPDATED
from .settings import MEMORY, Numbers, RecipeSettings, find_settings

Tensors = Mapping[str, Tensor]
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Recipe:
    """Method that a user can choose: how to build its network and memory; see also its `settings`."""

    name: str
    summary: str
    licence: str
    build: Callable[[Numbers, Tensors], Network]
    bank: Callable[[Numbers, Network, int], MemoryBank]  # the int is the number of frames of the clip
    needs_weights: bool = True
    names: Callable[[Tensors], loading.Names] = lambda tensors: ()  # published tensor names, if they differ from ours
    convert_weights: Callable[[Tensors], Tensors] = dict  # applied to published weights before they are loaded
    shares_entries: bool = False  # a memory entry describes all objects jointly, absent ones too
    framing: FramingStyle = DEFAULT_STYLE
    mask_merger: Callable[[Framing], MaskMerger] = SoftMaskMerger
    keyframe_policy: KeyframePolicy = ALL_PERMANENT
    direction: Direction = Direction.BOTH  # default of --direction
    unlabelled: Literal["unknown", "absent"] = "unknown"  # state of objects that a keyframe does not label
    follows: bool = False  # small objects in large frames are followed by crops, see `inference.following`
    skips: bool = False  # repeated frames are segmented once and faint ones not remembered; published methods do not

    @property
    def settings(self) -> RecipeSettings:
        """Return the settings of the recipe, with its own memory."""
        return find_settings(self.name)

    def with_settings(self, overrides: Mapping[str, str]) -> tuple[Recipe, Numbers]:
        """Apply `overrides`: return the recipe, with another memory if they name one, and the value of each setting.

        Raises BadSetting.
        """
        _, numbers = self.settings.apply(overrides)
        return (self._with_memory(overrides[MEMORY]) if MEMORY in overrides else self), numbers

    def _with_memory(self, memory: str) -> Recipe:
        """Return the recipe with the memory called `memory` and with permanent keyframes."""
        return replace(
            self,
            bank=CASCADES[memory].bank,
            keyframe_policy=replace(
                self.keyframe_policy,
                permanent=True,
                shared_memory=self.keyframe_policy.shared_memory and not self.shares_entries,
            ),
        )

    def numbers(self, overrides: Mapping[str, str]) -> Numbers:
        """Return the value of each setting of the recipe with its own memory. Raises BadSetting."""
        return self.settings.numbers(overrides)

    def network(self, numbers: Numbers, *, weights: Path | None, device: torch.device) -> Network:
        """Build the network and load its weights on `device`. Raises WeightsMissing, WeightsDamaged, WeightsUnsafe."""
        source = weights or self.settings.weights_file()
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
        return STEPS in self.settings.options

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


def for_inference(network: Module, device: torch.device) -> Module:
    """Prepare a network for inference on `device`: evaluation mode, no gradients, channels-last memory format."""
    # Convolutions are faster in this format on every device, and the layers after a convolution keep its format.
    network.eval().requires_grad_(False)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
