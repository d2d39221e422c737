"""A Blender of its own, in a process with an empty user folder, that installs from an extension repository.

The process runs this module: it reads requests from stdin, one per line as JSON, and answers each on stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE, REPOSITORY = "keymatte", "user_default"  # the module in which studio.py expects the extension
MODULE = f"bl_ext.{REPOSITORY}.{PACKAGE}"
_ANSWER = "answer: "


class Client:
    """The process, as seen by a test: `ask` sends a request and returns its answer."""

    def __init__(self, user_folder: Path) -> None:
        variables = {**os.environ, "BLENDER_USER_RESOURCES": str(user_folder), "PYTHONPATH": str(ROOT)}
        self.log: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.blender.channel"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=variables,
            cwd=ROOT,
        )

    def ask(self, what: str, **values: object) -> dict:
        """Return the state after the request, with the key "error" if Blender has refused it."""
        self._process.stdin.write(json.dumps([what, values]) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(_ANSWER):
                return json.loads(line.removeprefix(_ANSWER))
            self.log.append(line)
        raise AssertionError("Blender has ended:\n" + "".join(self.log[-40:]))

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.stdout.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path):
    """Serve the folder from this machine to itself, and yield the address of its index."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/index.json"
        finally:
            server.shutdown()
            thread.join()


# -- in the process ----------------------------------------------------------------------------------------------------
def _state() -> dict:
    import bpy

    manifest = Path(_repository().directory, PACKAGE, "blender_manifest.toml") if _repository() else Path("none")
    lines = manifest.read_text(encoding="utf-8").splitlines() if manifest.is_file() else []
    engine = sys.modules.get(f"{MODULE}.engine")
    return {
        "installed": next((line.split('"')[1] for line in lines if line.startswith("version")), None),
        "enabled": MODULE in bpy.context.preferences.addons,
        "running": getattr(engine, "VERSION", None),
        "registered": hasattr(bpy.types.MovieClip, "matting"),
    }


def _repository():
    import bpy

    return next((repo for repo in bpy.context.preferences.extensions.repos if repo.module == REPOSITORY), None)


def _handle(what: str, values: dict) -> object:
    import bpy

    from tests.blender import updating

    repos = list(bpy.context.preferences.extensions.repos)
    index = repos.index(_repository()) if _repository() else -1
    if what == "add":
        bpy.context.preferences.extensions.repos.new(
            name="Studio Tools", module=REPOSITORY, remote_url=values["address"]
        )
    elif what == "online":
        bpy.context.preferences.system.use_online_access = values["allowed"]
    elif what == "sync":
        bpy.ops.extensions.repo_sync(repo_index=index)
    elif what == "install":
        bpy.ops.extensions.package_install(repo_index=index, pkg_id=PACKAGE, enable_on_install=True)
    elif what == "upgrade":
        bpy.ops.extensions.package_upgrade_all()
    elif what == "uninstall":
        bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id=PACKAGE)
    elif what == "install_file":
        bpy.ops.extensions.package_install_files(
            filepath=values["path"], repo=REPOSITORY, enable_on_install=True, overwrite=True
        )
    elif what in vars(updating):
        return getattr(updating, what)(**values)
    else:
        raise ValueError(what)
    return None


def _main() -> None:
    import bpy

    bpy.ops.wm.read_factory_settings()
    bpy.context.preferences.extensions.repos.remove(_repository())
    for line in sys.stdin:
        what, values = json.loads(line)
        answer: dict = {}
        try:
            answer["result"] = _handle(what, values)
        except RuntimeError as error:
            answer["error"] = str(error)
        print(_ANSWER + json.dumps(answer | _state()), flush=True)
    sys.stdout.flush()
    os._exit(0)  # Blender 4.2 crashes and 4.5 hangs on a normal exit of Python


if __name__ == "__main__":
    _main()
