"""Official rules: which objects of a sequence are scored, on which frames, and what counts as theirs.

Where the rules come from:
- DAVIS 2017 and 2016: github.com/davisvideochallenge/davis2017-evaluation (semi-supervised task). Objects are 1 to the
  highest value of the first true mask; its value 255 is background; the first and the last frame are left out. For
  2016 all objects are one, as in github.com/hkchengrex/davis2016-evaluation and in DAVIS 2016's own toolkit.
- Long-Time Video: XMem's authors score it with DAVIS' toolkit, so its rules hold for the frames that have a true mask.
  All objects are one, as in MAVOS' data loader.
- VOST: github.com/TRI-ML/VOST, `evaluation`. As DAVIS, without F. The value 255 of a true mask is background there, so
  that predictions on such pixels count as wrong, although VOST's data says "ignore".
- LVOS: github.com/LingyiHongfd/lvos-evaluation. Each object is scored on the true frames between the first and the last
  of its range in the data's meta file, without these two. Without a range: from the first frame that shows it to the
  last true frame. Its first version, of 2022, also scored these two, and did not tell seen from unseen videos.
- YouTube-VOS: youtube-vos.org/dataset/vos says that J and F are averaged over all objects of seen and of unseen
  categories, and that the final score is the mean of the four. The evaluator runs on a server, and its code is not
  public: that an object is scored from the frame after its first mask on is **not confirmed**.
- Plain folders and PUMaVOS, for which nobody has published rules: all true frames.

Beyond these rules, an object is never scored on a frame on which its mask was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import types
from .types import Rules

VOID = 255  # in true masks of DAVIS, VOST and LVOS
_DAVIS_LIKE = (Rules.DAVIS, Rules.DAVIS16, Rules.LONG_TIME, Rules.VOST)

Given = Mapping[str, tuple[int, ...]]  # stem -> objects whose masks were given on this frame


def has_contours(rules: Rules) -> bool:
    """Return whether the rules score F; VOST's do not."""
    return rules is not Rules.VOST


def scored_objects(rules: Rules, shown: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the objects to score, ascending; `shown` are those that the true masks show, by stem, in order."""
    if rules in _DAVIS_LIKE:
        first = next(iter(shown.values()), ())
        return tuple(range(1, max(first, default=0) + 1))
    return tuple(sorted({id_ for ids in shown.values() for id_ in ids}))


def scored_stems(
    rules: Rules, sequence: types.Sequence, object_id: int, shown: Mapping[str, Sequence[int]], given: Given
) -> tuple[str, ...]:
    """Return the stems of the frames on which an object is scored, in order."""
    stems = [*shown]
    if rules in (Rules.LVOS, Rules.YOUTUBE):
        stems = stems[_first(sequence, object_id, shown) :]
    if rules is Rules.LVOS and object_id in sequence.last_seen:
        stems = [stem for stem in stems if _order(stem) <= _order(sequence.last_seen[object_id])]
    if rules is not Rules.PLAIN:
        stems = stems[1:] if rules is Rules.YOUTUBE else stems[1:-1]
    return tuple(stem for stem in stems if object_id not in given.get(stem, ()))


def _first(sequence: types.Sequence, object_id: int, shown: Mapping[str, Sequence[int]]) -> int:
    """Return the position among the true frames of the first one of an object."""
    stems = [*shown]
    said = sequence.first_seen.get(object_id)
    if said is not None and said in shown:
        return stems.index(said)
    return next(index for index, ids in enumerate(shown.values()) if object_id in ids)


def _order(stem: str) -> tuple[int, str]:
    """Return a key that sorts stems as the frames follow each other: they are numbers, padded with zeros or not."""
    return len(stem), stem
