"""Features that are kept: later sweeps and runs encode nothing twice, and make the same mattes."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from engine.networks.keymatte import Keymatte
from engine.shared.types import EarlyEnd, Redo, Settings
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.engine.jobs.test_redo import mattes


@pytest.fixture
def encoded(monkeypatch, tmp_path) -> list[int]:
    """Keep features in a folder of the test's own; return a list that gets an item for each image that is encoded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images: list[int] = []
    encode = Keymatte.encode_batch

    def counted(self: Keymatte, batch: torch.Tensor) -> list:
        images.append(len(batch))
        return encode(self, batch)

    monkeypatch.setattr(Keymatte, "encode_batch", counted)
    return images


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="the cache folder is set by XDG")
def test_a_later_run_encodes_nothing_again_and_makes_the_same_mattes(job, film, encoded, tmp_path):
    job = replace(job, recipe="keymatte", settings=Settings(height=96))
    run_job(replace(job, feature_bytes=0, folder=tmp_path / "without"))
    without = len(encoded)
    run_job(job)
    first = len(encoded) - without
    assert first == 10 + 2, "each frame once, and each of two keyframes once more, enlarged"
    assert without == 2 + 10 + 7 + 2, "keyframes, frames of both sweeps, and enlarged keyframes"
    keys = film.write_keyframes(tmp_path / "keys", [3])
    more = job_of(
        job.clip.path,
        keys,
        job.folder,
        recipe="keymatte",
        settings=job.settings,
        redo=Redo.CHANGED,
        early_end=EarlyEnd(0),
    )
    run_job(more)
    assert len(encoded) - without - first == 3, "the three keyframes, enlarged"
    whole = replace(more, folder=tmp_path / "whole", redo=Redo.EVERYTHING, feature_bytes=0)
    run_job(whole)
    redone, expected = mattes(job.folder), mattes(whole.folder)
    assert all(redone[key][2] == expected[key][2] for key in expected if 0 < key[1] < 6 and key[1] != 3)
    same = mattes(tmp_path / "without")
    assert all(redone[key][2] == same[key][2] for key in same if key[1] > 6)
