"""Command line: propagate, suggest, bench, score, study, models, doctor, serve, and those of training."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import uuid
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from .allocator import keep_freed_memory
from .arguments import add_clip, add_recipe, frames_in, settings_of
from .bench_command import add_arguments as add_bench_arguments
from .errors import EngineError
from .matte_folder import MatteFolder, replacing
from .models_command import add_arguments as add_models_arguments
from .study.command import add_arguments as add_study_arguments
from .suggest_command import add_arguments as add_suggest_arguments
from .types import Direction, PropagationJob

# Threads that wait must sleep, not spin: beside Blender or a render, spinning made two threads five times slower than
# one. OpenMP reads these once, when torch is first imported.
for _name, _value in (("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "0"), ("KMP_BLOCKTIME", "0")):
    os.environ.setdefault(_name, _value)
keep_freed_memory()


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0: all done; 1: our fault; 2: something the user can act upon, said on stderr."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a path that the console cannot show must not end a job
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        return options.command(options)
    except EngineError as error:
        _complain(error.sentence())
        return 2
    except ImportError as error:
        _complain(f"A package of the engine cannot be loaded: {error}. Install the engine again; `doctor` tells more.")
        return 2
    except KeyboardInterrupt:
        _complain("stopped; what is written stays valid")
        return 130


def _propagate(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from .frames import FrameReader
    from .images import read_keyframes
    from .job import run
    from .protocol import Answer, Finished, MatteReady, Stage
    from .recipes import find_recipe

    with FrameReader.open(options.clip) as reader:
        clip, numbers = reader.clip, reader.numbers
    recipe = find_recipe(options.recipe)
    unlabelled = options.unlabelled or recipe.unlabelled
    keyframes = read_keyframes(options.keyframes, numbers, (clip.height, clip.width), unlabelled=unlabelled)
    job = PropagationJob(
        job_id=uuid.uuid4().hex,
        clip=clip,
        frames=frames_in(options.range, clip.frame_count),
        keyframes=keyframes,
        folder=options.out,
        recipe=recipe.name,
        weights=options.weights,
        direction=Direction(options.direction) if options.direction else recipe.direction,
        settings=replace(settings_of(options), adapt=options.adapt),
        keys=MatteFolder(options.out).keys if options.keep_keys else None,
        probabilities=options.dump_probabilities,
    )
    last: list[Finished] = []
    with tqdm(unit="frame", file=sys.stderr) as bar:

        def show(answer: Answer) -> None:
            match answer:
                case Stage(text=text, done=done, total=total):
                    bar.set_description(f"{text} {100 * done // total} %" if total else text)
                case MatteReady(done=done, total=total):
                    bar.set_description("Propagating")
                    bar.total = total
                    bar.update(done - bar.n)
                case Finished():
                    last.append(answer)

        run(job, show, lambda: False)
    _say(
        f"{len(job.frames)} frames in {options.out}: labels/ and mattes/; {last[0].frames_per_second:.2f} steps/s, "
        f"peak memory {last[0].peak_memory / 2**20:.0f} MiB"
    )
    if last[0].warning:
        _complain(last[0].warning)
        return 2
    return 0


def _score(options: argparse.Namespace) -> int:
    from .score import as_csv, as_table, score_folders

    score = score_folders(options.pred, options.truth, allow_missing=options.allow_missing)
    _say(as_table(score))
    if options.csv:
        with replacing(options.csv) as part:
            part.write_text(as_csv(score), encoding="utf-8")
    return 0


def _models(options: argparse.Namespace) -> int:
    if options.action:
        return options.action(options)
    from .catalogue import published_for
    from .methods.memories import describe
    from .models_command import list_published
    from .recipes import RECIPES, find_recipe

    if options.describe:
        recipe = find_recipe(options.describe)
        _say(f"{recipe.name}: {recipe.summary}")
        _say(describe(recipe.options))
        return 0
    for recipe in RECIPES.values():
        published = ", ".join(entry.name for entry in published_for(recipe.name))
        where = f"published weights, see below: {published}" if published else "needs no weights"
        if recipe.weights:
            where = f"{recipe.weights}{'' if recipe.weights.is_file() else ' (missing)'}"
        _say(f"{recipe.name}\n  {recipe.summary}\n  licence: {recipe.licence}\n  {where}")
    list_published(options.folder)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine

    findings = examine()
    for finding in findings:
        _say(f"[{'ok' if finding.good else '!!'}] {finding.text}{f' -> {finding.remedy}' if finding.remedy else ''}")
    return 0 if all(finding.good for finding in findings) else 2


def _serve(options: argparse.Namespace) -> int:
    from .serve import serve

    serve()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description="Keymatte's engine")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("propagate", help="keyframes and a clip in, mattes out")
    one.set_defaults(command=_propagate)
    add_clip(one)
    one.add_argument("--keyframes", type=Path, required=True, help="folder of label images named by frame")
    one.add_argument("--out", type=Path, required=True, help="folder for the results: new, empty, or an earlier run's")
    add_recipe(one)
    one.add_argument(
        "--adapt", action="store_true", help="learn from this clip's keyframes first; kept in --out, where it helps"
    )
    one.add_argument(
        "--direction", choices=[way.value for way in Direction], help="default: the recipe's; both for keymatte"
    )
    one.add_argument(
        "--unlabelled",
        choices=("unknown", "absent"),
        help="what a keyframe says of objects that it does not show; default: the recipe's, unknown for keymatte",
    )
    one.add_argument("--keep-keys", action="store_true", help="keep what `suggest` needs; about 1 MB a frame at 480p")
    one.add_argument(
        "--dump-probabilities", type=Path, metavar="FILE.npz", help="what the network gave, float32, background first"
    )

    add_suggest_arguments(commands.add_parser("suggest", help="which frames to annotate next"))

    add_bench_arguments(commands.add_parser("bench", help="how fast a recipe is on this computer"))

    one = commands.add_parser("score", help="J and F of results against the truth")
    one.set_defaults(command=_score)
    one.add_argument("--pred", type=Path, required=True, help="results of propagate, or a folder of label images")
    one.add_argument("--truth", type=Path, required=True, help="folder of label images")
    one.add_argument("--allow-missing", action="store_true", help="score only frames that were predicted")
    one.add_argument("--csv", type=Path, help="write the numbers of every frame to this file")

    add_study_arguments(commands.add_parser("study", help="how good the default method is, beside plain baselines"))

    one = commands.add_parser("models", help="recipes, licences, weights files")
    one.set_defaults(command=_models)
    one.add_argument("--describe", metavar="RECIPE", help="the numbers of one recipe")
    add_models_arguments(one)

    commands.add_parser("doctor", help="what works on this computer").set_defaults(command=_doctor)
    commands.add_parser("serve", help="JSON lines on stdin and stdout").set_defaults(command=_serve)

    if find_spec(f"{__package__}.training"):  # the extension comes without it
        from .training.command import add_commands

        add_commands(commands)
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"keymatte: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
