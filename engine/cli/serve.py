"""Command line `serve`: runs the engine process that Blender talks to."""

from __future__ import annotations

import argparse
import sys

from ..shared.protocol import Failed, encode
from ..shared.setup_errors import unloadable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    parser.set_defaults(command=serve)


def serve(_options: argparse.Namespace) -> int:
    """Answer requests on stdin until its end. Returns 0, or 2 if a package cannot be loaded."""
    try:
        from ..jobs import server
    except (ImportError, OSError) as error:
        broken = unloadable(error)
        sys.stdout.write(encode(Failed("", broken.code, broken.message, broken.remedy)))
        return 2
    return server.serve()
