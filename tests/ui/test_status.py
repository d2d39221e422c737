"""Text wrapped into the rows of a panel."""

from __future__ import annotations

from keymatte.ui.status import wrapped


def test_long_text_is_cut_into_lines_without_losing_a_letter():
    text = "the file of clip shot is missing: " + "/a/long/path" * 9
    lines = wrapped(text, 42)
    assert max(map(len, lines)) <= 42
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_number_stays_with_its_unit():
    assert wrapped("Up to 19 of 20 frames, about 14 s", 31) == ["Up to 19 of 20 frames, about", "14 s"]
