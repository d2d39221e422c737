"""Parts of an object with their holes, which share keys, and what is told about a fit."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation.known_motion import drawn
from engine.splines.strands import LeftOut
from engine.splines.vectorise import fit_splines

from .shapes import SIZE, disc, iou, splines


def test_each_part_is_numbered_with_its_holes_and_the_largest_comes_first():
    small = disc(130, 90, 24) - disc(130, 90, 12)
    large = disc(55, 60, 50) - disc(40, 60, 15) - disc(75, 60, 15)
    tracks = splines(*[np.maximum(small, large)] * 3)
    assert [(track.part, track.hole) for track in tracks] == [
        (0, False), (0, True), (0, True), (1, False), (1, True),
    ]  # fmt: skip
    assert tracks[0].points[0, :, 1, 0].mean() == pytest.approx(55, abs=2)
    assert tracks[4].points[0, :, 1, 0].mean() == pytest.approx(130, abs=2)


def test_island_in_a_hole_is_a_part_of_its_own():
    tracks = splines(disc(80, 60, 55) - disc(80, 60, 40) + disc(80, 60, 25) - disc(80, 60, 12))
    assert [(track.part, track.hole) for track in tracks] == [(0, False), (0, True), (1, False), (1, True)]
    areas = [np.ptp(track.points[0, :, 1, 0]) for track in tracks]
    assert areas == pytest.approx([110, 80, 50, 24], abs=2)


def test_hole_whose_part_ends_goes_on_in_another_track():
    def matte(t: int) -> np.ndarray:
        ring = disc(50 - t, 60, 40) - disc(50 - t, 60, 25)
        return np.maximum(ring, disc(100 + 2 * t, 60, 28))

    frames = [matte(t) for t in range(-8, 9)]
    tracks = splines(*frames)
    parts = {track.part: track for track in tracks if not track.hole}
    holes = [track for track in tracks if track.hole]
    assert len(parts) == 3
    assert len(holes) == 2
    for hole in holes:
        assert parts[hole.part].first <= hole.first
        assert hole.last <= parts[hole.part].last
    assert sorted((hole.first, hole.last) for hole in holes) == [(0, holes[0].last), (holes[0].last + 1, 16)]


def test_tracks_of_a_part_have_the_same_keys():
    frames = [disc(70, 60, 45) - (disc(60 + 12 * np.sin(t / 3), 60, 15) if 6 <= t <= 30 else 0) for t in range(40)]
    part, hole = splines(*frames)
    assert (hole.first, hole.last) == (6, 30)
    inner = part.keys[(part.keys >= hole.first) & (part.keys <= hole.last)]
    assert inner.tolist() == hole.keys.tolist()
    assert {5, 6, 30, 31} <= set(part.keys.tolist())  # the part needs none, the hole's first and last frames do
    assert len(hole.keys) > 3
    assert min(iou([part, hole], frame, matte) for frame, matte in enumerate(frames)) > 0.97


def test_pinned_frames_are_keys_and_are_fitted_more_closely():
    def outline(t: int) -> np.ndarray:
        angle = np.linspace(0, 2 * np.pi, 600, endpoint=False)
        radius = 40 + 1.2 * np.cos(5 * angle + 0.9 * t)
        return radius * np.exp(1j * angle) + 80 + 60j

    mattes = [(t, drawn(outline(t), SIZE)) for t in range(20)]
    (loose,) = fit_splines(mattes)
    (pinned,) = fit_splines(mattes, pinned={5, 15, 90})
    assert not {5, 15} & set(loose.keys.tolist())
    assert {5, 15} <= set(pinned.keys.tolist())
    assert 90 not in pinned.keys
    assert loose.error[15, 0] > 0.25
    assert pinned.error[[5, 15], 0].max() <= 0.3


def test_progress_is_told_and_stops_the_fit():
    mattes = [(t, np.maximum(disc(40 + t, 60, 25), disc(120, 60, 25))) for t in range(4)]
    shares: list[float] = []
    fit_splines(mattes, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0 < shares[3] < 0.5
    assert shares[-1] == 1
    assert len({share for share in shares if share > 0.4}) > 1  # once for each part

    def stop(share: float) -> None:
        if share > 0.2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit_splines(mattes, progress=stop)


def test_specks_are_left_out_and_told():
    body = disc(80, 60, 50)
    speck = disc(10, 10, 2)
    found: list[LeftOut] = []
    (track,) = fit_splines([(0, np.maximum(body, speck)), (1, body)], left_out=found.append)
    assert (track.first, track.last) == (0, 1)
    assert found[0].outlines == 1
    assert found[0].share == pytest.approx(
        np.count_nonzero(speck > 0.5) / np.count_nonzero((body > 0.5) | (speck > 0.5))
    )
    found.clear()
    fit_splines([(0, body)], left_out=found.append)
    assert found == [LeftOut(0, 0.0)]
