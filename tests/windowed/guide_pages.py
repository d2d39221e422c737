"""Pictures of the guide in `docs`: what each shows, and the labels that are numbered on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "guide"
MAX_BYTES = 2_500_000  # of all pictures together
CREDIT = "Clip: `chair` from PUMaVOS"  # how the line under a picture of the clip begins


@dataclass(frozen=True)
class Picture:
    """Picture of the guide."""

    marks: tuple[str, ...] = ()  # labels that get the numbers 1, 2, 3, ..., in this order
    width: int = 900  # pixels at most
    shows_clip: bool = True  # whether the clip's licence asks for a credit


PICTURES = {
    "preferences": Picture(("Install Engine", "Test Engine", "Show Log"), shows_clip=False),
    "tab": Picture(("Allow Online Access", "Install Engine"), shows_clip=False),
    "install": Picture(shows_clip=False),
    "open": Picture(("Open Clip",), shows_clip=False),
    "clip": Picture(("Paint",)),
    "lasso": Picture(width=640),
    "snapped": Picture(width=640),
    "propagating": Picture(),
    "mattes": Picture(),
    "to_fix": Picture(("Accept",)),
    "cutting": Picture(width=640),
    "cut": Picture(width=640),
    "corrected": Picture(),
    "before_after": Picture(width=640),
    "results": Picture(("To Mask Layers", "Mattes to Compositor", "Export Mattes...")),
    "mask_layers": Picture(width=640),
    "compositor": Picture(width=800, shows_clip=False),
    "refine": Picture(("Refine Edges", "Refine Clip")),
    "wrong_python": Picture(shows_clip=False),
}
