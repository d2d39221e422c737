"""Sets of still images with a mask each, in their usual layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.evaluation.benchmarks.static_pairs import static_pairs
from engine.evaluation.errors import DatasetMissing
from tests.engine.evaluation import dataset_makers as make


@pytest.mark.parametrize("layout", ["beside", "classes", "folders"])
def test_static_images_with_masks(tmp_path: Path, layout: str) -> None:
    truth = make.labels(0)
    for number in range(3):
        image = {"beside": "", "classes": f"c{number}/", "folders": "DUTS-TR-Image/"}[layout]
        mask = {"beside": "", "classes": f"c{number}/", "folders": "DUTS-TR-Mask/"}[layout]
        make.write_image(tmp_path / f"{image}{number}.jpg", truth)
        make.write_mask(tmp_path / f"{mask}{number}.png", truth)
    make.write_image(tmp_path / "lonely.jpg", truth)
    pairs = static_pairs(tmp_path)
    assert [(pair.image.name, pair.mask.name) for pair in pairs] == [(f"{n}.jpg", f"{n}.png") for n in range(3)]


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetMissing, match="no images with masks"):
        static_pairs(tmp_path)
