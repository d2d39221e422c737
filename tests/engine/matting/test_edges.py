"""Tests of guided and detailed edges: known alphas are found again, tiles leave no seams, and most is left alone."""

import time

import numpy as np
import pytest

from engine.matting import detail, guided
from engine.matting.bands import Band
from engine.matting.refine import refine
from engine.shared.refinement import EdgeMethod, Refinement

from .scenes import composite, disc, enlarged, texture

METHODS = EdgeMethod.GUIDED, EdgeMethod.DETAIL


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_an_edge_is_found_again_at_full_size(method, scale):
    true = disc(70)
    raw = enlarged(true, scale)
    found = refine(raw, composite(true), Refinement(edges=method), scale=scale)
    length = 2 * np.pi * 70
    assert np.abs(found - true).sum() < 0.3 * np.abs(raw - true).sum()
    assert np.abs(found - true).sum() / length < 0.05 * scale  # pixels off, along the edge


@pytest.mark.parametrize("method", METHODS)
def test_a_thin_line_that_the_network_blurred_is_found_again(method):
    true = disc(60)
    true[118:121, 40:280] = 1
    raw = enlarged(true, 4)
    found = refine(raw, composite(true), Refinement(edges=method), scale=4)
    assert np.abs(found - true).sum() < 0.4 * np.abs(raw - true).sum()


@pytest.mark.parametrize("method", METHODS)
def test_where_colours_say_nothing_the_matte_stays(method):
    true = disc(70)
    raw = enlarged(true, 4)
    grey = np.repeat(texture(5, (100, 100, 100), (140, 140, 140))[..., :1], 3, axis=2).astype(np.uint8)
    found = refine(raw, grey, Refinement(edges=method), scale=4)
    assert np.abs(found - true).sum() < 1.15 * np.abs(raw - true).sum()


@pytest.mark.parametrize("method", METHODS)
def test_only_the_band_changes(method):
    true = disc(70)
    raw = enlarged(true, 4)
    found = refine(raw, composite(true), Refinement(edges=method, band=3.0), scale=4)
    outside = Band.around(raw, 4, 3.0).weight == 0
    assert outside.mean() > 0.9 and (found[outside] == raw[outside]).all()


def test_guided_tiles_leave_no_seams(monkeypatch):
    true = disc(70)
    raw, picture = enlarged(true, 2), composite(true)
    band = Band.around(raw, 2)
    whole = guided.guided(raw, picture, band)
    monkeypatch.setattr(guided, "_BLOCK", 16)
    monkeypatch.setattr(guided, "_TILE", 32)
    assert np.abs(guided.guided(raw, picture, band) - whole).max() < 2e-3


def test_detailed_tiles_leave_no_seams(monkeypatch):
    true = disc(70)
    raw, picture = enlarged(true, 4), composite(true)
    band = Band.around(raw, 4)
    tiled = detail.detailed(raw, picture, band)
    monkeypatch.setattr(detail, "_TILE", 1000)
    apart = np.abs(detail.detailed(raw, picture, band) - tiled)
    assert apart.max() < 0.05 and apart.mean() < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_a_matte_of_one_half_everywhere_stays_and_takes_bounded_time(method):
    alpha = np.full((400, 600), 0.5, np.float32)
    picture = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    refine(alpha, picture, Refinement(edges=method), scale=2)  # loads libraries
    start = time.process_time()
    found = refine(alpha, picture, Refinement(edges=method), scale=2)
    assert time.process_time() - start < 20
    assert np.abs(found - 0.5).max() < 0.3 if method == EdgeMethod.DETAIL else (found == 0.5).all()
