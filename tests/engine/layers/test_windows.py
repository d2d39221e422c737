"""Windows: what they hold, and that an object is found in one as in the whole frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.layers.windows import Window
from engine.methods.registry import find_recipe
from tests.engine.networks.test_keymatte import bank_of, chair


def test_a_window_holds_every_cell_and_its_surroundings_within_the_picture():
    rng = np.random.default_rng(3)
    for _ in range(200):
        height, width, margin = (int(number) for number in rng.integers((1, 1, 0), (20, 30, 4)))
        cells = torch.from_numpy(rng.random((height, width)) < 0.02)
        cells[rng.integers(height), rng.integers(width)] = True
        window = Window.around(cells, margin=margin)
        assert 0 <= window.top < window.bottom <= height and 0 <= window.left < window.right <= width
        grown = torch.nn.functional.max_pool2d(cells[None].float(), 2 * margin + 1, stride=1, padding=margin)[0]
        assert window.of(grown).sum() == grown.sum()


def test_sides_of_windows_are_few_and_nothing_has_none():
    cells = torch.zeros(30, 54, dtype=torch.bool)
    assert Window.around(cells, margin=1) is None
    sizes = set()
    for last in range(1, 30):
        cells[1 : last + 1, 7 : last + 7] = True
        window = Window.around(cells, margin=1)
        sizes.add(window.bottom - window.top)
    assert sizes == {4, 8, 12, 16, 20, 24, 28, 30}


def test_what_a_window_shows_of_finer_maps_is_a_view_of_the_same_place():
    maps = torch.zeros(2, 24, 32)
    Window(1, 3, 2, 5).of(maps, finer=4)[:] = 1
    assert maps[:, 4:12, 8:20].sum() == maps.sum() == 2 * 8 * 12


@pytest.mark.parametrize("quantised", [False, True])
def test_an_object_is_found_in_its_window_as_in_the_whole_frame(quantised: bool):
    recipe = find_recipe("keymatte")
    network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
    if quantised:
        network.quantise()
    with torch.no_grad():
        image, mask = chair(network, 0)
        state = network.update_state(0, network.encode(image), mask, None)
        told = network.decoder_inputs(network.encode(chair(network, 3)[0]), bank_of(network, image, mask).view(), state)
        near = network.decoder(*told)
    unoccluded_area = network.decoder(*told)  # as when it learns
    likely = near.logits[0] != near.logits.flatten().mode().values  # one number wherever it is not looked for
    assert 0.02 < likely.float().mean() < 0.5, "it is not looked for in a window"
    ours, theirs = near.logits[0] > 0, unoccluded_area.logits[0] > 0
    assert theirs.sum() > 1000
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.995
    assert (near.quality - unoccluded_area.quality).abs().max() < 0.3


def test_what_was_lost_is_looked_for_everywhere_and_what_was_there_where_it_was():
    recipe = find_recipe("keymatte")
    network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
    with torch.inference_mode():
        image, mask = chair(network, 0)
        network.decoder.near.bias.fill_(-100)  # nothing is expected anywhere
        bank, features = bank_of(network, image, mask), network.encode(image)
        lost = network.decode(features, bank.view(), network.update_state(0, features, torch.zeros_like(mask), None))
        followed = network.decode(features, bank.view(), network.update_state(0, features, mask, None))
    constant = followed.logits.flatten().mode().values
    assert (lost.logits == constant).float().mean() < 0.001 < 0.5 < (followed.logits == constant).float().mean()
    assert all((found.logits[0] > 0)[mask[0] > 0.5].float().mean() > 0.8 for found in (lost, followed))
