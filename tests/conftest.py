"""Mount the checkout as the package `keymatte`, so that addon, ops and ui import as when installed."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "keymatte"
_status = pytest.StashKey[int]()
# Folders and files whose tests take little time and need no Blender.
_FAST = (
    *(f"engine/{room}/" for room in ("checkpoints", "layers", "media", "memory", "output", "runtime", "shared")),
    *("ops/", "ui/", "test_documents.py", "test_house.py"),
)
_SLOW = ("engine/shared/test_environment.py",)  # creates environments


class _OneEngine(MetaPathFinder, Loader):
    """Import hook that resolves `keymatte.engine.x` to `engine.x`, so that both names share one module."""

    def find_spec(self, name, path=None, target=None):
        if name == f"{PACKAGE}.engine" or name.startswith(f"{PACKAGE}.engine."):
            return ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        module = importlib.import_module(spec.name.removeprefix(f"{PACKAGE}."))
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self._own_spec  # the import system has just replaced it


def mount() -> None:
    """Make `import engine` and `import keymatte.addon` work, whatever the working directory is."""
    if PACKAGE in sys.modules:
        return
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    spec = ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(ROOT)]
    sys.modules[PACKAGE] = module_from_spec(spec)
    sys.meta_path.insert(0, _OneEngine())


os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the engine: waiting threads that spin slow other tests
mount()
# Blender reads this once, when bpy is first imported: no test may touch the user's own Blender.
_user_folder = tempfile.mkdtemp(prefix="keymatte-blender-")
os.environ["BLENDER_USER_RESOURCES"] = _user_folder
os.environ["KEYMATTE_DATA"] = str(Path(_user_folder) / "data")
os.environ["XDG_CACHE_HOME"] = str(Path(_user_folder) / "cache")  # of the engine's processes too, on Linux


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick tests, which need no Blender, as `fast`."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix()
        if place.startswith(_FAST) and place not in _SLOW:
            item.add_marker(pytest.mark.fast)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Exit at once if bpy was loaded, as Blender 4.2 crashes and 4.5 hangs on a normal exit of Python."""
    shutil.rmtree(_user_folder, ignore_errors=True)
    if "bpy" not in sys.modules or _status not in config.stash:
        return
    config.get_terminal_writer().flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash[_status])
