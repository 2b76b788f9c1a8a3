"""Finding archives: the user's folder, the cache, a server of our own; and none of them."""

from __future__ import annotations

import hashlib
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metabench import archives, download
from metabench.datasets.spec import Archive
from metabench.errors import UserError

BYTES = b"the published bytes" * 1000
SHA256 = hashlib.sha256(BYTES).hexdigest()
NOWHERE = "http://127.0.0.1:9/file.zip"  # the discard port: refused at once


def archive(url=NOWHERE, sha256=SHA256):
    return Archive("file.zip", url, sha256, len(BYTES))


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.delenv("METABENCH_ARCHIVES", raising=False)
    monkeypatch.setattr(download, "RETRIES", 0)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(tmp_path):
    """A folder and the address that it is served at."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_port}/file.zip"
        http.shutdown()
        thread.join()


def find(tmp_path, one, directory=None):
    return archives.find("omni", (one,), directory, tmp_path / "cache", progress=False)["file.zip"]


@pytest.mark.parametrize("place", [".", "omni"])
def test_local_archives_come_first(tmp_path, place, monkeypatch):
    folder = tmp_path / "given" / place
    folder.mkdir(parents=True)
    (folder / "file.zip").write_bytes(BYTES)
    found = find(tmp_path, archive(), tmp_path / "given")
    assert found.path.read_bytes() == BYTES
    assert found.published
    assert archives.describe({"file.zip": found}) == "published archives, checksums verified"
    monkeypatch.setenv("METABENCH_ARCHIVES", str(tmp_path / "given"))
    assert find(tmp_path, archive()) == found
    assert archives.available("omni", (archive(),))


def test_a_repacked_local_archive_is_taken_and_said(tmp_path):
    (tmp_path / "file.zip").write_bytes(b"re-packed")
    found = find(tmp_path, archive(), tmp_path)
    assert not found.published
    assert found.sha256 == hashlib.sha256(b"re-packed").hexdigest()
    one = "local archive whose checksum differs from the published one: a"
    assert archives.describe({"a": found}) == one
    two = "local archives whose checksums differ from the published ones: a, b"
    assert archives.describe({"a": found, "b": found}) == two


def test_downloads_go_to_the_cache_and_are_verified_there(tmp_path, server):
    folder, url = server
    (folder / "file.zip").write_bytes(BYTES)
    assert archives.available("omni", (archive(url),), cache=tmp_path / "cache")
    found = find(tmp_path, archive(url))
    assert found.path == tmp_path / "cache" / "archives" / "omni" / "file.zip"
    assert found.published
    assert [path.name for path in found.path.parent.iterdir()] == ["file.zip"]
    (folder / "file.zip").unlink()
    assert find(tmp_path, archive(url)) == found  # not asked for twice


def test_other_bytes_than_the_published_are_refused_and_not_kept(tmp_path, server):
    folder, url = server
    (folder / "file.zip").write_bytes(b"<html>sign in</html>")
    with pytest.raises(UserError, match="what its server sent is not the published file"):
        find(tmp_path, archive(url))
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_a_download_that_breaks_off_leaves_no_half_file(tmp_path, server, monkeypatch):
    folder, url = server
    (folder / "file.zip").write_bytes(BYTES)
    whole = SimpleHTTPRequestHandler.copyfile
    monkeypatch.setattr(
        SimpleHTTPRequestHandler,
        "copyfile",
        lambda self, source, output: output.write(source.read(700)),
    )
    with pytest.raises(UserError, match=r"its download broke off|is not the published file"):
        find(tmp_path, archive(url))
    assert not list((tmp_path / "cache").rglob("*.*"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", whole)
    assert find(tmp_path, archive(url)).published


def test_a_file_that_is_not_on_the_server_is_not_available(server):
    assert not archives.available("omni", (archive(server[1]),))


@pytest.mark.parametrize("directory", [None, "."])
def test_nowhere_says_what_where_and_how(tmp_path, directory):
    given = tmp_path if directory else None
    start = time.perf_counter()
    assert not archives.available("omni", (archive(),), given, tmp_path / "cache")
    with pytest.raises(UserError) as caught:
        find(tmp_path, archive(), given)
    assert time.perf_counter() - start < 8
    text = str(caught.value)
    parts = ["`file.zip`", "`omni`", NOWHERE, "`--archives`", "`METABENCH_ARCHIVES`"]
    for part in [*parts, "cannot be reached", *([str(tmp_path)] if given else [])]:
        assert part in text
    assert "\n" not in text


def test_a_server_that_does_not_answer_is_given_up_on(monkeypatch):
    import requests

    def hang(*arguments, **keywords):
        time.sleep(3)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", hang)
    start = time.perf_counter()
    assert not download.reachable(NOWHERE, seconds=0.1)
    assert time.perf_counter() - start < 2


def test_a_directory_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"`archives` is .*, which is not a folder"):
        find(tmp_path, archive(), tmp_path / "typo")
