"""Command line of the fuzz: `python -m tests.fuzz --count 100000 --seed 1`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.conftest import mount

mount()

from tests.fuzz.campaign import Campaign, Finding
from tests.fuzz.readers import READERS


def main() -> int:
    """Run the fuzz, print what it finds, and write the inputs to a folder. Returns 1 if there are findings, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="number of inputs; default: %(default)s")
    parser.add_argument("--first", type=int, default=0, help="index of the first input, to read one again")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--reader", action="append", help="only this reader; may be repeated")
    parser.add_argument("--processes", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for inputs that are found")
    options = parser.parse_args()
    readers = [reader for reader in READERS if not options.reader or reader.name in options.reader]
    if not readers:
        parser.error(f"the readers are {', '.join(reader.name for reader in READERS)}")

    def show(finding: Finding) -> None:
        print(f"{finding}\n-> {finding.save(options.keep)}\n", flush=True)

    began = time.monotonic()
    indices = range(options.first, options.first + options.count)
    findings = Campaign(options.seed, readers).run(indices, processes=options.processes, found=show)
    kinds = {kind: sum(finding.kind == kind for finding in findings) for kind in ("crash", "hang", "exception")}
    told = ", ".join(f"{count} of the kind {kind}" for kind, count in kinds.items())
    print(f"{options.count} inputs with seed {options.seed} in {time.monotonic() - began:.0f} s: {told}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
