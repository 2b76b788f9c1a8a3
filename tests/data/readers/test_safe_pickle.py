"""Pickles: arrays come out as they went in, and nothing that a file asks for is run."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import time
from collections import Counter, OrderedDict, defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from metabench import data
from metabench.data.readers import safe_pickle
from metabench.datasets.mini_imagenet.lists import pickle_name
from metabench.errors import UserError
from tests.datasets import tiny_mini_imagenet as tiny

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = {
    "pixels": PIXELS,
    "fortran": np.asfortranarray(PIXELS),
    "numbers": [1, -2, 3.5, True, None, 1 << 70, np.int64(7), np.float32(0.5)],
    "axes": PIXELS.transpose(1, 2, 0),
    "big-endian": np.arange(5, dtype=">i4"),
    "none": np.zeros((0, 84), np.uint8),
    "text": np.array(["ab", "c"]),
    "rows": {"n01": [0, 1], "n02": (2, 3)},
    "ordered": OrderedDict(n01=[0], n02=[1]),
    "default": defaultdict(list, n01=[0]),
    "range": range(3, 1 << 30, 4),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_went_in_comes_out(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(CONTENT, protocol))
    found = safe_pickle.load(path)
    assert found.keys() == CONTENT.keys()
    assert {type(found[name]) for name in ("ordered", "default")} == {dict}
    for name, value in CONTENT.items():
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], value)
        else:
            assert found[name] == value


def test_an_ordered_dict_of_python_2_has_its_items_in_a_list(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(Asks(OrderedDict, [["n01", [0, 2]]]), 2))
    assert safe_pickle.load(path) == {"n01": [0, 2]}


def test_an_array_that_is_met_twice_is_one(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([PIXELS, PIXELS]))
    first, second = safe_pickle.load(path)
    assert first is second
    np.testing.assert_array_equal(first, PIXELS)


def test_pickles_of_python_2_are_read(tmp_path):
    """As Python 2 writes {"image_data": uint8 [2, 2], "class_dict": {"n01": [0, 1]}}."""
    raw = b"\x00\xff\x80\x0a"
    text = b"".join(
        (
            b"\x80\x02}q\x01(U\nimage_dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03",
            b"cnumpy\nndarray\nq\x04K\x00\x85q\x05U\x01bq\x06\x87q\x07Rq\x08",
            b"(K\x01K\x02K\x02\x86q\x09cnumpy\ndtype\nq\x0aU\x02u1q\x0bK\x00K\x01\x87q\x0cRq\x0d",
            b"(K\x03U\x01|q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0fb",
            b"\x89U" + bytes([len(raw)]) + raw + b"q\x10tq\x11b",
            b"U\nclass_dictq\x12}q\x13U\x03n01q\x14]q\x15(K\x00K\x01esu.",
        )
    )
    (tmp_path / "x.pkl").write_bytes(text)
    found = safe_pickle.load(tmp_path / "x.pkl")
    assert found["class_dict"] == {"n01": [0, 1]}
    np.testing.assert_array_equal(found["image_data"], [[0, 255], [128, 10]])
    assert found["image_data"].dtype == np.uint8


class Asks:
    """Pickled, it asks for a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


RAN = "metabench_pickle_ran"


