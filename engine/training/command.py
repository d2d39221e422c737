"""Command line of training: `train-data`, `render-scenes`, `train-sheet`, `train`, `train-round`."""

from __future__ import annotations

import argparse
from pathlib import Path

from .scenes.command import add_arguments as add_scene_arguments


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add the training commands to the command line."""
    parser = commands.add_parser(
        "train-data", help="download and prepare the training images (Debian, Ubuntu and PyPI)"
    )
    parser.set_defaults(command=_train_data)
    parser.add_argument("--out", type=Path, required=True, help="folder for the prepared images")

    add_scene_arguments(commands.add_parser("render-scenes", help="render training clips in Blender (needs bpy)"))

    parser = commands.add_parser("train-sheet", help="write a contact sheet of training samples")
    parser.set_defaults(command=_train_sheet)
    parser.add_argument("--data", type=Path, required=True, help="folder made by train-data")
    parser.add_argument("--rendered", type=Path, help="folder of rendered scenes; the lower half shows them")
    parser.add_argument("--out", type=Path, required=True, help="image to write (.png)")
    parser.add_argument("--clips", type=int, default=24, help="number of clips, two per row")
    parser.add_argument("--frames", type=int, default=4, help="frames per clip")
    parser.add_argument("--size", type=int, default=256, help="pixels, square")
    parser.add_argument("--seed", type=int, default=1)

    parser = commands.add_parser("train", help="train the default network; resumes where it stopped")
    parser.set_defaults(command=_train)
    parser.add_argument("--data", type=Path, required=True, help="folder made by train-data")
    parser.add_argument("--out", type=Path, required=True, help="folder for state, weights, log and curve")
    parser.add_argument(
        "--pretrained",
        type=Path,
        help="published EfficientNet-Lite0 weights (.pth) of the encoder; default: those that train-data fetched",
    )
    parser.add_argument("--start", type=Path, help="weights of this network to start from (.safetensors)")
    parser.add_argument("--steps", type=int, default=6000, help="optimiser steps; default: %(default)s")
    parser.add_argument("--batch", type=int, default=4, help="clips per step and process; default: %(default)s")
    parser.add_argument("--frames", type=int, default=4, help="frames per clip; default: %(default)s")
    parser.add_argument("--size", type=int, default=256, help="pixels, square, multiple of 32")
    parser.add_argument(
        "--smallest", type=int, help="pixels, multiple of 32: clips have random sizes from this to --size"
    )
    parser.add_argument("--learning-rate", type=float, default=4e-4)
    parser.add_argument(
        "--young-pace",
        type=float,
        default=1.0,
        help="learning rate of newly added parameters, as a multiple of --learning-rate",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--mixed", action="store_true", help="also use bfloat16 on a CPU: faster on CPUs that support it"
    )
    parser.add_argument("--rendered", type=Path, help="folder of rendered scenes to train on as well")
    parser.add_argument("--workers", type=int, default=1, help="processes that make clips")
    parser.add_argument("--minutes", type=float, help="stop after this many minutes; run again to resume")

    parser = commands.add_parser("train-round", help="round trained weights to the 8-bit integers that CPUs compute in")
    parser.set_defaults(command=_train_round)
    parser.add_argument("--weights", type=Path, required=True, help="trained weights (.safetensors)")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder made by train-data; its images calibrate the rounding"
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write (.safetensors)")


def _train_data(options: argparse.Namespace) -> int:
    from .fetching import fetch
    from .prepare import prepare
    from .pretrained import fetch_encoder

    fetch_encoder(options.out / "pretrained")
    fetch(options.out / "fetched")
    prepare(options.out / "fetched", options.out / "prepared")
    return 0


def _train_sheet(options: argparse.Namespace) -> int:
    from .contact_sheet import write_contact_sheet
    from .dataset import SampleGenerator, TrainConfig

    generator = SampleGenerator.open(options.data / "prepared", options.rendered)
    config = TrainConfig(frames=options.frames, size=options.size, seed=options.seed)
    half = options.clips // 2 if generator.scenes else options.clips
    write_contact_sheet(
        options.out, (generator.sample(config, number, rendered=number >= half) for number in range(options.clips))
    )
    return 0


def _train(options: argparse.Namespace) -> int:
    from .dataset import TrainConfig
    from .loop import train
    from .pretrained import ENCODER

    fetched = options.data / "pretrained" / ENCODER
    config = TrainConfig(
        steps=options.steps,
        batch=options.batch,
        frames=options.frames,
        size=options.size,
        smallest=options.smallest,
        learning_rate=options.learning_rate,
        young_pace=options.young_pace,
        device=options.device,
        mixed=options.mixed,
        seed=options.seed,
        workers=options.workers,
    )
    train(
        options.out,
        options.data / "prepared",
        config,
        pretrained=options.pretrained or (fetched if fetched.is_file() and not options.start else None),
        start=options.start,
        rendered=options.rendered,
        minutes=options.minutes,
    )
    return 0


def _train_round(options: argparse.Namespace) -> int:
    from .rounding import round_file

    round_file(options.weights, options.out, options.data / "prepared")
    return 0
