"""The command `splines`: files of mattes on disk, in every format, and what is wrong with what it is given."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from engine.__main__ import main
from engine.media.label_images import encode_deep_matte, encode_matte
from engine.shared.matte_folder import MatteFolder
from engine.shared.shape_files.formats import load_roto
from engine.shared.shape_files.roto import depths, polygon, signed_area

WIDTH, HEIGHT = 160, 120
NUMBERS = range(1001, 1009)


@pytest.fixture(scope="module")
def mattes(tmp_path_factory):
    """Mattes of a ring that moves to the right, and of a disc that has gone by frame 1005."""
    folder = MatteFolder(tmp_path_factory.mktemp("mattes of Müller"))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    for index, number in enumerate(NUMBERS):
        away = np.hypot(columns - 50 - 4 * index, rows - 60)
        ring = np.clip(np.minimum(30 - away, away - 12) + 0.5, 0, 1)
        disc = np.clip(12 - np.hypot(columns - 130, rows - 30) + 0.5, 0, 1) * (number < 1005)
        for object_id, alpha in ((1, ring), (2, disc)):
            path = folder.matte(object_id, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_matte(alpha.astype(np.float32)))
    return folder.root


def run(mattes, out, *more: str) -> int:
    return main(["splines", "--mattes", str(mattes), "--out", str(out), *more])


@pytest.mark.parametrize("suffix", [".json", ".svg", ".nk"])
def test_the_file_has_the_outlines_of_the_mattes_on_every_frame(mattes, tmp_path, suffix):
    """Areas, places, holes, and frames on which an object is not seen, within half a pixel of the truth."""
    assert run(mattes, tmp_path / f"a{suffix}", "--names", "1=ring", "2=disc") == 0
    roto, _ = load_roto(tmp_path / f"a{suffix}")
    assert (roto.width, roto.height, roto.first, roto.last) == (WIDTH, HEIGHT, 1001, 1008)
    disc, ring = roto.layers  # the first object is drawn last, over the others
    assert (ring.name, disc.name) == ("ring", "disc") and sorted(depths(ring)) == [0, 1]
    assert [disc.alpha_at(frame) for frame in NUMBERS] == [1] * 4 + [0] * 4
    for index, frame in enumerate(NUMBERS):
        parts = sorted(abs(signed_area(polygon(ring.at(spline, frame)))) for spline in ring.splines)
        radii = np.sqrt(np.array(parts) / np.pi)
        assert np.allclose(radii, (12, 30), atol=0.5), frame
        centre = polygon(ring.at(ring.splines[0], frame)).mean(axis=0)
        assert np.allclose(centre, (50 + 4 * index, 60), atol=1.0)


def test_refined_mattes_are_taken_if_an_object_has_them_all_up_to_date(mattes, tmp_path, capsys):
    """The refined mattes of the disc are larger, and written as if by hand, so that they count as they are."""
    root = tmp_path / "copy"
    shutil.copytree(mattes, root)
    folder = MatteFolder(root)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    larger = np.clip(20 - np.hypot(columns - 130, rows - 30) + 0.5, 0, 1).astype(np.float32)

    def radius(*more: str) -> float:
        assert run(root, tmp_path / "a.json", "--objects", "2", "--replace", *more) == 0
        (layer,) = load_roto(tmp_path / "a.json")[0].layers
        return np.sqrt(abs(signed_area(polygon(layer.at(layer.splines[0], 1001)))) / np.pi)

    folder.refined.root.mkdir()
    folder.refined.index.write_text("", "ascii")  # a record that names none of them
    for number in NUMBERS:
        assert radius() == pytest.approx(12, abs=0.5), "not all are there yet"
        path = folder.refined.matte(2, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_deep_matte(larger))
    assert "as they are, since 1 matte of it is not refined yet" in capsys.readouterr().err
    assert radius() == pytest.approx(20, abs=0.5)
    assert "not refined" not in capsys.readouterr().err
    assert radius("--raw") == pytest.approx(12, abs=0.5)
    shutil.rmtree(folder.refined.root)
    folder.refined.root.write_text("mine")
    assert radius() == pytest.approx(12, abs=0.5)


def test_frames_can_be_numbered_otherwise_and_objects_chosen(mattes, tmp_path):
    assert run(mattes, tmp_path / "a.json", "--objects", "2", "--start", "1", "--fps", "25") == 0
    roto, _ = load_roto(tmp_path / "a.json")
    assert [layer.name for layer in roto.layers] == ["object_2"]
    assert (roto.first, roto.last, roto.fps) == (1, 8, 25) and roto.layers[0].alpha_at(5) == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--objects", "7"), "no mattes of object 7"),
        (("--names", "a"), "--names must look like"),
        (("--fps", "0"), "must be positive"),
        (("--out", "a.fxs"), "which format"),
        (("--mattes", "nowhere"), "no mattes"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence(mattes, tmp_path, capsys, monkeypatch, more, why):
    monkeypatch.chdir(tmp_path)
    assert run(mattes, tmp_path / "a.json", *more) == 2
    assert why in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_replaced_only_if_asked(mattes, tmp_path, capsys):
    path = tmp_path / "a.svg"
    path.write_text("mine", "utf-8")
    assert run(mattes, path) == 2
    assert "is there already" in capsys.readouterr().err and path.read_text("utf-8") == "mine"
    assert run(mattes, path, "--replace", "--objects", "2") == 0
    assert load_roto(path)[0].layers
