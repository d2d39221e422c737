"""Refine jobs: what they make, what they leave as it is, what makes refined mattes stale, and bad input."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.jobs.clip_identity import identify
from engine.jobs.network_scale import NetworkScale
from engine.jobs.refine import run
from engine.media.frames import FrameReader
from engine.media.label_images import encode_matte, read_matte
from engine.shared.codec import to_json
from engine.shared.errors import BadSetting, FolderTaken, NothingPropagated
from engine.shared.folder_claim import MARKER
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, JobCancelled, Stage
from engine.shared.provenance import RunInputs, Runs
from engine.shared.quality import GIVEN, OWN_EDGE, MatteQuality
from engine.shared.refined import RefinedMattes
from engine.shared.refinement import EdgeMethod, RefinedObject, Refinement
from engine.shared.types import Direction, Exclusion, ExclusionImage, PropagationJob, RefineJob, Settings, VideoClip
from engine.shared.written_files import WrittenFiles

HEIGHT, WIDTH, COUNT = 240, 320, 5
WORKING = 60  # lines of the network: four pixels of the clip for each of its own


def disc(x: float, y: float, radius: float) -> np.ndarray:
    """Return the alpha (H, W) of a disc with anti-aliased edges."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1).astype(np.float32)


def true_alpha(frame: int) -> np.ndarray:
    return disc(120 + 12 * frame, 120, 60)


