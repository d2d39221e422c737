"""What the settings of a run mean for one object: crops make a difference only for small objects."""

from __future__ import annotations

import json
from dataclasses import dataclass

CROP, SMALL = "crop", "small"  # keys of a run's settings: whether small objects are followed, and which are small


@dataclass(frozen=True, eq=False)
class ObjectSettings:
    """Settings of a run, as far as they count for an object. They are compared, and never counted."""

    common: object  # all others, which count for every object
    crop: bool | None  # None: of a version without crops, whose mattes stay as they are
    is_small: bool  # if it is known

    @classmethod
    def of(cls, settings: str, object_id: int) -> ObjectSettings:
        """Return those in a run's settings, which are JSON."""
        try:
            common = json.loads(settings)
            crop, small = common.pop(CROP, None), common.pop(SMALL, ())
            return cls(common, crop, object_id in small)
        except (ValueError, TypeError, AttributeError, RecursionError):  # a damaged record
            return cls(settings, None, False)

    def __eq__(self, other: object) -> bool:
        """Return whether an object has the same mattes with other settings; it suffices if one knows it to be small."""
        if not isinstance(other, ObjectSettings):
            return NotImplemented
        is_cropped_alike = self.crop == other.crop or None in (self.crop, other.crop)
        return self.common == other.common and (is_cropped_alike or not (self.is_small or other.is_small))

    __hash__ = None  # type: ignore[assignment]
