"""Publishing folders: killed at any moment, on a full disk, without permission."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metabench import data
from metabench.contracts.dataset import Archive
from metabench.data import arrays, prepared
from metabench.errors import UserError
from metabench.files import cache
from tests.made_up_dataset import SPEC, counting, examples
from tests.places import ROOT

HERE = Path(__file__).parent
SMALL_FILES = 4096  # bytes, where a process may write none that are larger


def python(*arguments, **options):
    """Run another Python that can import the tests' modules."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        **options,
    )


def nothing_trusted(folder):
    assert not [path for path in folder.rglob("*") if path.suffix in (".npy", ".json", ".tmp")]


def test_killed_at_any_moment_nothing_untrue_is_trusted(tmp_path):
    found = python(HERE / "kill_everywhere.py", tmp_path)
    assert found.returncode == 0, found.stderr
    counts = [int(number) for number in found.stdout.split()]
    assert len(counts) == 3
    assert min(counts) > 20  # it was killed at that many places, an image at each of six


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("when", ["at the start", "later", "at the end"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, number, when):
    def full(*arguments):
        raise OSError(number, os.strerror(number))

    def filling(request):
        found = examples(request)
        pairs = list(found.stream)

        def stream():
            yield pairs[0]
            full()

        return found.__class__(found.count, stream(), found.source)

    if when == "at the start":
        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    if when == "at the end":
        monkeypatch.setattr(os, "fsync", full)
    spec = SPEC._replace(examples=filling) if when == "later" else SPEC
    with pytest.raises(UserError, match=r"there is no room for .*; free some space") as caught:
        data.prepare(spec, cache=tmp_path, progress=False)
    assert "\n" not in str(caught.value)
    assert "`METABENCH_CACHE`" in str(caught.value)
    nothing_trusted(tmp_path)
    monkeypatch.undo()
    data.prepare(SPEC, cache=tmp_path, progress=False)


def test_a_full_disk_under_the_records_of_a_builder(tmp_path):
    text = "Failed to finalize writing: write() failed: No space left on device; at byte 6291456"

    def broken(request):
        raise RuntimeError(text if request.size == 8 else "another bug")

    spec = SPEC._replace(examples=broken)
    with pytest.raises(UserError, match=r"no room for .* \(No space left on device\)"):
        data.prepare(spec, cache=tmp_path, progress=False)
    with pytest.raises(RuntimeError, match="another bug"):
        data.prepare(spec, 9, cache=tmp_path, progress=False)
    nothing_trusted(tmp_path)


def test_a_process_that_may_write_no_large_file_says_so(tmp_path):
    code = (
        "import resource, sys; from tests.made_up_dataset import SPEC; from metabench import data\n"
        "from metabench.errors import UserError\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({SMALL_FILES}, {SMALL_FILES}))\n"
        "try: data.prepare(SPEC, 100, cache=sys.argv[1], progress=False)\n"
        "except UserError as error: print(error)"
    )
    found = python("-c", code, tmp_path)
    assert found.stdout.startswith("there is no room for "), found.stderr
    nothing_trusted(tmp_path)


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 64 kB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a disk can be mounted only by root, outside most containers")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("reserves", [True, False])
def test_a_disk_that_is_really_full(tiny_disk, monkeypatch, reserves):
    if not reserves:
        monkeypatch.delattr(os, "posix_fallocate")
    data.prepare(SPEC, 8, cache=tiny_disk, progress=False)
    calls = tiny_disk.parent / "calls"
    with pytest.raises(UserError, match="there is no room for"):
        data.prepare(counting(calls), 120, cache=tiny_disk, progress=False)
    assert not data.is_prepared(SPEC, 120, tiny_disk)
    assert not list(tiny_disk.rglob("*.tmp"))
    assert arrays.damage(prepared.folder(SPEC, 8, tiny_disk)) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_missing_permission_names_the_file(tmp_path, number):
    def forbidden(request):
        raise OSError(number, os.strerror(number), "/archives/secret.zip")

    with pytest.raises(UserError, match=r"`/archives/secret.zip` cannot be used \(.*\); change"):
        data.prepare(SPEC._replace(examples=forbidden), cache=tmp_path, progress=False)
    nothing_trusted(tmp_path)


def test_other_errors_of_the_system_are_not_hidden(tmp_path):
    def broken(request):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        data.prepare(SPEC._replace(examples=broken), cache=tmp_path, progress=False)


def refuse(monkeypatch, path):
    """Let the system say that `path` cannot be written to, as it does to others than root."""
    permitted = os.access
    monkeypatch.setattr(os, "access", lambda one, mode: Path(one) != path and permitted(one, mode))


def test_a_cache_without_permission_is_one_sentence(tmp_path, monkeypatch):
    place = tmp_path / SPEC.name / SPEC.version
    place.mkdir(parents=True)
    refuse(monkeypatch, place)
    with pytest.raises(UserError, match=r"`cache` folder .* \(no permission to write\); set"):
        data.prepare(SPEC, cache=tmp_path, progress=False)
    assert list(place.iterdir()) == []


def test_what_is_prepared_is_read_from_a_read_only_cache(tmp_path, monkeypatch):
    data.prepare(SPEC, cache=tmp_path, progress=False)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert len(data.load_or_prepare(SPEC, cache=tmp_path, progress=False).images) == 6


@pytest.fixture
def forbidding(tmp_path):
    """Makes folders that even their owner may not use, where the system keeps to that."""
    made = []

    def make(name, mode):
        place = tmp_path / name
        place.mkdir()
        place.chmod(mode)
        made.append(place)
        if os.access(place, os.W_OK):
            pytest.skip("this user may write anywhere")
        return place

    yield make
    for place in made:
        place.chmod(0o700)


def test_a_read_only_cache_folder(forbidding):
    place = forbidding("cache", 0o500)
    with pytest.raises(UserError, match=r"`cache` folder .* cannot be written to"):
        data.prepare(SPEC, cache=place, progress=False)
    assert list(place.iterdir()) == []


def test_what_is_prepared_is_read_from_a_folder_that_is_really_read_only(tmp_path, forbidding):
    forbidding("other", 0o500)
    folder = data.prepare(SPEC, cache=tmp_path / "cache", progress=False)
    folder.parent.chmod(0o500)
    try:
        found = data.load_or_prepare(SPEC, cache=tmp_path / "cache", progress=False)
        assert len(found.images) == 6
        assert arrays.damage(folder) == []
    finally:
        folder.parent.chmod(0o700)


def test_archives_in_an_unreadable_folder(tmp_path, forbidding):
    place = forbidding("archives", 0)
    spec = SPEC._replace(archives=(Archive("a.zip", "http://127.0.0.1:9/a.zip", "0" * 64, 1),))
    with pytest.raises(UserError, match=r"archives.* \(Permission denied\); change its perm"):
        data.prepare(spec, archives=place, cache=tmp_path / "cache", progress=False)
    nothing_trusted(tmp_path / "cache")


def test_a_folder_dataset_that_may_not_be_read(forbidding):
    place = forbidding("birds", 0)
    with pytest.raises(UserError, match=r"birds cannot be read \(Permission denied\)"):
        data.prepare(f"folder:{place}", cache=place.parent / "cache", progress=False)


def test_an_unreadable_archive_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(b"x")
    opened = Path.open

    def refusing(self, *arguments, **options):
        if self.name == "a.zip":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    spec = SPEC._replace(archives=(Archive("a.zip", "http://127.0.0.1:9/a.zip", "0" * 64, 1),))
    with pytest.raises(UserError, match=r"a\.zip` cannot be (read|used) \(Permission denied\)"):
        data.prepare(spec, archives=tmp_path, cache=tmp_path / "cache", progress=False)
    nothing_trusted(tmp_path / "cache")


def test_forcing_makes_the_arrays_anew(tmp_path):
    calls = tmp_path / "calls"
    for force in (False, False, True):
        folder = data.prepare(counting(calls), cache=tmp_path, progress=False, force=force)
    assert calls.read_text() == "xx"
    assert arrays.damage(folder) == []
    assert sorted(p.name for p in folder.parent.iterdir() if p.name[0] == ".") == [".lock"]


def test_explained_leaves_no_errors_of_ours_out(tmp_path):
    with pytest.raises(UserError, match="as it is"), cache.explained(tmp_path):
        raise UserError("as it is")
