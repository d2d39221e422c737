"""Blueprints of made-up solid things, with random proportions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .parts import Assembly, ball, box, column


def seat(made: Assembly) -> None:
    """A chair, stool, bench or table."""
    width, depth, leg = made.between(0.6, 1.8), made.between(0.6, 1.1), made.between(0.4, 1.2)
    thin = made.between(0.03, 0.1)
    board = made.add(box(width, made.between(0.05, 0.15), depth))
    for x in (-0.45, 0.45):
        for z in (-0.45, 0.45):
            lean = made.between(0, 0.2)
            turn = (np.pi + np.sign(z) * lean, 0.0, np.sign(x) * lean)
            made.add(column(thin, leg, sides=5), parent=board, joint=(x * width, 0, z * depth), turn=turn, material=1)
    if made.rng.random() < 0.7:
        height = made.between(0.5, 1.2)
        for x in np.linspace(-0.45, 0.45, int(made.rng.integers(2, 6))):
            made.add(column(thin, height, sides=5), parent=board, joint=(x * width, 0.05, -0.45 * depth), material=1)
        rail = made.between(0.1, 0.4) * height
        made.add(box(width, rail, thin), parent=board, joint=(0, height - rail / 2, -0.45 * depth), material=2)


def lamp(made: Assembly) -> None:
    """A base, a few jointed rods and a shade."""
    last, top = made.add(column(made.between(0.2, 0.5), made.between(0.05, 0.15), sides=12)), 0.1
    for _ in range(int(made.rng.integers(1, 4))):
        rod = column(made.between(0.015, 0.05), length := made.between(0.5, 1.1), sides=5)
        turn = (made.between(-0.8, 0.8), 0.0, made.between(-0.8, 0.8))
        last = made.add(rod, parent=last, joint=(0, top, 0), turn=turn, swing=0.4, material=1)
        top = length
    shade = column(made.between(0.2, 0.5), made.between(0.3, 0.6), top=made.between(0.3, 0.9), sides=12)
    made.add(shade, parent=last, joint=(0, top - 0.1, 0), turn=(made.between(-2, 2), 0, 0), material=2)


def figure(made: Assembly) -> None:
    """A walking, waving body with two legs, or four, and perhaps something in its hand."""
    thick = made.between(0.06, 0.18)
    four = made.rng.random() < 0.4
    body_length = made.between(0.8, 1.4)
    body = made.add(ball(0.5, body_length, made.between(0.3, 0.5)), turn=(np.pi / 2 if four else 0.0, 0, 0))
    neck = made.add(
        column(thick, 0.25, sides=6),
        parent=body,
        joint=(0, body_length * 0.95, 0),
        turn=(-0.9 if four else 0, 0, 0),
        swing=0.3,
    )
    made.add(ball(0.36, made.between(0.4, 0.6), 0.4), parent=neck, joint=(0, 0.2, 0), material=1)
    for end, side in ((0.12, -1), (0.12, 1), (0.85, -1), (0.85, 1)):
        arm = end > 0.5 and not four
        down = (np.pi / 2 if four else np.pi) + (made.between(-1.6, 1.6) if arm else made.between(-0.4, 0.4))
        spread = side * (made.between(0, 0.6) if arm else 0.1)
        upper, lower = made.between(0.4, 0.65), made.between(0.4, 0.65)
        limb = made.add(
            column(thick, upper, top=0.8, sides=6),
            parent=body,
            joint=(side * 0.18, body_length * end, 0),
            turn=(down, 0, spread),
            swing=made.between(0.3, 1.0),
            material=2,
        )
        limb = made.add(
            column(thick * 0.8, lower, top=0.7, sides=6),
            parent=limb,
            joint=(0, upper, 0),
            turn=(made.between(-0.6, 0.6), 0, 0),
            swing=made.between(0.2, 0.9),
            material=2,
        )
        if arm and made.rng.random() < 0.3:
            made.add(
                column(0.025, made.between(0.5, 1.6), sides=4),
                parent=limb,
                joint=(0, lower, 0),
                turn=(1.4, 0, 0),
                material=1,
            )
    if four:
        made.add(column(0.05, 0.8, top=0.2, sides=5), parent=body, turn=(2.2, 0, 0), swing=1.0, material=1)


def vehicle(made: Assembly) -> None:
    """A hull, a cabin, wheels, and an aerial or a boom."""
    length, width, height = made.between(1.2, 2.4), made.between(0.6, 1.0), made.between(0.25, 0.6)
    hull = made.add(box(length, height, width))
    cabin = made.between(0.3, 0.7) * length
    made.add(
        box(cabin, made.between(0.25, 0.6), width * 0.9),
        parent=hull,
        joint=(made.between(-0.2, 0.2) * length, height, 0),
        material=1,
    )
    radius = made.between(0.15, 0.35)
    for x in np.linspace(-0.35, 0.35, int(made.rng.integers(2, 4))):
        for side in (-1, 1):
            made.add(
                column(radius, 0.12, sides=12),
                parent=hull,
                joint=(x * length, 0, side * width / 2),
                turn=(side * np.pi / 2, 0, 0),
                material=2,
            )
    if made.rng.random() < 0.5:
        made.add(
            column(0.03, made.between(0.5, 1.6), sides=5),
            parent=hull,
            joint=(-0.3 * length, height, 0),
            turn=(0, 0, made.between(-1, 1)),
            swing=0.5,
        )


def tool(made: Assembly) -> None:
    """A handle with a head: a hammer, a racket, a spade, a broom."""
    length = made.between(1.0, 2.4)
    handle = made.add(column(made.between(0.03, 0.08), length, sides=7))
    head = (
        box(made.between(0.2, 0.7), made.between(0.1, 0.6), made.between(0.04, 0.25)),
        ball(made.between(0.3, 0.7), made.between(0.3, 0.8), made.between(0.05, 0.4)),
        column(made.between(0.1, 0.3), made.between(0.1, 0.5), top=made.between(0.3, 1.5)),
    )[made.rng.integers(3)]
    made.add(head, parent=handle, joint=(0, length * 0.97, 0), swing=made.between(0, 0.5), material=1)
    if made.rng.random() < 0.4:
        for angle in np.linspace(-0.6, 0.6, int(made.rng.integers(3, 9))):
            made.add(column(0.02, 0.5, sides=4), parent=handle, joint=(0, length, 0), turn=(0, 0, angle), material=2)


def tree(made: Assembly) -> None:
    """A trunk, branches, twigs and some crowns."""
    trunk = made.add(column(made.between(0.06, 0.14), 1.0, top=0.7, sides=7), swing=0.1)
    for _ in range(int(made.rng.integers(3, 8))):
        turn = (made.between(-1, 1), made.between(0, 6), made.between(-1, 1))
        reach = made.between(0.4, 0.9)
        branch = made.add(
            column(0.05, reach, top=0.4, sides=5),
            parent=trunk,
            joint=(0, made.between(0.4, 1), 0),
            turn=turn,
            swing=0.25,
        )
        if made.rng.random() < 0.6:
            crown = ball(made.between(0.2, 0.7), made.between(0.2, 0.6), made.between(0.2, 0.7))
            made.add(crown, parent=branch, joint=(0, reach * 0.8, 0), material=1)
        for _ in range(int(made.rng.integers(0, 4))):
            twig = (made.between(-1, 1), 0.0, made.between(-1, 1))
            joint = (0, reach * made.between(0.3, 1), 0)
            made.add(column(0.018, 0.4, sides=4), parent=branch, joint=joint, turn=twig, swing=0.4, material=2)


def contraption(made: Assembly) -> None:
    """Anything on anything: boxes, balls, rods and plates, each on a random earlier one."""
    for number in range(int(made.rng.integers(3, 14))):
        size = np.exp(made.rng.uniform(np.log(0.06), np.log(0.8), 3))
        mesh = (
            box(*size),
            ball(*size),
            column(size[0] * 0.5, size[1] * 1.5, top=made.between(0.1, 1.2)),
            column(made.between(0.015, 0.05), made.between(0.4, 1.5), sides=5),
            box(size[0] * 1.5, 0.03, size[2] * 1.5),
        )[made.rng.integers(5)]
        parent = int(made.rng.integers(number)) if number else -1
        joint = tuple(made.parts[parent].vertices[made.rng.integers(4)]) if number else (0.0, 0.0, 0.0)
        turn = tuple(made.rng.uniform(-np.pi, np.pi, 3))
        made.add(mesh, parent=parent, joint=joint, turn=turn, swing=made.between(0, 0.9), material=number)


DESIGNS: tuple[Callable[[Assembly], None], ...] = (seat, lamp, figure, figure, vehicle, tool, tree, contraption)
