"""Lines of another process are read whole if they are short, and their beginnings if they are long."""

from __future__ import annotations

import io

import pytest

from engine.shared.lines import bounded_lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nbc", [b"a\n", b"bc"]),
        (b"\n\n", [b"\n", b"\n"]),
        (b"12345\n12345", [b"12345\n", b"12345"]),
        (b"123456\nend\n", [b"123456", b"end\n"]),
        (b"12345" * 100_000 + b"\nend\n", [b"123451", b"end\n"]),
        (b"12345" * 100_000, [b"123451"]),
    ],
)
def test_long_lines_are_cut_and_the_next_line_is_whole(content, lines):
    assert list(bounded_lines(io.BytesIO(content), 5)) == lines
