"""Tests of holes and specks: exact areas, and nothing else changes."""

import numpy as np

from engine.matting.parts import without_holes, without_specks


def test_specks_go_up_to_exactly_the_area():
    alpha = np.zeros((80, 80), np.float32)
    alpha[10:40, 10:40] = 1
    alpha[60:64, 60:65] = 1  # 20 pixels
    alpha[59, 60:65] = 0.3  # its soft edge
    assert (without_specks(alpha, 19) == alpha).all()
    cleaned = without_specks(alpha, 20)
    assert not cleaned[50:].any() and (cleaned[:50] == alpha[:50]).all()


def test_holes_are_filled_up_to_exactly_the_area():
    alpha = np.zeros((80, 80), np.float32)
    alpha[10:70, 10:70] = 1
    alpha[9] = np.where((np.arange(80) >= 10) & (np.arange(80) < 70), 0.4, 0)
    alpha[30:33, 30:34] = 0  # 12 pixels
    alpha[29, 30:34] = 0.7
    assert (without_holes(alpha, 11) == alpha).all()
    filled = without_holes(alpha, 12)
    assert (filled[10:70, 10:70] == 1).all()
    assert (filled[:10] == alpha[:10]).all() and (filled[70:] == alpha[70:]).all()


def test_what_the_border_closes_is_no_hole():
    alpha = np.ones((20, 20), np.float32)
    alpha[:3, :3] = 0
    assert (without_holes(alpha, 100) == alpha).all()


def test_nothing_and_everything_stay():
    nothing, everything = np.zeros((9, 9), np.float32), np.ones((9, 9), np.float32)
    for change in (without_holes, without_specks):
        assert (change(nothing, 1e9) == nothing).all()
    assert (without_holes(everything, 1e9) == everything).all()
    assert not without_specks(everything, 1e9).any()
