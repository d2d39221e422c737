"""Files that an option names: one of somebody else's is kept, an earlier one of Keymatte's replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.__main__ import main
from engine.media.label_images import write_labels
from tests.png import write_png


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Return a folder with frames and masks of a still square."""
    mask = np.zeros((48, 64), np.uint8)
    mask[12:36, 8:32] = 1
    for frame in range(3):
        picture = np.where(mask[..., None], (220, 60, 50), (20, 60, 140)).astype(np.uint8)
        (tmp_path / "frames").mkdir(exist_ok=True)
        write_png(tmp_path / "frames" / f"{frame:05d}.png", picture)
        write_labels(tmp_path / "masks" / f"{frame:05d}.png", mask)
    return tmp_path


def commands(shot: Path) -> dict[str, list[str]]:
    """Return the commands that write a file which an option names, each ending with that option."""
    frames, masks, out = (str(shot / name) for name in ("frames", "masks", "out"))
    propagate = ["propagate", "--clip", frames, "--keyframes", masks, "--out", out, "--recipe", "colour"]
    return {
        "propagate": [*propagate, "--dump-probabilities"],
        "score": ["score", "--pred", out, "--truth", masks, "--csv"],
        "quality": ["quality", "--mattes", out, "--csv"],
    }


def test_files_of_others_are_kept_and_own_ones_replaced(shot, capsys):
    for name, command in commands(shot).items():
        own = shot / ("own.npz" if name == "propagate" else f"{name}.csv")
        assert main([*command, str(own)]) == 0, capsys.readouterr().err
        written = own.read_bytes()
        assert main([*command, str(own)]) == 0, capsys.readouterr().err
        assert own.read_bytes() == written
        mask = shot / "masks/00001.png"
        before = mask.read_bytes()
        for foreign in (mask, shot / "frames"):
            assert main([*command, str(foreign)]) == 2
            assert f"{foreign} is there already" in capsys.readouterr().err
        np.savez(shot / "theirs.npz", features=np.ones(3))
        theirs = (shot / "theirs.npz").read_bytes()
        assert main([*command, str(shot / "theirs.npz")]) == 2
        assert mask.read_bytes() == before and (shot / "theirs.npz").read_bytes() == theirs


def test_a_folder_keeps_its_letters_in_messages(shot, capsys, monkeypatch):
    monkeypatch.chdir(shot)
    options = ["--clip", "frames", "--keyframes", "masks", "--recipe", "colour"]
    assert main(["propagate", *options, "--out", "masks"]) == 2
    assert "The folder masks contains files that are not Keymatte's" in capsys.readouterr().err
    (shot / "masks/00002.png").rename(shot / "00002.png")
    (shot / "truth").mkdir()
    (shot / "00002.png").rename(shot / "truth/00002.png")
    assert main(["score", "--pred", "masks", "--truth", "truth"]) == 2
    assert "The folder masks has no label image for frame 2" in capsys.readouterr().err
