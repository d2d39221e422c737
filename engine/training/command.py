"""Command lines of the training wing: `train-data`, `render-scenes`, `train-sheet`, `train`, `train-round`."""

from __future__ import annotations

import argparse
from pathlib import Path

from .scenes.command import add_arguments as add_scene_arguments


def add_commands(commands: argparse._SubParsersAction) -> None:
    """All of them."""
    one = commands.add_parser("train-data", help="fetch and prepare all that is learned from (Debian, Ubuntu and PyPI)")
    one.set_defaults(command=_train_data)
    one.add_argument("--out", type=Path, required=True)

    add_scene_arguments(commands.add_parser("render-scenes", help="render training clips in Blender (needs bpy)"))

    one = commands.add_parser("train-sheet", help="write a contact sheet of training samples")
    one.set_defaults(command=_train_sheet)
    one.add_argument("--data", type=Path, required=True, help="folder made by train-data")
    one.add_argument("--rendered", type=Path, help="folder of rendered scenes; the lower half shows them")
    one.add_argument("--out", type=Path, required=True, help="picture to write (.png)")
    one.add_argument("--clips", type=int, default=24, help="how many; two to a row")
    one.add_argument("--frames", type=int, default=4)
    one.add_argument("--size", type=int, default=256, help="pixels, square")
    one.add_argument("--seed", type=int, default=1)

    one = commands.add_parser("train", help="train the default network; goes on where it stopped")
    one.set_defaults(command=_train)
    one.add_argument("--data", type=Path, required=True, help="folder made by train-data")
    one.add_argument("--out", type=Path, required=True, help="folder for state, weights, log and curve")
    one.add_argument(
        "--pretrained", type=Path, help="published EfficientNet-Lite0 weights (.pth) to begin with; usual: train-data's"
    )
    one.add_argument("--start", type=Path, help="weights of this network to go on from (.safetensors)")
    one.add_argument("--steps", type=int, default=6000)
    one.add_argument("--batch", type=int, default=4)
    one.add_argument("--frames", type=int, default=4)
    one.add_argument("--size", type=int, default=256, help="pixels, square, multiple of 32")
    one.add_argument("--smallest", type=int, help="pixels, multiple of 32: clips are of any size from this to --size")
    one.add_argument("--learning-rate", type=float, default=4e-4)
    one.add_argument("--young-pace", type=float, default=1.0, help="rate of parts that begin at zero, over the others'")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--device", default="cpu")
    one.add_argument(
        "--mixed", action="store_true", help="bfloat16 on a processor too: quicker on those that compute in it"
    )
    one.add_argument("--rendered", type=Path, help="folder of rendered scenes to learn from too")
    one.add_argument("--workers", type=int, default=1, help="processes that make clips")
    one.add_argument("--minutes", type=float, help="stop (resumably) after this long")

    one = commands.add_parser("train-round", help="put trained weights on the whole numbers that processors compute in")
    one.set_defaults(command=_train_round)
    one.add_argument("--weights", type=Path, required=True, help="trained weights (.safetensors)")
    one.add_argument("--data", type=Path, required=True, help="folder made by train-data, by whose clips is judged")
    one.add_argument("--out", type=Path, required=True, help="file to write (.safetensors)")


def _train_data(options: argparse.Namespace) -> int:
    from .fetching import fetch
    from .prepare import prepare
    from .pretrained import fetch_encoder

    fetch_encoder(options.out / "pretrained")
    fetch(options.out / "fetched")
    prepare(options.out / "fetched", options.out / "prepared")
    return 0


def _train_sheet(options: argparse.Namespace) -> int:
    from .material import Material, TrainConfig
    from .sheets import sheet

    material = Material.open(options.data / "prepared", options.rendered)
    config = TrainConfig(frames=options.frames, size=options.size, seed=options.seed)
    half = options.clips // 2 if material.scenes else options.clips
    sheet(options.out, (material.sample(config, number, rendered=number >= half) for number in range(options.clips)))
    return 0


def _train(options: argparse.Namespace) -> int:
    from .loop import train
    from .material import TrainConfig
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
