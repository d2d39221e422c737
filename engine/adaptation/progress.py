"""Progress counter: counts the steps of a task and reports each."""

from __future__ import annotations

from collections.abc import Callable

ReportProgress = Callable[[int, int], None]  # (steps done, total steps); may raise to stop the task


class Progress:
    """Counts the steps of a task of `total` steps and reports the count."""

    def __init__(self, total: int, report: ReportProgress) -> None:
        """Start at 0; `report` is called after each step."""
        self._done, self._total, self._report = 0, total, report

    def step(self) -> None:
        """Count one step."""
        self._done += 1
        self._report(self._done, self._total)

    def finish(self) -> None:
        """Report that the task is finished, as if all steps were done, even if some were not needed."""
        self._report(self._total, self._total)
