"""Finding archives: the user's folder, the cache, a server of our own; and none of them."""

from __future__ import annotations

import hashlib
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metabench.contracts.dataset import Archive
from metabench.data import archives, download
from metabench.errors import UserError
from tests.made_up_dataset import SPEC

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


def spec(*archives, **fields):
    return SPEC._replace(name="omni", archives=archives, **fields)


def find(tmp_path, one, directory=None):
    return archives.find(spec(one), directory, tmp_path / "cache", progress=False)["file.zip"]


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
    assert archives.available(spec(archive()))


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
    assert archives.available(spec(archive(url)), cache=tmp_path / "cache")
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
    assert not archives.available(spec(archive(server[1])))


@pytest.mark.parametrize("directory", [None, "."])
def test_nowhere_says_what_where_and_how(tmp_path, directory):
    given = tmp_path if directory else None
    start = time.perf_counter()
    assert not archives.available(spec(archive()), given, tmp_path / "cache")
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


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


FOLDER = Archive("images", is_folder=True)
RESTRICTED = spec(
    Archive("all.tar.xz"),
    alternatives=((FOLDER, Archive("test.csv")), (Archive("a.pkl"), Archive("b.pkl"))),
    folders=("omni-images",),
    obtain="ask its authors for `all.tar.xz`, put it into a folder `omni-images`",
)


@pytest.mark.parametrize("place", [".", "omni", "omni-images"])
def test_a_set_of_files_and_folders_serves_in_place_of_an_archive(tmp_path, place):
    write(tmp_path / place, "images/a/1.jpg", "images/.hidden", "test.csv", "a.pkl")
    found = archives.find(RESTRICTED, tmp_path, tmp_path / "cache")
    assert list(found) == ["images", "test.csv"]
    said = archives.describe(found)
    assert said == "local files, for which no checksum is published: images, test.csv"
    assert archives.available(RESTRICTED, tmp_path, tmp_path / "cache")
    write(tmp_path / place, "all.tar.xz")
    assert list(archives.find(RESTRICTED, tmp_path, tmp_path / "cache")) == ["all.tar.xz"]


def test_the_checksum_of_a_folder_is_over_names_and_bytes(tmp_path):
    write(tmp_path, "images/a/1.jpg", "images/b/2.jpg")
    before = archives.sha256(tmp_path / "images")
    write(tmp_path, "images/.hidden")
    assert archives.sha256(tmp_path / "images") == before
    (tmp_path / "images/a/1.jpg").write_bytes(b"other")
    after = archives.sha256(tmp_path / "images")
    assert after != before
    (tmp_path / "images/a/1.jpg").rename(tmp_path / "images/a/3.jpg")
    assert archives.sha256(tmp_path / "images") not in (before, after)


def test_a_folder_in_itself_is_refused(tmp_path):
    write(tmp_path, "images/a/1.jpg")
    (tmp_path / "images/a/again").symlink_to(tmp_path / "images")
    with pytest.raises(UserError, match="nested"):
        archives.sha256(tmp_path / "images")


def test_what_nobody_may_publish_says_how_to_obtain_it(tmp_path):
    assert not archives.available(RESTRICTED, tmp_path, tmp_path / "cache")
    with pytest.raises(UserError) as caught:
        archives.find(RESTRICTED, tmp_path, tmp_path / "cache")
    text = str(caught.value)
    for part in ("`all.tar.xz`", str(tmp_path), RESTRICTED.obtain, "`--archives`"):
        assert part in text
    assert "download " not in text


def test_half_a_set_is_named(tmp_path):
    write(tmp_path, "images/a/1.jpg")
    with pytest.raises(UserError, match=r"^`test.csv` of .* was not found, though .*images` was"):
        archives.find(RESTRICTED, tmp_path, tmp_path / "cache")


def test_an_unreadable_folder_or_file_is_one_sentence(tmp_path, monkeypatch):
    def refuse(self, *arguments, **keywords):
        raise PermissionError(13, "Permission denied")

    write(tmp_path, "file.zip")
    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "open", refuse)
        with pytest.raises(UserError, match=r"`.*file.zip` cannot be read \(Permission denied\)"):
            find(tmp_path, archive(), tmp_path)
    monkeypatch.setattr(type(tmp_path), "is_file", refuse)
    with pytest.raises(UserError, match=r"folder .* cannot be read \(Permission denied\); make"):
        find(tmp_path, archive(), tmp_path)


def test_what_systems_leave_in_a_folder_is_no_part_of_it(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"a")
    before = archives.sha256(tmp_path)
    for name in ("Thumbs.db", "images/desktop.ini", "images/._a.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.png").write_bytes(b"x")
    assert list(archives.folder_files(tmp_path)) == ["images/a.png"]
    assert archives.sha256(tmp_path) == before
