"""`datasets` also knows a folder of the user's own frames and masks, which `evaluate --dataset folder` takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from tests.png import write_png


def test_own_frames_and_masks_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = np.zeros((16, 24), np.uint8)
    mask[4:9, 4:9] = 1
    for name in ("one", "two"):
        for folder, pixels in (("frames", np.full((16, 24, 3), 90, np.uint8)), ("masks", mask)):
            (tmp_path / folder / name).mkdir(parents=True)
            write_png(tmp_path / folder / name / "00000.png", pixels)
    assert main(["datasets", "--root", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("folder ") and f"2 sequences, in {tmp_path}\n" in told.out
    assert "is missing" not in told.err
