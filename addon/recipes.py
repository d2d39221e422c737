"""The menu of recipes: how objects can be followed, in plain words; the methods' names are for the tooltips."""

from __future__ import annotations

DEFAULT = "keymatte"
ADAPT = frozenset({"keymatte"})  # those that can learn from a shot's keyframes

# The numbers are what a .blend keeps. 1 was the recipe of the tests, which is no longer in the menu.
MENU = (
    (
        "keymatte",
        "Keymatte (built in)",
        "Our own small network, with every keyframe kept in memory. It is here already, and quick",
        0,
    ),
    (
        "xmem++",
        "Every Keyframe Counts (XMem++)",
        "XMem++ (Bekuzarov et al., ICCV 2023): all keyframes are learned before the first frame is looked at, and stay "
        "in memory throughout. A larger network, for which its authors' weights have to be installed",
        2,
    ),
    (
        "xmem",
        "Keyframes as They Come (XMem)",
        "XMem (Cheng & Schwing, ECCV 2022): each keyframe is learned when it is met, and older frames are remembered "
        "in brief. A larger network, for which its authors' weights have to be installed",
        3,
    ),
    (
        "mavos++",
        "Long Shots, Small (MAVOS)",
        "MAVOS (2024) with a MobileNetV2, and all keyframes kept: what was seen since is folded into one frame, so "
        "that a long shot costs no more than a short one. Its authors' weights have to be installed",
        4,
    ),
    (
        "mavos++-r50",
        "Long Shots (MAVOS, ResNet-50)",
        "MAVOS (2024) with a ResNet-50, and all keyframes kept: what was seen since is folded into one frame, so that "
        "a long shot costs no more than a short one. Its authors' weights have to be installed",
        5,
    ),
    (
        "mavos++-swinb",
        "Long Shots, Large (MAVOS, Swin-B)",
        "MAVOS (2024) with a Swin transformer, the slowest and the most exact of the three, and all keyframes kept. "
        "Its authors' weights have to be installed",
        6,
    ),
    (
        "deaot-l",
        "Every Fifth Frame Kept (DeAOT)",
        "DeAOT-L (NeurIPS 2022): keyframes are learned when they are met, and every fifth frame is kept whole; long "
        "shots take much memory. Its authors' weights have to be installed",
        7,
    ),
    (
        "deaot-l+rmem",
        "Few Frames, Well Chosen (RMem)",
        "RMem on DeAOT-L (CVPR 2024): keyframes are learned when they are met, and of later frames the most relevant "
        "are kept. Its authors' weights have to be installed",
        8,
    ),
)
