"""Framing, scales and mirror images in evaluations are those of the authors' evaluators."""

from __future__ import annotations

import json
from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from engine.evaluation.benchmarks.evaluators import authors_settings, output_size
from engine.evaluation.benchmarks.predicting import View
from engine.evaluation.benchmarks.types import Benchmark, Given, Rules
from engine.evaluation.benchmarks.views import identity, merge, resized, views
from engine.inference.framing import Framing
from engine.methods.registry import find_recipe
from engine.shared.errors import BadSetting

DAVIS = Benchmark("davis17-val", "DAVIS 2017 val", Rules.DAVIS, Given.FIRST_MASK)
YOUTUBE = Benchmark("youtube19-valid", "YouTube-VOS 2019 valid", Rules.YOUTUBE, Given.EVERY_OBJECT)
LONG = Benchmark("longtime", "Long-Time Video", Rules.LONG_TIME, Given.FIRST_MASK, merged=True)
SIZES = [(480, 854), (480, 910), (720, 1280), (1080, 1920), (1280, 720), (360, 640), (479, 853), (2160, 4096), (99, 33)]


def seen_by(name: str, benchmark: Benchmark, size: tuple[int, int], **options: object) -> list[View]:
    recipe = find_recipe(name)
    return views(recipe, recipe.numbers({}), benchmark, size, stride=16, **options)  # type: ignore[arg-type]


def sizes(found: list[View]) -> list[tuple[int, int]]:
    return [(view.framing.work_height, view.framing.work_width) for view in found]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ["mavos", "deaot-l-swinb", "aot-l+rmem", "keymatte"])
def test_one_plain_view_is_framed_as_an_ordinary_run(name, size):
    recipe = find_recipe(name)
    style = recipe.framing_style(recipe.numbers({}))
    ordinary = Framing.fit(*size, working_height=480, stride=16, style=style)
    assert seen_by(name, YOUTUBE, size) == [View(ordinary, False)]


def aot_size(height: int, width: int, scale: float, *, short: float | None, centred: bool) -> tuple[int, int]:
    """Return the size of AOT's input, in the steps of its evaluator."""
    first = 1.0
    if short is not None and min(height, width) > short:
        first *= short / min(height, width)
    new_height, new_width = first * height, first * width
    second, longest = 1.0, 480 * 1.3 * 800 / 480
    if max(new_height, new_width) > longest:
        second *= longest / max(new_height, new_width)
    sides = []
    for side in (int(second * new_height * scale), int(second * new_width * scale)):
        extra = 1 if centred else 0
        if (side - extra) % 16:
            side = int(np.around((side - extra) / 16) * 16 + extra)
        sides.append(side)
    return sides[0], sides[1]


@pytest.mark.parametrize("size", SIZES[:-1], ids=str)
@pytest.mark.parametrize(("name", "centred"), [("mavos", True), ("deaot-l-swinb", False)])
def test_aots_scales_are_factors_and_limit_the_shorter_side_too(name, centred, size):
    scales = (1.0, 1.1, 1.2, 1.3, 1.4, 0.9, 0.8)
    expected = [aot_size(*size, scale, short=480 * 1.3, centred=centred) for scale in scales]
    assert sizes(seen_by(name, DAVIS, size, scales=scales)) == expected
    assert sizes(seen_by(name, DAVIS, size)) == [aot_size(*size, 1.0, short=None, centred=centred)]


def test_aots_known_sizes():
    # the size rule's examples: 480x854 becomes 481x849, with Swin 480x848, and 720x1280 becomes 577x1041
    assert sizes(seen_by("deaot-l", DAVIS, (480, 854))) == [(481, 849)]
    assert sizes(seen_by("deaot-l-swinb", DAVIS, (480, 854))) == [(480, 848)]
    assert sizes(seen_by("deaot-l", YOUTUBE, (720, 1280))) == [(577, 1041)]


