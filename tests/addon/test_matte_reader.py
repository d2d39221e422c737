"""Reading the mattes to be drawn ahead, in threads, and cutting and reducing them."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from keymatte.addon.matte_pictures import Picture, Wanted, picture, reduced
from keymatte.addon.matte_reader import MatteReader

from tests.png import write_png

HEIGHT, WIDTH = 40, 60
PATIENCE = 20.0  # seconds: a deadline, not a measurement


@pytest.fixture
def reader():
    made = MatteReader()
    yield made
    made.close()


def soft_disc(x: float = 30, y: float = 20, radius: float = 9) -> np.ndarray:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return np.clip((radius - np.hypot(columns - x, rows - y)) * 60 + 128, 0, 255).astype(np.uint8)


def matte(root, *, object_id: int = 1, number: int = 5, **changes) -> Wanted:
    return Wanted(
        **{"root": str(root), "object_id": object_id, "number": number, "size": (WIDTH, HEIGHT)}
        | {"reduction": 1}
        | changes
    )


def write_matte(root, values: np.ndarray, *, object_id: int = 1, number: int = 5):
    path = root / "mattes" / f"{object_id:03d}" / f"{number:06d}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_png(path, values)


def write_labels(root, values: np.ndarray, number: int = 5) -> None:
    (root / "labels").mkdir(parents=True, exist_ok=True)
    write_png(root / "labels" / f"{number:06d}.png", values, np.arange(768).reshape(256, 3) % 256)


def read(reader: MatteReader, *now: Wanted) -> list[Picture | None]:
    reader.request(1, now)
    assert reader.wait(1, PATIENCE)
    return [reader.picture(wanted) for wanted in now]


def whole(shown: Picture) -> np.ndarray:
    """Return a picture that is not reduced as the alpha of the whole frame."""
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    height, width = shown.values.shape
    alpha[shown.top : shown.top + height, shown.left : shown.left + width] = shown.values
    return alpha


# -- pictures ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("centre", [(30, 20), (2, 3), (58, 39)])
def test_a_picture_is_cut_to_the_object_and_one_pixel_around_it(centre):
    alpha = soft_disc(*centre)
    shown = picture(alpha, 1)
    assert (whole(shown) == alpha).all()
    rows, columns = np.nonzero(alpha)
    assert shown.left == max(0, columns.min() - 1) and shown.top == max(0, rows.min() - 1)
    assert shown.values.shape == (
        min(HEIGHT, rows.max() + 2) - shown.top,
        min(WIDTH, columns.max() + 2) - shown.left,
    )


def test_the_picture_of_an_empty_alpha_has_no_pixels():
    assert picture(np.zeros((HEIGHT, WIDTH), np.uint8), 2).values.size == 0


@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_a_reduced_picture_has_the_means_of_the_pixels_at_its_place(reduction):
    alpha = soft_disc()
    shown = picture(alpha, reduction)
    assert shown.left % reduction == shown.top % reduction == 0
    height, width = (length * reduction for length in shown.values.shape)
    part = np.zeros((height, width))
    cut = alpha[shown.top : shown.top + height, shown.left : shown.left + width]
    part[: cut.shape[0], : cut.shape[1]] = cut
    means = part.reshape(height // reduction, reduction, width // reduction, reduction).mean(axis=(1, 3))
    assert np.abs(shown.values - means).max() <= 1.5, "half a step of rounding for each factor of two"
    assert shown.values.sum() * reduction**2 == pytest.approx(alpha.sum(), rel=0.01)


def test_a_reduced_alpha_does_not_fade_at_the_edges_of_the_frame():
    assert (reduced(np.full((5, 7), 200, np.uint8), 4) == 200).all()


# -- files -------------------------------------------------------------------------------------------------------------
def test_a_soft_matte_is_read_as_it_is(reader, tmp_path):
    write_matte(tmp_path, soft_disc())
    (shown,) = read(reader, matte(tmp_path))
    assert (whole(shown) == soft_disc()).all()


def test_an_object_without_a_matte_file_is_read_from_the_label_image(reader, tmp_path):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[3:9, 4:30], labels[20:30, 40:60] = 1, 2
    write_labels(tmp_path, labels)
    write_matte(tmp_path, soft_disc(), object_id=3)
    first, second, third = read(reader, *(matte(tmp_path, object_id=number) for number in (1, 2, 3)))
    assert (whole(first) == np.where(labels == 1, 255, 0)).all()
    assert (whole(second) == np.where(labels == 2, 255, 0)).all()
    assert (whole(third) == soft_disc()).all()


@pytest.mark.parametrize(("is_alpha", "inside"), [(True, 7), (False, 255)])
def test_keyframes_are_alphas_and_those_of_old_files_label_images(reader, tmp_path, is_alpha, inside):
    path = tmp_path / "keyframes" / "versions" / "abc.png"
    path.parent.mkdir(parents=True)
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[10:20, 10:30] = 7
    write_png(path, values)
    (shown,) = read(reader, matte(tmp_path, version="abc", is_alpha=is_alpha))
    assert (whole(shown) == np.where(values, inside, 0)).all()


def test_missing_damaged_and_wrongly_sized_files_give_no_picture(reader, tmp_path):
    path = write_matte(tmp_path, soft_disc(), object_id=1)
    path.write_bytes(path.read_bytes()[:60])
    write_matte(tmp_path, np.full((HEIGHT, WIDTH + 1), 255, np.uint8), object_id=2)
    write_matte(tmp_path, np.full((HEIGHT, WIDTH, 3), 255, np.uint8), object_id=3)
    (tmp_path / "mattes" / "004" / "000005.png").mkdir(parents=True)
    shown = read(reader, *(matte(tmp_path, object_id=number) for number in range(1, 6)))
    assert shown == [None] * 5
    assert all(reader.is_known(matte(tmp_path, object_id=number)) for number in range(1, 6))


def test_a_file_written_anew_is_read_again(reader, tmp_path):
    path = write_matte(tmp_path, soft_disc(20))
    assert (whole(read(reader, matte(tmp_path))[0]) == soft_disc(20)).all()
    modified = path.stat().st_mtime_ns
    reader.take_news()
    other = write_png(tmp_path / "new.png", soft_disc(40))
    other.replace(path)
    os.utime(path, ns=(modified + 1, modified + 1))
    assert (whole(read(reader, matte(tmp_path))[0]) == soft_disc(40)).all()
    assert reader.take_news()
    path.unlink()
    assert read(reader, matte(tmp_path)) == [None]
    assert reader.take_news()
    assert read(reader, matte(tmp_path)) == [None]
    assert not reader.take_news(), "nothing has changed since"


# -- the cache ---------------------------------------------------------------------------------------------------------
def test_what_comes_next_is_read_ahead(reader, tmp_path):
    for number in range(4):
        write_matte(tmp_path, soft_disc(20 + number), number=number)
    now, *ahead = (matte(tmp_path, number=number) for number in range(4))
    reader.request(1, [now], ahead)
    settled = threading.Event()
    for _ in range(2000):
        if reader.is_known(ahead[-1]) and not reader.is_working:
            break
        settled.wait(0.01)
    assert all(reader.is_known(wanted) for wanted in (now, *ahead))
    assert (whole(reader.picture(ahead[2])) == soft_disc(23)).all()


def test_the_cache_stays_within_its_bytes_and_keeps_what_is_shown(tmp_path):
    full = np.full((HEIGHT, WIDTH), 255, np.uint8)
    reader = MatteReader(max_bytes=5 * (full.nbytes + 1024))
    try:
        for number in range(12):
            write_matte(tmp_path, full, number=number)
        for number in range(12):
            read(reader, matte(tmp_path, number=number))
            assert reader.bytes_held <= 5 * (full.nbytes + 1024)
        assert not reader.is_known(matte(tmp_path, number=0))
        assert all(reader.is_known(matte(tmp_path, number=number)) for number in range(7, 12))
        many = [matte(tmp_path, number=number) for number in range(12)]
        assert all(shown is not None for shown in read(reader, *many)), "more than the cache holds is shown at once"
    finally:
        reader.close()


def test_pictures_of_clips_that_are_gone_are_dropped(reader, tmp_path):
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    for root in (kept, gone):
        write_matte(root, soft_disc())
        read(reader, matte(root))
    reader.forget(except_roots=[str(kept)])
    assert reader.is_known(matte(kept)) and not reader.is_known(matte(gone))
    reader.forget()
    assert reader.bytes_held == 0


def test_a_closed_reader_has_no_threads_and_can_be_used_again(reader, tmp_path):
    write_matte(tmp_path, soft_disc())

    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("Keymatte overlay")]

    read(reader, matte(tmp_path))
    assert threads()
    reader.close()
    assert not threads() and reader.bytes_held == 0
    assert read(reader, matte(tmp_path))[0] is not None


def test_two_editors_are_answered_alike(reader, tmp_path):
    for number in (1, 2):
        write_matte(tmp_path, soft_disc(20 * number), number=number)
    reader.request(1, [matte(tmp_path, number=1)])
    reader.request(2, [matte(tmp_path, number=2)])
    assert reader.wait(1, PATIENCE) and reader.wait(2, PATIENCE)
    assert (whole(reader.picture(matte(tmp_path, number=1))) == soft_disc(20)).all()
    assert (whole(reader.picture(matte(tmp_path, number=2))) == soft_disc(40)).all()
