"""Cryptomatte: ids by the published hash, ranks by coverage, and a file from which each object can be picked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import OpenEXR
import pytest

from engine.delivery import cryptomatte
from engine.shared.delivery import DeliveredObject, Format
from engine.shared.matte_folder import MatteFolder
from tests.engine.delivery.shots import COUNT, HEIGHT, NAMES, STEMS, WIDTH, alphas, deliver, write_matte


@pytest.mark.parametrize(
    ("text", "hashed"),
    [  # published test vectors
        ("", 0),
        ("test", 0xBA6BD213),
        ("Hello, world!", 0xC0363E43),
        ("The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_the_hash_is_murmur3(text, hashed):
    assert cryptomatte.murmur3(text.encode()) == hashed


def test_ids_are_finite_floats():
    """One hash in 128 has an exponent that a float keeps for infinities or for what is below its normal range."""
    names = [f"name {number}" for number in range(2000)]
    odd = [name for name in names if cryptomatte.murmur3(name.encode()) >> 23 & 255 in (0, 255)]
    values = np.array([cryptomatte.name_id(name) for name in names], np.uint32).view(np.float32)
    assert odd and np.isfinite(values).all() and (np.abs(values) >= np.finfo(np.float32).tiny).all()


def picked(path, name: str) -> np.ndarray:
    """Return the matte (H, W) of a name as a compositor finds it: by manifest, ids and ranks of the file."""
    part = OpenEXR.File(str(path), separate_channels=True).parts[0]
    (key,) = {key.split("/")[1] for key in part.header if key.startswith("cryptomatte/")}
    about = {word: part.header[f"cryptomatte/{key}/{word}"] for word in ("name", "hash", "conversion", "manifest")}
    assert (about["hash"], about["conversion"]) == ("MurmurHash3_32", "uint32_to_float32")
    assert len(key) == 7
    wanted = np.array([int(json.loads(about["manifest"])[name], 16)], np.uint32).view(np.float32)[0]
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    before = np.full((HEIGHT, WIDTH), np.inf, np.float32)
    for layer in sorted({name.rpartition(".")[0] for name in part.channels if name.startswith(about["name"])}):
        planes = {channel: part.channels[f"{layer}.{channel}"].pixels for channel in "RGBA"}
        assert all(plane.dtype == np.float32 for plane in planes.values()), "ids are 32 bits"
        for ids, coverage in ((planes["R"], planes["G"]), (planes["B"], planes["A"])):
            assert (coverage <= before).all(), "sorted by coverage"
            matte += np.where(ids == wanted, coverage, 0)
            before = coverage
    return matte


def test_each_object_is_picked_by_its_own_name(job):
    deliver(job, format=Format.EXR)
    for frame, stem in enumerate(STEMS):
        for name, alpha in zip(NAMES, alphas(frame)):
            assert np.array_equal(picked(job.out / f"{stem}.exr", name), alpha)


def test_objects_of_one_name_are_told_apart(job):
    deliver(job, format=Format.EXR, objects=tuple(replace(one, name="ball") for one in job.objects))
    path = job.out / f"{STEMS[0]}.exr"
    assert np.array_equal(picked(path, "ball"), alphas(0)[0])
    assert np.array_equal(picked(path, "ball 2"), alphas(0)[1])
    layers = {name.partition(".")[0] for name in OpenEXR.File(str(path), separate_channels=True).channels()}
    assert layers == {"ball", "ball_2", "CryptoKeymatte00"}


def test_many_objects_that_do_not_overlap_are_all_picked(job):
    folder, names = MatteFolder(job.folder), [f"part {number}" for number in range(1, 10)]
    for number in range(1, 10):
        for frame in range(COUNT):
            alpha = np.zeros((HEIGHT, WIDTH), np.float32)
            alpha[:, number * 9 : number * 9 + 9] = number / 9
            write_matte(folder, number, frame, alpha)
    objects = tuple(DeliveredObject(number, name) for number, name in enumerate(names, start=1))
    deliver(job, format=Format.EXR, objects=objects)
    for number, name in enumerate(names, start=1):
        matte = picked(job.out / f"{STEMS[1]}.exr", name)
        assert abs(matte[5, number * 9 + 4] - round(number / 9 * 255) / 255) < 1e-6
        assert (matte > 0).sum() == HEIGHT * min(9, WIDTH - number * 9)
