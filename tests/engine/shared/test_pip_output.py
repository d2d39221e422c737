"""pip's output becomes a few lines of progress, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.shared.errors import DiskFull, EnvironmentFailed
from engine.shared.pip_output import ProgressFilter, failure, share_in
from engine.shared.setup_errors import IndexUnreachable, ProxyRefused, WheelsMissing


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    (
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/torch/\n"
            "ERROR: Could not find a version that satisfies the requirement torch\n"
            "ERROR: No matching distribution found for torch",
            EnvironmentFailed,
            "registry was not reached",
        ),
        ("ERROR: No matching distribution found for bpy==5.0.1", EnvironmentFailed, "no package bpy==5.0.1"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            DiskFull,
            "space is left",
        ),
        (
            "WARNING: Retrying after connection broken by 'ProxyError('Unable to connect to proxy', OSError("
            "'Tunnel connection failed: 407 Proxy Authentication Required'))': /simple/av/\n"
            "ERROR: No matching distribution found for av",
            ProxyRefused,
            "asks for a user and a password",
        ),
        (
            "ProxyError('Unable to connect to proxy', NewConnectionError('[Errno 111] Connection refused'))",
            ProxyRefused,
            "was not reached, or refuses",
        ),
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate'))",
            EnvironmentFailed,
            "does not trust the connection",
        ),
        (
            "HINT: This error might have occurred since this system does not have Windows Long Path support enabled.",
            EnvironmentFailed,
            "KEYMATTE_ENGINE to a short folder",
        ),
        ("Collecting x\nERROR: something new", EnvironmentFailed, "status 1: ERROR: something new"),
    ),
)
def test_a_failure_of_pip_becomes_an_error_for_the_user(output, kind, words):
    error = failure(output, 1)
    assert type(error) is kind
    assert words in error.sentence()


def test_an_index_of_pytorch_that_is_not_reached_is_named_with_what_to_choose_instead(monkeypatch):
    error = failure("NameResolutionError\nERROR: No matching distribution found for torch", 1, from_pytorch=True)
    assert isinstance(error, IndexUnreachable)
    assert "download.pytorch.org, was not reached" in error.message and "as PyTorch" in error.remedy


def test_a_package_that_a_folder_of_wheels_lacks_is_named():
    error = failure("ERROR: No matching distribution found for av<20,>=14", 1, wheels=Path("wheels"))
    assert isinstance(error, WheelsMissing) and "no package av<20,>=14" in error.message


def test_the_password_of_a_proxy_is_not_repeated(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://anna:secret@proxy.studio:8080")
    text = failure("ProxyError('Tunnel connection failed: 407')", 1).sentence()
    assert "http://anna:***@proxy.studio:8080" in text and "secret" not in text


def test_how_much_of_all_is_downloaded_is_told_and_can_be_read_back():
    lines: list[str] = []
    progress = ProgressFilter(lines.append, expected=3.2)
    progress.line("Using cached torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (555.0 MB)")
    progress.line("Downloading nvidia_cublas-13.1-py3-none-manylinux_2_27_x86_64.whl (423.1 MB)")
    progress.line("Progress 211550000 of 423100000")
    assert lines[-1] == "  nvidia_cublas: 50 % of 423 MB; 0.77 of about 3.2 GB"
    assert share_in(lines[-1]) == (0.77, 3.2)
    assert share_in(lines[0]) is None


def test_progress_is_reported_in_few_lines():
    lines: list[str] = []
    progress = ProgressFilter(lines.append)
    total = 400_000_000
    for line in (
        "Collecting bpy==5.0.1",
        "Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (1.2 kB)",
        "Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (400.0 MB)",
        *(f"Progress {done} of {total}" for done in range(0, total + 1, total // 100)),
        "Progress 5 of None",
        "Installing collected packages: a, b, c",
    ):
        progress.line(line)
    assert lines[0] == "Downloading bpy 5.0.1 (400.0 MB)"
    assert lines[1:11] == [f"  bpy: {percent} % of 400 MB" for percent in range(10, 101, 10)]
    assert lines[11:] == ["Unpacking 3 packages: this takes a minute or more"]
