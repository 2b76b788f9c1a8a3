"""Downloads from a server of our own that breaks off, stalls or sends something else."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metabench.contracts.dataset import Archive
from metabench.data import download

BYTES = b"the published bytes" * 5000
NOWHERE = "http://127.0.0.1:9/file.zip"  # the discard port: refused at once


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.5)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


class Server:
    """Answers each download by the next of `answers`, and keeps to the last."""

    def __init__(self):
        self.answers, self.asked, self.over = [], 0, threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def head(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(BYTES)))
                self.end_headers()

            def do_HEAD(self):
                self.head()

            def do_GET(self):
                answer = server.answers[min(server.asked, len(server.answers) - 1)]
                server.asked += 1
                self.head()
                answer(self.wfile)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file.zip"

    def whole(self, out):
        out.write(BYTES)

    def half(self, out):
        out.write(BYTES[: len(BYTES) // 2])

    def stall(self, out):
        out.write(BYTES[:1000])
        out.flush()
        self.over.wait(20)

    def other(self, out):
        out.write(b"<html>" + BYTES[6:])


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, daemon=True)
    thread.start()
    yield made
    made.over.set()
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def fetch(folder, url, sha256=None):
    archive = Archive("file.zip", url, sha256 or hashlib.sha256(BYTES).hexdigest(), len(BYTES))
    return download.fetch(archive, folder, shown=False)


def nothing_in(folder):
    return not folder.exists() or not list(folder.iterdir())


def test_a_whole_file_takes_its_place(tmp_path, server):
    server.answers = [server.whole]
    path = fetch(tmp_path / "store", server.url)
    assert path.read_bytes() == BYTES
    assert list((tmp_path / "store").iterdir()) == [path]


@pytest.mark.parametrize("broken", ["half", "other", "stall"])
def test_a_failure_is_tried_again_from_the_start(tmp_path, server, monkeypatch, broken):
    monkeypatch.setattr(download, "RETRIES", 1)
    server.answers = [getattr(server, broken), server.whole]
    assert fetch(tmp_path / "store", server.url).read_bytes() == BYTES
    assert server.asked == 2


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("half", r"its download broke off|is not the published file"),
        ("other", "what its server sent is not the published file"),
        ("stall", "its download broke off"),
    ],
)
def test_failing_for_good_leaves_nothing(tmp_path, server, monkeypatch, broken, reason):
    monkeypatch.setattr(download, "RETRIES", 0)
    server.answers = [getattr(server, broken)]
    began = time.perf_counter()
    with pytest.raises(download.DownloadError, match=reason):
        fetch(tmp_path / "store", server.url)
    assert time.perf_counter() - began < 5
    assert nothing_in(tmp_path / "store")
    server.answers = [server.whole]
    assert fetch(tmp_path / "store", server.url).read_bytes() == BYTES


def test_what_a_killed_download_left_is_neither_trusted_nor_kept(tmp_path, server):
    left = tmp_path / "store" / ".partial"
    left.mkdir(parents=True)
    (left / "file.zip").write_bytes(BYTES[:100])
    (left / "tmp1234").write_bytes(BYTES[:100])
    server.answers = [server.whole]
    path = fetch(tmp_path / "store", server.url)
    assert path.read_bytes() == BYTES
    assert list((tmp_path / "store").iterdir()) == [path]


def test_offline_fails_in_seconds_and_makes_no_folder(tmp_path):
    began = time.perf_counter()
    with pytest.raises(download.DownloadError, match="its server cannot be reached"):
        fetch(tmp_path / "store", NOWHERE)
    assert time.perf_counter() - began < 5
    assert nothing_in(tmp_path / "store")
