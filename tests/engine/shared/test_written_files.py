"""Record of written images: the quality that stands beside each matte, and what makes it unknown."""

from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import MatteQuality
from engine.shared.written_files import WrittenFiles

GOOD = MatteQuality(0.9, "", "keymatte", {"warp": 0.95})
BAD = MatteQuality(0.2, "twin", "keymatte", {"warp": 0.5, "twin": 0.1})


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    return MatteFolder(tmp_path)


def test_the_quality_of_a_matte_is_read_back(folder: MatteFolder) -> None:
    path = folder.matte(1, 7)
    WrittenFiles(folder).write(path, b"matte", GOOD)
    assert WrittenFiles(folder).quality(path) == GOOD


def test_the_quality_is_that_of_the_bytes_at_hand(folder: MatteFolder) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"first sweep", BAD)
    files.write(path, b"both sweeps", GOOD)
    again = WrittenFiles(folder)
    assert again.quality(path) == GOOD
    assert again.qualities(path, b"first sweep") == [BAD]


def test_the_same_bytes_written_again_get_the_new_quality(folder: MatteFolder) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"matte", BAD)
    files.write(path, b"matte", GOOD)
    assert files.quality(path) == GOOD
    assert WrittenFiles(folder).quality(path) == GOOD
    assert WrittenFiles(folder).qualities(path, b"matte") == [GOOD, BAD]


def test_an_edited_matte_has_no_quality(folder: MatteFolder) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"matte", GOOD)
    path.write_bytes(b"edited")
    assert files.quality(path) is None
    path.unlink()
    assert files.quality(path) is None


def test_images_without_quality_are_still_known(folder: MatteFolder) -> None:
    path, files = folder.labels(7), WrittenFiles(folder)
    files.write(path, b"labels")
    again = WrittenFiles(folder)
    assert path in again
    assert not again.is_edited(path)
    assert again.quality(path) is None


def test_a_quality_that_was_cut_off_leaves_the_rest_of_the_record(folder: MatteFolder) -> None:
    first, second = folder.matte(1, 7), folder.matte(1, 8)
    files = WrittenFiles(folder)
    files.write(first, b"first", GOOD)
    files.write(second, b"second", BAD)
    files.close()
    folder.index.write_bytes(folder.index.read_bytes()[:-20])  # killed while the last line was written
    again = WrittenFiles(folder)
    assert again.quality(first) == GOOD
    assert again.quality(second) is None


def test_the_quality_stays_when_the_record_is_written_again(folder: MatteFolder) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"matte", GOOD)
    files.close()
    WrittenFiles(folder).write(folder.matte(1, 8), b"next", BAD)  # drops versions that are no longer needed
    assert WrittenFiles(folder).quality(path) == GOOD
