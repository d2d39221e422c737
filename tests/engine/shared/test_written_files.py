"""Record of written images: the quality that stands beside each matte, and what makes it unknown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.shared.errors import FolderNotWritable
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import MatteQuality
from engine.shared.written_files import WrittenFiles

GOOD = MatteQuality(0.9, "", "keymatte", {"warp": 0.95})
BAD = MatteQuality(0.2, "twin", "keymatte", {"warp": 0.5, "twin": 0.1})


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    return MatteFolder(tmp_path)


def test_another_quality_is_signed_to_a_matte_that_stays_as_it_is(folder: MatteFolder) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"matte", GOOD)
    before = path.stat()
    files.sign(path, BAD)
    assert WrittenFiles(folder).quality(path) == BAD
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns, path.read_bytes()) == (before.st_ino, before.st_mtime_ns, b"matte")


def test_no_quality_is_signed_to_an_edited_or_missing_matte(folder: MatteFolder) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"matte", GOOD)
    path.write_bytes(b"mine!!")
    files.sign(path, BAD)
    files.sign(folder.matte(1, 8), BAD)
    assert WrittenFiles(folder).is_edited(path)
    assert WrittenFiles(folder).quality(path) is None
    assert folder.matte(1, 8) not in WrittenFiles(folder)


def test_a_full_disk_leaves_the_quality_as_it_was(
    folder: MatteFolder, file_limit: Callable[[int | None], None]
) -> None:
    path, files = folder.matte(1, 7), WrittenFiles(folder)
    files.write(path, b"matte", GOOD)
    file_limit(folder.index.stat().st_size + 10)
    with pytest.raises(FolderNotWritable, match="cannot be written"):
        files.sign(path, BAD)
    file_limit(None)
    assert WrittenFiles(folder).quality(path) == GOOD
    assert not WrittenFiles(folder).is_damaged


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


def test_a_full_disk_leaves_no_part_of_a_line(folder: MatteFolder, file_limit) -> None:
    """What was recorded before stays, the matte is not replaced, and the next run goes on."""
    first, second = folder.matte(1, 7), folder.matte(1, 8)
    files = WrittenFiles(folder)
    files.write(first, b"matte", GOOD)
    before = folder.index.read_bytes()
    file_limit(len(before) + 9)
    with pytest.raises(FolderNotWritable, match="File too large"):
        files.write(second, b"another", BAD)
    files.close()
    assert folder.index.read_bytes() == before
    assert [path.name for path in second.parent.iterdir()] == [first.name]
    file_limit(None)
    files.write(second, b"another", BAD)
    again = WrittenFiles(folder)
    assert (again.quality(first), again.quality(second)) == (GOOD, BAD)
