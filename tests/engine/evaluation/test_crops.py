"""The study of crops scores films that it makes, once, and its films show what their labels say."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation import crops
from engine.evaluation.small_film import KINDS, SmallFilm
from engine.shared.types import Settings


@pytest.mark.parametrize("kind", KINDS)
def test_films_are_the_same_each_time_and_labels_lie_on_what_moves(kind):
    film = SmallFilm(kind, 1, side=40, size=(216, 384), count=5)
    frames, again = [*film.frames()], [*film.frames()]
    assert all(np.array_equal(one[0], two[0]) for one, two in zip(frames, again))
    assert {number for _, labels in frames for number in np.unique(labels)} == {0, *range(1, film.objects + 1)}
    (before, first), (after, last) = frames[0], frames[-1]
    still = (first == 0) & (last == 0)
    moved = np.abs(before.astype(int) - after).max(2)
    assert np.median(moved[still]) < 10 < np.median(moved[~still])


def test_a_study_scores_both_ways_and_reuses_its_results(tmp_path):
    film = SmallFilm("across", 3, side=36, size=(400, 600), count=3)
    said: list[str] = []
    scores = crops.scores_of(film, tmp_path, Settings(height=96), said.append)
    assert [one.crop for one in scores] == [False, True] and scores[1].region > scores[0].region
    assert crops.scores_of(film, tmp_path, Settings(height=96), said.append) == scores and len(said) == 3
    table = crops.as_table(scores)
    assert len(table) == 2 and table[1][:2] == ("across-3 1", "36")
