"""A run of the fuzz: makes damaged files, has worker processes read them, and collects what went wrong."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutations import damage
from tests.fuzz.reader import Files, Reader

ROOT = Path(__file__).resolve().parents[2]
CPU_SECONDS = 10.0  # for one input
WALL_SECONDS = 120.0  # for one input, if its reader waits instead of computing
_START_SECONDS = 300.0


@dataclass(frozen=True)
class Finding:
    """An input that a reader does not handle: it crashes, hangs, or raises what it does not document."""

    index: int  # of the input; with the seed, it gives the same input again
    reader: str
    kind: str  # crash, hang or exception
    detail: str
    suffix: str
    content: bytes

    def __str__(self) -> str:
        return f"input {self.index}, {self.reader}: {self.kind}\n{self.detail}"

    def save(self, folder: Path) -> Path:
        """Write the input to `folder` and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        name = self.reader.replace(" ", "-").replace(":", "")
        path = folder / f"{name}_{self.kind}_{self.index}{self.suffix}"
        path.write_bytes(self.content)
        return path


class Campaign:
    """Inputs for `readers`, which depend only on the seed and their index.

    `table` is the module in whose READERS a worker finds the readers; `cpu_seconds` is the limit for one input.
    """

    def __init__(
        self,
        seed: int,
        readers: Sequence[Reader],
        *,
        table: str = "tests.fuzz.readers",
        cpu_seconds: float = CPU_SECONDS,
    ) -> None:
        self.seed = seed
        self._arguments = (table, str(cpu_seconds))
        self._readers = [reader for reader in readers for _ in range(reader.share)]
        self._examples: dict[str, Files] = {reader.name: reader.examples() for reader in readers}
        self._all = [content for files in self._examples.values() for _, content in files]

    def input(self, index: int) -> tuple[Reader, str, bytes]:
        """Return the reader, suffix and content of an input."""
        rng = random.Random(f"{self.seed} {index}")
        reader = self._readers[index % len(self._readers)]
        files = self._examples[reader.name]
        suffix, content = rng.choice(files)
        others = [content for _, content in files] if rng.random() < 0.7 else self._all
        return reader, suffix, damage(content, rng, others)

    def run(
        self, indices: Sequence[int], *, processes: int = 1, found: Callable[[Finding], None] = lambda finding: None
    ) -> list[Finding]:
        """Have the readers read the inputs, in several processes; return the findings, of which `found` is told too."""
        findings: list[Finding] = []

        def work(part: Sequence[int]) -> None:
            with (
                tempfile.TemporaryDirectory(prefix="keymatte-fuzz-") as folder,
                _Worker(folder, self._arguments) as worker,
            ):
                for index in part:
                    reader, suffix, content = self.input(index)
                    problem = worker.read(reader, suffix, content)
                    if problem:
                        findings.append(Finding(index, reader.name, *problem, suffix, content))
                        found(findings[-1])

        with ThreadPoolExecutor(processes) as pool:
            for _ in pool.map(work, [indices[number::processes] for number in range(processes)]):
                pass  # raises what the thread has raised
        return sorted(findings, key=lambda finding: finding.index)


class _Worker:
    """Worker process, which is started again after a crash or a hang."""

    def __init__(self, folder: str, arguments: tuple[str, str]) -> None:
        self._arguments = arguments
        self._inputs = Path(folder) / "inputs"
        self._inputs.mkdir()
        self._log = Path(folder) / "log.txt"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, reader: Reader, suffix: str, content: bytes) -> tuple[str, str] | None:
        """Have the reader read a file; return the kind of problem and its details, or None."""
        process = self._process or self._start()
        path = self._inputs / f"input{suffix}"
        path.write_bytes(content)
        assert process.stdin is not None
        process.stdin.write(json.dumps([reader.name, str(path)]) + "\n")
        process.stdin.flush()
        answer = self._answer(process, WALL_SECONDS)
        for left in self._inputs.iterdir():
            if left.is_file():
                left.unlink()
        if answer:
            error = json.loads(answer)
            return ("exception", error) if error else None
        if process.poll() is None and answer is None:
            self._end()
            return "hang", f"no answer within {WALL_SECONDS:.0f} seconds"
        status = process.wait()
        self._process = None
        log = self._log.read_text(encoding="utf-8", errors="replace")[-1500:]
        if status == -getattr(signal, "SIGPROF", 0):
            return "hang", f"it computed for too long\n{log}"
        return "crash", f"the process ended with status {status}\n{log}"

    def _start(self) -> subprocess.Popen[str]:
        variables = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.worker", *self._arguments],
                cwd=ROOT,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                bufsize=1,
            )
        if self._answer(self._process, _START_SECONDS) != "ready\n":
            raise RuntimeError(f"the worker did not start: {self._log.read_text(errors='replace')[-1500:]}")
        return self._process

    @staticmethod
    def _answer(process: subprocess.Popen[str], seconds: float) -> str | None:
        """Return the next line of the worker; empty if it has ended, None if there is none within `seconds`."""
        assert process.stdout is not None
        lines: list[str] = []
        reading = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)
        reading.start()
        reading.join(seconds)
        return lines[0] if lines else None

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                pipe.close()
            self._process = None
