"""What networks and memories hold, as tensors and JSON, and back: nothing in it can run as a program."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

_ENGINE = __name__.rsplit(".", 2)[0]
_ROOMS = ("layers.", "memory.", "networks.")  # of the engine: values are made of their data classes alone
Json = Any  # None, bool, int, float, str, and lists and dicts of these
_ROWS = {"tuple": tuple, "list": list}


def serialize_state(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON that tells of `value`; its tensors are put into `tensors` as they are, under names that the JSON tells.

    Later changes of `value` do not show, but those of its tensors do. Raises TypeError for what is of another kind
    than numbers, words, tensors, tuples, lists, dicts and data classes of networks and memories.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        name = next((name for name, other in tensors.items() if other is value), str(len(tensors)))
        tensors[name] = value
        return {"tensor": name, "device": value.device.type}
    if type(value) in (tuple, list):
        return {type(value).__name__: [serialize_state(one, tensors) for one in value]}
    if isinstance(value, dict):
        return {"dict": [[key, serialize_state(one, tensors)] for key, one in value.items()]}
    kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix(f"{_ENGINE}.")
    if _kind(kind) is not type(value):
        raise TypeError(f"a {kind} cannot be kept")
    return {
        "kind": kind,
        "fields": {one.name: serialize_state(getattr(value, one.name), tensors) for one in fields(value)},
    }


def deserialize_state(told: Any, tensors: Mapping[str, Tensor], device: torch.device) -> Any:
    """The value that `serialize_state` told of; tensors that were on the device of the network lie on `device`.

    Raises KeyError or TypeError if it was not told by `serialize_state`.
    """
    if not isinstance(told, dict):
        return told
    if "tensor" in told:
        tensor = tensors[told["tensor"]]
        return tensor.to(device) if told["device"] == device.type else tensor
    for name, rows in _ROWS.items():
        if name in told:
            return rows(deserialize_state(one, tensors, device) for one in told[name])
    if "dict" in told:
        return {key: deserialize_state(one, tensors, device) for key, one in told["dict"]}
    kind = _kind(told["kind"])
    return kind(**{name: deserialize_state(one, tensors, device) for name, one in told["fields"].items()})


def _kind(name: str) -> type:
    """The data class of this name, such as `memory.entry.Entry`. Raises TypeError if it is none, or of another room."""
    module, _, own = name.rpartition(".")
    kind = getattr(sys.modules.get(f"{_ENGINE}.{module}"), own, None)
    if not name.startswith(_ROOMS) or not isinstance(kind, type) or not is_dataclass(kind):
        raise TypeError(f"a {name} cannot be kept")
    return kind
