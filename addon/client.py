"""Client of the engine process: threads that read and write its pipes, an inbox of messages, and a log."""

from __future__ import annotations

import atexit
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..engine import VERSION
from ..engine.shared.errors import BadMessage, EngineDied, EngineError, PythonMissing
from ..engine.shared.lines import bounded_lines
from ..engine.shared.protocol import (
    Answer,
    Cancel,
    Download,
    Failed,
    FitSplines,
    Import,
    Propagate,
    Ready,
    Request,
    Segment,
    Suggest,
    decode,
    encode,
)
from ..engine.shared.setup_errors import PythonUnsuitable
from ..engine.shared.text import printable, signal_name

LOG_LINES = 400
MAX_LOG_LINE = 2000  # bytes that are kept of a line of the log
MAX_ANSWER = 1 << 20  # bytes of a line that can be an answer
MAX_WAITING = 1000  # items in the inbox; a child that sends more has to wait until they are taken
CANCEL_SECONDS = 5.0  # an engine that takes longer to answer a cancel request is considered stuck
CLOSE_SECONDS = 2.0  # time for the engine to exit by itself after its stdin is closed
RELEASE_SECONDS = 0.5  # time for a thread to end after the process has exited


class ChildProcess:
    """Child process whose stdout is read line by line into an inbox, and whose stderr is kept in a short log.

    Daemon threads read and write the pipes, so the caller (Blender's main thread) only drains the inbox. Only `close`
    and `kill` wait for the process.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start `command` in the working directory `folder`. Raises PythonMissing if the program cannot be started."""
        self.command = tuple(command)
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._ended = threading.Event()  # nobody takes items from the inbox any longer
        self._outbox: SimpleQueue[str | None] = SimpleQueue()
        try:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise PythonMissing(f"{command[0]} cannot be started: {error.strerror or error}") from error
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None and stdout is not None and stderr is not None  # all three were opened as PIPE
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._logger = self._start_thread(self._read_log)
        self._reader = self._start_thread(self._read_answers)
        self._writer = self._start_thread(self._write_requests)
        atexit.register(self.kill)

    @property
    def alive(self) -> bool:
        """Return whether the process is still running."""
        return self._process.poll() is None

    @property
    def process_id(self) -> int:
        """Return the process id of the child."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Return the exit status of the process, or None while it is running."""
        return self._process.poll()

    def received(self) -> list[Any]:
        """Return the inbox items that have arrived since the last call, oldest first, and MAX_WAITING at most."""
        items: list[Any] = []
        with suppress(Empty):
            while len(items) < MAX_WAITING:
                items.append(self._inbox.get_nowait())
        return items

    def write(self, line: str) -> None:
        """Queue a line to be written to the child's stdin, and return at once."""
        self._outbox.put(line)

    def close(self) -> None:
        """Close the child's stdin so that it exits by itself, and kill it if it has not exited after CLOSE_SECONDS."""
        self._outbox.put(None)
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._release()

    def kill(self) -> None:
        """Kill the child at once, and wait until it has exited, but no longer than CLOSE_SECONDS."""
        if self.alive:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # it cannot survive, but a busy system may take longer to end it
                self._process.wait(CLOSE_SECONDS)
        self._release()

    def describe_exit(self) -> str:
        """Describe how the process ended, with the last lines of its log."""
        status = self._process.poll()
        if status is None:
            how = "closed its output"
        elif status < 0:
            how = f"was killed by {signal_name(-status)}"
        else:
            how = f"exited with status {status}"
        lines = [printable(line) for line in self.log if line.strip()][-3:]
        return f"{how}; last output: {' | '.join(lines)}" if lines else how

    def handle_line(self, line: str) -> None:
        """Put a line of the child's stdout into the inbox. Called on the reader thread."""
        self.deliver(line)

    def deliver(self, item: Any) -> None:
        """Put an item into the inbox, once it has room. Called on the reader thread."""
        while self._inbox.qsize() >= MAX_WAITING and not self._ended.wait(0.05):
            pass
        self._inbox.put(item)

    def keep(self, line: str) -> None:
        """Put the beginning of a line into the log."""
        self.log.append(line[:MAX_LOG_LINE].rstrip())

    def handle_end(self) -> None:
        """Do nothing at the end of the child's stdout; subclasses override. Called on the reader thread."""

    def _release(self) -> None:
        """Join the threads and close the pipes of a child that has exited."""
        atexit.unregister(self.kill)
        self._outbox.put(None)
        self._ended.set()
        pipes = (self._stdin, self._stdout, self._stderr)
        for thread, pipe in zip((self._writer, self._reader, self._logger), pipes, strict=True):
            thread.join(RELEASE_SECONDS)
            if not thread.is_alive():  # if it is alive, a grandchild holds the pipe, and closing would block
                with suppress(OSError):
                    pipe.close()

    def _read_answers(self) -> None:
        for line in bounded_lines(self._stdout, MAX_ANSWER):
            self.handle_line(line.decode("utf-8", "replace"))
        self._logger.join(1.0)  # the last lines of the log often tell why the process ended
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.log.append("(stdout was closed, but the process is still running)")
        self.handle_end()

    def _read_log(self) -> None:
        for line in bounded_lines(self._stderr, MAX_LOG_LINE):
            self.keep(line.decode("utf-8", "replace"))

    def _write_requests(self) -> None:
        # Writing needs its own thread, because a full pipe blocks: a job with a thousand keyframes exceeds its buffer.
        try:
            while (line := self._outbox.get()) is not None:
                self._stdin.write(line.encode())
                self._stdin.flush()
        except OSError:
            self.log.append("(a request could not be written)")
        finally:
            try:
                self._stdin.close()
            except OSError:
                self.log.append("(stdin was already closed)")

    def _start_thread(self, target: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=target, daemon=True, name=f"keymatte {target.__name__}")
        thread.start()
        return thread


