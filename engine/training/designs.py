"""Procedural solids with random proportions: furniture, figures, vehicles, tools and trees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .primitives import Assembly, ball, box, column


def seat(assembly: Assembly) -> None:
    """Add a chair, stool, bench or table."""
    width, depth, leg = assembly.between(0.6, 1.8), assembly.between(0.6, 1.1), assembly.between(0.4, 1.2)
    thin = assembly.between(0.03, 0.1)
    board = assembly.add(box(width, assembly.between(0.05, 0.15), depth))
    for x in (-0.45, 0.45):
        for z in (-0.45, 0.45):
            lean = assembly.between(0, 0.2)
            turn = (np.pi + np.sign(z) * lean, 0.0, np.sign(x) * lean)
            assembly.add(
                column(thin, leg, sides=5), parent=board, joint=(x * width, 0, z * depth), turn=turn, material=1
            )
    if assembly.rng.random() < 0.7:
        height = assembly.between(0.5, 1.2)
        for x in np.linspace(-0.45, 0.45, int(assembly.rng.integers(2, 6))):
            assembly.add(
                column(thin, height, sides=5), parent=board, joint=(x * width, 0.05, -0.45 * depth), material=1
            )
        rail = assembly.between(0.1, 0.4) * height
        assembly.add(box(width, rail, thin), parent=board, joint=(0, height - rail / 2, -0.45 * depth), material=2)


def lamp(assembly: Assembly) -> None:
    """Add a lamp: a base, a few jointed rods and a shade."""
    last, top = assembly.add(column(assembly.between(0.2, 0.5), assembly.between(0.05, 0.15), sides=12)), 0.1
    for _ in range(int(assembly.rng.integers(1, 4))):
        rod = column(assembly.between(0.015, 0.05), length := assembly.between(0.5, 1.1), sides=5)
        turn = (assembly.between(-0.8, 0.8), 0.0, assembly.between(-0.8, 0.8))
        last = assembly.add(rod, parent=last, joint=(0, top, 0), turn=turn, swing=0.4, material=1)
        top = length
    shade = column(assembly.between(0.2, 0.5), assembly.between(0.3, 0.6), top=assembly.between(0.3, 0.9), sides=12)
    assembly.add(shade, parent=last, joint=(0, top - 0.1, 0), turn=(assembly.between(-2, 2), 0, 0), material=2)


def figure(assembly: Assembly) -> None:
    """Add a person or a four-legged animal with moving limbs; a person may hold rods."""
    thick = assembly.between(0.06, 0.18)
    four = assembly.rng.random() < 0.4
    body_length = assembly.between(0.8, 1.4)
    body = assembly.add(ball(0.5, body_length, assembly.between(0.3, 0.5)), turn=(np.pi / 2 if four else 0.0, 0, 0))
    neck = assembly.add(
        column(thick, 0.25, sides=6),
        parent=body,
        joint=(0, body_length * 0.95, 0),
        turn=(-0.9 if four else 0, 0, 0),
        swing=0.3,
    )
    assembly.add(ball(0.36, assembly.between(0.4, 0.6), 0.4), parent=neck, joint=(0, 0.2, 0), material=1)
    for end, side in ((0.12, -1), (0.12, 1), (0.85, -1), (0.85, 1)):
        arm = end > 0.5 and not four
        down = (np.pi / 2 if four else np.pi) + (assembly.between(-1.6, 1.6) if arm else assembly.between(-0.4, 0.4))
        spread = side * (assembly.between(0, 0.6) if arm else 0.1)
        upper, lower = assembly.between(0.4, 0.65), assembly.between(0.4, 0.65)
        limb = assembly.add(
            column(thick, upper, top=0.8, sides=6),
            parent=body,
            joint=(side * 0.18, body_length * end, 0),
            turn=(down, 0, spread),
            swing=assembly.between(0.3, 1.0),
            material=2,
        )
        limb = assembly.add(
            column(thick * 0.8, lower, top=0.7, sides=6),
            parent=limb,
            joint=(0, upper, 0),
            turn=(assembly.between(-0.6, 0.6), 0, 0),
            swing=assembly.between(0.2, 0.9),
            material=2,
        )
        if arm and assembly.rng.random() < 0.3:
            assembly.add(
                column(0.025, assembly.between(0.5, 1.6), sides=4),
                parent=limb,
                joint=(0, lower, 0),
                turn=(1.4, 0, 0),
                material=1,
            )
    if four:
        assembly.add(column(0.05, 0.8, top=0.2, sides=5), parent=body, turn=(2.2, 0, 0), swing=1.0, material=1)


def vehicle(assembly: Assembly) -> None:
    """Add a vehicle: a hull, a cabin, wheels, and perhaps a swinging aerial."""
    length, width, height = assembly.between(1.2, 2.4), assembly.between(0.6, 1.0), assembly.between(0.25, 0.6)
    hull = assembly.add(box(length, height, width))
    cabin = assembly.between(0.3, 0.7) * length
    assembly.add(
        box(cabin, assembly.between(0.25, 0.6), width * 0.9),
        parent=hull,
        joint=(assembly.between(-0.2, 0.2) * length, height, 0),
        material=1,
    )
    radius = assembly.between(0.15, 0.35)
    for x in np.linspace(-0.35, 0.35, int(assembly.rng.integers(2, 4))):
        for side in (-1, 1):
            assembly.add(
                column(radius, 0.12, sides=12),
                parent=hull,
                joint=(x * length, 0, side * width / 2),
                turn=(side * np.pi / 2, 0, 0),
                material=2,
            )
    if assembly.rng.random() < 0.5:
        assembly.add(
            column(0.03, assembly.between(0.5, 1.6), sides=5),
            parent=hull,
            joint=(-0.3 * length, height, 0),
            turn=(0, 0, assembly.between(-1, 1)),
            swing=0.5,
        )


def tool(assembly: Assembly) -> None:
    """Add a handle with a head, such as a hammer, racket, spade or broom."""
    length = assembly.between(1.0, 2.4)
    handle = assembly.add(column(assembly.between(0.03, 0.08), length, sides=7))
    head = (
        box(assembly.between(0.2, 0.7), assembly.between(0.1, 0.6), assembly.between(0.04, 0.25)),
        ball(assembly.between(0.3, 0.7), assembly.between(0.3, 0.8), assembly.between(0.05, 0.4)),
        column(assembly.between(0.1, 0.3), assembly.between(0.1, 0.5), top=assembly.between(0.3, 1.5)),
    )[assembly.rng.integers(3)]
    assembly.add(head, parent=handle, joint=(0, length * 0.97, 0), swing=assembly.between(0, 0.5), material=1)
    if assembly.rng.random() < 0.4:
        for angle in np.linspace(-0.6, 0.6, int(assembly.rng.integers(3, 9))):
            assembly.add(
                column(0.02, 0.5, sides=4), parent=handle, joint=(0, length, 0), turn=(0, 0, angle), material=2
            )


def tree(assembly: Assembly) -> None:
    """Add a tree: a trunk, branches, twigs, and balls of foliage on some branches."""
    trunk = assembly.add(column(assembly.between(0.06, 0.14), 1.0, top=0.7, sides=7), swing=0.1)
    for _ in range(int(assembly.rng.integers(3, 8))):
        turn = (assembly.between(-1, 1), assembly.between(0, 6), assembly.between(-1, 1))
        reach = assembly.between(0.4, 0.9)
        branch = assembly.add(
            column(0.05, reach, top=0.4, sides=5),
            parent=trunk,
            joint=(0, assembly.between(0.4, 1), 0),
            turn=turn,
            swing=0.25,
        )
        if assembly.rng.random() < 0.6:
            crown = ball(assembly.between(0.2, 0.7), assembly.between(0.2, 0.6), assembly.between(0.2, 0.7))
            assembly.add(crown, parent=branch, joint=(0, reach * 0.8, 0), material=1)
        for _ in range(int(assembly.rng.integers(0, 4))):
            twig = (assembly.between(-1, 1), 0.0, assembly.between(-1, 1))
            joint = (0, reach * assembly.between(0.3, 1), 0)
            assembly.add(column(0.018, 0.4, sides=4), parent=branch, joint=joint, turn=twig, swing=0.4, material=2)


def contraption(assembly: Assembly) -> None:
    """Add random boxes, balls, rods and plates, each attached to a random earlier one."""
    for number in range(int(assembly.rng.integers(3, 14))):
        size = np.exp(assembly.rng.uniform(np.log(0.06), np.log(0.8), 3))
        mesh = (
            box(*size),
            ball(*size),
            column(size[0] * 0.5, size[1] * 1.5, top=assembly.between(0.1, 1.2)),
            column(assembly.between(0.015, 0.05), assembly.between(0.4, 1.5), sides=5),
            box(size[0] * 1.5, 0.03, size[2] * 1.5),
        )[assembly.rng.integers(5)]
        parent = int(assembly.rng.integers(number)) if number else -1
        joint = tuple(assembly.parts[parent].vertices[assembly.rng.integers(4)]) if number else (0.0, 0.0, 0.0)
        turn = tuple(assembly.rng.uniform(-np.pi, np.pi, 3))
        assembly.add(mesh, parent=parent, joint=joint, turn=turn, swing=assembly.between(0, 0.9), material=number)


DESIGNS: tuple[Callable[[Assembly], None], ...] = (seat, lamp, figure, figure, vehicle, tool, tree, contraption)