def test_xmems_evaluator_scales_all_clips_to_480_except_long_time_video():
    assert sizes(seen_by("xmem", YOUTUBE, (720, 1280))) == [(480, 853)]
    assert sizes(seen_by("xmem", YOUTUBE, (360, 640))) == [(480, 853)]
    assert sizes(seen_by("xmem", LONG, (720, 1280))) == [(720, 1280)]
    assert sizes(seen_by("xmem", LONG, (720, 1280), height=480)) == [(480, 853)]
    assert sizes(seen_by("xmem", DAVIS, (1080, 1920), scales=(720,))) == [(720, 1280)]
    # 1.5 times 480
    assert sizes(seen_by("xmem", DAVIS, (480, 854), scales=(1.5, 600))) == [(720, 1281), (600, 1067)]


def test_qdmns_evaluator_leaves_davis_unscaled():
    assert sizes(seen_by("qdmn", DAVIS, (480, 854))) == [(480, 854)]
    full = replace(DAVIS, name="davis17-val-full")
    assert sizes(seen_by("qdmn", full, (1080, 1920))) == [(600, 1066)]
    assert sizes(seen_by("xmem", full, (1080, 1920))) == [(480, 853)]
    assert sizes(seen_by("qdmn", YOUTUBE, (360, 640))) == [(480, 853)]


def test_the_default_recipe_does_not_enlarge_for_an_evaluation():
    assert sizes(seen_by("keymatte", YOUTUBE, (360, 640))) == [(360, 640)]


def test_each_scale_is_followed_by_its_mirror_image():
    found = seen_by("mavos", DAVIS, (480, 854), flip=True, scales=(1.0, 1.2))
    assert [view.flip for view in found] == [False, True, False, True]
    assert found[0].framing == found[1].framing != found[2].framing == found[3].framing


def test_scales_that_mean_nothing_are_refused():
    for scale in (0, -1, 12, 31.9):
        with pytest.raises(BadSetting, match="neither a factor"):
            seen_by("mavos", DAVIS, (480, 854), scales=(scale,))


def test_what_results_depend_on_is_json_and_tells_views_apart():
    plain, mirrored = seen_by("xmem", DAVIS, (480, 854)), seen_by("xmem", DAVIS, (480, 854), flip=True)
    assert json.dumps(identity(plain)) != json.dumps(identity(mirrored))


# -- merging -----------------------------------------------------------------------------------------------------------
def random(seed: int) -> np.ndarray:
    probabilities = np.random.default_rng(seed).random((3, 5, 7)).astype(np.float32)
    return probabilities / probabilities.sum(0)


@pytest.mark.parametrize("name", ["xmem", "mavos", "keymatte"])
def test_a_single_view_stays_as_it_is(name):
    only = random(1)
    assert merge([only], find_recipe(name)) is only


def test_probabilities_are_averaged():
    one, other = random(1), random(2)
    assert np.allclose(merge([one, other], find_recipe("mavos")), (one + other) / 2)


def test_xmems_probabilities_are_added_as_bytes_rounded_down():
    # 0.999 * 255 = 254.7: 254; 0.5 * 255 = 127.5: 127. Together 381 of 510.
    one, other = np.full((1, 1, 1), 0.999, np.float32), np.full((1, 1, 1), 0.5, np.float32)
    assert merge([one, other], find_recipe("xmem"))[0, 0, 0] == np.float32(381 / 510)


# -- what authors change by data set -----------------------------------------------------------------------------------
def test_authors_change_settings_for_some_data_sets():
    assert authors_settings(find_recipe("xmem"), LONG) == {"memory.interval": "10"}
    assert authors_settings(find_recipe("qdmn"), YOUTUBE) == {"program.youtube": "1"}
    assert authors_settings(find_recipe("xmem"), DAVIS) == {}
    for name, benchmark in (("xmem", LONG), ("qdmn", YOUTUBE)):
        find_recipe(name).numbers(authors_settings(find_recipe(name), benchmark))  # the settings exist


def test_full_resolution_has_results_at_480p():
    full = Benchmark("davis17-val-full", "DAVIS", Rules.DAVIS, Given.FIRST_MASK)
    assert output_size(full, (1080, 1920)) == (480, ceil(1920 * 480 / 1080)) == (480, 854)
    assert output_size(DAVIS, (480, 910)) == (480, 910)
    assert output_size(LONG, (1080, 1920)) == (1080, 1920)
    assert resized(random(3), (10, 14)).shape == (3, 10, 14)
