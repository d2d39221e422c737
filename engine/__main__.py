"""Entry point of the command line: `python -m engine COMMAND`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib.util import find_spec

from .cli import doctor, export, models, propagate, quality, refine, serve, splines, status, suggest, versions
from .cli.console import discard_output, flush_output, prepare_streams, print_error
from .runtime.allocator import tune_malloc
from .shared.errors import EngineError, OutputNotWritable

# Waiting threads must sleep, not spin: next to Blender or a render, spinning made two threads five times slower than
# one. OpenMP reads these once, when torch is first imported.
for _name, _value in (("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "0"), ("KMP_BLOCKTIME", "0")):
    os.environ.setdefault(_name, _value)
tune_malloc()
_PROGRAM = "python -m engine" if __package__ == "engine" else "keymatte"  # as installed by pip


def main(arguments: list[str] | None = None) -> int:
    """Run the command given on the command line; return the exit status of the process.

    0: success; 1: a bug, or the program that reads our output has closed it; 2: a problem that the user can solve,
    described on stderr; 130: interrupted with Ctrl+C.
    """
    prepare_streams()
    try:
        try:
            return _run(arguments)
        finally:
            flush_output()  # here, as an error at the interpreter's exit can no longer be handled
    except BrokenPipeError:
        discard_output()
        return 1
    except OutputNotWritable as error:
        print_error(error.sentence())
        discard_output()
        return 2


def _run(arguments: list[str] | None) -> int:
    """Parse the arguments, run the command and print its errors; return its exit status."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        options = _parser().parse_args(arguments)
        status: int = options.command(options)
        return status
    except (OutputNotWritable, BrokenPipeError):
        raise
    except EngineError as error:
        print_error(error.sentence())
        return 2
    except OSError as error:
        if not isinstance(error.filename, str):
            raise
        print_error(f"{error.filename} cannot be used: {error.strerror}.")  # a path that no command has looked at
        return 2
    except ImportError as error:
        print_error(f"A package of the engine cannot be loaded: {error}. Run `doctor`, or install the engine again.")
        return 2
    except KeyboardInterrupt:
        print_error("stopped; files already written stay valid")
        return 130


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands that are part of this installation."""
    parser = argparse.ArgumentParser(prog=_PROGRAM, description="Keymatte's engine")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    propagate.add_arguments(commands.add_parser("propagate", help="compute the mattes of a clip from keyframes"))
    refine.add_arguments(commands.add_parser("refine", help="make the edges of mattes anew at full size"))
    export.add_arguments(commands.add_parser("export", help="write images, movies and label folders of mattes"))
    quality.add_arguments(commands.add_parser("quality", help="tell which mattes to trust, and which to fix"))
    status.add_arguments(commands.add_parser("status", help="tell which mattes are stale, and why"))
    versions.add_arguments(commands.add_parser("versions", help="list, undo and redo the last runs"))
    suggest.add_arguments(commands.add_parser("suggest", help="suggest frames to annotate next, or first"))
    splines.add_arguments(commands.add_parser("splines", help="write splines of mattes for other programs"))
    if _has("evaluation"):
        from .cli import bench, datasets, evaluate, import_project, process_video, score, study

        bench.add_arguments(commands.add_parser("bench", help="measure the speed of a recipe on this computer"))
        score.add_arguments(commands.add_parser("score", help="compare results with true masks (J and F)"))
        datasets.add_arguments(commands.add_parser("datasets", help="list published benchmarks, and look for them"))
        evaluate.add_arguments(commands.add_parser("evaluate", help="run a published benchmark, and score it"))
        study.add_arguments(commands.add_parser("study", help="measure accuracy, quality and suggestions"))
        import_project.add_arguments(commands.add_parser("import", help="import frames and masks of other tools"))
        process_video.add_arguments(commands.add_parser("process-video", help="run as XMem++'s program does"))
    models.add_arguments(commands.add_parser("models", help="list recipes and published weights; install weights"))
    doctor.add_arguments(commands.add_parser("doctor", help="check what works on this computer"))
    serve.add_arguments(commands.add_parser("serve", help="run as the engine process of Blender"))
    if _has("training"):
        from .training.command import add_commands

        add_commands(commands)
    return parser


def _has(room: str) -> bool:
    """Return whether the subpackage `room` is installed; the Blender extension lacks `evaluation` and `training`."""
    return find_spec(f"{__package__}.{room}") is not None


if __name__ == "__main__":
    sys.exit(main())
