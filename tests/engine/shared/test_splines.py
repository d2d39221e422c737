"""Splines in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.shared.errors import SplinesUnreadable
from engine.shared.splines import SplineTrack, flatten, load_splines, save_splines


def track(first: int, keys: list[int], count: int, *, part: int = 0, hole: bool = False) -> SplineTrack:
    rng = np.random.default_rng(first)
    return SplineTrack(
        part=part,
        hole=hole,
        first=first,
        last=keys[-1],
        keys=np.array(keys),
        points=rng.random((len(keys), count, 3, 2)).astype(np.float32),
        feather=rng.random((len(keys), count)).astype(np.float32),
        corners=rng.random(count) > 0.5,
        error=rng.random((keys[-1] - first + 1, 2)).astype(np.float32),
    )


def test_tracks_are_read_as_they_were_written(tmp_path: Path):
    tracks = [track(3, [3, 7, 9], 8), track(5, [5], 11, part=2, hole=True)]
    save_splines(tmp_path / "001.npz", tracks)
    found = load_splines(tmp_path / "001.npz")
    assert [(t.part, t.hole, t.first, t.last) for t in found] == [(0, False, 3, 9), (2, True, 5, 5)]
    for made, read in zip(tracks, found):
        for name in ("keys", "points", "feather", "corners", "error"):
            assert np.array_equal(vars(made)[name], vars(read)[name])
            assert vars(made)[name].dtype == vars(read)[name].dtype


def test_no_tracks_are_read_as_none(tmp_path: Path):
    save_splines(tmp_path / "001.npz", [])
    assert load_splines(tmp_path / "001.npz") == []


def test_damaged_files_are_refused(tmp_path: Path):
    path = tmp_path / "001.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(SplinesUnreadable):
        load_splines(path)
    save_splines(path, [track(3, [3, 7], 8)])
    arrays = dict(np.load(path))
    arrays["tracks"][0, 5] = 9
    np.savez(path, **arrays)
    with pytest.raises(SplinesUnreadable, match="points"):
        load_splines(path)
    arrays["tracks"][0, 4:] = 0, 8
    np.savez(path, **arrays)
    with pytest.raises(SplinesUnreadable, match="table of tracks"):
        load_splines(path)


def test_points_are_interpolated_linearly_between_keys():
    spline = track(2, [2, 6], 8)
    start, end = spline.points.astype(float)
    assert spline.at(2) == pytest.approx(start)
    assert spline.at(3) == pytest.approx(0.75 * start + 0.25 * end)
    assert spline.at(6) == pytest.approx(end)
    assert spline.at(1) is None
    assert spline.at(7) is None


def test_a_spline_is_flattened_through_its_points():
    points = np.zeros((4, 3, 2))
    corners = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
    points[:] = corners[:, None]
    flat = flatten(points, steps=2)
    assert flat[::2] == pytest.approx(corners)
    assert flat[1] == pytest.approx([5, 0])
    circle = np.exp(2j * np.pi * np.arange(4) / 4) * 10
    handle = 1j * circle * 0.5523
    spline = np.stack([circle - handle, circle, circle + handle], axis=1)
    round_ = flatten(np.stack([spline.real, spline.imag], axis=-1))
    assert np.hypot(*round_.T) == pytest.approx(10, abs=0.01)
