"""The menu of recipes: how objects can be followed, in plain words; the methods' names are for the tooltips."""

from __future__ import annotations

DEFAULT = "keymatte"

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
)
