"""Every delivered format, read back by another program's reader and compared with the mattes pixel by pixel."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from engine.shared.delivery import Alpha, Content, ExportJob, Format, tint_of
from engine.shared.mask_images import PALETTE
from engine.shared.matte_folder import MatteFolder
from tests.engine.delivery.shots import (
    COLOURS,
    COUNT,
    FIRST,
    FOLDERS,
    HEIGHT,
    NAMES,
    STEMS,
    WIDTH,
    alphas,
    deliver,
    files_in,
    picture,
    write_matte,
)
from tests.exr_files import rgb, write_exr

FRAMES = range(COUNT)


def linear(encoded: np.ndarray) -> np.ndarray:
    """Decode sRGB of 0..1 by the standard's formula."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


# -- images ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("depth", "white", "mode"), [(8, 255, "L"), (16, 65535, "I;16")])
def test_png_mattes_are_grey_and_named_as_the_clips_images(job, depth, white, mode):
    finished = deliver(job, depth=depth)
    assert (finished.note, finished.warning) == (f"{2 * COUNT} files written to {job.out}", "")
    assert files_in(job.out).keys() == {f"{folder}/{stem}.png" for folder in FOLDERS for stem in STEMS}
    for frame, stem in enumerate(STEMS):
        for folder, alpha in zip(FOLDERS, alphas(frame)):
            with Image.open(job.out / folder / f"{stem}.png") as image:
                assert image.mode == mode
                assert np.array_equal(np.asarray(image), np.rint(alpha * white))


@pytest.mark.parametrize(("depth", "kind", "error"), [(16, np.float16, 2.0**-11), (32, np.float32, 0)])
def test_exr_has_a_layer_for_each_object(job, depth, kind, error):
    deliver(job, format=Format.EXR, depth=depth)
    assert files_in(job.out).keys() == {f"{stem}.exr" for stem in STEMS}
    for frame, stem in enumerate(STEMS):
        channels = OpenEXR.File(str(job.out / f"{stem}.exr"), separate_channels=True).parts[0].channels
        for layer, alpha in zip(("red_ball__1", "Größe_日本_"), alphas(frame)):
            pixels = channels[f"{layer}.A"].pixels
            assert pixels.dtype == kind
            assert np.abs(pixels - alpha).max() <= error


