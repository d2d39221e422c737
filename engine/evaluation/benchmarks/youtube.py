"""Categories of YouTube-VOS: those of its training set are "seen", all others "unseen"."""

from __future__ import annotations

# The 65 categories of the training set, by its meta.json; youtube-vos.org says that there are 65, and 26 more in
# validation.
_SEEN = """
    airplane ape bear bike bird boat bucket bus camel cat cow crocodile deer dog dolphin duck eagle earless_seal
    elephant fish fox frisbee frog giant_panda giraffe hand hat hedgehog horse knife leopard lion lizard monkey
    motorbike mouse others owl paddle parachute parrot penguin person plant rabbit raccoon sedan shark sheep sign
    skateboard snail snake snowboard squirrel surfboard tennis_racket tiger toilet train truck turtle umbrella whale
    zebra
"""
SEEN = frozenset(_SEEN.split())


def is_unseen_category(category: str | None) -> bool | None:
    """Return whether the training set has no object of this category; None if no category is known."""
    return None if category is None else category.strip().lower().replace(" ", "_") not in SEEN
