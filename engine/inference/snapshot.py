"""Serialisation of the state of networks and memories to tensors and JSON; loading it cannot run code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

_ENGINE = __name__.rsplit(".", 2)[0]
_PACKAGES = ("layers.", "memory.", "networks.", "quality.")  # of the engine, whose data classes can be serialised
Json = Any  # None, bool, int, float, str, and lists and dicts of these
_SEQUENCES = {"tuple": tuple, "list": list}


def serialize_state(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Convert `value` to JSON data; put its tensors into `tensors`, under the names that the JSON refers to.

    The result does not change if `value` changes later, but tensors are not copied and must not be modified. Raises
    TypeError unless `value` consists of None, numbers, strings, tensors, tuples, lists, dicts and data classes of
    layers, networks, memories and the quality account.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        name = next((name for name, stored in tensors.items() if stored is value), str(len(tensors)))
        tensors[name] = value
        return {"tensor": name, "device": value.device.type}
    if type(value) in (tuple, list):
        return {type(value).__name__: [serialize_state(item, tensors) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[key, serialize_state(item, tensors)] for key, item in value.items()]}
    name = f"{type(value).__module__}.{type(value).__name__}".removeprefix(f"{_ENGINE}.")
    kind = _find_dataclass(name)
    if kind is not type(value):
        raise TypeError(f"a {name} cannot be serialized")
    return {
        "kind": name,
        "fields": {field.name: serialize_state(getattr(value, field.name), tensors) for field in fields(kind)},
    }


def deserialize_state(data: Any, tensors: Mapping[str, Tensor], device: torch.device) -> Any:
    """Restore a value that `serialize_state` converted; tensors that were on the network's device go to `device`.

    Raises KeyError or TypeError if `data` does not come from `serialize_state`.
    """
    if not isinstance(data, dict):
        return data
    if "tensor" in data:
        tensor = tensors[data["tensor"]]
        return tensor.to(device) if data["device"] == device.type else tensor
    for name, sequence in _SEQUENCES.items():
        if name in data:
            return sequence(deserialize_state(item, tensors, device) for item in data[name])
    if "dict" in data:
        return {key: deserialize_state(item, tensors, device) for key, item in data["dict"]}
    kind = _find_dataclass(data["kind"])
    return kind(**{name: deserialize_state(item, tensors, device) for name, item in data["fields"].items()})


def _find_dataclass(name: str) -> type:
    """Return the data class called `name`, such as `memory.entry.Entry`. Raises TypeError if `_PACKAGES` have none."""
    module, _, class_name = name.rpartition(".")
    kind = getattr(sys.modules.get(f"{_ENGINE}.{module}"), class_name, None)
    if not name.startswith(_PACKAGES) or not isinstance(kind, type) or not is_dataclass(kind):
        raise TypeError(f"a {name} cannot be serialized")
    return kind