@pytest.mark.parametrize("alpha", [Alpha.AUTO, Alpha.PREMULTIPLIED])
@pytest.mark.parametrize(("depth", "white"), [(8, 255), (16, 65535)])
def test_png_cutouts_have_the_clips_colours_straight_by_default(job, alpha, depth, white):
    deliver(job, format=Format.CUTOUT_PNG, alpha=alpha, depth=depth)
    for frame, stem in enumerate(STEMS):
        for folder, matte in zip(FOLDERS, alphas(frame)):
            read = cv2.imread(str(job.out / f"{folder}_cutout" / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
            assert np.array_equal(read[..., 3], np.rint(matte * white))
            inside, colours = matte == 1, read[..., 2::-1] / white
            assert np.abs(colours - picture(frame) / 255)[inside].max() < 0.6 / white
            shown = matte if alpha is Alpha.PREMULTIPLIED else matte > 0
            assert not colours[~(shown > 0)].any(), "nothing of the clip is left there"
            true = np.array(COLOURS[FOLDERS.index(folder)]) / 255 * shown[:, :, None]
            soft = (matte > 0) & (matte < 1) & (alphas(frame).sum(0) == matte)  # where it does not touch the other
            mixed = np.abs(picture(frame) / 255 * shown[:, :, None] - true)[soft].mean()
            assert np.abs(colours - true)[soft].mean() < 0.4 * mixed, "the background's colours are taken out"


@pytest.mark.parametrize("alpha", [Alpha.AUTO, Alpha.STRAIGHT])
def test_exr_cutouts_are_scene_linear_and_premultiplied_by_default(job, alpha):
    deliver(job, format=Format.CUTOUT_EXR, alpha=alpha, depth=32)
    for frame, stem in enumerate(STEMS):
        matte = alphas(frame)[0]
        channels = OpenEXR.File(str(job.out / "red_ball_ 1_cutout" / f"{stem}.exr"), separate_channels=True).channels()
        colours = np.stack([channels[name].pixels for name in "RGB"], axis=2)
        assert np.array_equal(channels["A"].pixels, matte)
        assert np.abs(colours - linear(picture(frame) / 255))[matte == 1].max() < 1e-6
        shown = matte if alpha is Alpha.AUTO else matte > 0
        true = linear(np.array(COLOURS[0]) / 255) * shown[:, :, None]
        soft = (matte > 0) & (matte < 1) & (alphas(frame).sum(0) == matte)
        assert np.abs(colours - true)[soft].mean() < 0.03


def test_cutouts_of_exr_plates_keep_their_range(job, tmp_path):
    plates = tmp_path / "linear"
    plates.mkdir()
    bright = np.full((HEIGHT, WIDTH, 3), 7.25, np.float32)
    for stem in STEMS:
        write_exr(plates / f"{stem}.exr", rgb(bright))
    deliver(job, clip=replace(job.clip, path=plates), format=Format.CUTOUT_EXR, depth=32)
    channels = OpenEXR.File(str(job.out / "red_ball_ 1_cutout" / f"{STEMS[2]}.exr"), separate_channels=True).channels()
    inside = alphas(2)[0] == 1
    assert np.allclose(channels["G"].pixels[inside], 7.25)
    assert np.isfinite(channels["G"].pixels).all() and channels["G"].pixels.max() == 7.25


def test_all_objects_can_be_in_one_cutout(job):
    deliver(job, format=Format.CUTOUT_PNG, together=True)
    assert files_in(job.out).keys() == {f"all_cutout/{stem}.png" for stem in STEMS}
    with Image.open(job.out / "all_cutout" / f"{STEMS[1]}.png") as image:
        assert np.array_equal(np.asarray(image)[..., 3], np.rint(alphas(1).sum(0).clip(0, 1) * 255))


# -- label folders -----------------------------------------------------------------------------------------------------
def labels(frame: int) -> np.ndarray:
    """Return the numbers (H, W) of the objects, or 0, that cover a pixel most."""
    soft = alphas(frame)
    return np.concatenate([1 - soft.sum(0, keepdims=True), soft]).argmax(0)


def read_palette_image(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "P"
        assert image.getpalette()[:9] == PALETTE[:3].ravel().tolist()
        return np.asarray(image)


def test_a_davis_folder_is_read_as_its_tools_do(job):
    """The data set's own reader takes the clips of a list, and sorts the images of each."""
    deliver(job, format=Format.DAVIS, title="balls")
    (clip,) = (job.out / "ImageSets" / "2017" / "val.txt").read_text().split("\n")[:-1]
    paths = sorted((job.out / "Annotations" / "480p" / clip).glob("*.png"))
    assert [path.name for path in paths] == [f"{frame:05d}.png" for frame in FRAMES]
    for frame, path in enumerate(paths):
        assert np.array_equal(read_palette_image(path), labels(frame))
    deliver(job, format=Format.DAVIS, title="others")
    assert (job.out / "ImageSets" / "2017" / "val.txt").read_text() == "balls\nothers\n"


def test_a_youtube_vos_folder_has_the_frames_own_names_and_says_who_is_where(job):
    write_matte(MatteFolder(job.folder), 2, 0, np.zeros((HEIGHT, WIDTH), np.float32))
    deliver(job, format=Format.YOUTUBE_VOS, title="balls")
    videos = json.loads((job.out / "meta.json").read_text("utf-8"))["videos"]
    objects = videos["balls"]["objects"]
    assert objects == {
        "1": {"category": NAMES[0], "frames": STEMS},
        "2": {"category": NAMES[1], "frames": STEMS[1:]},
    }
    for frame, stem in enumerate(STEMS[1:], start=1):
        assert np.array_equal(read_palette_image(job.out / "Annotations" / "balls" / f"{stem}.png"), labels(frame))


def test_objects_have_their_numbers_in_labels_whatever_their_order(job):
    """The order says who is in front; ids that are not 1 to N are counted, as the data sets ask for."""
    folder = MatteFolder(job.folder)
    for frame in FRAMES:
        folder.matte(1, FIRST + frame).rename(write_matte(folder, 7, frame, alphas(frame)[0]))
    front_first = (replace(job.objects[0], object_id=7), job.objects[1])
    deliver(job, format=Format.YOUTUBE_VOS, objects=front_first, title="balls")
    swapped = np.array([0, 2, 1])[labels(1)]
    assert np.array_equal(read_palette_image(job.out / "Annotations" / "balls" / f"{STEMS[1]}.png"), swapped)
    objects = json.loads((job.out / "meta.json").read_text("utf-8"))["videos"]["balls"]["objects"]
    assert {number: one["category"] for number, one in objects.items()} == {"1": NAMES[1], "2": NAMES[0]}


# -- movies ------------------------------------------------------------------------------------------------------------
def decoded(path: Path, decoder: str = "") -> list[np.ndarray]:
    """Decode a movie to pictures (H, W, 4) of 0..1."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in codec.decode(packet)]
    return [frame.reformat(format="rgba", src_colorspace=1).to_ndarray() / 255 for frame in frames]


@pytest.mark.parametrize(
    ("kind", "decoder", "alpha_error", "colour_error", "soft_error"),
    [(Format.PRORES, "", 1.2 / 255, 0.5 / 255, 6 / 255), (Format.VP9, "libvpx-vp9", 12 / 255, 5 / 255, 10 / 255)],
)
def test_movies_have_the_objects_colours_and_alpha(job, kind, decoder, alpha_error, colour_error, soft_error):
    deliver(job, format=kind, title="shot", rate=23.976)
    names = sorted(files_in(job.out))
    assert [Path(name).stem for name in names] == ["shot_Größe 日本", "shot_red_ball_ 1"]
    pictures, soft = decoded(job.out / names[1], decoder), []
    assert len(pictures) == COUNT
    for frame, read in enumerate(pictures):
        alpha = alphas(frame)[0]
        assert np.abs(read[..., 3] - alpha).max() <= alpha_error
        errors = np.abs(read[..., :3] - np.array(COLOURS[0]) / 255)
        assert np.abs(read[..., :3] - picture(frame) / 255)[alpha == 1].mean() <= colour_error
        soft.append(errors[(alpha > 0) & (alpha < 1) & (alphas(frame).sum(0) == alpha)].mean())
    assert np.mean(soft) < soft_error, "straight colours go on beyond the alpha"
    with av.open(str(job.out / names[1])) as container:
        stream = container.streams.video[0]
        assert abs(stream.average_rate - 24000 / 1001) < 0.01
        assert stream.codec_context.color_range == 1 and stream.codec_context.colorspace == 1


def test_a_matte_movie_is_the_matte_as_grey_and_as_alpha(job):
    deliver(job, format=Format.PRORES, content=Content.MATTE, title="shot", together=True)
    assert files_in(job.out).keys() == {"shot_all_matte.mov"}
    for frame, read in enumerate(decoded(job.out / "shot_all_matte.mov")):
        assert np.abs(read - alphas(frame).sum(0).clip(0, 1)[:, :, None]).max() < 2.5 / 255


def test_the_overlay_shows_each_object_in_its_colour(job):
    deliver(job, format=Format.OVERLAY, title="shot")
    tints = [tint_of(one) for one in job.objects]
    pictures = decoded(job.out / "shot_overlay.mp4")
    assert len(pictures) == COUNT
    for frame, read in enumerate(pictures):
        for alpha, tint in zip(alphas(frame), tints):
            inside = cv2.erode((alpha == 1).astype(np.uint8), np.ones((5, 5))) > 0
            expected = (picture(frame) + np.array(tint)) / 2 / 255
            assert np.abs(read[..., :3] - expected)[inside].mean() < 6 / 255
        outside = cv2.erode((alphas(frame).sum(0) == 0).astype(np.uint8), np.ones((5, 5))) > 0
        assert np.abs(read[..., :3] - picture(frame) / 255)[outside].mean() < 6 / 255


@pytest.mark.parametrize(("kind", "decoder"), [(Format.PRORES, ""), (Format.VP9, "libvpx-vp9"), (Format.OVERLAY, "")])
def test_movies_of_odd_sizes_are_whole(job, kind, decoder):
    folder = MatteFolder(job.folder)
    small = job.clip.path.parent / "odd"
    small.mkdir()
    for frame, stem in enumerate(STEMS):
        cv2.imwrite(str(small / f"{stem}.png"), picture(frame)[:-1, :-1, ::-1])
        for object_id in (1, 2):
            write_matte(folder, object_id, frame, alphas(frame)[object_id - 1][:-1, :-1])
    clip = replace(job.clip, path=small, height=HEIGHT - 1, width=WIDTH - 1)
    deliver(job, clip=clip, format=kind, together=True)
    (name,) = files_in(job.out)
    read = decoded(job.out / name, decoder)
    assert len(read) == COUNT
    shown = alphas(3).sum(0).clip(0, 1)[:-1, :-1] if kind is not Format.OVERLAY else np.ones((HEIGHT - 1, WIDTH - 1))
    assert np.abs(read[3][: HEIGHT - 1, : WIDTH - 1, 3] - shown).mean() < 2 / 255


def test_a_movie_clips_frames_are_numbered_from_0_and_keep_its_rate(job: ExportJob, tmp_path: Path):
    from tests.movie_files import write_movie

    movie = write_movie(tmp_path / "take 3.mp4", np.stack([picture(frame) for frame in FRAMES]), fps=30)
    folder = MatteFolder(tmp_path / "of movie")
    for frame in FRAMES:
        path = write_matte(folder, 1, frame, alphas(frame)[0])
        path.rename(folder.matte(1, frame))
    of_movie = replace(job, clip=replace(job.clip, path=movie), folder=folder.root, objects=job.objects[:1])
    deliver(of_movie)
    assert files_in(job.out).keys() == {f"red_ball_ 1/{frame:06d}.png" for frame in FRAMES}
    deliver(of_movie, format=Format.PRORES)
    with av.open(str(job.out / "take 3_red_ball_ 1.mov")) as container:
        assert container.streams.video[0].average_rate == 30
