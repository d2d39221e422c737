"""Windows contain all given cells, and decoding only a window gives the same masks as decoding the whole frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.layers.windows import Window
from engine.methods.registry import find_recipe
from tests.engine.networks.test_keymatte import bank_of, chair


def test_a_window_contains_all_cells_and_the_margin_within_the_map():
    rng = np.random.default_rng(3)
    for _ in range(200):
        height, width, margin = (int(number) for number in rng.integers((1, 1, 0), (20, 30, 4)))
        cells = torch.from_numpy(rng.random((height, width)) < 0.02)
        cells[rng.integers(height), rng.integers(width)] = True
        window = Window.around(cells, margin=margin)
        assert 0 <= window.top < window.bottom <= height and 0 <= window.left < window.right <= width
        grown = torch.nn.functional.max_pool2d(cells[None].float(), 2 * margin + 1, stride=1, padding=margin)[0]
        assert window.crop(grown).sum() == grown.sum()


def test_windows_have_few_sizes_and_no_cell_gives_no_window():
    cells = torch.zeros(30, 54, dtype=torch.bool)
    assert Window.around(cells, margin=1) is None
    sizes = set()
    for last in range(1, 30):
        cells[1 : last + 1, 7 : last + 7] = True
        window = Window.around(cells, margin=1)
        sizes.add(window.bottom - window.top)
    assert sizes == {4, 8, 12, 16, 20, 24, 28, 30}


def test_the_crop_of_a_finer_map_is_a_view_of_the_same_region():
    maps = torch.zeros(2, 24, 32)
    Window(1, 3, 2, 5).crop(maps, scale=4)[:] = 1
    assert maps[:, 4:12, 8:20].sum() == maps.sum() == 2 * 8 * 12


@pytest.mark.parametrize("quantised", [False, True])
def test_decoding_in_a_window_equals_decoding_the_whole_frame(quantised: bool):
    recipe = find_recipe("keymatte")
    network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
    if quantised:
        network.quantise()
    with torch.no_grad():
        image, mask = chair(network, 0)
        state = network.update_state(0, network.encode(image), mask, None)
        inputs = network.decoder_inputs(
            network.encode(chair(network, 3)[0]), bank_of(network, image, mask).view(), state
        )
        windowed = network.decoder(*inputs)
    full = network.decoder(*inputs)  # with gradients: not in a window
    decoded = windowed.logits[0] != windowed.logits.flatten().mode().values  # constant outside the window
    assert 0.02 < decoded.float().mean() < 0.5, "not decoded in a window"
    mask_windowed, mask_full = windowed.logits[0] > 0, full.logits[0] > 0
    assert mask_full.sum() > 1000
    assert (mask_windowed & mask_full).sum() / (mask_windowed | mask_full).sum() > 0.995
    assert (windowed.quality - full.quality).abs().max() < 0.3


def test_an_object_is_decoded_everywhere_if_absent_before_else_around_its_previous_mask():
    recipe = find_recipe("keymatte")
    network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
    with torch.inference_mode():
        image, mask = chair(network, 0)
        network.decoder.near.bias.fill_(-100)  # no cell is likely
        bank, features = bank_of(network, image, mask), network.encode(image)
        absent = network.decode(features, bank.view(), network.update_state(0, features, torch.zeros_like(mask), None))
        present = network.decode(features, bank.view(), network.update_state(0, features, mask, None))
    constant = present.logits.flatten().mode().values
    assert (absent.logits == constant).float().mean() < 0.001 < 0.5 < (present.logits == constant).float().mean()
    assert all((output.logits[0] > 0)[mask[0] > 0.5].float().mean() > 0.8 for output in (absent, present))
