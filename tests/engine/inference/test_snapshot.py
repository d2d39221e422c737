"""Walks that go on from what was kept of others; what is kept of networks and memories makes nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from engine.inference.framing import Framing
from engine.inference.propagate import Matte, PropagationState, Propagator
from engine.inference.snapshot import deserialize_state, serialize_state
from engine.inference.sweeps import group_by_keyframes, group_jointly, plan_sweeps
from engine.memory.entry import Entry, Usage
from engine.memory.tokens import Tokens
from engine.methods.registry import find_recipe
from tests import films
from tests.films import Film

COUNT = 14


def walk_of(name: str, film: Film) -> tuple[Propagator, tuple]:
    """A recipe over a film with two keyframes for one object, one for another; its network never learned anything."""
    recipe = find_recipe(name)
    numbers = recipe.numbers({"memory.interval": "2"})
    torch.manual_seed(3)
    network = recipe.build(numbers, {}).eval()
    height, width = film.frames.shape[1:3]
    framing = Framing.fit(
        height, width, working_height=64, stride=network.stride, style=recipe.framing_style(numbers)
    )  # fmt: skip
    told = [(2, (1, 2)), (11, (1,))]
    keyframe_policy = recipe.keyframe_policy_for(numbers)
    groups = (group_jointly if keyframe_policy.shared_memory else group_by_keyframes)(
        told, max_objects=network.max_objects
    )
    walk = Propagator(
        network,
        lambda: recipe.bank(numbers, network, COUNT),
        framing=framing,
        merger=recipe.mask_merger(framing),
        read=lambda frame: film.frames[frame],
        truth={frame: np.where(np.isin(film.labels[frame], objects), film.labels[frame], 0) for frame, objects in told},
        groups=groups,
        device=torch.device("cpu"),
        keyframe_policy=keyframe_policy,
    )
    return walk, plan_sweeps(groups, range(COUNT), recipe.direction, before_first=recipe.keyframe_policy.before_first)


def through_a_file(point: PropagationState) -> PropagationState:
    """The same after it was written and read."""
    return replace(point, trackers=json.loads(json.dumps(point.trackers)), tensors=load(save({
        name: tensor.contiguous().clone() for name, tensor in point.tensors.items()
    })))  # fmt: skip


def same(one: Matte, other: Matte) -> bool:
    return (
        (one.frame, one.objects, one.blend_weights) == (other.frame, other.objects, other.blend_weights)
        and np.array_equal(one.alpha, other.alpha)
        and np.array_equal(one.probability, other.probability)
    )


@pytest.mark.parametrize(
    "name", ["keymatte", "xmem++", "xmem", "mavos++", "mavos", "deaot-l-mbv2", "aot-l-mbv2", "deaot-l+rmem"]
)
def test_a_walk_goes_on_from_any_point_as_if_it_had_never_stopped(name: str):
    film = films.crossing(COUNT, height=64, width=96)
    walk, sweeps = walk_of(name, film)
    mattes = list(walk.propagate(sweeps, state_due=lambda: True))
    assert [matte.checkpoint.frame for matte in mattes] == [matte.frame for matte in mattes]
    changed = 0
    for at in sorted({4, len(mattes) // 2, len(mattes) - 4}):
        rest = list(walk.propagate(sweeps, resume_from=through_a_file(mattes[at].checkpoint)))
        assert len(rest) == len(mattes) - at - 1
        assert all(same(one, other) for one, other in zip(rest, mattes[at + 1 :], strict=True))
        before = mattes[at - 3].checkpoint  # of the same sweep: what was known then is not what is known now
        if before.sweep == mattes[at].checkpoint.sweep:
            other = list(walk.propagate(sweeps, resume_from=replace(before, frame=mattes[at].frame)))
            changed += not all(same(one, other) for one, other in zip(other, mattes[at + 1 :], strict=True))
    assert changed, "it makes a difference what is known"


def test_what_is_frozen_does_not_change_with_what_is_counted_later():
    usage = Usage(torch.ones(3), 2.0)
    entry = Entry(4, (Tokens({"key": torch.rand(2, 3)}),), usage=usage, grid=(1, 3))
    tensors: dict[str, torch.Tensor] = {}
    told = json.loads(json.dumps(serialize_state([entry, (entry, None, True, {"a": 0.1})], tensors)))
    usage.add(torch.ones(3))
    first, (second, *others) = deserialize_state(told, tensors, torch.device("cpu"))
    assert others == [None, True, {"a": 0.1}]
    assert (first.frame, first.grid, first.usage.life) == (4, (1, 3), 2.0)
    assert torch.equal(first.usage.mass, torch.ones(3))
    assert torch.equal(second.layers[0]["key"], entry.layers[0]["key"])
    assert len(tensors) == 2, "what is met twice is kept once"


@pytest.mark.parametrize(
    "kind", ["os.system", "subprocess.Popen", "memory.entry.replace", "types.KeyframeFile", "Entry"]
)
def test_a_file_makes_nothing_but_what_networks_and_memories_hold(kind: str):
    with pytest.raises(TypeError, match="cannot be kept"):
        deserialize_state({"kind": kind, "fields": {}}, {}, torch.device("cpu"))
    with pytest.raises(TypeError, match="cannot be kept"):
        serialize_state(Path("film"), {})
