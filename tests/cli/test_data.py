"""`metabench data list | prepare | verify | show`, and runs on a folder of images."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from metabench import data, registry


@pytest.fixture
def shapes(tmp_path):
    """A folder of nine classes of six grey images, a bright square each."""
    rng = np.random.default_rng(0)
    for label in range(9):
        for number in range(6):
            pixels = rng.integers(0, 60, (20, 20), np.uint8)
            pixels[2 * label : 2 * label + 4, number : number + 6] = 255
            path = tmp_path / "secret place" / "shapes" / f"class{label}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path / "secret place" / "shapes"


def failed(outcome, *parts):
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: ")
    for part in parts:
        assert part in line, line


def test_list_is_what_datasets_says(metabench, strokes, no_servers):
    outcome = metabench("data", "list")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == metabench("datasets").out
    assert outcome.out.count("licence: ") == len(registry.names("datasets"))


def test_list_says_what_is_prepared_and_what_can_be(metabench, tmp_path, no_servers, shapes):
    cache = ("--cache", tmp_path / "cache")
    metabench("data", "prepare", "strokes", "--size", "14", *cache)
    metabench("data", "prepare", f"folder:{shapes}", *cache)
    lines = metabench("data", "list", *cache).out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("strokes: "))
    assert lines[start + 2].startswith("  prepared sizes: 14×14 (1.3 MB)")
    start = next(i for i, line in enumerate(lines) if line.startswith("omniglot: "))
    assert lines[start + 2].startswith("  not available: ")
    assert no_servers  # it was asked for
    assert lines[-2].startswith("folder-shapes: version ")
    assert lines[-1] == "  prepared: 20×20 (0.0 MB)"
    assert str(shapes.parent) not in "".join(lines)


def test_list_names_what_is_damaged(metabench, tmp_path, no_servers):
    cache = ("--cache", tmp_path / "cache")
    folder = data.prepare("strokes", 14, cache=tmp_path / "cache", progress=False)
    (folder / "images.npy").write_bytes(b"cut")
    assert "MB, not usable: see `metabench data verify`)" in metabench("data", "list", *cache).out


def test_preparing_again_says_that_it_was_done(metabench, tmp_path):
    prepare = ("data", "prepare", "strokes", "--size", "14", "--cache", tmp_path / "cache")
    first, second = metabench(*prepare), metabench(*prepare)
    assert first.out == second.out
    assert first.err == "Preparing strokes 14×14 …\n"
    assert second.err == "strokes was prepared before; `--force` prepares it again\n"
    again = metabench(*prepare, "--force")
    assert (again.code, again.out, again.err) == (0, first.out, first.err)


def test_verify_says_which_digest_and_whether_it_is_published(metabench, tmp_path, strokes):
    cache = ("--cache", tmp_path / "cache")
    assert metabench("data", "verify", *cache).out == "nothing is prepared\n"
    folder = data.prepare("strokes", 14, cache=tmp_path / "cache", progress=False)
    digest = data.load("strokes", 14, cache=tmp_path / "cache").digest
    outcome = metabench("data", "verify", *cache)
    ending = "none is published for this size"
    assert outcome.out == f"strokes 1, 14×14: verified, digest {digest} ({ending})\n"
    assert outcome.code == 0
    whole = metabench("data", "verify", "strokes", "--size", "28")
    assert whole.out == f"strokes 1, 28×28: verified, digest {strokes.digest} (the published one)\n"
    content = bytearray((folder / "images.npy").read_bytes())
    content[-1] ^= 1
    (folder / "images.npy").write_bytes(content)
    damaged = metabench("data", "verify", *cache)
    remedy = "run `metabench data prepare strokes --size 14 --force`"
    failed(damaged, "images.npy has other bytes", str(folder), remedy)
    assert metabench("data", "prepare", "strokes", "--size", "14", "--force", *cache).code == 0
    assert metabench("data", "verify", *cache).out == outcome.out


def test_verify_reads_on_after_damage(metabench, tmp_path):
    for size in (12, 14, 16):
        folder = data.prepare("strokes", size, cache=tmp_path / "cache", progress=False)
        if size != 14:
            (folder / "labels.npy").write_bytes(b"")
    outcome = metabench("data", "verify", "--cache", tmp_path / "cache")
    failed(outcome, "`size` 12 is damaged: labels.npy", "`size` 16 is damaged: labels.npy")
    assert "14×14: verified" in outcome.out


def test_verify_of_a_folder_and_of_nothing(metabench, tmp_path, shapes):
    cache = ("--cache", tmp_path / "cache")
    name = f"folder:{shapes}"
    failed(metabench("data", "verify", name, *cache), "is not prepared", "data prepare folder:")
    metabench("data", "prepare", name, *cache)
    assert "folder-shapes" in metabench("data", "verify", name, *cache).out
    (next((tmp_path / "cache").rglob("labels.npy"))).write_bytes(b"")
    remedy = f"metabench data prepare {name} --size 20 --force"
    failed(metabench("data", "verify", name, *cache), "labels.npy has 0 bytes", remedy)
    failed(metabench("data", "verify", *cache), "metabench data prepare NAME --size 20 --force")
    failed(metabench("data", "verify", "stroks", *cache), "did you mean `strokes`?")


def test_show_writes_a_picture(metabench, tmp_path, strokes, shapes):
    outcome = metabench("data", "show", "strokes", "--part", "val", "--way", "3")
    assert (outcome.code, outcome.out) == (0, "contact sheet: strokes.png\n")
    with Image.open("strokes.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    cache = ("--cache", tmp_path / "cache")
    given = ("--way", "2", "--shot", "2", "--query", "2", "--out", "a/sheet.png", "--size", "16")
    outcome = metabench("data", "show", f"folder:{shapes}", *given, *cache)
    assert outcome.out == "contact sheet: a/sheet.png\n"
    failed(metabench("data", "show", "strokes", "--part", "tset"), "`part` is 'tset'")
    failed(metabench("data", "show", "strokes", "--way", "65"), "`way` is 65")


@pytest.mark.parametrize("joined", [False, True])
def test_a_run_on_a_folder_keeps_its_place_secret(metabench, tmp_path, shapes, joined):
    name = f"folder:{shapes}"
    chosen = [f"--dataset={name}"] if joined else ["--dataset", name]
    short = ("--way", "2", "--query", "2", "--episodes", "4", "--quiet", "--out", "r.json")
    outcome = metabench(
        "run", "--learner", "pixel_nn", *chosen, *short, "--cache", tmp_path / "cache"
    )
    assert outcome.code == 0, outcome.err
    with open("r.json", encoding="utf-8") as file:
        text = file.read()
    result = json.loads(text)
    assert result["protocol"]["dataset"] == "folder-shapes"
    assert result["protocol"]["id"].startswith("folder-shapes-seeded-2way-1shot-")
    assert "folder:shapes" in result["command"]
    assert "secret" not in text
    assert str(tmp_path) not in text


def test_a_folder_that_is_none(metabench):
    usual = ("run", "--learner", "pixel_nn", "--dataset")
    failed(metabench(*usual, "folder:absent"), "`dataset` is 'folder:absent'", "not a folder")
    failed(metabench(*usual, "folder:"), "`dataset` is 'folder:'", "a path or name")
    failed(metabench(*usual, "foldr:absent"), "`foldr:`", "did you mean `folder`?")
