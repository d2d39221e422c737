"""Refinement of mattes: how an object's edges are made anew at full size from its mattes and the picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ALGORITHM = 1  # version of `engine.matting`: what others have refined is stale


class EdgeMethod(StrEnum):
    """How the alpha of an edge is found."""

    KEEP = "keep"  # the matte's own, enlarged smoothly
    GUIDED = "guided"  # follows the edges of the picture; fast
    DETAIL = "detail"  # closed-form matting, for hair and fur; slow


@dataclass(frozen=True)
class Refinement:
    """Settings by which an object's mattes are refined; lengths in pixels of the clip."""

    edges: EdgeMethod = EdgeMethod.GUIDED
    band: float = 0.0  # how far from the matte's edge alpha is found anew; 0: as the network's resolution asks for
    softness: float = 1.0  # of the edge: 1 as it is found, 0 crisp
    grow: float = 0.0  # moves the edge outward; negative: inward
    feather: float = 0.0  # blurs the edge
    holes: float = 0.0  # area in pixels up to which holes are filled
    specks: float = 0.0  # area in pixels up to which parts are removed
    smoothing: float = 0.0  # along the motion, 0 to 1: against flicker


@dataclass(frozen=True)
class RefinedObject:
    """Object whose mattes are refined, and how."""

    object_id: int
    refinement: Refinement = Refinement()
