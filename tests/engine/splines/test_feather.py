"""Width of the soft edge at the points of splines."""

from __future__ import annotations

import numpy as np
import pytest

from engine.splines.vectorise import fit_splines

from .shapes import SIZE, disc, points_on, splines


def test_hard_edge_has_no_feather():
    (hard,) = splines(disc(80, 60, 40))
    assert hard.feather.max() == 0


@pytest.mark.parametrize("ramp", [4, 8, 16, 24])
def test_feather_is_the_width_of_the_soft_edge(ramp):
    (soft,) = splines(*(np.round(disc(80 + t, 60, 40, edge=ramp) * 255) / 255 for t in range(3)))
    assert soft.feather == pytest.approx(0.8 * ramp, abs=0.3)  # from 0.1 to 0.9
    assert np.abs(points_on(soft, 1) - (81 + 60j)) == pytest.approx(40, abs=0.3)


def test_feather_differs_along_an_edge():
    down, across = np.mgrid[:120, :160] + 0.5
    distance = 40 - np.hypot(across - 80, down - 60)
    matte = np.clip(distance / np.where(across < 80, 1, 12) + 0.5, 0, 1).astype(np.float32)
    (track,) = splines(matte)
    left = points_on(track, 0).real < 65
    right = points_on(track, 0).real > 95
    assert track.feather[0, left].max() == 0
    assert track.feather[0, right].min() > 7


def test_feather_follows_an_edge_that_grows_softer():
    tracks = fit_splines((t, disc(80, 60, 40, edge=4 + t)) for t in range(13))
    assert len(tracks) == 1
    at = [np.interp(frame, tracks[0].keys, tracks[0].feather.mean(axis=1)) for frame in (0, 6, 12)]
    assert at == pytest.approx([0.8 * 4, 0.8 * 10, 0.8 * 16], abs=0.5)


def test_border_of_the_picture_is_a_hard_edge():
    (track,) = splines(disc(0, 60, 50, SIZE, edge=8))
    points = points_on(track, 0)
    along = (points.real < 0) & (np.abs(points.imag - 60) < 35)
    assert along.any()
    assert track.feather[0, along].max() == 0
    assert track.feather[0, points.real > 20] == pytest.approx(6.4, abs=0.5)
