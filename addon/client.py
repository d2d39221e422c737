"""The engine's child process: its reader threads, its inbox and its log."""

from __future__ import annotations

import atexit
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from ..engine import VERSION
from ..engine.shared.errors import BadMessage, EngineDied, EngineMissing
from ..engine.shared.protocol import (
    Answer,
    Cancel,
    Download,
    Failed,
    Import,
    Propagate,
    Ready,
    Request,
    Suggest,
    decode,
    encode,
)

LOG_LINES = 50
CANCEL_SECONDS = 5.0  # an engine that has not answered a cancel by then is stuck
CLOSE_SECONDS = 2.0  # an engine ends by itself when its stdin ends
RELEASE_SECONDS = 0.5  # a thread ends when the process at the other end of its pipe has ended


class ChildProcess:
    """A child whose stdout is read line by line into an inbox, and whose stderr into a short log.

    Nothing here waits for the child except `close`: reading and writing are done by daemon threads, so the caller
    (Blender's main thread) only drains the inbox.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start `command` in `folder`. Raises EngineMissing if there is no such program."""
        self.command = tuple(command)
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._inbox: SimpleQueue = SimpleQueue()
        self._outbox: SimpleQueue[str | None] = SimpleQueue()
        try:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise EngineMissing(f"{command[0]} cannot be started: {error.strerror or error}") from error
        self._logger = self._thread(self._keep_log)
        self._reader = self._thread(self._read_answers)
        self._writer = self._thread(self._write_requests)
        atexit.register(self.kill)

    @property
    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How the process ended; None while it is there."""
        return self._process.poll()

    def received(self) -> list:
        """What has arrived since the last call, oldest first."""
        items = []
        while True:
            try:
                items.append(self._inbox.get_nowait())
            except Empty:
                return items

    def write(self, line: str) -> None:
        """Hand a line to the child; returns at once."""
        self._outbox.put(line)

    def close(self) -> None:
        """Ask the child to end by ending its stdin; kill it if it has not after two seconds."""
        self._outbox.put(None)
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._release()

    def kill(self) -> None:
        """End the child at once."""
        if self.alive:
            self._process.kill()
            self._process.wait(CLOSE_SECONDS)
        self._release()

    def ending(self) -> str:
        """How the process ended, and the last thing it said, in words."""
        status = self._process.poll()
        if status is None:
            how = "closed its output"
        elif status < 0:
            how = f"was ended by {_signal_name(-status)}"
        else:
            how = f"ended with status {status}"
        words = [line for line in self.log if line.strip()][-3:]
        return f"{how}; its last words: {' | '.join(words)}" if words else how

    def take(self, line: str) -> None:
        """What to do with a line of the child's stdout; called on the reader's thread."""
        self._inbox.put(line)

    def take_end(self) -> None:
        """What to do when the child's stdout has ended; called on the reader's thread."""

    def _release(self) -> None:
        """Let go of the threads and pipes of a child that has ended."""
        atexit.unregister(self.kill)
        self._outbox.put(None)
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        for thread, pipe in zip((self._writer, self._reader, self._logger), pipes, strict=True):
            thread.join(RELEASE_SECONDS)
            if not thread.is_alive():  # else a child of the child's holds its end, and closing would wait for it
                with suppress(OSError):
                    pipe.close()

    def _read_answers(self) -> None:
        for line in self._process.stdout:
            self.take(line)
        self._logger.join(1.0)  # its last words are often the reason
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.log.append("(its output ended, the process did not)")
        self.take_end()

    def _keep_log(self) -> None:
        for line in self._process.stderr:
            self.log.append(line.rstrip())

    def _write_requests(self) -> None:
        # A thread of its own, because a full pipe blocks: a job of a thousand keyframes is longer than a pipe holds.
        try:
            while (line := self._outbox.get()) is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except OSError:
            self.log.append("(a request could not be delivered)")
        finally:
            try:
                self._process.stdin.close()
            except OSError:
                self.log.append("(its input was closed early)")

    def _thread(self, work) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True, name=f"keymatte {work.__name__}")
        thread.start()
        return thread


class EngineClient(ChildProcess):
    """An engine process that is asked and that answers in messages; see `engine.shared.protocol`."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.ready: Ready | None = None  # its greeting, once it has come
        self._cancels: dict[str, float] = {}  # job id: when its cancel must be answered
        self._unsent: list[str] = []
        self._closing = False
        super().__init__(command, folder)

    def send(self, request: Request) -> None:
        """Ask the engine for something; returns at once. It leaves with the next `flush` or `answers`.

        An operator asks, and Blender with Python 3.11 may crash when another thread of Python's wakes up just as an
        operator that was called under a context override ends: it takes the lock that thread holds for its own. So
        that nothing wakes up then, requests wait for the timer.
        """
        if isinstance(request, Cancel):
            self._cancels.setdefault(request.job_id, time.monotonic() + CANCEL_SECONDS)
        self._unsent.append(encode(request))

    def flush(self) -> None:
        """Let what was asked leave."""
        for line in self._unsent:
            self.write(line)
        self._unsent.clear()

    def answers(self) -> list[Answer]:
        """What the engine has said since the last call. Its death is an answer too: Failed, "engine-died"."""
        self.flush()
        answers = self.received()
        for answer in answers:
            if isinstance(answer, Ready):
                self.ready = answer
            elif getattr(answer, "job_id", None) in self._cancels and not _is_progress(answer):
                del self._cancels[answer.job_id]
        return answers

    @property
    def cancelling(self) -> bool:
        """Whether a cancel has not been answered yet."""
        return bool(self._cancels)

    @property
    def stuck(self) -> bool:
        """Whether a cancel has been unanswered for too long."""
        return any(time.monotonic() > due for due in self._cancels.values())

    def close(self) -> None:
        """End the engine on purpose: no death is reported."""
        self._closing = True
        super().close()

    def kill(self) -> None:
        """End the engine on purpose and at once: no death is reported."""
        self._closing = True
        super().kill()

    def take(self, line: str) -> None:
        """Keep messages; anything else that came out of stdout belongs into the log."""
        try:
            message = decode(line)
        except BadMessage:
            self.log.append(line.rstrip())
            return
        match message:
            case Propagate() | Suggest() | Cancel() | Download() | Import():
                self.log.append(f"(an engine does not say this: {line.strip()[:200]})")
            case Ready(version=version) if version != VERSION:
                self._inbox.put(_wrong_version(version))
            case _:
                self._inbox.put(message)

    def take_end(self) -> None:
        """Report the engine's death, unless it was asked to end."""
        if not self._closing:
            died = EngineDied(f"the engine {self.ending()}")
            self._inbox.put(Failed("", died.code, died.message, died.remedy))


def _wrong_version(version: str) -> Failed:
    error = BadMessage(f"the engine is version {version}, the extension is {VERSION}")
    return Failed("", error.code, error.message, error.remedy)


def _is_progress(answer: Answer) -> bool:
    return type(answer).__name__ in ("Stage", "MatteReady")


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
