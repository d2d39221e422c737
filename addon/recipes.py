"""Menu of recipes in Blender: name, tooltip and stored number of each."""

from __future__ import annotations

DEFAULT = "keymatte"
ADAPT = frozenset({"keymatte"})  # recipes that can adapt to a shot's keyframes
FOLLOWS = frozenset({"keymatte"})  # recipes that can follow small objects

# .blend files store the numbers. 1 was a recipe for tests that is no longer in the menu.
MENU = (
    (
        "keymatte",
        "Keymatte: built in, fast",
        "Keymatte's own small network, which keeps every keyframe in memory. It comes with the extension",
        0,
    ),
    (
        "xmem++",
        "XMem++: best with several keyframes",
        "XMem++ (Bekuzarov et al., ICCV 2023) keeps all keyframes in memory from the first frame on. Larger and"
        " slower; its model must be installed",
        2,
    ),
    (
        "xmem",
        "XMem: for a single keyframe",
        "XMem (Cheng & Schwing, ECCV 2022) remembers a keyframe once its frame is reached, and compresses what "
        "is older. Its model must be installed",
        3,
    ),
    (
        "qdmn++",
        "QDMN++: several keyframes, keeps good frames",
        "QDMN (Liu et al., ECCV 2022) with all keyframes in memory; of other frames it keeps those whose mattes"
        " it rates as good. Large and slow; its model must be installed",
        9,
    ),
    (
        "qdmn",
        "QDMN: a single keyframe, keeps good frames",
        "QDMN (Liu et al., ECCV 2022) remembers a keyframe once its frame is reached, and keeps frames whose "
        "mattes it rates as good. Large and slow; its model must be installed",
        10,
    ),
    (
        "mavos++",
        "MAVOS Small: long shots",
        "MAVOS (2024) with a MobileNetV2 and all keyframes in memory; however long the shot, it needs no more "
        "memory. Its model must be installed",
        4,
    ),
    (
        "mavos++-r50",
        "MAVOS Medium: long shots",
        "MAVOS (2024) with a ResNet-50 and all keyframes in memory; however long the shot, it needs no more "
        "memory. Its model must be installed",
        5,
    ),
    (
        "mavos++-swinb",
        "MAVOS Large: long shots, slowest",
        "MAVOS (2024) with a Swin transformer and all keyframes in memory, the most accurate of the three. Its "
        "model must be installed",
        6,
    ),
    (
        "deaot-l",
        "DeAOT: short shots",
        "DeAOT-L (NeurIPS 2022) keeps every fifth frame in full, so that long shots need much memory. Its model"
        " must be installed",
        7,
    ),
    (
        "deaot-l+rmem",
        "RMem: shots that change a lot",
        "RMem on DeAOT-L (CVPR 2024) keeps only the most relevant and the latest frames. Its model must be installed",
        8,
    ),
)


def short_name(recipe: str) -> str:
    """Return the name of a recipe's method, without what it is good for; the recipe itself if it is not in the menu."""
    labels = {name: label for name, label, _, _ in MENU}
    return labels.get(recipe, recipe).partition(":")[0]
