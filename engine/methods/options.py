"""Options of recipes: names, limits, and names in the papers; and the memories that can be chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from ..shared.errors import BadSetting

# What some networks can do beyond the five verbs, as the end of "needs a network that ...".
DISTILS = "distils prototypes (XMem)"
FOLDS = "folds memory entries (MAVOS, Keymatte)"
_MAX_DIGITS = 9  # of a decimal fraction, before the point
_MICRO = 10**6  # steps of a decimal fraction


@dataclass(frozen=True)
class Option:
    """Setting of a recipe, set with `--set NAME=VALUE`, where NAME may be the paper's.

    Its value is a whole number: of steps of 1 / `scale`, if it stands for a decimal fraction.
    """

    name: str
    default: int
    meaning: str
    min_value: int = 1
    max_value: int | None = None
    paper: str = ""  # name in the method's reference code
    symbol: str = ""  # name in the method's paper
    scale: int = 1  # power of 10

    def parse(self, text: str) -> int:
        """Return the value that `text` stands for. Raises BadSetting."""
        value = self._whole(text) if self.scale == 1 else self._fraction(text)
        if value < self.min_value:
            raise BadSetting(f"{self.name} must be at least {self.show(self.min_value)}, not {self.show(value)}")
        if self.max_value is not None and value > self.max_value:
            raise BadSetting(f"{self.name} must be at most {self.show(self.max_value)}, not {self.show(value)}")
        return value

    def show(self, value: int) -> str:
        """Return a value as the user writes it, such as "0.8"."""
        return str(value) if self.scale == 1 else f"{Decimal(value) / self.scale:f}"

    def _whole(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise BadSetting(f"{self.name} must be a whole number, not {text[:40]!r}") from None

    def _fraction(self, text: str) -> int:
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("nan")
        if not value.is_finite() or value.adjusted() > _MAX_DIGITS:
            raise BadSetting(f"{self.name} must be a number such as {self.show(self.default)}, not {text[:40]!r}")
        steps = value * self.scale
        if steps != steps.to_integral_value():
            digits = len(str(self.scale)) - 1
            raise BadSetting(f"{self.name} can have at most {digits} digits after the point, not {text[:40]!r}")
        return int(steps)


# -- options -----------------------------------------------------------------------------------------------------------
TOP_K = Option("read.top_k", 30, "memory tokens read at each position of the frame", paper="top_k", symbol="k")
ENLARGE = Option("frame.enlarge", 0, "1: scale smaller clips up to the working height", 0, 1)
PREDICTS = Option(
    "keyframes.predict", 0, "1: read the memory on keyframes too, and count this as usage, as the authors' GUI does",
    0, 1,
)  # fmt: skip
STEPS = Option("adapt.steps", 200, "fine-tuning steps on the shot's keyframes, with --adapt", 4, 10_000)
UPDATED = Option(
    "keyframes.updated", -1,
    "frame of a corrected keyframe to write as the authors' GUI updates one: every object gets the value of the "
    "first (only for comparison); -1: none", -1,
)  # fmt: skip
INTERVAL = Option("memory.interval", 5, "remember every N-th frame", paper="mem_every", symbol="r")
FRAMES = Option("memory.frames", 4, "past frames kept in addition to the keyframes", min_value=0)
GATE = Option(
    "memory.gate", 0, "percent: do not remember frames whose masks are less confident; 0: remember all", 0, 100
)
PERMANENT = Option(
    "keyframes.permanent", 1, "1: keyframes stay in memory; 0: they are treated like other frames (for comparison)",
    0, 1,
)  # fmt: skip
MIN_FRAMES = Option(
    "memory.min_frames", 5, "frames that stay in working memory (T_min)", paper="min_mid_term_frames", symbol="T_min"
)
MAX_FRAMES = Option(
    "memory.max_frames", 10, "number of frames at which older ones are moved out of working memory (T_max)", 2,
    paper="max_mid_term_frames", symbol="T_max",
)  # fmt: skip
PROTOTYPES = Option(
    "memory.prototypes", 128, "prototypes made of each batch of frames (P)", paper="num_prototypes", symbol="P"
)
TOKENS = Option(
    "memory.long_term_tokens", 10_000, "maximum number of tokens in long-term memory (LT_max)",
    paper="max_long_term_elements", symbol="LT_max",
)  # fmt: skip
COUNTING = Option(
    "memory.count_long_term", 1, "1: forget the least used tokens first; 0: forget the oldest first", 0, 1,
    paper="enable_long_term_count_usage",
)  # fmt: skip
LONG = Option(
    "memory.long_term", 1, "1: move older frames into long-term memory; 0: keep them all unchanged", 0, 1,
    paper="enable_long_term",
)  # fmt: skip
DEEP = Option(
    "sensory.deep_update", -1, "deep-update the sensory memory every N-th frame; -1: whenever a frame is remembered",
    -1, paper="deep_update_every",
)  # fmt: skip
_SIZE = "0: as in the weights"
KEY = Option("network.key_channels", 0, f"channels of keys; {_SIZE}", 0, paper="key_dim", symbol="C_k")
VALUE = Option("network.value_channels", 0, f"channels of values; {_SIZE}", 0, paper="value_dim", symbol="C_v")
SENSORY = Option(
    "network.sensory_channels", 0, f"channels of the sensory memory; {_SIZE}", 0, paper="hidden_dim", symbol="C_h"
)
GAP = replace(INTERVAL, paper="TEST_LONG_TERM_MEM_GAP", symbol="")
GAP_MAVOS = replace(GAP, default=10, meaning="fold in every N-th frame")
GAP_RMEM = replace(
    GAP, default=0, meaning="remember every N-th frame; 0: every (length / 30)-th, at least every 5th", min_value=0
)
LATTER = Option("memory.frames", 8, "frames kept in addition to the reference frame", paper="LATTER_MEM_LEN")
FOLLOW = Option(
    "previous.follow", 1, "1: carry the previous masks over by optical flow; 0: do not (only for comparison)", 0, 1
)
ENLARGED = Option(
    "keyframes.enlarged", 133, "percent: also remember each keyframe enlarged to this size; 100: only at its own size",
    100, 400,
)  # fmt: skip
XMEM = (
    TOP_K, INTERVAL, MIN_FRAMES, MAX_FRAMES, LONG, PROTOTYPES, TOKENS, COUNTING, DEEP, KEY, VALUE, SENSORY, ENLARGE,
    PREDICTS,
)  # fmt: skip
YOUTUBE = Option(
    "program.youtube", 0,
    "1: compute as the authors' program for YouTube-VOS: scores relative to the first frame after a keyframe, and a "
    "softmax of the previous masks; 0: as their program for DAVIS", 0, 1,
)  # fmt: skip
KERNEL = Option(
    "read.kernel", 0, "1: weight attention by a Gaussian, of 5.6 cells, around the best match of each memory token",
    0, 1, paper="use_km",
)  # fmt: skip
KERNEL_SIGMA = Option(
    "read.kernel_sigma", 0, "standard deviation of that Gaussian, in cells; 0: 5.6 with read.kernel=1, else none",
    0, 100 * _MICRO, paper="km", scale=_MICRO,
)  # fmt: skip
MAX_WRITTEN = Option(
    "memory.max_written", 20,
    "frames kept in addition to the keyframes, plus one; then the worst is dropped for each new one; 10 with "
    "program.youtube=1", min_value=0, paper="memory_thr",
)  # fmt: skip
MIN_SCORE = Option(
    "memory.min_score", 800_000,
    "remember frames only if the network scores its masks higher than this, relative to the keyframe's (1); 0.75 with "
    "program.youtube=1", 0, 100 * _MICRO, paper="score_threshold", scale=_MICRO,
)  # fmt: skip
PUBLISHED_SLOTS = Option(
    "memory.published_slots", 0,
    "1: drop a wrong frame, and finally the first keyframe, as the authors' programs do (only for comparison)", 0, 1,
)  # fmt: skip
QDMN = (
    replace(TOP_K, default=50, symbol=""), YOUTUBE, KERNEL, KERNEL_SIGMA,
    replace(INTERVAL, meaning="remember at most every N-th frame", paper="mem_freq", symbol=""), MAX_WRITTEN, MIN_SCORE,
    ENLARGE,
)  # fmt: skip
QDMN_YOUTUBE = (replace(MAX_WRITTEN, default=10), replace(MIN_SCORE, default=750_000))  # defaults with `YOUTUBE`


# -- memories ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class MemoryChoice:
    """A memory that can be chosen with `--set memory=NAME`, and the settings that it adds."""

    name: str
    meaning: str
    options: tuple[Option, ...] = ()
    needs: str = ""  # what the network must be able to do: DISTILS, FOLDS, or nothing


MEMORIES = {
    choice.name: choice
    for choice in (
        MemoryChoice("keyframes", "no other frames"),
        MemoryChoice("recent", "and the latest frames", (FRAMES,)),
        MemoryChoice("all", "and every N-th frame, permanently"),
        MemoryChoice(
            "long-term", "and XMem's working and long-term memory",
            (MIN_FRAMES, MAX_FRAMES, PROTOTYPES, TOKENS, COUNTING), DISTILS,
        ),
        MemoryChoice("folded", "and one frame into which later ones are folded (MAVOS)", needs=FOLDS),
        MemoryChoice(
            "restricted", "and a few frames chosen by relevance and freshness (RMem)",
            (replace(FRAMES, min_value=1, paper="LATTER_MEM_LEN"),),
        ),
    )
}  # fmt: skip
