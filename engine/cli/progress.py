"""Progress of a command on stderr: one line that is redrawn on a terminal, and rare lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..shared.catalogue import size_in_words

_SECONDS_PER_LINE = 5.0  # where lines stay, as in a log
_COUNTED = "{desc} {percentage:3.0f} % of {total_fmt}{unit} [{elapsed}<{remaining}, {rate_fmt}]"
_UNCOUNTED = "{desc} [{elapsed}]"


class Progress:
    """Shows what a command is doing, and how far it is.

    On a terminal, one line is redrawn. Elsewhere, such as in a pipe, a new line is printed at most every five seconds,
    and only if it says something new; the last one is printed at the end.
    """

    def __init__(self, unit: str = "steps", *, delay: float = 0.0) -> None:
        """Count in `unit`; bytes are shown as "249 MB". What is done within `delay` seconds is not shown."""
        self._unit = unit
        self._due, self._leave = time.monotonic() + delay, not delay
        self._on_terminal = sys.stderr.isatty()
        self._resources = ExitStack()
        self._bar: tqdm | None = None
        self._total = -1  # of the bar
        self._line = self._printed = ""
        self._next = 0.0  # time of the next line

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()
        if self._line != self._printed:
            self._print()

    def show(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show that `done` of `total` steps (0: unknown) of the stage `text` are done."""
        if time.monotonic() < self._due:
            return
        if self._on_terminal:
            self._redraw(self._open_bar() if self._bar is None else self._bar, text, done, total)
            return
        amount = f"{100 * done // total} % of {self._amount(total)}" if total else self._amount(done) if done else ""
        self._line = f"{text}: {amount}" if amount else text
        if self._line != self._printed and time.monotonic() >= self._next:
            self._print()

    def _open_bar(self) -> tqdm:
        scale = {"unit": "B", "unit_scale": True} if self._unit == "bytes" else {"unit": f" {self._unit}"}
        bar = tqdm(file=sys.stderr, bar_format=_UNCOUNTED, dynamic_ncols=True, leave=self._leave, **scale)
        self._bar = self._resources.enter_context(bar)
        self._resources.enter_context(logging_redirect_tqdm())  # log lines go above the bar
        return bar

    def _redraw(self, bar: tqdm, text: str, done: int, total: int) -> None:
        changed = bar.desc != text
        bar.set_description_str(text, refresh=False)
        if total != self._total or done < bar.n:  # another stage
            self._total = total
            bar.bar_format = _COUNTED if total else _UNCOUNTED
            bar.reset(total or None)
        elif changed:
            bar.refresh()
        bar.update(done - bar.n)

    def _print(self) -> None:
        self._printed, self._next = self._line, time.monotonic() + _SECONDS_PER_LINE
        sys.stderr.write(f"{self._line}\n")
        sys.stderr.flush()

    def _amount(self, count: int) -> str:
        return size_in_words(count) if self._unit == "bytes" else f"{count} {self._unit}"
