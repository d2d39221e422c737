"""Text of the logs of the engine and of its last installation, with what is known of both, to read or send."""

from __future__ import annotations

import platform
import sys

import bpy

from ..engine import VERSION
from ..engine.shared.errors import EngineError
from ..engine.shared.text import without_passwords
from . import engine_setup, environment, installation
from .session import session

NAME = "Keymatte Log"
_LINES = 3000  # of the log of an installation, at its end


def compose() -> str:
    """Return the text to show."""
    parts = [
        f"Keymatte {VERSION}, Blender {bpy.app.version_string}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}",
        f"GPU: {engine_setup.gpu_text()}",
        f"PyTorch to install: {engine_setup.build_text()}",
        f"Engine: {_engine()}",
        f"Last message: {_last_message()}",
        "",
        "-- The engine's log --",
        *(session.log or ["(empty: the engine has not been started since Blender was)"]),
        "",
        f"-- The last installation: {installation.log_file()} --",
        *_installation(),
    ]
    return without_passwords("\n".join(parts)) + "\n"


def _engine() -> str:
    try:
        return f"runs with {environment.engine_python()}"
    except EngineError as error:
        return error.sentence()


def _last_message() -> str:
    problem = session.status.problem
    return problem.error().sentence() if problem else session.status.summary or "none"


def _installation() -> list[str]:
    try:
        text = installation.log_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return [f"(none with Python {sys.version_info[0]}.{sys.version_info[1]})"]
    return text.splitlines()[-_LINES:]


def store() -> bpy.types.Text:
    """Return the text data-block that holds the logs, as they are now. It is not saved with the file."""
    text = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
    text.use_fake_user = False
    text.from_string(compose())
    text.cursor_set(0)
    return text
