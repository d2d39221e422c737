"""Runs of a study: each method on each case, measured once and kept while nothing it depends on changes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from .clips import Case
from .measures import Measured, Row, measure
from .methods import Method

_MEASURED = "measured.json"
_EDITION = 1  # of the measures
_ODD = re.compile(r"[^\w.+=-]+")

Tell = Callable[[str], None]  # what runs now, in words


@dataclass(frozen=True)
class Run:
    """A method on a case, measured."""

    case: Case
    method: str
    folder: MatteFolder
    seconds: float  # a frame
    measured: tuple[Measured, ...]

    def rows(self) -> Iterable[Row]:
        """Every number, with where it belongs."""
        for one in self.measured:
            counts = one.seen or not self.case.seen_only
            yield Row(self.case.part, self.case.clip.name, self.case.name, self.method, one, counts)


def run_one(case: Case, method: Method, out: Path, tell: Tell, *, again: bool = False) -> Run:
    """A method on a case; what is finished in `out` and still holds is not run again, unless `again`."""
    identity = json.loads(json.dumps({"method": method.identity(), "case": _about(case)}, default=str))
    mark = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]  # other weights, another folder
    folder = MatteFolder(out / "results" / case.part / case.name / f"{_ODD.sub('-', method.name)}-{mark}")
    words = f"{case.part} {case.name}: {method.name}"
    tell(words)
    kept = None if again else _kept(folder.root / _MEASURED, identity)
    if kept is None:
        shutil.rmtree(folder.root, ignore_errors=True)  # of a run that was stopped
        seconds = method.follow(
            case, folder.root, lambda done, total: tell(f"{words} {10 * (10 * done // max(total, 1))} %")
        )
        measured = [asdict(one) for one in measure(case, folder)]
        kept = {"identity": identity, "seconds": seconds, "measured": measured}
        with atomic_write(folder.root / _MEASURED) as part:
            part.write_text(json.dumps(kept), encoding="utf-8")
    return Run(case, method.name, folder, kept["seconds"], tuple(Measured(**one) for one in kept["measured"]))


def _about(case: Case) -> dict:
    return {"clip": case.clip.checksum, "given": case.given, "wanted": case.wanted, "measures": _EDITION}


def _kept(path: Path, identity: dict) -> dict | None:
    with suppress(OSError, ValueError):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["identity"] == identity:
            return kept
    return None
