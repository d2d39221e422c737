"""XMem++'s program on the command line: all masks are used, and results have its folders and colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from tests.png import write_png

HEIGHT, WIDTH, COUNT = 48, 64, 6
ORANGE, BLUE = (255, 128, 0), (0, 0, 255)


def shape(frame: int) -> np.ndarray:
    """Return the true mask (H, W) bool of a square that moves to the right."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[12:36, 6 + 4 * frame : 30 + 4 * frame] = True
    return mask


@pytest.fixture
def shot(tmp_path):
    """Return a folder with frames, whose names have no positions, and masks of frames 1 and 4 in two colours."""
    for folder in ("frames", "masks"):
        (tmp_path / folder).mkdir()
    for frame in range(COUNT):
        pixels = np.where(shape(frame)[..., None], (220, 60, 50), (20, 60, 140)).astype(np.uint8)
        write_png(tmp_path / "frames" / f"take_{'abcdef'[frame]}.png", pixels)
    for frame in (1, 4):
        mask = np.where(shape(frame)[..., None], ORANGE, (0, 0, 0)).astype(np.uint8)
        mask[:6, :6] = BLUE
        write_png(tmp_path / "masks" / f"{frame:05d}_by_hand_2.png", mask)
    return tmp_path


def program(shot, *words: object) -> int:
    given = ["process-video", "--video", shot / "frames", "--keyframes", shot / "masks", "--output", shot / "out"]
    return main([*map(str, (*given, "--recipe", "colour", *words))])


def test_masks_have_the_colours_and_the_names_of_what_was_given(shot, capsys):
    assert program(shot) == 0
    assert "masks/ and overlay/ of 6 frames, 2 objects" in capsys.readouterr().out
    names = [f"take_{letter}.png" for letter in "abcdef"]
    assert [path.name for path in sorted((shot / "out/masks").iterdir())] == names
    assert [path.name for path in sorted((shot / "out/overlay").iterdir())] == names
    for frame, name in enumerate(names):
        mask = np.asarray(Image.open(shot / "out/masks" / name))
        assert {tuple(map(int, colour)) for colour in mask.reshape(-1, 3)} <= {(0, 0, 0), ORANGE, BLUE}
        found = (mask == ORANGE).all(axis=-1)
        assert (found & shape(frame)).sum() / (found | shape(frame)).sum() > (0.99 if frame in (1, 4) else 0.9)
        picture, over = (np.asarray(Image.open(shot / place / name)).astype(int) for place in ("frames", "out/overlay"))
        shown = (mask > 0).any(axis=-1)
        assert np.array_equal(over[~shown], picture[~shown])
        assert abs(over[shown] - (picture[shown] + mask[shown]) / 2).max() <= 0.5, (
            "half of the colour, half of the clip"
        )


def test_a_second_run_writes_only_what_is_missing(shot):
    program(shot)
    (shot / "out/overlay/take_c.png").unlink()
    mark = Image.open(shot / "out/masks/take_b.png")
    mark.save(shot / "out/masks/take_a.png")  # edited by hand
    assert program(shot) == 2, "what was kept is told"
    assert (shot / "out/overlay/take_c.png").is_file()
    assert np.array_equal(np.asarray(Image.open(shot / "out/masks/take_a.png")), np.asarray(mark)), "it is kept"


def test_black_and_white_masks_give_white_masks(shot):
    for frame in (1, 4):
        (shot / f"masks/{frame:05d}_by_hand_2.png").unlink()
        write_png(shot / f"masks/{frame}.png", np.where(shape(frame), 255, 0).astype(np.uint8))
    assert program(shot) == 0
    mask = np.asarray(Image.open(shot / "out/masks/take_b.png"))
    assert np.array_equal(mask, np.where(shape(1)[..., None], 255, 0).repeat(3, axis=-1))


def test_the_default_is_xmem_plus_plus_whose_missing_model_is_told(shot, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KEYMATTE_WEIGHTS", str(tmp_path / "none"))
    words = ["process-video", "--video", shot / "frames", "--keyframes", shot / "masks", "--output", shot / "out"]
    assert main([*map(str, words)]) == 2
    assert "'xmem++' needs its authors' weights, XMem, which are not installed" in capsys.readouterr().err
    assert not (shot / "out").exists()
