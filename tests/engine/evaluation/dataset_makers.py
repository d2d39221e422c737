"""Makers of small data sets in the layouts of the published ones: a square moves right, another one comes later."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from engine.__main__ import main
from engine.shared.mask_images import PALETTE

SIZE = (32, 48)  # (H, W) of frames
YELLOW = np.array(((0, 0, 0), (236, 95, 103), (249, 145, 87), (250, 200, 99)), np.uint8)  # palette of YouTube-VOS


def labels(frame: int, *, objects: int = 2, late: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the true labels (H, W) of a frame; object 2 is there from frame `late` on."""
    image = np.zeros(size, np.uint8)
    image[4:14, 4 + 2 * frame : 14 + 2 * frame] = 1
    if objects > 1 and frame >= late:
        image[18:28, 30 - frame : 42 - frame] = 2
    return image


def picture(truth: np.ndarray) -> np.ndarray:
    """Return the image (H, W, 3) of labels: red and blue squares on green, with fine noise."""
    colours = np.array(((40, 160, 40), (220, 30, 30), (30, 30, 220)), np.uint8)
    noise = np.random.default_rng(5).integers(-8, 8, (*truth.shape, 3))
    return np.clip(colours[truth] + noise, 0, 255).astype(np.uint8)


def write_image(path: Path, truth: np.ndarray) -> None:
    """Write the image of labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(truth)).save(path, quality=95)


def write_mask(path: Path, mask: np.ndarray, palette: np.ndarray = PALETTE) -> None:
    """Write a mask as a palette PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette(palette.astype(np.uint8).tobytes())
    image.save(path)


def make_davis(
    root: Path, sequences: tuple[str, ...] = ("bear", "camel"), *, frames: int = 4, year: str = "2017",
    split: str = "val", resolution: str = "480p",
) -> Path:  # fmt: skip
    """Make DAVIS as its zip of 2017 unpacks; of test-dev only the first masks are there."""
    for name in sequences:
        for frame in range(frames):
            truth = labels(frame)
            write_image(root / "JPEGImages" / resolution / name / f"{frame:05d}.jpg", truth)
            if split != "test-dev" or frame == 0:
                write_mask(root / "Annotations" / resolution / name / f"{frame:05d}.png", truth)
    file = root / "ImageSets" / year / f"{split}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{name}\n" for name in sequences), encoding="utf-8")
    return root


def make_davis16(root: Path, name: str = "bear", *, frames: int = 4) -> Path:
    """Make DAVIS 2016 as its own zip unpacks: grey masks of 0 and 255, and lists of pairs of files."""
    lines = []
    for frame in range(frames):
        truth = labels(frame)
        image = root / "JPEGImages" / "480p" / name / f"{frame:05d}.jpg"
        mask = root / "Annotations" / "480p" / name / f"{frame:05d}.png"
        write_image(image, truth)
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(truth > 0, 255, 0).astype(np.uint8)).save(mask)
        lines.append(f"/{image.relative_to(root).as_posix()} /{mask.relative_to(root).as_posix()}\n")
    file = root / "ImageSets" / "480p" / "val.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines), encoding="utf-8")
    return root


def make_youtube(root: Path, name: str = "0a1b2c", *, split: str = "valid", frames: int = 11, late: int = 5) -> Path:
    """Make YouTube-VOS: every fifth frame is listed and, in `valid`, has images; masks only of new objects."""
    listed = [f"{frame:05d}" for frame in range(0, frames, 5)]
    for frame in range(frames):
        truth = labels(frame, late=late)
        write_image(root / "all_frames" / f"{split}_all_frames" / "JPEGImages" / name / f"{frame:05d}.jpg", truth)
        if frame % 5 == 0:
            write_image(root / split / "JPEGImages" / name / f"{frame:05d}.jpg", truth)
            new = np.where(truth == (1 if frame == 0 else 2), truth, 0)
            if split == "train" or frame in (0, late):
                mask = truth if split == "train" else new
                write_mask(root / split / "Annotations" / name / f"{frame:05d}.png", mask, YELLOW)
    objects = {
        "1": {"category": "fox", "frames": listed},
        "2": {"category": "sheep", "frames": [stem for stem in listed if int(stem) >= late]},
    }
    (root / split / "meta.json").write_text(json.dumps({"videos": {name: {"objects": objects}}}), encoding="utf-8")
    return root


def make_lvos(root: Path, name: str = "vid1", *, split: str = "valid", frames: int = 6, late: int = 3) -> Path:
    """Make LVOS: eight digits in steps of five; all masks are there, and a file says when objects appear."""
    for frame in range(frames):
        truth, stem = labels(frame, late=late), f"{1 + 5 * frame:08d}"
        write_image(root / split / "JPEGImages" / name / f"{stem}.jpg", truth)
        if split != "test" or frame in (0, late):
            write_mask(root / split / "Annotations" / name / f"{stem}.png", truth)
    end = f"{1 + 5 * frames:08d}"
    objects = {
        str(id_): {"frame_range": {"start": f"{1 + 5 * first:08d}", "end": end, "frame_nums": str(frames - first)}}
        for id_, first in ((1, 0), (2, late))
    }
    meta = {"videos": {name: {"objects": objects}}}
    (root / split / f"{split}_meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return root


def make_long(root: Path, name: str = "blueboy", *, frames: int = 7, every: int = 3) -> Path:
    """Make Long-Time Video: masks of every third frame only."""
    for frame in range(frames):
        truth = labels(frame)
        write_image(root / "JPEGImages" / name / f"{frame:05d}.jpg", truth)
        if frame % every == 0:
            write_mask(root / "Annotations" / name / f"{frame:05d}.png", truth)
    return root


def make_vost(root: Path, name: str = "555_tear_paper", *, frames: int = 7) -> Path:
    """Make VOST: images at 10 fps, images and masks at 5 fps; a strip of each mask is ignored."""
    for frame in range(frames):
        truth, stem = labels(frame), f"frame{12 * frame:05d}"
        write_image(root / "JPEGImages_10fps" / name / f"{stem}.jpg", truth)
        if frame % 2 == 0:
            write_image(root / "JPEGImages" / name / f"{stem}.jpg", truth)
            truth[:, -3:] = 255
            write_mask(root / "Annotations" / name / f"{stem}.png", truth)
    (root / "ImageSets").mkdir(parents=True, exist_ok=True)
    (root / "ImageSets" / "val.txt").write_text(name, encoding="utf-8")  # its last line has no end
    return root


def make_folder(root: Path, *, frames: int = 5, masks: tuple[int, ...] = (0, 2, 4), late: int = 0) -> Path:
    """Make a folder of frames and masks."""
    for frame in range(frames):
        truth = labels(frame, late=late)
        write_image(root / "frames" / f"frame_{frame:06d}.jpg", truth)
        if frame in masks:
            write_mask(root / "masks" / f"frame_{frame:06d}.png", truth)
    return root


def evaluate(dataset: str, root: Path, out: Path, *options: str) -> int:
    """Run the command `evaluate`, at a small size and unless said otherwise with recipe `colour`; return its status."""
    command = ["evaluate", "--dataset", dataset, "--root", str(root), "--out", str(out)]
    recipe = [] if "--recipe" in options else ["--recipe", "colour"]
    return main([*command, *recipe, "--height", "32", *options])
