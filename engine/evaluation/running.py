"""Runs of a study: each runs a method on a case and measures its results, which are stored and reused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from .clips import Case
from .measures import Measurement, MeasurementRow, measure
from .methods import Method

_RESULTS_FILE = "measured.json"
_MEASURES_VERSION = 1  # results of another version are not reused
_UNSAFE_CHARACTERS = re.compile(r"[^\w.+=-]+")

ReportText = Callable[[str], None]  # takes a description of what runs now


@dataclass(frozen=True)
class Run:
    """Measured results of a method on a case."""

    case: Case
    method: str
    folder: MatteFolder
    seconds: float  # per frame
    measured: tuple[Measurement, ...]

    def rows(self) -> Iterable[MeasurementRow]:
        """Yield all measurements, each with the names of its part, clip, case and method."""
        for measurement in self.measured:
            counts = measurement.seen or not self.case.seen_only
            yield MeasurementRow(self.case.part, self.case.clip.name, self.case.name, self.method, measurement, counts)


def run_case(case: Case, method: Method, out: Path, report: ReportText, *, again: bool = False) -> Run:
    """Run a method on a case and measure the results, or reuse valid results stored in `out` unless `again` is true."""
    identity = json.loads(json.dumps({"method": method.identity(), "case": _case_identity(case)}, default=str))
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]  # other weights get another folder
    folder = MatteFolder(
        out / "results" / case.part / case.name / f"{_UNSAFE_CHARACTERS.sub('-', method.name)}-{digest}"
    )
    text = f"{case.part} {case.name}: {method.name}"
    report(text)
    results = None if again else _read_valid(folder.root / _RESULTS_FILE, identity)
    if results is None:
        shutil.rmtree(folder.root, ignore_errors=True)  # left by a run that was stopped
        seconds = method.run(
            case, folder.root, lambda done, total: report(f"{text} {10 * (10 * done // max(total, 1))} %")
        )
        measured = [asdict(measurement) for measurement in measure(case, folder)]
        results = {"identity": identity, "seconds": seconds, "measured": measured}
        with atomic_write(folder.root / _RESULTS_FILE) as part:
            part.write_text(json.dumps(results), encoding="utf-8")
    return Run(case, method.name, folder, results["seconds"], tuple(Measurement(**row) for row in results["measured"]))


def _case_identity(case: Case) -> dict[str, Any]:
    """Return everything in a case that results depend on; see also `Method.identity`."""
    return {"clip": case.clip.checksum, "given": case.given, "wanted": case.wanted, "measures": _MEASURES_VERSION}


def _read_valid(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """Read stored results; None if the file is missing or damaged, or if the results have another identity."""
    with suppress(OSError, ValueError):
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if results["identity"] == identity:
            return results
    return None
