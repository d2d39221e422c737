"""Tests of growing, feather and softness: areas and widths that geometry says."""

import numpy as np
import pytest

from engine.matting.levels import crisped, feathered, grown

from .scenes import disc


@pytest.mark.parametrize("distance", [0.3, 1.0, 2.5, 7.3, 20.0, -0.5, -2.5, -13.7])
def test_growing_changes_the_area_by_the_perimeter_times_the_distance(distance):
    radius = 60
    change = float(grown(disc(radius), distance).sum()) - np.pi * radius**2
    exact = np.pi * ((radius + distance) ** 2 - radius**2)
    assert change == pytest.approx(exact, rel=0.03)


def test_growing_far_goes_by_the_outline():
    assert float(grown(disc(10), 80.0).sum()) == pytest.approx(np.pi * 90**2, rel=0.02)
    assert grown(disc(10), 1e6).min() == 1 and grown(disc(10), -1e6).max() == 0


def test_a_soft_edge_stays_as_soft_when_it_is_grown():
    ramp = np.tile(np.clip((np.arange(100, dtype=np.float32) - 40) / 20, 0, 1), (60, 1))
    moved = grown(ramp, 5.0)
    assert np.abs(moved[20:40, 10:90] - ramp[20:40, 15:95]).max() < 0.03


def test_a_fine_strand_survives_growing_and_keeps_its_alpha():
    strand = np.zeros((40, 40), np.float32)
    strand[:, 20] = 0.4
    assert grown(strand, 3.0).max() == pytest.approx(0.4) and (grown(strand, 3.0)[20, 18:23] > 0.39).all()


@pytest.mark.parametrize("feather", [3.0, 10.0, 40.0])
def test_feather_blurs_by_its_half(feather):
    edge = np.tile((np.arange(400) >= 200).astype(np.float32), (20, 1))
    slope = np.diff(feathered(edge, feather)[10])
    places = np.arange(len(slope))
    sigma = np.sqrt((slope * (places - (slope * places).sum()) ** 2).sum())
    assert sigma == pytest.approx(feather / 2, rel=0.05)


def test_no_softness_makes_a_blurred_edge_crisp_and_leaves_a_crisp_one():
    true = disc(60)
    assert np.abs(crisped(true, 0.0) - true).mean() < 1e-3
    crisp = crisped(feathered(true, 10.0), 0.0)
    assert np.abs(crisp - true).sum() < 0.3 * 2 * np.pi * 60  # less than a third of a pixel along the edge
    assert ((crisp > 0.02) & (crisp < 0.98)).sum() < 2.5 * 2 * np.pi * 60
    between = crisped(feathered(true, 10.0), 0.5)
    assert np.abs(crisp - true).sum() < np.abs(between - true).sum() < np.abs(feathered(true, 10.0) - true).sum()
