"""Progress: counts the steps of a task and reports each."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[int, int], None]  # steps done, steps in all; may stop the task by raising


class Progress:
    """Counts the steps of a task of `total` steps."""

    def __init__(self, total: int, tell: Tell) -> None:
        """Start at 0; `tell` is called after each step."""
        self._done, self._total, self._tell = 0, total, tell

    def step(self) -> None:
        """Count one step."""
        self._done += 1
        self._tell(self._done, self._total)

    def finish(self) -> None:
        """Report that all steps are done, also those that were not needed."""
        self._tell(self._total, self._total)
