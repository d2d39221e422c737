"""Menu of recipes in Blender: name, tooltip and stored number of each."""

from __future__ import annotations

DEFAULT = "keymatte"
ADAPT = frozenset({"keymatte"})  # recipes that can adapt to a shot's keyframes
FOLLOWS = frozenset({"keymatte"})  # recipes that can follow small objects

# .blend files store the numbers. 1 was a recipe for tests that is no longer in the menu.
MENU = (
    (
        "keymatte",
        "Keymatte (built in)",
        "Keymatte's own small and fast network, with every keyframe in memory. Comes with the extension",
        0,
    ),
    (
        "xmem++",
        "All Keyframes in Memory (XMem++)",
        "XMem++ (Bekuzarov et al., ICCV 2023): all keyframes are memorized before the first frame is segmented, and "
        "stay in memory. A larger network, whose authors' weights must be installed",
        2,
    ),
    (
        "xmem",
        "Compact Memory (XMem)",
        "XMem (Cheng & Schwing, ECCV 2022): each keyframe is memorized when its frame is reached, and older frames are "
        "compressed. A larger network, whose authors' weights must be installed",
        3,
    ),
    (
        "qdmn++",
        "All Keyframes and Good Frames in Memory (QDMN)",
        "QDMN (Liu et al., ECCV 2022) with all keyframes in memory, from which it works in both directions: other "
        "frames are kept if the network rates their mattes as good. A large and slow network, whose authors' "
        "weights must be installed",
        9,
    ),
    (
        "qdmn",
        "Good Frames in Memory (QDMN)",
        "QDMN (Liu et al., ECCV 2022): each keyframe is memorized when its frame is reached, and other frames are kept "
        "if the network rates their mattes as good. A large and slow network, whose authors' weights must be "
        "installed",
        10,
    ),
    (
        "mavos++",
        "Long Shots, Small (MAVOS)",
        "MAVOS (2024) with a MobileNetV2, and all keyframes in memory: other frames are merged into the memory of one "
        "frame, so that memory does not grow with the shot. Its authors' weights must be installed",
        4,
    ),
    (
        "mavos++-r50",
        "Long Shots (MAVOS, ResNet-50)",
        "MAVOS (2024) with a ResNet-50, and all keyframes in memory: other frames are merged into the memory of one "
        "frame, so that memory does not grow with the shot. Its authors' weights must be installed",
        5,
    ),
    (
        "mavos++-swinb",
        "Long Shots, Large (MAVOS, Swin-B)",
        "MAVOS (2024) with a Swin transformer, the slowest and most accurate of the three, and all keyframes in "
        "memory. Its authors' weights must be installed",
        6,
    ),
    (
        "deaot-l",
        "Every Fifth Frame in Memory (DeAOT)",
        "DeAOT-L (NeurIPS 2022): keyframes are memorized when their frames are reached, and every fifth frame is kept "
        "in full, so long shots need much memory. Its authors' weights must be installed",
        7,
    ),
    (
        "deaot-l+rmem",
        "Selected Frames in Memory (RMem)",
        "RMem on DeAOT-L (CVPR 2024): keyframes are memorized when their frames are reached, and only the most "
        "relevant later frames are kept. Its authors' weights must be installed",
        8,
    ),
)
