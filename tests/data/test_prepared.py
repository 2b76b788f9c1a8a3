"""Preparing and loading: whole or not at all, once, lazily, the same everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from metabench import data
from metabench.contracts.dataset import Examples
from metabench.data import arrays
from metabench.errors import UserError
from metabench.files import cache
from tests.made_up_dataset import SPEC, counting, pixels
from tests.places import ROOT


def start(code, *arguments):
    """Start another Python that can import `tests` too."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code, *arguments, code_expected=0):
    """Run another Python to its end; return what it printed."""
    process = start(code, *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code_expected, err
    return out.strip()


def streaming(*pairs, count=None):
    """SPEC, but with these examples."""
    stream = [(name, np.full(shape, 7, dtype)) for name, shape, dtype in pairs]
    examples = Examples(len(stream) if count is None else count, stream, "a test")
    return SPEC._replace(examples=lambda request: examples)


def test_what_is_prepared_is_what_is_loaded(tmp_path):
    assert not data.is_prepared(SPEC, cache=tmp_path)
    folder = data.prepare(SPEC, cache=tmp_path, progress=False)
    assert data.is_prepared(SPEC, cache=tmp_path)
    dataset = data.load(SPEC, cache=tmp_path)
    assert dataset.class_names == ("a/1", "a/2", "b/1")
    assert dataset.labels.dtype == np.int32
    np.testing.assert_array_equal(dataset.labels, [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(dataset.images, [pixels(i, 8) for i in range(6)])
    assert isinstance(dataset.images, np.memmap)
    assert not dataset.images.flags.writeable
    assert dataset.source == "made up"
    assert dataset.splits["only"].digest == "d"
    assert json.loads((folder / "meta.json").read_text())["version"] == SPEC.version


def test_digest_is_golden_and_moves_with_everything(tmp_path):
    dataset = data.load_or_prepare(SPEC, cache=tmp_path, progress=False)
    images, labels, names = (
        np.array(dataset.images),
        np.array(dataset.labels),
        ["a/1", "a/2", "b/1"],
    )
    golden = "21e10e967be04afdb755b3a8f94ca1f74c575cdb91cc294f235b69510d95b0c5"
    assert dataset.digest == golden
    assert arrays.digest(images, labels.astype(">i8"), names) == golden  # whatever the layout
    assert arrays.digest(np.asfortranarray(images), labels, names) == golden
    other = images.copy()
    other[5, 0, 0, 0] ^= 1
    assert arrays.digest(other, labels, names) != golden
    assert arrays.digest(images, labels[::-1], names) != golden
    assert arrays.digest(images, labels, ["a/1", "a/2", "b/2"]) != golden
    assert arrays.digest(images.reshape(6, 4, 16, 1), labels, names) != golden


def test_sizes_are_separate(tmp_path):
    small = data.load_or_prepare(SPEC, 5, cache=tmp_path, progress=False)
    assert small.images.shape == (6, 5, 5, 1)
    assert not data.is_prepared(SPEC, cache=tmp_path)
    newer = SPEC._replace(version="2")
    assert not data.is_prepared(newer, 5, cache=tmp_path)


@pytest.mark.parametrize("size", [0, -1, 5000])
def test_absurd_sizes_are_refused(tmp_path, size):
    with pytest.raises(UserError, match=f"`size` is {size}; it must be from 1 to"):
        data.prepare(SPEC, size, cache=tmp_path)


def test_loading_what_is_not_prepared_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match=r"not prepared in .*; run `metabench .*made-up") as caught:
        data.load(SPEC, cache=tmp_path)
    assert "\n" not in str(caught.value)


def test_preparing_twice_reads_once(tmp_path):
    calls = tmp_path / "calls"
    spec = counting(calls)
    for _ in range(2):
        data.prepare(spec, cache=tmp_path, progress=False)
    assert calls.read_text() == "x"


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "meta.json"])
def test_damage_is_noticed_and_mended(tmp_path, name):
    folder = data.prepare(SPEC, cache=tmp_path, progress=False)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-5])
    assert not data.is_prepared(SPEC, cache=tmp_path)
    data.prepare(SPEC, cache=tmp_path, progress=False)
    assert (folder / name).read_bytes() == whole


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (streaming(("a", (8, 8, 1), "u1"), count=2), "`count` is 2, but `stream` has 1"),
        (streaming(*[("a", (8, 8, 1), "u1")] * 2, count=1), "`count` is 1, but `stream` has more"),
        (streaming(*[(n, (8, 8, 1), "u1") for n in "aba"]), "returns to class a"),
        (streaming(("a", (8, 8), "u1")), r"uint8 \(8, 8\); it must be uint8 \(8, 8, 1\)"),
        (streaming(("a", (8, 8, 1), "f4")), "is float32"),
    ],
)
def test_a_dataset_that_breaks_its_promises_leaves_nothing(tmp_path, spec, complaint):
    with pytest.raises(ValueError, match=complaint):
        data.prepare(spec, cache=tmp_path, progress=False)
    assert not list(tmp_path.rglob("images.npy"))


