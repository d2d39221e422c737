"""What Keymatte does when Blender loads another file."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import folders
from .session import session


def register() -> None:
    """Be told of file loads."""
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    """Be told no more."""
    bpy.app.handlers.load_pre.remove(_before_load)


@persistent
def _before_load(*_: object) -> None:
    session.forget()
    folders.forget()
