"""Program that starts the engine for Blender, once it has seen that this Python has all that the engine needs.

Any Python since 3.6 must be able to run it, as users choose all kinds: no annotations but plain ones, no new syntax.
"""

import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

OLDEST = (3, 11)
# Modules that the engine imports, and what people call them
MODULES = (
    ("torch", "PyTorch"),
    ("numpy", "NumPy"),
    ("cv2", "OpenCV"),
    ("av", "PyAV"),
    ("PIL", "Pillow"),
    ("OpenEXR", "OpenEXR"),
    ("scipy", "SciPy"),
    ("pymatting", "PyMatting"),
    ("safetensors", "safetensors"),
    ("platformdirs", "platformdirs"),
    ("tqdm", "tqdm"),
)
CODE = "python-unsuitable"  # that of `setup_errors.PythonUnsuitable`, which older Pythons cannot import
MARKER = "keymatte-environment.json"  # in an environment that Install Engine has made
DAMAGED = "Something in the engine is damaged: click Install Engine in Keymatte's preferences, with Install Again on."
REMEDY = "Choose another in Keymatte's preferences, or clear the field and click Install Engine."


def complaint() -> str:
    """Return what this Python lacks, as a message; empty if it can run the engine."""
    if sys.version_info < OLDEST:
        return "the Python at {} is version {}.{}, but the engine needs {}.{} or newer".format(
            sys.executable, *sys.version_info[:2], *OLDEST
        )
    missing = [name for module, name in MODULES if find_spec(module) is None]
    if "PyTorch" in missing:
        return f"the Python at {sys.executable} has no PyTorch"
    return f"the Python at {sys.executable} has no {', '.join(missing)}" if missing else ""


def main() -> int:
    """Start the engine with the arguments of this program; return 2, after a message in its protocol, if it cannot."""
    message = complaint()
    if not message:
        runpy.run_module("engine", run_name="__main__", alter_sys=True)
        return 0
    remedy = DAMAGED if Path(sys.prefix, MARKER).is_file() else REMEDY
    failed = {"kind": "Failed", "job_id": "", "code": CODE, "message": message, "remedy": remedy}
    sys.stdout.write(json.dumps(failed) + "\n")
    sys.stdout.flush()
    return 2


if __name__ == "__main__":
    sys.exit(main())
