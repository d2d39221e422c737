"""Command line `serve`: runs the engine process that Blender talks to."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    parser.set_defaults(command=serve)


def serve(_options: argparse.Namespace) -> int:
    """Answer requests on stdin until its end. Returns 0."""
    from ..jobs import server

    server.serve()
    return 0
