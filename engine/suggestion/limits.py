"""Limits of what a user can choose for suggestions; checked before PyTorch is loaded."""

from __future__ import annotations

from ..shared.errors import BadSetting


def check_choice(count: int, alpha: float, min_mask: float) -> None:
    """Check the number of frames to suggest, the weight of the masks and the coverage (percent). Raises BadSetting."""
    if not 0 <= alpha <= 1:
        raise BadSetting(f"alpha must be from 0 to 1, not {alpha:g}")
    if count < 1:
        raise BadSetting(f"the number of frames to suggest must be at least 1, not {count}")
    if not 0 <= min_mask <= 100:
        raise BadSetting(f"the minimum coverage must be a percentage from 0 to 100, not {min_mask:g}")