def hostile():
    """Name -> pickle, and what must be said of it. Each would set an environment variable."""
    code = f"__import__('os').environ.__setitem__({RAN!r}, '1')"
    made = {
        "system": (pickle.dumps(Asks(os.system, f"export {RAN}=1")), r"`(posix|nt)\.system`"),
        "eval": (pickle.dumps(Asks(eval, code)), r"`builtins\.eval`"),
        "exec": (pickle.dumps(Asks(exec, code)), r"`builtins\.exec`"),
        "getattr": (pickle.dumps(Asks(getattr, 1, "real")), r"`builtins\.getattr`"),
        "import": (pickle.dumps(Asks(__import__, "os")), r"`builtins\.__import__`"),
        "in an array": (
            pickle.dumps(np.array([Asks(eval, code)], object)),
            r"arrays of type 'O8?' are not read|`builtins\.eval`",
        ),
        "by putenv": (b"cposix\nputenv\n(V" + RAN.encode() + b"\nV1\ntR.", r"`posix\.putenv`"),
        "by name": (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", r"`builtins\.eval`"),
        "dotted": (b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.", r"`numpy\.ndarray\.dump`"),
        "instance": (b"(S'x'\nios\nsystem\n.", r"`os\.system`"),
        "numpy's loader": (b"cnumpy\nload\n.", r"`numpy\.load`"),
        "numpy's eval": (b"cnumpy.testing._private.utils\nrunstring\n.", "runstring"),
        "class of its own": (pickle.dumps(Fraction(1, 2)), r"`fractions\.Fraction`"),
        "counter": (pickle.dumps(Counter(a=1)), r"`collections\.Counter`"),
        "default of another": (pickle.dumps(defaultdict(Counter)), r"`collections\.Counter`"),
        "list of a call": (b"cbuiltins\nlist\n((ltR.", "list is not called"),
        "endless range": (pickle.dumps(range(1 << 40)), "a range of anything but small integers"),
        "set": (pickle.dumps({1, 2}, 4), "it holds a set"),
        "complex": (pickle.dumps(1j), r"`builtins\.complex`"),
        "objects": (pickle.dumps(np.array([None, "x"], object)), "arrays of type 'O8?' are not"),
        "records": (pickle.dumps(np.zeros(2, "i4,f4")), "arrays of type 'V8' are not read"),
        "dates": (pickle.dumps(np.zeros(2, "M8[s]")), "arrays of type 'M8' are not read"),
        "masked": (pickle.dumps(np.ma.array([1, 2])), r"`numpy\.ma\.core\._mareconstruct`"),
        "array class": (b"cnumpy\nndarray\n.", "it holds a _Call"),
        "calls ndarray": (b"cnumpy\nndarray\n(K\x05tR.", "numpy.ndarray is not called"),
        "bytes of a size": (b"cbuiltins\nbytes\n(I9\ntR.", "is damaged"),
        "another encoding": (b"c_codecs\nencode\n(Vabc\nVbz2\ntR.", "'bz2' is not read"),
        "extension": (b"\x80\x02\x82\x01.", "extension codes are not read"),
        "persistent": (b"Pfile\n.", "references to elsewhere are not read"),
    }
    stand_in = b"cnumpy\ndtype\n"
    made |= {
        "changes a stand-in": (stand_in + b"}V_function\nI1\nsb.", "AttributeError"),
        "changes its slots": (stand_in + b"N}V_function\nI1\ns\x86b.", "AttributeError"),
        "new of a stand-in": (b"\x80\x02" + stand_in + b")\x81.", "TypeError|it holds"),
        "half an array": (
            b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR.",
            "it holds a _Array",
        ),
        "subclass": (
            b"cnumpy._core.multiarray\n_reconstruct\n(I5\n(I0\ntVb\ntR.",
            "an array of a class of its own",
        ),
        "fields in a dtype": (
            stand_in + b"(Vu1\nI0\nI1\ntR(I3\nV|\nN(Va\nt}I-1\nI-1\nI0\ntb.",
            "arrays of records are not read",
        ),
        "more elements than bytes": (
            b"cnumpy._core.multiarray\nscalar\n(" + stand_in + b"(Vu8\ntRVab\ntR.",
            "is damaged",
        ),
    }
    return made


HOSTILE = hostile()


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_a_file_asks_for_is_run(tmp_path, name):
    content, finding = HOSTILE[name]
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=finding) as caught:
        safe_pickle.load(path)
    text = str(caught.value)
    assert text.startswith(f"`{path}` ")
    assert text.endswith(
        ("; get the file from another source", "; remove it and download it again")
    )
    assert "\n" not in text
    assert RAN not in os.environ


def test_the_hostile_files_would_run_elsewhere(tmp_path):
    """Or the test above would prove nothing."""
    try:
        pickle.loads(HOSTILE["eval"][0])
        assert os.environ[RAN] == "1"
    finally:
        os.environ.pop(RAN, None)


MANY = struct.pack("<Q", 1 << 40)
GREEDY = {
    "bytes": b"\x80\x04\x8e" + MANY + b"x.",
    "text": b"\x80\x04\x8d" + MANY + b"x.",
    "byte array": b"\x80\x05\x96" + MANY + b"x.",
    "frame": b"\x80\x04\x95" + MANY + b"N.",
    "old bytes": b"\x80\x02T\xff\xff\xff\x7fx.",
    "negative": b"\x80\x02T\xff\xff\xff\xffx.",
    "long number": b"\x80\x02\x8b\xff\xff\xff\x7fx.",
    "deep": b"]" + b"]" * 100 + b"a" * 100 + b".",
    "stops short": b"\x80\x02]",
    "empty": b"",
    "underflow": b"a.",
    "unknown opcode": b"\xff\xff",
    "web page": b"<!DOCTYPE html><html>Sign in</html>",
    "zip": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", GREEDY)
def test_damaged_and_greedy_files_are_refused_at_once(tmp_path, name):
    path = tmp_path / "x.pkl"
    path.write_bytes(GREEDY[name])
    start = time.perf_counter()
    with pytest.raises(UserError, match=r"is damaged or not a pickle|is a web page") as caught:
        safe_pickle.load(path)
    assert time.perf_counter() - start < 5
    assert "\n" not in str(caught.value)


def test_the_memo_cannot_be_made_to_fill_the_memory(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x02Nr\xff\xff\xff\x7f.")  # entry number 2,147,483,647
    assert safe_pickle.load(path) is None


def test_lists_of_the_same_list_are_no_endless_work(tmp_path):
    value = [0]
    for _ in range(15):
        value = [value] * 1000
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(value))
    start = time.perf_counter()
    assert len(safe_pickle.load(path)) == 1000
    assert time.perf_counter() - start < 5


def test_a_list_in_itself_is_refused(tmp_path):
    value = []
    value.append(value)
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(UserError, match="nested more than"):
        safe_pickle.load(path)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_every_cut_is_refused_or_harmless(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    whole = pickle.dumps(CONTENT, protocol)
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError):
            safe_pickle.load(path)


def test_flipped_bits_are_refused_or_change_values_only(tmp_path):
    path = tmp_path / "x.pkl"
    whole = pickle.dumps(CONTENT, 2)
    draws = np.random.default_rng(0)
    for _ in range(400):
        changed = bytearray(whole)
        changed[draws.integers(len(whole))] ^= 1 << draws.integers(8)
        path.write_bytes(changed)
        with contextlib.suppress(UserError):
            safe_pickle.load(path)


def test_a_hostile_dataset_leaves_nothing_that_is_trusted(tmp_path):
    folder = tiny.write_pickles(tmp_path / "given")
    (folder / pickle_name("test")).write_bytes(HOSTILE["eval"][0])
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"cache-test\.pkl` asks for `builtins\.eval`") as caught:
        data.prepare(tiny.SPEC, None, folder, cache, progress=False)
    assert "\n" not in str(caught.value)
    assert RAN not in os.environ
    assert not data.is_prepared(tiny.SPEC, cache=cache)
    assert not [path for path in Path(cache).rglob("*") if "array_record" in path.name]
