"""Layouts of published data sets: what is read of them, where they are found, and what is said of what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from engine.evaluation.benchmarks.catalogue import ENTRIES, find_entry
from engine.evaluation.benchmarks.given import given_masks
from engine.evaluation.benchmarks.label_maps import read_map
from engine.evaluation.benchmarks.locate import locate, summary, survey
from engine.evaluation.benchmarks.types import Given
from engine.evaluation.errors import DatasetDamaged, DatasetMissing
from engine.shared.errors import BadSetting, KeyframeSizeMismatch
from tests.engine.evaluation import dataset_makers as make


def read(name: str, root: Path):
    return locate(find_entry(name), root)


def given_of(name: str, root: Path, given: Given | int | None = None):
    benchmark = find_entry(name).benchmark
    return given_masks(read(name, root).sequences[0], benchmark, benchmark.given if given is None else given)


# -- layouts -----------------------------------------------------------------------------------------------------------
def test_davis_2017_lists_sequences_and_all_masks(tmp_path: Path) -> None:
    found = read("davis17-val", make.make_davis(tmp_path / "DAVIS"))
    bear = found.sequences[0]
    assert [one.name for one in found.sequences] == ["bear", "camel"]
    assert bear.stems == bear.saved == tuple(bear.truth) == ("00000", "00001", "00002", "00003")
    given = given_of("davis17-val", tmp_path)
    assert dict(given.objects) == {0: (1, 2)}
    assert given.size == make.SIZE


def test_davis_full_resolution_is_apart_from_480p(tmp_path: Path) -> None:
    make.make_davis(tmp_path / "DAVIS", resolution="Full-Resolution")
    with pytest.raises(DatasetMissing, match="JPEGImages/480p is missing"):
        read("davis17-val", tmp_path)
    assert dict(read("davis17-val-full", tmp_path).sequences[0].truth) == {}
    make.make_davis(tmp_path / "DAVIS")
    bear = read("davis17-val-full", tmp_path).sequences[0]
    folders = [paths["00001"].parts[-3] for paths in (bear.masks, bear.truth)]
    assert (bear.frames[0].parts[-3], *folders) == ("Full-Resolution", "Full-Resolution", "480p")


def test_davis_test_dev_hides_the_truth(tmp_path: Path) -> None:
    sequence = read("davis17-test-dev", make.make_davis(tmp_path / "DAVIS", split="test-dev")).sequences[0]
    assert (dict(sequence.truth), list(sequence.masks), len(sequence.saved)) == ({}, ["00000"], 4)


@pytest.mark.parametrize("own", [True, False], ids=["its own zip", "the zip of 2017"])
def test_davis_2016_has_one_object(tmp_path: Path, own: bool) -> None:
    make.make_davis16(tmp_path / "DAVIS") if own else make.make_davis(tmp_path / "DAVIS", year="2016")
    given = given_of("davis16-val", tmp_path)
    assert dict(given.objects) == {0: (1,)}
    assert np.array_equal(given.labels[0], (make.labels(0) > 0).astype(np.uint8))


def test_youtube_gives_each_object_when_it_appears_and_saves_listed_frames(tmp_path: Path) -> None:
    root = make.make_youtube(tmp_path / "YouTube")
    sequence = read("youtube19-valid", root).sequences[0]
    assert (sequence.stems, sequence.saved) == (("00000", "00005", "00010"),) * 2
    assert dict(sequence.first_seen) == {1: "00000", 2: "00005"}
    assert dict(sequence.categories) == {1: "fox", 2: "sheep"}
    assert dict(sequence.truth) == {}
    given = given_of("youtube19-valid", root)
    assert dict(given.objects) == {0: (1,), 1: (2,)}
    assert set(np.unique(given.labels[1])) == {0, 2}


def test_youtube_with_all_frames_still_saves_the_listed_ones(tmp_path: Path) -> None:
    sequence = read("youtube18-valid-all", make.make_youtube(tmp_path / "YouTube2018")).sequences[0]
    assert (len(sequence.frames), sequence.saved) == (11, ("00000", "00005", "00010"))


def test_youtube_train_has_truth(tmp_path: Path) -> None:
    root = make.make_youtube(tmp_path / "YouTube", split="train")
    assert list(read("youtube19-train", root).sequences[0].truth) == ["00000", "00005", "00010"]
    assert dict(given_of("youtube19-train", root).objects) == {0: (1,), 1: (2,)}


@pytest.mark.parametrize("split", ["valid", "val", "test"])
def test_lvos_objects_appear_when_its_file_says(tmp_path: Path, split: str) -> None:
    root = make.make_lvos(tmp_path / "LVOS", split=split)
    name = f"lvos2-{'test' if split == 'test' else 'val'}"
    sequence = read(name, root).sequences[0]
    assert dict(sequence.first_seen) == {1: "00000001", 2: "00000016"}
    assert dict(sequence.last_seen) == {1: "00000026", 2: "00000026"}
    assert bool(sequence.truth) == (split != "test")
    assert sequence.unseen is None
    assert dict(given_of(name, root).objects) == {0: (1,), 3: (2,)}


def test_lvos_reads_folders_of_first_masks_and_the_list_of_unseen_videos(tmp_path: Path) -> None:
    root = make.make_lvos(tmp_path / "LVOS")
    first = root / "valid" / "Annotations_first_only" / "vid1"
    for frame, id_ in ((0, 1), (3, 2)):
        make.write_mask(first / f"{1 + 5 * frame:08d}.png", np.where(make.labels(frame) == id_, id_, 0))
    (root / "unseen_videos.txt").write_text("vid1\nvid2\n", encoding="utf-8")
    sequence = read("lvos1-val", root).sequences[0]
    assert list(sequence.masks) == ["00000001", "00000016"]
    assert (len(sequence.truth), sequence.unseen) == (6, True)
    assert dict(given_of("lvos1-val", root).objects) == {0: (1,), 3: (2,)}
    assert list(given_of("lvos1-val", root, 3).labels) == [0, 2, 5]


def test_long_time_video_saves_only_frames_with_masks(tmp_path: Path) -> None:
    root = make.make_long(tmp_path / "long_video_set" / "long_video")
    sequence = read("longtime", tmp_path).sequences[0]
    assert (len(sequence.frames), sequence.saved) == (7, ("00000", "00003", "00006"))
    assert dict(given_of("longtime", root).objects) == {0: (1,)}


def test_long_time_video_3x_is_a_folder_of_its_own(tmp_path: Path) -> None:
    make.make_long(tmp_path / "long_video")
    make.make_long(tmp_path / "long_video_x3", frames=10)
    assert len(read("longtime", tmp_path).sequences[0].frames) == 7
    assert len(read("longtime-3x", tmp_path).sequences[0].frames) == 10


def test_vost_ignores_a_value_and_reads_images_at_10_fps(tmp_path: Path) -> None:
    root = make.make_vost(tmp_path / "VOST")
    sequence = read("vost-val", root).sequences[0]
    assert (len(sequence.frames), len(sequence.truth)) == (7, 4)
    given = given_of("vost-val", root)
    assert dict(given.objects) == {0: (1, 2)}
    assert not given.labels[0][:, -3:].any()
    assert (read_map(sequence.truth["frame00000"], find_entry("vost-val").benchmark)[:, -3:] == 255).all()


def test_pumavos_and_any_folders(tmp_path: Path) -> None:
    make.make_folder(tmp_path / "one")
    assert [one.name for one in read("folder", tmp_path / "one").sequences] == ["one"]
    make.make_folder(tmp_path / "two", masks=(1, 3))
    assert [one.name for one in read("folder", tmp_path).sequences] == ["one", "two"]
    assert read("folder", tmp_path / "two").sequences[0].saved[0] == "frame_000001"
    make.make_long(tmp_path / "PUMaVOS", "chair")
    assert [one.name for one in read("pumavos", tmp_path / "PUMaVOS").sequences] == ["chair"]


def test_keyframes_are_evenly_spread_over_masks(tmp_path: Path) -> None:
    make.make_folder(tmp_path / "one", frames=9, masks=(0, 1, 4, 6, 8))
    assert list(given_of("folder", tmp_path / "one", 3).labels) == [0, 4, 8]
    assert list(given_of("folder", tmp_path / "one", 1).labels) == [0]
    with pytest.raises(BadSetting, match="only 5 masks"):
        given_of("folder", tmp_path / "one", 6)


# -- where -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", ["", "..", "../..", "JPEGImages", "JPEGImages/480p", "Annotations/480p/bear"])
def test_a_folder_above_or_inside_will_do(tmp_path: Path, place: str) -> None:
    root = make.make_davis(tmp_path / "data" / "DAVIS")
    assert read("davis17-val", (root / place).resolve()).folder == root


def test_a_folder_of_another_name_will_do(tmp_path: Path) -> None:
    assert read("davis17-val", make.make_davis(tmp_path / "2017" / "trainval")).sequences
    assert read("youtube19-valid", make.make_youtube(tmp_path / "yt")).sequences
    assert read("youtube19-valid", tmp_path / "yt" / "valid").sequences


def test_of_two_copies_the_one_of_the_year_is_read(tmp_path: Path) -> None:
    make.make_youtube(tmp_path / "YouTube", "of19")
    make.make_youtube(tmp_path / "YouTube2018", "of18")
    assert read("youtube18-valid", tmp_path).sequences[0].name == "of18"
    assert read("youtube19-valid", tmp_path).sequences[0].name == "of19"


def test_the_layout_of_xmem_is_told_apart(tmp_path: Path) -> None:
    davis = tmp_path / "DAVIS"
    make.make_davis16(davis / "2016")
    make.make_davis(davis / "2017" / "trainval")
    make.make_davis(davis / "2017" / "trainval", year="2016")
    make.make_davis(davis / "2017" / "test-dev", ("emu",), split="test-dev")
    make.make_youtube(tmp_path / "YouTube")
    make.make_long(tmp_path / "long_video_set" / "long_video")
    (tmp_path / "long_video_set" / "long_video" / "ImageSets").mkdir()
    (tmp_path / "long_video_set" / "long_video" / "ImageSets" / "val.txt").write_text("blueboy\n", encoding="utf-8")
    make.make_lvos(tmp_path / "LVOS")
    found = {one.entry.benchmark.name: one.found.folder for one in survey(tmp_path) if one.found}
    assert {name: folder.relative_to(tmp_path).as_posix() for name, folder in found.items()} == {
        "davis16-val": "DAVIS/2016",
        "davis17-val": "DAVIS/2017/trainval",
        "davis17-test-dev": "DAVIS/2017/test-dev",
        "youtube19-valid": "YouTube",
        "youtube19-valid-all": "YouTube",
        "longtime": "long_video_set/long_video",
        "lvos1-val": "LVOS",
        "lvos2-val": "LVOS",
    }


def test_the_folder_that_the_user_names_goes_first(tmp_path: Path) -> None:
    make.make_folder(tmp_path / "pumavos_caps")
    make.make_folder(tmp_path / "chair")
    assert [one.name for one in read("pumavos", tmp_path).sequences] == ["chair", "pumavos_caps"]


def test_another_place_is_told_with_the_page(tmp_path: Path) -> None:
    with pytest.raises(DatasetMissing) as caught:
        read("davis17-val", tmp_path)
    assert "davischallenge.org" in caught.value.sentence()
    with pytest.raises(DatasetMissing, match="is not a folder"):
        read("davis17-val", tmp_path / "nowhere")


# -- what is missing ---------------------------------------------------------------------------------------------------
def test_missing_folders_files_and_lists_are_named(tmp_path: Path) -> None:
    root = make.make_davis(tmp_path / "DAVIS", ("bear", "camel", "dog"))
    for path in (root / "JPEGImages" / "480p" / "bear").iterdir():
        path.unlink()
    (root / "JPEGImages" / "480p" / "bear").rmdir()
    (root / "Annotations" / "480p" / "camel" / "00002.png").unlink()
    found = read("davis17-val", root)
    assert [one.name for one in found.sequences] == ["dog"]
    assert summary(find_entry("davis17-val"), found) == (
        "2 of 3 sequences incomplete: bear: JPEGImages/480p/bear is missing; "
        "camel: Annotations/480p/camel/00002.png is missing"
    )
    (root / "ImageSets" / "2017" / "val.txt").unlink()
    with pytest.raises(DatasetMissing, match=r"ImageSets/2017/val\.txt, the list of its sequences, is missing"):
        read("davis17-val", root)


def test_a_list_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    root = make.make_davis(tmp_path / "DAVIS", ("bear", "../bear"))
    assert [one.name for one in read("davis17-val", root).sequences] == ["bear"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"videos": []}', '{"videos": {"0a1b2c": 3}}'])
def test_a_damaged_list_is_named(tmp_path: Path, content: str) -> None:
    root = make.make_youtube(tmp_path / "YouTube")
    (root / "valid" / "meta.json").write_text(content, encoding="utf-8")
    with pytest.raises((DatasetDamaged, DatasetMissing), match=r"meta\.json"):
        read("youtube19-valid", root)


def test_an_unknown_and_a_lost_object_are_named(tmp_path: Path) -> None:
    root = make.make_youtube(tmp_path / "YouTube")
    mask = root / "valid" / "Annotations" / "0a1b2c" / "00005.png"
    make.write_mask(mask, make.labels(5) * 3)
    with pytest.raises(DatasetDamaged, match=r"00005\.png shows object 3, which the data set does not list"):
        given_of("youtube19-valid", root)
    make.write_mask(mask, np.zeros(make.SIZE))
    with pytest.raises(DatasetDamaged, match="shows object 2, which the data set lists"):
        given_of("youtube19-valid", root)


def test_a_mask_of_another_size_is_named_with_its_folders(tmp_path: Path) -> None:
    root = make.make_davis(tmp_path / "DAVIS")
    mask = root / "Annotations" / "480p" / "bear" / "00000.png"
    make.write_mask(mask, make.labels(0)[:-1])
    with pytest.raises(KeyframeSizeMismatch, match=r"bear.00000\.png"):
        given_of("davis17-val", root)


def test_masks_named_unlike_frames_are_told(tmp_path: Path) -> None:
    root = make.make_folder(tmp_path / "one")
    make.write_mask(root / "masks" / "frame_000099.png", make.labels(0))
    with pytest.raises(DatasetMissing, match=r"masks/frame_000099\.png has no frame of this name"):
        read("folder", root)


# -- the command -------------------------------------------------------------------------------------------------------
def test_the_command_tells_where_to_get_every_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ENTRIES)
    assert "CC BY-NC-SA 4.0" in out


def test_the_command_tells_what_is_found_and_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make.make_davis(tmp_path / "DAVIS")
    make.make_vost(tmp_path / "VOST")
    (root / "Annotations" / "480p" / "bear" / "00000.png").unlink()
    for name in ("1.jpg", "1.png"):
        make.write_image(tmp_path / "static" / "ecssd" / name, make.labels(0))
    assert main(["datasets", "--root", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "Annotations/480p/bear/00000.png is missing" in told.out
    assert "davis17-val has 30" not in told.out
    assert "DAVIS 2017 val has 30 sequences" in told.err
    assert "vost-val" in told.out
    assert "1 image with a mask each" in told.out
    assert "longtime" in told.out.partition("YouTube-VOS 2018")[2]


def test_the_command_refuses_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "--root", str(tmp_path)]) == 2
    assert "holds no data set" in capsys.readouterr().err
    make.make_davis(tmp_path / "DAVIS")
    (tmp_path / "DAVIS" / "ImageSets" / "2017" / "val.txt").unlink()
    assert main(["datasets", "--root", str(tmp_path)]) == 2
    assert "DAVIS 2017 val: ImageSets/2017/val.txt, the list of its sequences" in capsys.readouterr().err
