"""Running a job on the command line: its progress is shown, and its outcome is told."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..shared.errors import BadSetting
from ..shared.matte_folder import MatteFolder
from .console import print_error

if TYPE_CHECKING:
    from ..shared.protocol import Answer, Finished

Job = TypeVar("Job")
Run = Callable[[Job, Callable[["Answer"], None], Callable[[], bool]], None]  # as of the modules of `jobs`


def run_job(run: Run[Job], job: Job, unit: str = "steps") -> Finished:
    """Run a job to its end, and return what it tells then. Raises what the job does."""
    from ..shared.protocol import Finished, MatteReady, Stage
    from .progress import Progress

    finished: list[Finished] = []
    with Progress(unit) as progress:

        def show(answer: Answer) -> None:
            match answer:
                case Stage(text=text, done=done, total=total):
                    progress.show(text, done, total)
                case MatteReady(done=done, total=total):
                    progress.show("Propagating", done, total)
                case Finished():
                    finished.append(answer)

        run(job, show, lambda: False)
    return finished[0]


def status_of(finished: Finished) -> int:
    """Print the warning of a job that has ended, if it has one. Returns the exit status: 2 if it has, else 0."""
    if finished.warning:
        print_error(finished.warning)
        return 2
    return 0


def parse_objects(text: str, folder: MatteFolder) -> list[int]:
    """Parse numbers of objects such as '1,3', of which a folder has mattes; empty: all. Raises BadSetting."""
    known = sorted(folder.matte_sequences())
    numbers = [parse_object(part) for part in text.split(",")] if text else known
    for number in numbers:
        check_object(number, known, folder)
    return list(dict.fromkeys(numbers))


def parse_object(text: str) -> int:
    """Parse the number of an object. Raises BadSetting."""
    if not text.strip().isdecimal():
        raise BadSetting(f"{text!r} is not the number of an object", remedy="Numbers look like 1 or 1,3.")
    return int(text)


def check_object(number: int, known: list[int], folder: MatteFolder) -> None:
    """Raise BadSetting unless a number is among the `known` ones, of which a folder has mattes."""
    if number not in known:
        there = f"It has those of {', '.join(map(str, known))}." if known else "Propagate first."
        raise BadSetting(f"{folder.root} has no mattes of object {number}", remedy=there)


def add_objects(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose objects and name them."""
    parser.add_argument(
        "--objects", default="", metavar="1,3", help="numbers of the objects, the front one first; default: all"
    )
    parser.add_argument(
        "--names", nargs="+", default=[], metavar="NUMBER=NAME", help="names of objects; default: object_1, object_2"
    )


def named_objects(options: argparse.Namespace, folder: MatteFolder) -> dict[int, str]:
    """Return the names of the objects that the options of `add_objects` choose, by number. Raises BadSetting."""
    known = sorted(folder.matte_sequences())
    names = dict(map(_parse_name, options.names))
    for number in names:
        check_object(number, known, folder)
    return {number: names.get(number, f"object_{number}") for number in parse_objects(options.objects, folder)}


def _parse_name(text: str) -> tuple[int, str]:
    number, equals, name = text.partition("=")
    if not equals or not name.strip():
        raise BadSetting(f"--names must look like 1=chair 2=dog, not {text!r}")
    return parse_object(number), name
