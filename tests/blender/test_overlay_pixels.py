"""Pixels that the views draw, compared with the same composite in NumPy. Needs a Blender with a GPU but no window."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.screen import CLIP, GREEN, HEIGHT, RED, STEP, WIDTH, YELLOW, assert_equal, disc, half, over, plain
from tests.blender.studio import part


# -- views -------------------------------------------------------------------------------------------------------------
def test_a_soft_matte_is_tinted_softly(screen):
    alpha = disc()
    assert_equal(screen.draw("TINT", [screen.layer(alpha)], opacity=0.4), over(plain(), RED, alpha / 255 * 0.4))


def test_an_object_hides_those_below_it(screen):
    lower, upper = disc(40), disc(70)
    drawn = screen.draw("TINT", [screen.layer(lower, GREEN), screen.layer(upper, RED)], opacity=0.5)
    top, bottom = upper / 255, lower / 255 * (1 - upper / 255)
    expected = plain() * (1 - 0.5 * (top + bottom))[..., None]
    expected = expected + 0.5 * (top[..., None] * RED + bottom[..., None] * GREEN)
    assert_equal(drawn, expected)


def test_alpha_is_grey(screen):
    alpha = disc()
    assert_equal(screen.draw("ALPHA", [screen.layer(alpha)]), np.repeat(alpha[..., None] / 255, 3, axis=2))


def test_mattes_that_meet_cover_their_common_edge(screen):
    lower = disc()
    upper = 255 - lower
    assert_equal(screen.draw("BLACK_WHITE", [screen.layer(lower), screen.layer(upper)]), np.ones((HEIGHT, WIDTH, 3)))


def test_the_cut_out_lies_on_a_colour(screen):
    alpha = disc()
    drawn = screen.draw("COLOUR", [screen.layer(alpha)], ground=(0.0, 0.5, 0.1))
    assert_equal(drawn, over(np.broadcast_to((0.0, 0.5, 0.1), (HEIGHT, WIDTH, 3)), CLIP, alpha / 255))


def test_the_cut_out_lies_on_a_checkerboard(screen):
    alpha = disc()
    drawn = screen.draw("CHECKER", [screen.layer(alpha)])
    columns, rows = np.arange(WIDTH) // 12, np.arange(HEIGHT)[::-1] // 12
    squares = (rows[:, None] + columns[None, :]) % 2
    assert_equal(drawn, over(np.where(squares, 0.5, 0.35)[..., None] * np.ones(3), CLIP, alpha / 255))


def test_an_absent_object_is_black_and_a_frame_without_layers_in_their_rectangle_is_plain(screen):
    nothing = screen.layer(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert (screen.draw("ALPHA", [nothing]) == 0).all()
    assert_equal(screen.draw("TINT", [nothing]), plain())
    assert_equal(screen.draw("OUTLINE", [nothing]), plain())


@pytest.mark.parametrize("view", ["TINT", "OUTLINE", "ALPHA", "BLACK_WHITE", "CHECKER", "COLOUR", "KEYFRAMES"])
def test_nothing_is_drawn_outside_the_clip(screen, view):
    layers = [screen.layer(disc(2, 2)), screen.layer(disc(110, 70), kind="KEYFRAME")]
    drawn = screen.draw(view, layers, at=(40.0, 30.0), size=(200, 140))
    outside = np.ones((140, 200), bool)
    outside[140 - 30 - HEIGHT : 140 - 30, 40 : 40 + WIDTH] = False
    assert_equal(drawn[outside], np.broadcast_to(CLIP, (int(outside.sum()), 3)))
    assert np.abs(drawn[~outside] - CLIP).max() > 0.2


def test_an_object_at_the_frame_s_edge_does_not_fade_there(screen):
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    assert (screen.draw("ALPHA", [screen.layer(alpha)]) == 1).all()


# -- edges -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0, 8.0])
def test_a_keyframe_has_a_yellow_edge_as_wide_at_any_zoom(screen, scale):
    size = (200, 100)
    at = (100 - WIDTH / 2 * scale, 50 - HEIGHT / 2 * scale)
    layer = screen.layer(half(), kind="KEYFRAME")
    drawn = screen.draw("TINT", [layer], scale=scale, at=at, size=size, opacity=1.0)
    row = drawn[50]
    yellow = np.flatnonzero(np.abs(row - YELLOW).max(axis=1) < 0.1)
    assert 1 <= len(yellow) <= 3
    assert set(yellow) <= set(range(97, 103)), "the line runs along the edge"


def test_a_computed_matte_has_no_yellow_edge(screen):
    drawn = screen.draw("TINT", [screen.layer(half())], opacity=1.0)
    assert not (np.abs(drawn - YELLOW).max(axis=2) < 0.1).any()


def test_an_outline_has_the_object_s_colour_and_leaves_the_rest(screen):
    drawn = screen.draw("OUTLINE", [screen.layer(disc(), GREEN)])
    coloured = np.abs(drawn - CLIP).max(axis=2) > STEP
    rows, columns = np.nonzero(coloured)
    away = np.abs(np.hypot(columns + 0.5 - 50, rows + 0.5 - 40) - 24)
    assert away.max() < 2.5, "the line runs where the alpha is one half"
    assert np.abs(drawn[coloured] - GREEN).max(axis=1).min() < 0.05
    angles = np.unique(np.round(np.arctan2(rows - 40, columns - 50), 1))
    assert len(angles) > 60, "the line is closed"


# -- pictures ----------------------------------------------------------------------------------------------------------
def test_a_reduced_picture_lies_where_the_whole_one_does(screen):
    alpha = disc(softness=20)
    whole = screen.draw("ALPHA", [screen.layer(alpha)], scale=0.5, size=(60, 40))
    drawn = screen.draw("ALPHA", [screen.layer(alpha, reduction=2)], scale=0.5, size=(60, 40))
    assert np.abs(whole - drawn).max() < 0.03


def test_only_the_part_that_is_shown_is_uploaded(screen):
    alpha = disc()
    bounds = part("ui.screen_mesh").Bounds(0.4, 0.4, 0.6, 0.6)
    layer = screen.layer(alpha, shown=bounds)
    (tile,) = layer.tiles
    assert tile.texture.width <= WIDTH * 0.2 + 4 and tile.texture.height <= HEIGHT * 0.2 + 4
    at = (-WIDTH * 0.4 * 4, -HEIGHT * 0.4 * 4)
    size = (96, 64)
    expected = screen.draw("ALPHA", [screen.layer(alpha)], scale=4.0, at=at, size=size)
    assert_equal(screen.draw("ALPHA", [layer], scale=4.0, at=at, size=size), expected)
    assert screen.layer(alpha, shown=part("ui.screen_mesh").Bounds(0.9, 0.9, 1.0, 1.0)).tiles == []


def test_textures_are_bounded_and_made_again_for_another_picture(screen):
    textures = part("ui.matte_textures").Textures(max_count=3, max_bytes=1 << 20)
    whole, picture = part("ui.screen_mesh").WHOLE, part("addon.matte_pictures").picture
    pictures = [picture(disc(30 + 10 * number), 1) for number in range(5)]
    for number, shown in enumerate(pictures):
        textures.tile(number, shown, (WIDTH, HEIGHT), whole)
    assert len(textures) == 3
    assert textures.bytes_held == sum(shown.values.size for shown in pictures[2:])
    kept = textures.tile(4, pictures[4], (WIDTH, HEIGHT), whole)
    assert textures.tile(4, pictures[4], (WIDTH, HEIGHT), whole) is kept
    assert textures.tile(4, pictures[1], (WIDTH, HEIGHT), whole) is not kept
    assert len(textures) == 3
    small = part("ui.matte_textures").Textures(max_count=9, max_bytes=pictures[0].values.size + 10)
    for number, shown in enumerate(pictures):
        small.tile(number, shown, (WIDTH, HEIGHT), whole)
    assert len(small) == 1
    textures.clear()
    assert len(textures) == textures.bytes_held == 0


# -- the canvas --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_strokes_change_only_their_tiles_and_leave_no_seams(screen, scale):
    canvas, composite, views = part("addon.canvas"), part("ui.composite"), part("addon.matte_views")
    whole = part("ui.screen_mesh").WHOLE
    size, reduction = (1100, 600), int(1 / scale)
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]]
    alpha = (np.hypot(columns - 500, rows - 300) * 0.4 % 256).astype(np.uint8)
    painted = canvas.Canvas(1, 1, 1, alpha)
    tiles = part("ui.canvas_tiles").CanvasTiles(painted)
    screen.clip_size = size

    def drawn() -> np.ndarray:
        layer = composite.Drawn(views.Layer(1, "object", RED, views.Kind.CANVAS, None), tiles.tiles(reduction, whole))
        region = int(size[0] * scale), int(size[1] * scale)
        return screen.draw("ALPHA", [layer], scale=scale, size=region)[..., 0]

    def expected() -> np.ndarray:
        return part("addon.matte_pictures").reduced(alpha, reduction) / 255

    assert np.abs(drawn() - expected()).max() <= STEP
    before = tiles.tiles(reduction, whole)
    stroke = canvas.Rectangle(506, 100, 518, 130)
    alpha[stroke.slices] = 255
    assert np.abs(drawn() - expected()).max() > 0.5, "without a changed rectangle the stroke is not drawn"
    painted.changed.append(stroke)
    assert np.abs(drawn() - expected()).max() <= STEP
    after = tiles.tiles(reduction, whole)
    again = sum(old is not new for old, new in zip(before, after))
    assert again == (2 if reduction == 1 else 1), "the stroke touches the border of two tiles, or lies in one"
    assert painted.changed == []


def test_an_empty_canvas_has_no_tiles_and_an_erased_tile_goes(screen):
    canvas, whole = part("addon.canvas"), part("ui.screen_mesh").WHOLE
    painted = canvas.Canvas(1, 1, 1, np.zeros((600, 1100), np.uint8))
    tiles = part("ui.canvas_tiles").CanvasTiles(painted)
    assert tiles.tiles(1, whole) == []
    stroke = canvas.Rectangle(300, 300, 310, 310)
    painted.alpha[stroke.slices] = 255
    painted.changed.append(stroke)
    assert len(tiles.tiles(1, whole)) == 1
    assert tiles.tiles(1, part("ui.screen_mesh").Bounds(0.6, 0.0, 1.0, 1.0)) == [], "the stroke is not in view"
    painted.alpha[:] = 0
    painted.changed.append(stroke)
    assert tiles.tiles(1, whole) == []