def test_killed_in_the_middle_leaves_nothing_trusted(tmp_path):
    code = (
        "import sys; from tests.made_up_dataset import dying; from metabench import data; "
        "data.prepare(dying(), cache=sys.argv[1], progress=False)"
    )
    run(code, tmp_path, code_expected=9)
    assert len(list(tmp_path.rglob("*.tmp"))) == 1  # what was begun
    assert not data.is_prepared(SPEC, cache=tmp_path)
    data.prepare(SPEC, cache=tmp_path, progress=False)
    assert data.is_prepared(SPEC, cache=tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))


def test_two_processes_prepare_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.made_up_dataset import counting; "
        "from metabench import data; cache = Path(sys.argv[1]); "
        "print(data.load_or_prepare(counting(cache / 'calls', 1.0), cache=cache).digest)"
    )
    both = [start(code, tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert (tmp_path / "calls").read_text() == "x"
    assert len({out for out, _ in outputs}) == 1
    assert all(out.strip() == data.load(SPEC, cache=tmp_path).digest for out, _ in outputs)


def test_loading_imports_no_dataset_library_and_takes_milliseconds(tmp_path):
    data.prepare(SPEC, cache=tmp_path, progress=False)
    code = (
        "import sys; from tests.made_up_dataset import SPEC; import metabench.data as data; "
        "data.load(SPEC, cache=sys.argv[1]); "
        "print({'tensorflow_datasets', 'PIL', 'pooch', 'requests', 'rich'} & set(sys.modules))"
    )
    assert run(code, tmp_path) == "set()"
    begun = time.perf_counter()
    data.load(SPEC, cache=tmp_path)
    assert time.perf_counter() - begun < 0.1


def test_names_go_through_the_registry(tmp_path, monkeypatch):
    from metabench import registry

    monkeypatch.setattr(registry, "dataset", {"made-up": SPEC}.__getitem__)
    data.prepare("made-up", cache=tmp_path, progress=False)
    assert data.load("made-up", cache=tmp_path).name == "made-up"


def test_cache_folder_comes_from_argument_then_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("METABENCH_CACHE", str(tmp_path / "environment"))
    assert cache.root() == tmp_path / "environment"
    assert cache.root(tmp_path / "argument") == tmp_path / "argument"
    monkeypatch.delenv("METABENCH_CACHE")
    assert cache.root().name == "metabench"


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"`cache` folder .* cannot be written to"):
        data.prepare(SPEC, cache=tmp_path / "file", progress=False)


def test_reports_go_to_standard_error(tmp_path, capsys):
    data.prepare(SPEC, cache=tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "Preparing made-up 8×8 …\n"


def test_data_without_archives_is_available(tmp_path):
    assert data.is_available(SPEC, cache=tmp_path)


def test_publication_replaces_and_cleans_up(tmp_path):
    target = tmp_path / "target"
    for text in ("old", "new"):
        with cache.publication(target) as folder:
            (folder / "file").write_text(text)

    def interrupted():
        with cache.publication(target) as folder:
            (folder / "file").write_text("never")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (target / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_examples_are_asked_for_the_size_and_given_a_folder(tmp_path):
    asked = []

    def examples(request):
        asked.append(request)
        return SPEC.examples(request)

    data.prepare(SPEC._replace(examples=examples), 6, cache=tmp_path, progress=False)
    assert asked[0].size == 6
    assert asked[0].scratch.is_dir()
    assert asked[0].archives == {}
