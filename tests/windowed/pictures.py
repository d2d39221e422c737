"""Makes the pictures of the guide in `docs`: runs `guide` in a Blender with windows, then cuts and numbers them.

`python -m tests.windowed.pictures` writes them to `docs/guide`; `--out` names another folder. It runs in the
environment that the tests use, and builds the extension first.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import build_addon
from tests.windowed import launch
from tests.windowed.guide_pages import FOLDER, MAX_BYTES, PICTURES

_YELLOW, _BLACK = (255, 205, 40), (20, 20, 20)
_RADIUS = 11  # of a number's disc, pixels of the screen
_QUALITY = 86  # of JPEG


def make(out: Path) -> None:
    """Make all pictures anew in `out`. Raises SystemExit if Blender is not found, or a picture could not be taken."""
    if not launch.is_found():
        raise SystemExit(launch.NOT_FOUND)
    with tempfile.TemporaryDirectory(prefix="keymatte-guide-") as folder:
        raw = Path(folder, "out")
        raw.mkdir()
        archive = build_addon.build()
        ended = launch.run_script("guide", archive, sys.executable, raw, Path(folder))
        if ended.returncode:
            raise SystemExit((ended.stdout + ended.stderr)[-3000:])
        finish(raw, out)


def finish(raw: Path, out: Path) -> None:
    """Cut and number the screenshots in `raw`, and write them to `out`."""
    taken = json.loads((raw / "report.json").read_text(encoding="utf-8"))["pictures"]
    out.mkdir(parents=True, exist_ok=True)
    for name, notes in taken.items():
        picture = Image.open(raw / f"{name}.png").convert("RGB")
        for number, place in enumerate(notes["marks"], 1):
            _mark(picture, number, place)
        picture = picture.crop(notes["box"])
        if picture.width > PICTURES[name].width:
            height = round(picture.height * PICTURES[name].width / picture.width)
            picture = picture.resize((PICTURES[name].width, height), Image.Resampling.LANCZOS)
        picture.save(out / f"{name}.jpg", quality=_QUALITY, subsampling=0, optimize=True)
    size = sum((out / f"{name}.jpg").stat().st_size for name in taken)
    print(f"{len(taken)} pictures in {out}, {size / 1e6:.2f} MB", flush=True)
    if size > MAX_BYTES:
        raise SystemExit(f"they may have {MAX_BYTES / 1e6:.1f} MB at most")


def _mark(picture: Image.Image, number: int, place: tuple[int, int, int, int]) -> None:
    """Draw a numbered disc to the right of a label."""
    _, top, right, bottom = place
    x, y = right + _RADIUS + 8, (top + bottom) / 2
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS), fill=_YELLOW, outline=_BLACK)
    font = ImageFont.load_default(15)
    draw.text((x, y), str(number), fill=_BLACK, font=font, anchor="mm")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pictures")
    make(parser.parse_args().out.absolute())
