"""Check of the built zip in a clean Blender: validated, installed, enabled and disabled.

`python -m tests.demo.extension ZIP` does all four and prints the results. Set BLENDER_USER_RESOURCES to an empty folder
first, because Blender reads it when bpy is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "bl_ext.user_default.keymatte"


def validate(archive: Path) -> str:
    """Validate the zip with Blender's own tool, and return its output. Raises SystemExit if it reports errors."""
    import bpy

    tool = Path(bpy.utils.system_resource("SCRIPTS"), "addons_core", "bl_pkg", "cli", "blender_ext.py")
    check = subprocess.run([sys.executable, tool, "validate", archive], capture_output=True, text=True, timeout=120)
    words = " ".join((check.stdout + check.stderr).split())
    if check.returncode:
        raise SystemExit(f"Blender's tool does not accept {archive.name}: {words}")
    return words


def install(archive: Path) -> None:
    """Install and enable the zip in the running Blender. Raises SystemExit if that fails."""
    import bpy

    try:
        bpy.ops.extensions.package_install_files(
            filepath=str(archive), repo="user_default", enable_on_install=True, overwrite=True
        )
    except RuntimeError as error:
        raise SystemExit(f"{archive.name} cannot be installed: {error}") from error
    if MODULE not in bpy.context.preferences.addons or not hasattr(bpy.types.MovieClip, "matting"):
        raise SystemExit(f"{archive.name} was installed, but could not be enabled")


def disable() -> None:
    """Disable the extension. Raises SystemExit if any of its classes or properties is still registered."""
    import bpy

    bpy.ops.preferences.addon_disable(module=MODULE)
    left = [name for name in dir(bpy.types) if name.startswith(("CLIP_OT_matte", "CLIP_PT_matte", "CLIP_UL_matte"))]
    if left or hasattr(bpy.types.MovieClip, "matting"):
        raise SystemExit(f"disabled, it leaves something behind: {left or 'MovieClip.matting'}")


def end(status: int) -> None:
    """Exit at once, as Blender 4.2 crashes and 4.5 hangs on a normal exit of Python."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main(archive: Path) -> None:
    import bpy

    print(f"Blender {bpy.app.version_string}")
    print(validate(archive))
    install(archive)
    operators = [name for name in dir(bpy.types) if name.startswith("CLIP_OT_matte")]
    print(f"installed and enabled: {len(operators)} operators")
    if "CLIP_OT_matte_propagate" not in operators:
        raise SystemExit("clip.matte_propagate is not among them")
    disable()
    print("disabled: nothing is left behind")


if __name__ == "__main__":
    status = 1
    with tempfile.TemporaryDirectory(prefix="keymatte-blender-") as user_folder:
        os.environ["BLENDER_USER_RESOURCES"] = user_folder
        os.environ["KEYMATTE_DATA"] = str(Path(user_folder) / "data")
        try:
            main(Path(sys.argv[1]).absolute())
            status = 0
        except SystemExit as problem:
            print(problem, file=sys.stderr)
    end(status)
