"""Frames and masks of other tools become a project, as XMem++'s importer makes them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from engine.__main__ import main
from engine.projects.importing import PROJECT, import_project, scaled
from engine.shared.errors import (
    BadSetting,
    KeyframeNameUnclear,
    KeyframeOutsideClip,
    KeyframeSizeMismatch,
    NoKeyframes,
)
from tests.png import write_png

HEIGHT, WIDTH, COUNT = 40, 60, 5
RED, LIME = (255, 0, 0), (0, 255, 0)


def picture(frame: int) -> np.ndarray:
    return np.random.default_rng(frame).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def coloured(frame: int) -> np.ndarray:
    """Return an RGB mask: a red part on the left and a lime one on the right, which only frame 3 shows."""
    mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    mask[10:20, 5:15] = RED
    if frame == 3:
        mask[10:20, 40:50] = LIME
    return mask


@pytest.fixture
def shot(tmp_path):
    """Return a folder with the frames of a shot, whose names are no positions, and RGB masks of frames 0 and 3."""
    for frame in range(COUNT):
        (tmp_path / "frames").mkdir(exist_ok=True)
        write_png(tmp_path / "frames" / f"shot_{frame + 1001}.png", picture(frame))
    (tmp_path / "masks").mkdir()
    for frame in (0, 3):
        write_png(tmp_path / "masks" / f"{frame:03d}_v2.png", coloured(frame))
    return tmp_path


def read(path) -> np.ndarray:
    """Return the stored values of an image; RGB for colours, indices for palettes."""
    from PIL import Image

    return np.asarray(Image.open(path))


def test_frames_and_masks_get_the_names_of_their_positions(shot):
    found = import_project(shot / "out", shot / "frames", shot / "masks")
    assert (found.frames, found.masks, found.objects, found.size, found.kept) == (COUNT, 2, 2, (HEIGHT, WIDTH), [])
    assert [path.name for path in sorted((shot / "out/frames").iterdir())] == [
        f"frame_{n:06d}.png" for n in range(COUNT)
    ]
    assert [path.name for path in sorted((shot / "out/masks").iterdir())] == ["frame_000000.png", "frame_000003.png"]
    for frame in range(COUNT):
        assert np.array_equal(read(shot / f"out/frames/frame_{frame:06d}.png"), picture(frame)), "not a bit is lost"


def test_a_colour_is_the_same_object_in_all_masks(shot):
    import_project(shot / "out", shot / "frames", shot / "masks")
    objects = json.loads((shot / "out" / PROJECT).read_text())["objects"]
    red, lime = (int(id_) for colour in ("#ff0000", "#00ff00") for id_, name in objects.items() if name == colour)
    for frame in (0, 3):
        labels = read(shot / f"out/masks/frame_{frame:06d}.png")
        expected = np.select([(coloured(frame) == RED).all(-1), (coloured(frame) == LIME).all(-1)], [red, lime], 0)
        assert np.array_equal(labels, expected)


def test_frames_are_made_smaller_by_area_and_masks_by_nearest_neighbour(shot):
    found = import_project(shot / "out", shot / "frames", shot / "masks", height=20)
    assert found.size == (20, 30)
    blocks = picture(2).reshape(20, 2, 30, 2, 3).astype(float).mean(axis=(1, 3))
    assert abs(read(shot / "out/frames/frame_000002.png") - blocks).max() <= 0.5, "a pixel is the mean of four"
    assert np.array_equal(read(shot / "out/masks/frame_000000.png") > 0, (coloured(0)[::2, ::2] == RED).all(-1))


@pytest.mark.parametrize(
    ("size", "height", "expected"),
    [((480, 854), 480, (480, 854)), ((1080, 1920), 480, (480, 853)), ((1920, 1080), 480, (853, 480)),
     ((100, 150), 480, (100, 150)), ((720, 1280), None, (720, 1280))],
)  # fmt: skip
def test_the_shorter_side_is_scaled_and_rounded_down(size, height, expected):
    assert scaled(size, height) == expected


def test_masks_are_added_later(shot):
    import_project(shot / "out", shot / "frames", height=20)
    found = import_project(shot / "out", masks=shot / "masks")
    assert (found.masks, found.objects, found.size) == (2, 2, (20, 30))
    assert read(shot / "out/masks/frame_000003.png").shape == (20, 30)
    import_project(shot / "out", shot / "frames", height=20)
    assert len(json.loads((shot / "out" / PROJECT).read_text())["objects"]) == 2, "what was known is kept"


def test_files_of_others_and_edited_ones_are_kept(shot, capsys):
    (shot / "out/frames").mkdir(parents=True)
    (shot / "out/frames/frame_000001.png").write_bytes(b"mine")
    import_project(shot / "out", shot / "frames", shot / "masks")
    write_png(shot / "out/masks/frame_000000.png", np.full((HEIGHT, WIDTH), 7, np.uint8))
    before = {path: path.stat().st_mtime_ns for path in (shot / "out").rglob("*.png")}
    words = ["import", "--frames", shot / "frames", "--keyframes", shot / "masks", "--out", shot / "out"]
    assert main([*map(str, words)]) == 2
    assert "Kept, as not Keymatte's or edited: 2 files, first frames/frame_000001.png." in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in (shot / "out").rglob("*.png")}, "nothing was written"


def test_a_movie_is_imported(shot):
    from tests.movie_files import write_movie

    movie = shot / "shot.mp4"
    write_movie(movie, np.stack([picture(frame) for frame in range(COUNT)]))
    assert import_project(shot / "out", movie, shot / "masks").frames == COUNT
    assert cv2.imread(str(shot / "out/frames/frame_000004.png")).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("name", "shape", "error", "words"),
    [
        ("5.png", (HEIGHT, WIDTH), KeyframeOutsideClip, "5.png is for frame 5, but the clip has frames 0 to 4"),
        ("last.png", (HEIGHT, WIDTH), KeyframeNameUnclear, "last.png has no number in its name"),
        ("3.png", (HEIGHT, WIDTH), KeyframeNameUnclear, "3.png and 003_v2.png are both for frame 3"),
        ("4.png", (HEIGHT, HEIGHT), KeyframeSizeMismatch, "4.png is 40x40, which does not fit frames of 60x40"),
    ],
)
def test_a_mask_that_is_for_no_frame_ends_in_a_sentence(shot, name, shape, error, words):
    mask = np.zeros((*shape, 3), np.uint8)
    mask[:9] = RED
    write_png(shot / "masks" / name, mask)
    with pytest.raises(error, match=words):
        import_project(shot / "out", shot / "frames", shot / "masks")


def test_bad_folders_and_sizes_end_in_a_sentence(shot):
    with pytest.raises(BadSetting, match="0 pixels"):
        import_project(shot / "out", shot / "frames", height=0)
    with pytest.raises(NoKeyframes, match="no folder"):
        import_project(shot / "out", shot / "frames", shot / "none")
    assert not (shot / "out").exists()