def network_alpha(frame: int) -> np.ndarray:
    """Return what a network of the working height would know: the alpha reduced, and enlarged again."""
    small = cv2.resize(true_alpha(frame), (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def job(tmp_path) -> RefineJob:
    """A job on a film of a red disc that moves over blue, with mattes in a folder of Keymatte's."""
    frames = tmp_path / "film"
    frames.mkdir()
    folder = MatteFolder(tmp_path / "mattes folder")
    folder.root.mkdir()
    clip = VideoClip(frames / "0010.png", HEIGHT, WIDTH, COUNT)
    write_marker(folder, PropagationJob("p", clip, range(COUNT), (), folder.root, settings=Settings(height=WORKING)))
    written, quality = WrittenFiles(folder), MatteQuality(0.9, run=run_of(folder))
    for frame in range(COUNT):
        alpha = true_alpha(frame)[..., None]
        picture = np.rint(alpha * (200, 40, 30) + (1 - alpha) * (20, 60, 180)).astype(np.uint8)
        Image.fromarray(picture).save(frames / f"{frame + 10:04d}.png")
        written.write(folder.matte(1, frame + 10), encode_matte(network_alpha(frame)), quality)
    written.close()
    return RefineJob("r", clip, folder.root, range(COUNT), (RefinedObject(1),))


def run_of(folder: MatteFolder, **settings) -> str:
    """Record a run of the network's working height, and return its id."""
    inputs = RunInputs("keymatte", "", json.dumps({"height": WORKING, **settings}), Direction.BOTH, ())
    Runs().with_run(inputs, keep=frozenset()).write(folder)
    return inputs.id


def write_marker(folder: MatteFolder, job: PropagationJob) -> None:
    (folder.root / MARKER).write_text(json.dumps({"keymatte": "0.1.0", **to_json(job)}, default=str), encoding="utf-8")


def answers_of(job: RefineJob, cancelled=lambda: False) -> list:
    answers: list = []
    run(job, answers.append, cancelled)
    return answers


def refined(job: RefineJob, frame: int, object_id: int = 1) -> np.ndarray:
    return read_matte(MatteFolder(job.folder).refined.matte(object_id, frame + 10))


def error(alpha: np.ndarray, frame: int) -> float:
    return float(np.abs(alpha - true_alpha(frame)).sum())


def with_settings(job: RefineJob, **settings) -> RefineJob:
    return replace(job, objects=(RefinedObject(1, Refinement(**settings)),))


def test_edges_come_nearer_to_the_truth_than_the_networks_and_the_mattes_stay(job):
    before = {path: path.read_bytes() for path in MatteFolder(job.folder).matte_sequence(1).iterdir()}
    *stages, ended = answers_of(job)
    assert ended == Finished("r", note="5 mattes refined.")
    assert [stage.done for stage in stages if isinstance(stage, Stage)] == [0, 1, 2, 3, 4]
    for frame in range(COUNT):
        assert error(refined(job, frame), frame) < 0.5 * error(network_alpha(frame), frame)
    assert {path: path.read_bytes() for path in MatteFolder(job.folder).matte_sequence(1).iterdir()} == before


def test_refined_mattes_have_sixteen_bits(job):
    answers_of(job)
    with Image.open(MatteFolder(job.folder).refined.matte(1, 10)) as image:
        assert image.mode.startswith("I;16") and image.size == (WIDTH, HEIGHT)


def test_only_what_is_not_up_to_date_is_made_again(job):
    answers_of(job)
    assert answers_of(job)[-1].note == "0 mattes refined, 5 up to date before."
    folder = MatteFolder(job.folder)
    written = WrittenFiles(folder)
    written.write(folder.matte(1, 14), encode_matte(network_alpha(3)), MatteQuality(0.9, run="b"))
    written.close()
    assert answers_of(job)[-1].note == "1 matte refined, 4 up to date before."
    assert answers_of(with_settings(job, grow=1.0))[-1].note == "5 mattes refined.", "other settings"


def test_a_matte_of_the_same_bytes_and_another_date_makes_nothing_stale(job):
    answers_of(job)
    path = MatteFolder(job.folder).matte(1, 12)
    path.write_bytes(path.read_bytes())
    assert answers_of(job)[-1].note == "0 mattes refined, 5 up to date before."


def test_a_cancelled_job_keeps_what_it_has_made_and_goes_on_from_there(job):
    asked = iter([False, False, True])
    assert isinstance(answers_of(job, lambda: next(asked))[-1], JobCancelled)
    assert answers_of(job)[-1].note == "3 mattes refined, 2 up to date before."


def test_edited_refined_mattes_are_kept_and_told(job):
    answers_of(job)
    path = MatteFolder(job.folder).refined.matte(1, 12)
    path.write_bytes(encode_matte(np.ones((HEIGHT, WIDTH), np.float32)))
    edited = path.read_bytes()
    ended = answers_of(with_settings(job, grow=2.0))[-1]
    assert path.read_bytes() == edited
    assert ended.warning == "Refined mattes that were edited are kept: frame 12."
    assert ended.note == "4 mattes refined."


def test_damaged_refined_mattes_are_moved_aside_and_made_again(job):
    answers_of(job)
    path = MatteFolder(job.folder).refined.matte(1, 12)
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    ended = answers_of(job)[-1]
    aside = MatteFolder(job.folder).refined.root / "edited" / "mattes" / "001" / "000012.png"
    assert aside.read_bytes() == whole[:200] and path.read_bytes() == whole
    assert ended.note == "1 matte refined, 4 up to date before." and str(aside) in ended.warning


def test_a_damaged_record_keeps_refined_mattes_and_says_what_to_do(job):
    answers_of(job)
    MatteFolder(job.folder).refined.index.write_text("garbage\n", encoding="ascii")
    ended = answers_of(with_settings(job, grow=1.0))[-1]
    assert ended.note == "0 mattes refined." and "delete the folder refined" in ended.warning


def test_another_picture_makes_its_refined_matte_stale(job):
    answers_of(job)
    path = job.clip.path.parent / "0012.png"
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(path)
    assert answers_of(job)[-1].note == "1 matte refined, 4 up to date before."


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_the_users_edges_stay_and_a_keyframes_shape_does(job, smoothing):
    folder = MatteFolder(job.folder)
    shape = disc(150, 120, 40)  # unlike the picture
    written = WrittenFiles(folder)
    written.write(folder.matte(1, 11), encode_matte(shape), MatteQuality(1.0, signals={GIVEN: 1.0, OWN_EDGE: 1.0}))
    written.write(folder.matte(1, 12), encode_matte(shape), MatteQuality(1.0, signals={GIVEN: 1.0}))
    written.close()
    folder.matte(1, 13).write_bytes(encode_matte(shape))  # as by another program
    answers_of(with_settings(job, smoothing=smoothing))
    assert np.abs(refined(job, 1) - read_matte(folder.matte(1, 11))).max() < 1e-4, "a soft keyframe"
    assert np.array_equal(refined(job, 2) >= 128 / 255, read_matte(folder.matte(1, 12)) >= 128 / 255), "a hard one"
    assert np.abs(refined(job, 3) - read_matte(folder.matte(1, 13))).max() < 1e-4, "an edited matte"


def test_no_refined_matte_reaches_into_a_garbage_mask(job, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :140] = 255
    Image.fromarray(mask).save(tmp_path / "garbage.png")
    folder = MatteFolder(job.folder)
    garbage = Exclusion((ExclusionImage(0, tmp_path / "garbage.png"),))
    made = PropagationJob("p", job.clip, range(COUNT), (), folder.root, exclusions=(garbage,))
    write_marker(folder, replace(made, settings=Settings(height=WORKING)))
    answers_of(with_settings(job, feather=8.0))
    assert not refined(job, 0)[:, :140].any() and refined(job, 0)[:, 141:].any()


def test_smoothing_depends_on_the_frames_beside_and_takes_flicker_away(job):
    folder = MatteFolder(job.folder)
    written = WrittenFiles(folder)
    for frame in range(COUNT):  # the edge is half a pixel wider on every other frame
        wide = disc(120 + 12 * frame, 120, 60 + 1.0 * (frame % 2))
        written.write(folder.matte(1, frame + 10), encode_matte(wide), MatteQuality(0.9))
    written.close()

    def flicker() -> float:
        areas = [refined(job, frame).sum() for frame in range(COUNT)]
        return float(np.abs(np.diff(areas)).mean())

    answers_of(with_settings(job, edges=EdgeMethod.KEEP))
    before = flicker()
    smoothed = with_settings(job, edges=EdgeMethod.KEEP, smoothing=1.0)
    answers_of(smoothed)
    assert flicker() < 0.8 * before
    state, one = RefinedMattes(folder), smoothed.objects[0]
    folder.matte(1, 14).unlink()
    assert [state.is_current(one, number) for number in (10, 11, 12, 13)] == [True, True, True, False]


def test_missing_damaged_and_odd_mattes_are_left_out_and_told(job):
    folder = MatteFolder(job.folder)
    folder.matte(1, 11).write_bytes(b"no image")
    folder.matte(1, 12).write_bytes(encode_matte(np.ones((HEIGHT, WIDTH // 2), np.float32)))
    folder.matte(1, 13).unlink()
    ended = answers_of(job)[-1]
    assert ended.note == "2 mattes refined."
    assert ended.warning == "Not refined, as the matte or the picture cannot be read: frames 11 to 12."


def test_pictures_that_were_replaced_are_told_and_those_of_another_clip_refused(job, tmp_path):
    marker = MatteFolder(job.folder).root / MARKER
    with FrameReader.expect(job.clip) as reader:
        marker.write_text(json.dumps({**json.loads(marker.read_text("utf-8")), "identity": identify(reader)}), "utf-8")
    assert answers_of(job)[-1].warning == ""
    moved = job.clip.path.parent.rename(tmp_path / "moved")
    job = replace(job, clip=replace(job.clip, path=moved / job.clip.path.name))
    assert answers_of(job)[-1].warning == "", "it was only moved"
    (moved / "0012.png").write_bytes((moved / "0011.png").read_bytes())
    with pytest.raises(FolderTaken, match="another clip"):
        answers_of(job)
    moved.rename(tmp_path / "film")
    ended = answers_of(replace(job, clip=replace(job.clip, path=tmp_path / "film" / job.clip.path.name)))[-1]
    assert "The files of the clip have changed" in ended.warning and ended.warning.endswith("propagate again.")


def test_a_damaged_picture_costs_its_frame_alone(job):
    (job.clip.path.parent / "0012.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    ended = answers_of(job)[-1]
    assert ended.note == "4 mattes refined." and ended.warning.endswith("frame 12.")


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_matte_of_one_value_stays_finite(job, value):
    folder = MatteFolder(job.folder)
    written = WrittenFiles(folder)
    for frame in range(COUNT):
        written.write(folder.matte(1, frame + 10), encode_matte(np.full((HEIGHT, WIDTH), value)), MatteQuality(0.9))
    written.close()
    for edges in EdgeMethod:
        answers_of(with_settings(replace(job, frames=range(1)), edges=edges, specks=1e9, holes=1e9, smoothing=1.0))
        assert np.isfinite(refined(job, 0)).all()


def test_bad_settings_and_folders_are_refused(job, tmp_path):
    with pytest.raises(BadSetting):
        answers_of(with_settings(job, feather=-1.0))
    with pytest.raises(BadSetting):
        answers_of(with_settings(job, grow=float("nan")))
    for part in ("softness", "smoothing"):
        with pytest.raises(BadSetting, match="is 5"):
            answers_of(with_settings(job, **{part: 5.0}))
    with pytest.raises(NothingPropagated):
        answers_of(replace(job, objects=(RefinedObject(7),)))
    (tmp_path / "elsewhere").mkdir()
    (MatteFolder(job.folder).refined.root).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FolderTaken):
        answers_of(job)
    assert not [*(tmp_path / "elsewhere").iterdir()]


def test_the_scale_is_that_of_the_run_and_of_the_crop_that_followed_the_object(tmp_path):
    folder = MatteFolder(tmp_path)
    size = 2160, 3840
    alpha = np.zeros(size, np.float32)
    alpha[500:620, 700:800] = 1
    run = run_of(folder, height=540, crop=True, small=[2])
    scale = NetworkScale(folder, size)
    assert scale.of(run, 1, alpha) == 4
    assert scale.of(run, 2, alpha) == 1, "a crop shows 120 pixels at full size"
    alpha[:, :] = 1
    assert scale.of(run, 2, alpha) == 4, "too large for a crop"
    assert scale.of("another", 1, alpha) == 2160 / 480
    folder.runs.write_text("damaged", encoding="utf-8")
    assert NetworkScale(folder, size).of(run, 2, alpha) == 2160 / 480
