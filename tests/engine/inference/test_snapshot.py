"""Propagation resumed from a stored state gives the same mattes; only known state classes can be stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from engine.inference.framing import Framing
from engine.inference.mattes import Matte, PropagationState
from engine.inference.propagate import Propagator
from engine.inference.snapshot import deserialize_state, serialize_state
from engine.inference.sweeps import group_by_keyframes, group_jointly, plan_sweeps
from engine.memory.entry import Entry, Usage
from engine.memory.tokens import Tokens
from engine.methods.registry import find_recipe
from tests import films
from tests.films import Film

COUNT = 14


def propagator_of(name: str, film: Film) -> tuple[Propagator, tuple]:
    """Return a propagator with an untrained network of the recipe `name`, and the planned sweeps.

    Object 1 has keyframes on frames 2 and 11, object 2 on frame 2.
    """
    recipe = find_recipe(name)
    numbers = recipe.numbers({"memory.interval": "2"})
    torch.manual_seed(3)
    network = recipe.build(numbers, {}).eval()
    height, width = film.frames.shape[1:3]
    framing = Framing.fit(
        height, width, working_height=64, stride=network.stride, style=recipe.framing_style(numbers)
    )  # fmt: skip
    keyframes = [(2, (1, 2)), (11, (1,))]
    keyframe_policy = recipe.keyframe_policy_for(numbers)
    groups = (group_jointly if keyframe_policy.shared_memory else group_by_keyframes)(
        keyframes, max_objects=network.max_objects
    )
    propagator = Propagator(
        network,
        lambda: recipe.bank(numbers, network, COUNT),
        framing=framing,
        merger=recipe.mask_merger(framing),
        read=lambda frame: film.frames[frame],
        truth={
            frame: np.where(np.isin(film.labels[frame], objects), film.labels[frame], 0) for frame, objects in keyframes
        },
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=keyframe_policy,
    )
    return propagator, plan_sweeps(
        groups, range(COUNT), recipe.direction, before_first=recipe.keyframe_policy.before_first
    )


def through_a_file(point: PropagationState) -> PropagationState:
    """Return the state after a round trip through JSON and safetensors."""
    return replace(point, trackers=json.loads(json.dumps(point.trackers)), tensors=load(save({
        name: tensor.contiguous().clone() for name, tensor in point.tensors.items()
    })))  # fmt: skip


def is_same(a: Matte, b: Matte) -> bool:
    return (
        (a.frame, a.objects, a.blend_weights) == (b.frame, b.objects, b.blend_weights)
        and np.array_equal(a.alpha, b.alpha)
        and np.array_equal(a.probability, b.probability)
    )


@pytest.mark.parametrize(
    "name",
    [
        "keymatte", "xmem++", "xmem", "qdmn++", "qdmn", "mavos++", "mavos", "deaot-l-mbv2", "aot-l-mbv2",
        "deaot-l+rmem",
    ],
)  # fmt: skip
def test_resumed_propagation_equals_an_uninterrupted_one(name: str):
    film = films.crossing(COUNT, height=64, width=96)
    propagator, sweeps = propagator_of(name, film)
    mattes = list(propagator.propagate(sweeps, state_due=lambda: True))
    assert [matte.checkpoint.frame for matte in mattes] == [matte.frame for matte in mattes]
    changed = False
    for at in sorted({4, len(mattes) // 2, len(mattes) - 4}):
        rest = list(propagator.propagate(sweeps, resume_from=through_a_file(mattes[at].checkpoint)))
        assert len(rest) == len(mattes) - at - 1
        assert all(is_same(resumed, matte) for resumed, matte in zip(rest, mattes[at + 1 :], strict=True))
        before = mattes[at - 3].checkpoint  # an earlier state of the same sweep has another memory
        if not changed and before.sweep == mattes[at].checkpoint.sweep:
            # Read to its end, as an open run keeps its half of the threads, and others would compute with the rest.
            stale = list(propagator.propagate(sweeps, resume_from=replace(before, frame=mattes[at].frame)))
            changed = any(not is_same(resumed, matte) for resumed, matte in zip(stale, mattes[at + 1 :], strict=True))
    assert changed, "the stored memory makes a difference"


def test_serialized_state_is_unaffected_by_later_usage():
    usage = Usage(torch.ones(3), 2.0)
    entry = Entry(4, (Tokens({"key": torch.rand(2, 3)}),), usage=usage, grid=(1, 3))
    tensors: dict[str, torch.Tensor] = {}
    state = json.loads(json.dumps(serialize_state([entry, (entry, None, True, {"a": 0.1})], tensors)))
    usage.add(torch.ones(3))
    first, (second, *values) = deserialize_state(state, tensors, torch.device("cpu"))
    assert values == [None, True, {"a": 0.1}]
    assert (first.frame, first.grid, first.usage.life) == (4, (1, 3), 2.0)
    assert torch.equal(first.usage.mass, torch.ones(3))
    assert torch.equal(second.layers[0]["key"], entry.layers[0]["key"])
    assert len(tensors) == 2, "shared tensors are stored once"


@pytest.mark.parametrize(
    "kind", ["os.system", "subprocess.Popen", "memory.entry.replace", "types.KeyframeFile", "Entry"]
)
def test_only_state_types_are_serialized_and_restored(kind: str):
    with pytest.raises(TypeError, match="cannot be serialized"):
        deserialize_state({"kind": kind, "fields": {}}, {}, torch.device("cpu"))
    with pytest.raises(TypeError, match="cannot be serialized"):
        serialize_state(Path("film"), {})
