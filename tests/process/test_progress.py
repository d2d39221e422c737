"""Progress as a user sees it: a line on a terminal, and a few lines in a pipe."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.process.cli import ROOT, propagate, run_cli


def test_progress_in_a_pipe_is_a_few_whole_lines(place):
    ended = run_cli(propagate(place))
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("keyframes: ")]
    assert "\r" not in ended.stderr
    assert lines[0] == "Loading the network"
    assert lines[-1].startswith("Propagating")
    assert len(lines) == len(set(lines))


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has pseudo-terminals")
def test_progress_on_a_terminal_is_one_line_that_is_redrawn(place):
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    with subprocess.Popen(propagate(place), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=theirs) as child:
        os.close(theirs)
        shown = b""
        while block := read_terminal(ours):
            shown += block
    os.close(ours)
    text = shown.decode().partition("% of the frame\r\n")[2]  # what comes after the note on the keyframes
    assert child.returncode == 0
    assert text.count("\n") == 1, "the line is left once, at the end"
    assert re.search(r"\rPropagating +\d+ % of 8 steps \[", text)
    assert not re.search(r"\r[^\r]*Propagating[^\r]*Propagating", text)


def read_terminal(descriptor: int) -> bytes:
    """Read what a child has written to a pseudo-terminal; empty when the child has closed it."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
