"""Garbage masks, hold-out masks and absences cut mattes exactly, in labels too, and changing them is no resumption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from engine.media.label_images import encode_matte, read_labels, read_matte
from engine.shared.errors import KeyframeSizeMismatch, KeyframeUnreadable
from engine.shared.matte_folder import MatteFolder
from engine.shared.types import Absence, Exclusion, ExclusionImage, PropagationJob
from tests.engine.jobs.test_propagate import run_job

FRAMES = range(10)
HEIGHT, WIDTH = 96, 128


def mattes(folder: Path, object_id: int) -> list[np.ndarray]:
    """Return an object's mattes (H, W) of all frames, 0..255."""
    return [np.rint(read_matte(MatteFolder(folder).matte(object_id, frame)) * 255).astype(int) for frame in FRAMES]


def all_labels(folder: Path) -> list[np.ndarray]:
    return [read_labels(MatteFolder(folder).labels(frame)) for frame in FRAMES]


def write_mask(path: Path, alpha: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_matte(alpha))
    return path


def half(*, left: float, right: float) -> np.ndarray:
    """Return a mask (H, W) with one alpha on the left half of the frame and another on the right."""
    return np.repeat([[left, right]], WIDTH // 2, axis=1).repeat(HEIGHT, axis=0)


def exclusion(path: Path, alpha: np.ndarray, **changes) -> Exclusion:
    return Exclusion((ExclusionImage(0, write_mask(path, alpha)),), **changes)


@pytest.fixture
def plain(job: PropagationJob) -> PropagationJob:
    run_job(job)
    return job


def with_exclusions(plain: PropagationJob, tmp_path: Path, *exclusions: Exclusion) -> Path:
    """Run the job with exclusions into a folder of its own, and return the folder."""
    run_job(replace(plain, folder=tmp_path / "cut", exclusions=exclusions))
    return tmp_path / "cut"


# -- exclusions --------------------------------------------------------------------------------------------------------
def test_mattes_are_multiplied_by_what_a_mask_leaves_on_keyframes_and_between(plain, tmp_path):
    cut = with_exclusions(plain, tmp_path, exclusion(tmp_path / "garbage.png", half(left=1, right=0.4)))
    for object_id in (1, 2):
        for before, after in zip(mattes(plain.folder, object_id), mattes(cut, object_id), strict=True):
            assert not after[:, : WIDTH // 2].any()
            assert np.abs(after[:, WIDTH // 2 :] - 0.6 * before[:, WIDTH // 2 :]).max() <= 1.01  # two roundings
    assert any(matte[:, : WIDTH // 2].any() for matte in mattes(plain.folder, 1)), "there was something to take away"


def test_label_images_agree_with_the_cut_mattes(plain, tmp_path):
    cut = with_exclusions(plain, tmp_path, exclusion(tmp_path / "garbage.png", half(left=1, right=0)))
    for before, after in zip(all_labels(plain.folder), all_labels(cut), strict=True):
        assert not after[:, : WIDTH // 2].any()
        assert (after[:, WIDTH // 2 :] == before[:, WIDTH // 2 :]).all()


def test_a_keyframe_whose_edge_is_softened_is_cut_too_and_its_labels_agree(job, tmp_path):
    covered = exclusion(tmp_path / "garbage.png", half(left=1, right=0.45))
    run_job(job := replace(job, recipe="keymatte", exclusions=(covered,)))
    alpha = np.stack([mattes(job.folder, number)[0] for number in (1, 2)])
    assert not alpha[..., : WIDTH // 2].any()
    assert alpha.max() == np.rint(0.55 * 255)
    assert ((all_labels(job.folder)[0] > 0) == (alpha.max(0) >= 128)).all()


def test_two_masks_each_take_their_share(plain, tmp_path):
    both = [exclusion(tmp_path / f"{name}.png", half(left=0.4, right=0)) for name in ("garbage", "hold-out")]
    cut = with_exclusions(plain, tmp_path, *both)
    (keyframe, *_), (after, *_) = mattes(plain.folder, 1), mattes(cut, 1)
    left = np.s_[:, : WIDTH // 2]
    assert (after[left] == np.rint(0.36 * keyframe[left])).all()


def test_an_inverted_mask_takes_away_what_lies_outside(plain, tmp_path):
    inverted = exclusion(tmp_path / "garbage.png", half(left=0, right=1), inverted=True)
    cut = with_exclusions(plain, tmp_path, inverted)
    for before, after in zip(mattes(plain.folder, 1), mattes(cut, 1), strict=True):
        assert not after[:, : WIDTH // 2].any()
        assert (after[:, WIDTH // 2 :] == before[:, WIDTH // 2 :]).all()


def test_a_mask_can_cover_only_some_objects(plain, tmp_path):
    cut = with_exclusions(plain, tmp_path, exclusion(tmp_path / "hold.png", half(left=1, right=1), objects=(2,)))
    assert not np.any(mattes(cut, 2))
    assert all((a == b).all() for a, b in zip(mattes(plain.folder, 1), mattes(cut, 1), strict=True))


def test_an_image_counts_until_the_next_and_the_first_also_before_its_frame(plain, tmp_path):
    everything, nothing = np.ones((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))
    images = tuple(
        ExclusionImage(frame, write_mask(tmp_path / f"{frame}.png", alpha))
        for frame, alpha in ((3, everything), (5, nothing), (8, everything))
    )
    cut = with_exclusions(plain, tmp_path, Exclusion(images))
    assert [bool(matte.any()) for matte in mattes(cut, 1)] == [frame in (5, 6, 7) for frame in FRAMES]


def test_changing_a_mask_changes_the_next_run(plain, tmp_path):
    mask = exclusion(tmp_path / "garbage.png", half(left=1, right=0))
    cut = with_exclusions(plain, tmp_path, mask)
    write_mask(mask.images[0].path, half(left=0, right=1))
    with_exclusions(plain, tmp_path, mask)
    assert mattes(cut, 1)[0][:, : WIDTH // 2].any()
    assert not any(matte[:, WIDTH // 2 :].any() for matte in mattes(cut, 1))


def test_an_interrupted_run_is_resumed_only_with_the_same_masks(job, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.jobs.resume._MIN_SECONDS", 0.0)
    monkeypatch.setattr("engine.jobs.resume._MIN_COST_RATIO", 0)
    monkeypatch.setattr("engine.jobs.resume._MIN_WAIT_RATIO", 0)
    monkeypatch.setattr("engine.jobs.resume._MAX_BYTES_PER_SECOND", 1 << 60)
    mask = exclusion(tmp_path / "garbage.png", half(left=1, right=0))
    cut = replace(job, exclusions=(mask,))
    run_job(cut, cancel_after=6)
    texts = [answer.text for answer in run_job(cut, cancel_after=2) if hasattr(answer, "text")]
    assert "Encoding the keyframes, then resuming" in texts
    write_mask(mask.images[0].path, half(left=0, right=1))
    texts = [answer.text for answer in run_job(cut, cancel_after=2) if hasattr(answer, "text")]
    assert any(text.startswith("Starting again") for text in texts)
    absent = replace(cut, absences=(Absence(1, range(2, 5)),))
    texts = [answer.text for answer in run_job(absent) if hasattr(answer, "text")]
    assert any(text.startswith("Starting again") for text in texts)
    assert not any(matte[:, WIDTH // 2 :].any() for matte in mattes(job.folder, 1))


def test_a_mask_of_another_size_or_a_missing_one_is_refused_before_anything_is_written(job, tmp_path):
    wrong = Exclusion((ExclusionImage(0, write_mask(tmp_path / "small.png", np.ones((8, 8)))),))
    with pytest.raises(KeyframeSizeMismatch, match=r"small\.png is 8x8, but the clip is 128x96"):
        run_job(replace(job, exclusions=(wrong,)))
    gone = Exclusion((ExclusionImage(0, tmp_path / "gone.png"),))
    with pytest.raises(KeyframeUnreadable, match=r"gone\.png"):
        run_job(replace(job, exclusions=(gone,)))
    assert not job.folder.exists()


# -- the command line --------------------------------------------------------------------------------------------------
def test_the_command_line_takes_an_image_and_a_folder_of_images(film, tmp_path):
    clip = film.write_images(tmp_path / "plate")
    keys = film.write_keyframes(tmp_path / "keys", [0, 6])
    hold_out = tmp_path / "hold"
    write_mask(hold_out / "0000.png", half(left=0, right=1))
    write_mask(hold_out / "0004.png", np.zeros((HEIGHT, WIDTH)))
    garbage = write_mask(tmp_path / "garbage.png", np.vstack([np.ones((48, WIDTH)), np.zeros((48, WIDTH))]))
    arguments = ["--recipe", "colour", "--garbage", str(garbage), "--hold-out", str(hold_out)]
    folders = ["--keyframes", str(keys), "--out", str(tmp_path / "out")]
    assert main(["propagate", "--clip", str(clip), *folders, *arguments]) == 0
    for frame, matte in enumerate(mattes(tmp_path / "out", 1)):
        assert not matte[:48].any()
        assert bool(matte[48:, WIDTH // 2 :].any()) == (frame >= 4 and film.mask(frame, 1)[48:, WIDTH // 2 :].any())


# -- absences ----------------------------------------------------------------------------------------------------------
def test_an_absent_object_has_empty_mattes_and_labels_on_every_frame_of_the_range(plain, tmp_path):
    absent = replace(plain, folder=tmp_path / "absent", absences=(Absence(1, range(2, 5)),))
    run_job(absent)
    filled = [bool(matte.any()) for matte in mattes(absent.folder, 1)]
    assert filled == [frame not in (2, 3, 4) for frame in FRAMES]
    assert [bool((labels == 1).any()) for labels in all_labels(absent.folder)] == filled
    assert all(matte.any() for matte in mattes(absent.folder, 2)), "the other object is still there"


def test_a_keyframe_within_the_range_overrides_it_on_its_frame(plain, tmp_path):
    absent = replace(plain, folder=tmp_path / "absent", absences=(Absence(1, range(4, 9)),))
    run_job(absent)
    assert [bool(matte.any()) for matte in mattes(absent.folder, 1)] == [
        frame in (0, 1, 2, 3, 6, 9) for frame in FRAMES
    ]
    assert (mattes(absent.folder, 1)[6] == mattes(plain.folder, 1)[6]).all()


def test_the_networks_memory_is_given_empty_masks_of_an_absent_object(plain, tmp_path):
    absent = replace(plain, folder=tmp_path / "absent", absences=(Absence(1, range(2, 5)),))
    shares = {}
    for job in (plain, absent):
        run_job(replace(job, probabilities=tmp_path / f"{job.folder.name}.npz"))
        with np.load(tmp_path / f"{job.folder.name}.npz") as arrays:
            shares[job.folder.name] = arrays["probabilities"][:, 1].max(axis=(1, 2))
    assert (shares["out"] > 0.5).all()
    assert [bool(share > 0.01) for share in shares["absent"]] == [frame not in (2, 3, 4) for frame in FRAMES]
