"""Arguments of the Python interface, checked and converted, so that a wrong type is told in a sentence."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal, SupportsIndex, TypeVar

from ..methods.settings import find_settings
from ..shared.errors import BadSetting
from ..shared.types import Settings

Where = str | os.PathLike[str]
_Choice = TypeVar("_Choice", bound=StrEnum)


def path(name: str, value: object) -> Path:
    """Return the path of an argument. Raises BadSetting if it is none, as of None, a list or an array."""
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(found, str):
        raise BadSetting(f"{name} must be a path, not {_kind(value)}", remedy="Give one string or pathlib.Path.")
    return Path(found)


def optional_path(name: str, value: object) -> Path | None:
    """Return the path of an argument that can be None. Raises BadSetting."""
    return None if value is None else path(name, value)


def whole(name: str, value: object) -> int:
    """Return a whole number, also one of numpy's. Raises BadSetting."""
    try:
        if not isinstance(value, bool) and isinstance(value, SupportsIndex):
            return operator.index(value)
    except TypeError:
        pass  # such as an array of several numbers
    raise BadSetting(f"{name} must be a whole number, not {_kind(value)}")


def whole_numbers(name: str, values: object) -> tuple[int, ...]:
    """Return whole numbers from a list, a range, an array or the like. Raises BadSetting."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise BadSetting(f"{name} must be a list of whole numbers, not {_kind(values)}")
    return tuple(whole(f"each of {name}", value) for value in values)


def frames_per_second(value: object) -> float | None:
    """Return the frame rate of images; None: that of the clip. Raises BadSetting."""
    if value is None:
        return None
    if isinstance(value, int | float) and math.isfinite(value) and value > 0:
        return float(value)
    raise BadSetting(f"fps must be a number above 0, not {value!r}")


def choice(name: str, value: object, kind: type[_Choice]) -> _Choice:
    """Return the member of an enumeration with a value. Raises BadSetting."""
    try:
        return kind(str(value))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise BadSetting(f"{name} must be one of {known}, not {value!r}") from None


def unlabelled(value: object, usual: Literal["unknown", "absent"]) -> Literal["unknown", "absent"]:
    """Return what an object is on keyframes that lack it; None: as the recipe has it. Raises BadSetting."""
    if value is None:
        return usual
    if value == "unknown" or value == "absent":
        return value
    raise BadSetting(f"unlabelled must be one of unknown, absent, not {value!r}")


def frames_of(frames: object, count: int) -> range:
    """Return the frames to propagate through. Raises BadSetting if they are not frames of the clip, one by one."""
    chosen = range(count) if frames is None else frames
    if not isinstance(chosen, range):
        raise BadSetting(f"frames must be a range, not {_kind(frames)}", remedy="Write it like range(0, 10).")
    if not chosen or chosen.step != 1 or chosen.start < 0 or chosen.stop > count:
        raise BadSetting(f"{chosen} is empty, has a step, or is outside the clip, which has 0 to {count - 1}")
    return chosen


def settings_of(
    recipe: object, weights: Path | None, height: object, device: object, precision: str, overrides: object
) -> Settings:
    """Return the settings of a job, checked before PyTorch is loaded.

    Raises BadSetting, UnknownRecipe, WeightsMissing.
    """
    if not isinstance(recipe, str):
        raise BadSetting(f"recipe must be a name, not {_kind(recipe)}")
    if not isinstance(overrides, Mapping | None):
        raise BadSetting(
            f"settings must be a mapping, not {_kind(overrides)}", remedy='Write them like {"read.top_k": 20}.'
        )
    texts = {str(name): _text(value) for name, value in (overrides or {}).items()}
    chosen = Settings(height=whole("height", height), device=str(device), precision=precision, overrides=texts)
    find_settings(recipe).check(chosen, weights)
    return chosen


def _text(value: object) -> str:
    """Return a setting's value as `--set` takes it, which writes yes and no as 1 and 0."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _kind(value: object) -> str:
    """Return a value in words: itself if it is short, else its type."""
    shown = repr(value)
    return shown if len(shown) <= 40 and "\n" not in shown else f"a value of type {type(value).__name__}"
