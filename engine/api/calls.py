"""Functions that propagate keyframes through a clip, suggest frames for keyframes, and score results."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from ..shared.errors import BadSetting, MasksMissing
from ..shared.mask_images import Masks
from ..shared.matte_folder import MatteFolder, is_number
from ..shared.protocol import Answer, Finished, MatteReady, Stage, Suggested
from ..shared.reasons import sentence
from ..shared.types import Direction, PropagationJob, Redo, Settings, SuggestionJob
from . import arguments
from .arguments import Where
from .results import Mattes, Suggestion

if TYPE_CHECKING:
    from ..evaluation.score import Score
    from ..media.frames import FrameReader

Progress = Callable[[str, int, int], None]  # takes the stage in words, the steps done, and all steps (0: not known)


def propagate(
    clip: Where,
    keyframes: Where,
    out: Where,
    *,
    recipe: str = "keymatte",
    weights: Where | None = None,
    frames: range | None = None,
    masks: str = "auto",
    direction: str | None = None,
    unlabelled: Literal["unknown", "absent"] | None = None,
    changed: bool = False,
    height: int = Settings.height,
    device: str = "auto",
    precision: str = "auto",
    settings: Mapping[str, object] | None = None,
    fps: float | None = None,
    progress: Progress | None = None,
) -> Mattes:
    """Compute mattes of all objects on all frames of a clip, write them to the folder `out`, and return them.

    `clip` is a movie, a folder of images, the first image of a sequence, or a pattern; `keyframes` a folder of mask
    images, or one. `frames` counts frames of the clip from 0; None: all. With `changed`, only mattes that are missing
    or stale are made. `settings` are the recipe's, as with `--set`. All else is as on the command line.

    Raises EngineError: BadSetting, UnknownRecipe, WeightsMissing, ClipNotFound, NoKeyframes and others, each with what
    to do. Mattes written before stay valid.
    """
    target, source = arguments.path("out", out), arguments.path("keyframes", keyframes)
    file = arguments.optional_path("weights", weights)
    chosen = arguments.settings_of(recipe, file, height, device, precision, settings)
    from ..jobs.propagate import run
    from ..media.keyframe_folders import read_keyframes
    from ..methods.registry import find_recipe

    row = find_recipe(recipe)
    with _open(clip, fps) as reader:
        video, names = reader.clip, reader.names
        marked = read_keyframes(
            source,
            names.numbers,
            (video.height, video.width),
            stems=names.stems,
            unlabelled=arguments.unlabelled(unlabelled, row.unlabelled),
            masks=arguments.choice("masks", masks, Masks),
            clip_title=reader.title,
            tell=lambda _note: None,
        )
    job = PropagationJob(
        job_id=uuid.uuid4().hex,
        clip=video,
        frames=arguments.frames_of(frames, video.frame_count),
        keyframes=marked,
        folder=target,
        recipe=row.name,
        weights=file,
        direction=arguments.choice("direction", direction, Direction) if direction else row.direction,
        settings=chosen,
        redo=Redo.CHANGED if changed else Redo.EVERYTHING,
    )
    told = _Told(progress)
    run(job, told, lambda: False)
    ended = told.finished
    folder = MatteFolder(job.folder)
    return Mattes(
        job.folder,
        tuple(sorted(folder.matte_sequences())),
        _numbers_in(folder),
        ended.warning,
        ended.note,
        ended.frames_per_second,
        ended.peak_memory,
    )


def suggest(
    clip: Where,
    results: Where | None = None,
    *,
    chosen: Sequence[int] = (),
    count: int = SuggestionJob.count,
    recipe: str = "keymatte",
    weights: Where | None = None,
    height: int = Settings.height,
    device: str = "auto",
    precision: str = "auto",
    fps: float | None = None,
    progress: Progress | None = None,
) -> tuple[Suggestion, ...]:
    """Return the frames on which a keyframe would help most, best first, and never two neighbours.

    `results` is the folder of mattes that `propagate` has written, and `chosen` are the numbers of the frames with
    keyframes. Without both, the frame to mark first is suggested. Raises EngineError.
    """
    marked = arguments.whole_numbers("chosen", chosen)
    if bool(marked) != (results is not None):
        raise MasksMissing("mattes and the frames with keyframes must be given together, or neither")
    file = arguments.optional_path("weights", weights)
    wanted = arguments.settings_of(recipe, file, height, device, precision, None)
    most = arguments.whole("count", count)
    from ..jobs.suggest import run
    from ..suggestion.limits import check_choice

    check_choice(count, SuggestionJob.alpha, SuggestionJob.min_mask)
    with _open(clip, fps) as reader:
        video, numbers = reader.clip, reader.names.numbers
    missing = [number for number in marked if number not in numbers]
    if missing:
        raise BadSetting(f"frame {missing[0]} is not in the clip, which has {numbers[0]} to {numbers[-1]}")
    folder = MatteFolder(arguments.path("results", results)) if results is not None else None
    told = _Told(progress)
    with TemporaryDirectory() as temporary:
        job = SuggestionJob(
            job_id=uuid.uuid4().hex,
            clip=video,
            frames=range(video.frame_count),
            chosen=tuple(numbers.index(number) for number in marked),
            masks=folder.root / "labels" if folder else None,
            keys=folder.keys if folder else Path(temporary) / "keys",
            recipe=recipe,
            weights=file,
            settings=wanted,
            count=most,
        )
        run(job, told, lambda: False)
    found = told.suggested
    rows = zip(found.frames, found.scores, found.objects, found.reasons, strict=True)
    return tuple(
        Suggestion(numbers[frame], value, object_id or None, sentence(reason))
        for frame, value, object_id, reason in rows
    )


def score(results: Where, truth: Where, *, allow_missing: bool = False, masks: str = "auto") -> Score:
    """Compare results with true masks, and return J, F and J&F, as DAVIS defines them, by object and frame.

    Raises EngineError: ScoreIncomplete, ScoreSizeMismatch and others.
    """
    from ..evaluation.score import score_folders

    kinds = arguments.choice("masks", masks, Masks)
    return score_folders(
        arguments.path("results", results), arguments.path("truth", truth), allow_missing=allow_missing, masks=kinds
    )


def _open(clip: Where, fps: float | None) -> FrameReader:
    from ..media.frames import FrameReader

    return FrameReader.open(arguments.path("clip", clip), fps=arguments.frames_per_second(fps))


def _numbers_in(folder: MatteFolder) -> tuple[int, ...]:
    labels = folder.labels(0).parent
    return tuple(sorted(int(path.stem) for path in labels.glob("*.png") if is_number(path.stem)))


class _Told:
    """What a job tells: progress is passed on, and the answer that ends it is kept."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.finished = Finished("")
        self.suggested = Suggested("", (), (), (), ())

    def __call__(self, answer: Answer) -> None:
        match answer:
            case Finished():
                self.finished = answer
            case Suggested():
                self.suggested = answer
            case Stage(text=text, done=done, total=total) if self._progress:
                self._progress(text, done, total)
            case MatteReady(done=done, total=total) if self._progress:
                self._progress("Propagating", done, total)
