"""Downloading the engine's packages: broken off and continued, and behind proxies, with real pip and real servers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.shared import environment_folder
from engine.shared.environment import create
from engine.shared.setup_errors import ProxyRefused
from tests.engine.shared.broken_off import break_off

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable)


# -- downloads ---------------------------------------------------------------------------------------------------------
class Index:
    """A package index on this computer that counts how often each file is asked for; it can lose its connection."""

    def __init__(self, wheels: Path) -> None:
        self.wheels = wheels
        self.broken = ""  # name of a package whose download breaks off
        self.asked: list[str] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, *_words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/simple"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.strip("/").split("/")[-1]
        files = [path for path in sorted(self.wheels.glob("*.whl")) if path.name.startswith(f"{name}-")]
        body = "".join(f'<a href="/files/{path.name}">{path.name}</a>' for path in files).encode()
        kind = "text/html"
        if name.endswith(".whl"):
            self.asked.append(name)
            body, kind = (self.wheels / name).read_bytes(), "application/octet-stream"
        elif not files:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        if kind != "text/html":
            request.send_header("Cache-Control", "max-age=3600, immutable")
        request.end_headers()
        if name.endswith(".whl") and self.broken and name.startswith(self.broken):
            body = body[: len(body) // 2]
        request.wfile.write(body)


def test_a_broken_off_download_is_continued_with_the_files_that_were_complete(made, tmp_path):
    """Run the real program with venv and pip twice, which takes a while."""
    index = Index(made / "wheels")
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["second", "first"]\n')
    folder = tmp_path / "engine"
    command = [sys.executable, "-m", "engine.shared.setup", "--install", folder, "--pyproject", project]
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PIP_")}
    variables |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.address, "PIP_RETRIES": "0"}
    variables["PIP_TRUSTED_HOST"] = "127.0.0.1"  # else pip keeps nothing that came without encryption
    index.broken = "first"
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert index.asked.count("second-1.0-py3-none-any.whl") == 1
    assert environment_folder.downloads_of(folder).is_dir()
    index.broken = ""
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Going on with the installation" in ended.stdout
    assert index.asked.count("second-1.0-py3-none-any.whl") == 1, "the complete file was not downloaded again"
    assert not environment_folder.downloads_of(folder).exists(), "what was downloaded takes no room any longer"
    index.server.shutdown()


# -- proxies -----------------------------------------------------------------------------------------------------------
@contextmanager
def proxy(answer: bytes):
    """Run a proxy that answers every request with `answer`, and yield its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"anna:secret@127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "a user and a password"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "refuses the connection"),
    ],
)
def test_a_proxy_that_refuses_is_told_and_its_password_is_in_no_log(place, tmp_path, monkeypatch, answer, words):
    break_off(place)
    monkeypatch.setenv("PIP_RETRIES", "1")
    with proxy(answer) as address:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://{address}")
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(ProxyRefused, match=words) as caught:
            create(
                place / "env",
                ["second", "keymatte-there-is-no-such-package"],
                python=PYTHON,
                report=lambda _line: None,
                log=tmp_path / "log.txt",
            )
    assert "secret" not in caught.value.sentence() + (tmp_path / "log.txt").read_text()
