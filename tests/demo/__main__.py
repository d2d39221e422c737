"""Demo on the bundled clip: an artist's work in Blender, then pictures and a table; run by `build_addon.py demo`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path

from engine.shared.errors import EngineError, FolderTaken
from engine.shared.matte_folder import MatteFolder
from tests.demo import pictures, report

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "tests" / "clips" / "chair"
OBJECT = 1
_MARKER = "keymatte-demo.json"
README_PICTURES = ("overlay_sheet", "composite")  # copied to docs/ when they change, see CONTRIBUTING.md
_OURS = (
    "demo.blend",
    "demo.blend1",
    "keymatte",
    "walk.json",
    "composite.png",
    "overlay_sheet.png",
    "overlay.mp4",
    "readme",
)
_REPORTS = ("report.txt", "report.json")


def main() -> int:
    """Run the demo; return 0, or 2 after an error message."""
    parser = argparse.ArgumentParser(prog="tests.demo", description=__doc__)
    parser.add_argument("--zip", type=Path, required=True, help="the built extension")
    parser.add_argument("--out", type=Path, required=True, help="a new folder, or one of an earlier demo")
    parser.add_argument("--recipe", default="keymatte")
    options = parser.parse_args()
    try:
        claim(options.out)
        run(options.zip.absolute(), options.out.absolute(), options.recipe)
    except EngineError as error:
        sys.stderr.write(f"demo: {error.sentence()}\n")
        return 2
    return 0


def claim(out: Path) -> None:
    """Mark the folder `out` as the demo's, and remove the results of an earlier demo from it.

    Raises FolderTaken if `out` is a file or holds files that are not a demo's.
    """
    if out.exists() and not out.is_dir():
        raise FolderTaken(f"{out} is a file, not a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / _MARKER).exists():
        raise FolderTaken(f"{out} holds files that are not an earlier demo's")
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARKER).write_text('{"keymatte": "demo"}\n', encoding="utf-8")
    for path in [out / name for name in (*_OURS, *_REPORTS)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def run(archive: Path, out: Path, recipe: str) -> None:
    """Run the workflow in Blender, then write the pictures, the movie and the table."""
    frames = sorted((CLIP / "frames").iterdir())
    with _Progress(out, len(frames)):
        command = ["--zip", archive, "--clip", CLIP, "--out", out, "--recipe", recipe]
        _blender("tests.demo.walk", *command, shown=True)
    facts = json.loads((out / "walk.json").read_text(encoding="utf-8"))
    folder = MatteFolder(Path(facts["folder"]))
    mattes = sorted(folder.matte_sequence(OBJECT).glob("*.png"))

    print("Making the contact sheet and the movie", flush=True)
    pictures.contact_sheet(frames, mattes, facts["keyframes"]).save(out / "overlay_sheet.png")
    with tempfile.TemporaryDirectory(prefix="keymatte-overlay-") as temporary:
        pictures.write_overlays(frames, mattes, facts["keyframes"], Path(temporary))
        _blender("tests.demo.movie", temporary, out / "overlay.mp4", shown=False)
    for name in README_PICTURES:
        pictures.write_for_readme(out / f"{name}.png", out / "readme" / f"{name}.jpg")

    print("Comparing with the truth", flush=True)
    measured = report.measure(folder, CLIP / "masks", facts)
    text = report.table(measured, out)
    (out / "report.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")
    (out / "report.txt").write_text(text, encoding="utf-8")
    print(f"\n{text}", flush=True)


class _Progress:
    """Context manager that prints the number of finished frames every ten seconds."""

    def __init__(self, out: Path, total: int) -> None:
        self._out, self._total = out, total
        self._over = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> None:
        self._teller.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._teller.join()

    def _tell(self) -> None:
        printed = 0
        while not self._over.wait(10.0):
            done = len(list(self._out.glob("keymatte/*/labels/*.png")))
            if done != printed:
                printed = done
                print(f"  {done} of {self._total} frames have a matte", flush=True)


def _blender(module: str, *arguments: object, shown: bool) -> None:
    """Run a module of the demo in a process of its own with an empty Blender user folder.

    Prints its output if `shown`. Raises EngineError if the process fails.
    """
    with tempfile.TemporaryDirectory(prefix="keymatte-blender-") as user_folder:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "BLENDER_USER_RESOURCES": user_folder, "KEYMATTE_DATA": f"{user_folder}/data"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        last: deque[str] = deque(maxlen=20)
        for line in process.stdout:
            last.append(line)
            if shown and line.strip():
                print(f"  {line.rstrip()}", flush=True)
        status = process.wait()
    if status:
        words = "" if shown else "".join(last)
        raise EngineError(f"{module} ended with status {status} {words}".strip(), remedy="See the lines above.")


if __name__ == "__main__":
    sys.exit(main())
