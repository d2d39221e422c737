"""Entry point of the command line: `python -m engine COMMAND`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib.util import find_spec

from .cli import doctor, models, propagate, serve, suggest
from .cli.console import complain
from .runtime.allocator import tune_malloc
from .shared.errors import EngineError

# Threads that wait must sleep, not spin: beside Blender or a render, spinning made two threads five times slower than
# one. OpenMP reads these once, when torch is first imported.
for _name, _value in (("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "0"), ("KMP_BLOCKTIME", "0")):
    os.environ.setdefault(_name, _value)
tune_malloc()


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0: all done; 1: our fault; 2: something the user can act upon, said on stderr."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a path that the console cannot show must not end a job
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        return options.command(options)
    except EngineError as error:
        complain(error.sentence())
        return 2
    except ImportError as error:
        complain(f"A package of the engine cannot be loaded: {error}. Install the engine again; `doctor` tells more.")
        return 2
    except KeyboardInterrupt:
        complain("stopped; what is written stays valid")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description="Keymatte's engine")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    propagate.add_arguments(commands.add_parser("propagate", help="keyframes and a clip in, mattes out"))
    suggest.add_arguments(commands.add_parser("suggest", help="which frames to annotate next"))
    if _has("evaluation"):
        from .cli import bench, score, study

        bench.add_arguments(commands.add_parser("bench", help="how fast a recipe is on this computer"))
        score.add_arguments(commands.add_parser("score", help="J and F of results against the truth"))
        study.add_arguments(commands.add_parser("study", help="how good the default recipe is, beside plain baselines"))
    models.add_arguments(commands.add_parser("models", help="recipes, licences, weights files"))
    doctor.add_arguments(commands.add_parser("doctor", help="what works on this computer"))
    serve.add_arguments(commands.add_parser("serve", help="JSON lines on stdin and stdout"))
    if _has("training"):
        from .training.command import add_commands

        add_commands(commands)
    return parser


def _has(room: str) -> bool:
    """Whether this copy of the engine has that room; the extension comes without evaluation and training."""
    return find_spec(f"{__package__}.{room}") is not None


if __name__ == "__main__":
    sys.exit(main())