class EngineClient(ChildProcess):
    """Engine process that exchanges messages of `engine.shared.protocol`."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.ready: Ready | None = None  # first message of the engine, once received
        self._cancels: dict[str, float] = {}  # job id -> time by which its cancel must be answered
        self._unsent: list[str] = []
        self._closing = False
        self._answered = False  # anything in the protocol: the program is our engine
        super().__init__(command, folder)

    def send(self, request: Request) -> None:
        """Queue a request, to be sent with the next `flush` or `answers`, and return at once.

        Operators call this. Blender with Python 3.11 can crash if another Python thread wakes up just as an operator
        called under a context override ends, because Blender mistakes that thread's lock for its own. Requests
        therefore wait for the timer, so that the writer thread does not wake up during an operator.
        """
        if isinstance(request, Cancel):
            self._cancels.setdefault(request.job_id, time.monotonic() + CANCEL_SECONDS)
        self._unsent.append(encode(request))

    def flush(self) -> None:
        """Send queued requests."""
        for line in self._unsent:
            self.write(line)
        self._unsent.clear()

    def answers(self) -> list[Answer]:
        """Send queued requests, and return the answers received since the last call.

        If the engine ends unexpectedly, the answers include Failed with the code "engine-died".
        """
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
        """Return whether a cancel request has not been answered yet."""
        return bool(self._cancels)

    @property
    def stuck(self) -> bool:
        """Return whether a cancel request has been unanswered for longer than CANCEL_SECONDS."""
        return any(time.monotonic() > due for due in self._cancels.values())

    def close(self) -> None:
        """End the engine without reporting that it died."""
        self._closing = True
        super().close()

    def kill(self) -> None:
        """Kill the engine at once without reporting that it died."""
        self._closing = True
        super().kill()

    def handle_line(self, line: str) -> None:
        """Put answers into the inbox, and any other line of stdout into the log."""
        try:
            message = decode(line)
        except BadMessage:
            self.keep(line)
            return
        self._answered = True
        match message:
            case Propagate() | Suggest() | Segment() | FitSplines() | Cancel() | Download() | Import():
                self.log.append(f"(unexpected message from the engine: {printable(line)})")
            case Ready(version=version) if version != VERSION:
                self.deliver(_wrong_version(version))
            case _:
                self.deliver(message)

    def handle_end(self) -> None:
        """Report that the engine died, unless it was closed or killed on purpose."""
        if not self._closing:
            died: EngineError = EngineDied(f"the engine {self.describe_exit()}")
            if not self._answered:
                died = PythonUnsuitable(f"{self.command[0]} did not start the engine: it {self.describe_exit()}")
            self.deliver(Failed("", died.code, died.message, died.remedy))


def _wrong_version(version: str) -> Failed:
    """Return the failure of an engine of another version: that of an extension that another Blender has updated."""
    error = BadMessage(
        f"Keymatte {printable(version, 20)} was installed while this Blender goes on with Keymatte {VERSION}",
        remedy="Save your file and restart Blender.",
    )
    return Failed("", error.code, error.message, error.remedy)


def _is_progress(answer: Answer) -> bool:
    return type(answer).__name__ in ("Stage", "MatteReady")
