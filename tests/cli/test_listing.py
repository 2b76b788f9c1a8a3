"""`leaderboard`, `learners`, `datasets`, `protocols`, `data` and `--version`."""

from __future__ import annotations

import importlib.metadata
import typing
from pathlib import Path

import pytest

from metabench import registry
from metabench.cli.settings import parse_settings
from metabench.contracts.options import check_options
from metabench.results import document as results
from metabench.results import page, ranking, tables
from metabench.tasks import protocols
from tests.made_up_result import made_up

FIRST = made_up("protonet", (10, 8, 10, 8))
SECOND = made_up("matching", (9, 8, 8, 7))
OTHER = made_up("pixel_nn", (3, 4, 3, 4), protocol={"shot": 5})


@pytest.fixture
def folder(metabench):
    """Results of two protocols in the usual place."""
    for result in (FIRST, SECOND, OTHER):
        results.write(result, results.default_path(result, Path("leaderboards")))
    return Path("leaderboards")


def test_leaderboard_prints_a_table_for_each_protocol(metabench, folder):
    outcome = metabench("leaderboard")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split() for line in outcome.out.splitlines() if line.strip()]
    ids = [FIRST.protocol.id, OTHER.protocol.id]
    assert [line[0].rstrip(",") for line in lines if line[0].startswith("strokes")] == ids
    ranked = [line[:5] for line in lines if line[0].isdigit()]
    assert ranked == [
        ["1", "protonet", "90.00", "±", "11.32"],
        ["2", "matching", "80.00", "±", "8.00"],
        ["1", "pixel_nn", "35.00", "±", "5.66"],
    ]
    assert "10.00 ± 8.00†" in outcome.out  # behind the first, in the same episodes
    assert tables.LEGEND in outcome.out


def test_leaderboard_of_one_protocol(metabench, folder):
    outcome = metabench("leaderboard", "--protocol", "5shot")
    assert outcome.code == 0
    assert OTHER.protocol.id in outcome.out
    assert FIRST.protocol.id not in outcome.out
    outcome = metabench("leaderboard", "--protocol", "20way")
    assert outcome.code == 2
    (line,) = outcome.err.splitlines()
    for part in ("error: `protocol` is '20way'", FIRST.protocol.id, OTHER.protocol.id):
        assert part in line


def test_leaderboard_as_markdown(metabench, folder):
    outcome = metabench("leaderboard", "--markdown", "leaderboards/README.md")
    assert (outcome.code, outcome.out) == (0, "leaderboards: leaderboards/README.md\n")
    text = page.markdown(ranking.rank([FIRST, SECOND, OTHER]))
    assert (folder / "README.md").read_text(encoding="utf-8") == text
    assert metabench("leaderboard", "--markdown", "leaderboards/README.md").code == 0  # once more
    outcome = metabench("leaderboard", "--markdown", "leaderboards")
    assert outcome.code == 2
    assert "it is a folder" in outcome.err


def test_leaderboard_for_other_programs(metabench, folder):
    outcome = metabench("leaderboard", "--format", "csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split(",")[6] for line in outcome.out.splitlines()[1:]] == [
        "protonet", "matching", "pixel_nn",
    ]  # fmt: skip
    for words in (("--format", "xml"), ("--format", "csv", "--markdown", "page.md")):
        outcome = metabench("leaderboard", *words)
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert "`format`" in outcome.err


def test_leaderboard_of_some_results(metabench, folder):
    outcome = metabench("leaderboard", "--format", "csv", "--max-parameters", "112000", "--trained")
    assert outcome.out == metabench("leaderboard", "--format", "csv").out
    for words in (("--untrained",), ("--status", "replayed"), ("--transductive",)):
        outcome = metabench("leaderboard", *words)
        assert outcome.code == 2
        assert outcome.err.startswith("error: none of the 3 results is as asked (")


def test_leaderboard_as_markdown_on_standard_output(metabench, folder):
    found = metabench("leaderboard", "--format", "markdown")
    assert (found.code, found.err) == (0, "")
    assert found.out == page.markdown(ranking.rank([FIRST, SECOND, OTHER]))
    assert metabench("leaderboard", "--format", "text").out == metabench("leaderboard").out
    assert metabench("leaderboard", "--format", "markdown", "--markdown", "page.md").code == 0
    assert Path("page.md").read_text(encoding="utf-8") == found.out


def test_leaderboard_leaves_out_a_file_that_is_no_result_and_names_it(metabench, folder):
    before = metabench("leaderboard").out
    (folder / "odd").mkdir()
    (folder / "odd" / "file.json").write_text("{}")
    copy = folder / FIRST.protocol.id / "zz.json"
    copy.write_bytes(results.default_path(FIRST, folder).read_bytes())
    for code, options in ((0, ()), (1, ("--strict",))):
        outcome = metabench("leaderboard", *options)
        assert (outcome.code, outcome.out) == (code, before)
        odd, twice = outcome.err.splitlines()
        assert odd.startswith("left out: leaderboards/odd/file.json is not a result file: ")
        assert twice.startswith(f"{copy} is the same result as ")
    assert metabench("leaderboard", "--markdown", "page.md", "--strict").code == 1
    outcome = metabench("leaderboard", "--folder", folder / "none")
    assert outcome.code == 2
    assert "none is not there; name a folder of result files" in outcome.err


def test_learners_lists_every_option_as_it_would_be_typed(metabench):
    outcome = metabench("learners")
    assert (outcome.code, outcome.err) == (0, "")
    blocks, name = {}, ""
    for line in outcome.out.splitlines():
        if line.startswith("  "):
            blocks[name].append(line.strip())
        else:
            name = line.split(":")[0]
            blocks[name] = []
            assert line.removeprefix(f"{name}:").strip()  # it says what it is
    assert tuple(blocks) == registry.names("learners")
    for name, lines in blocks.items():
        assert f"from {registry.learner(name).version}" in lines
        assert len(lines) == 1 + len(registry.options(name))
    assert "--set clip=none" in blocks["protonet"]
    assert "--set width=64" in blocks["protonet"]
    assert "--set full_context=false" in blocks["matching"]


def test_backbones_are_listed_with_their_options(metabench):
    outcome = metabench("backbones")
    assert (outcome.code, outcome.err) == (0, "")
    names = [line.split(":")[0] for line in outcome.out.splitlines() if not line.startswith("  ")]
    assert tuple(names) == registry.names("backbones")
    assert "swapout: A residual network" in outcome.out
    assert "  overlapping=true\n" in outcome.out


def test_every_listed_option_can_be_typed_as_it_is_listed(metabench):
    """A `none` that is one of several words, as in `norm=none`, is not None."""
    name = ""
    for line in metabench("learners").out.splitlines():
        if not line.startswith("  "):
            name = line.split(":")[0]
        elif "--set" in line:
            typed = parse_settings([line.removeprefix("  --set ")])
            settings = registry.in_words(name, typed)
            check_options(name, registry.learner(name).factory, settings)
            assert settings == {option: registry.options(name)[option].default for option in typed}


@pytest.mark.parametrize("name", registry.names("learners"))
def test_every_choice_of_an_option_can_be_typed(name):
    for option, parameter in registry.options(name).items():
        for choice in typing.get_args(parameter.annotation):
            if isinstance(choice, str):
                settings = registry.in_words(name, parse_settings([f"{option}={choice}"]))
                assert settings == {option: choice}


def test_datasets_lists_the_splits_and_what_is_prepared(metabench, tmp_path, strokes):
    outcome = metabench("datasets", "--cache", tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count(", not prepared; licence: ") == len(registry.names("datasets"))
    assert "split alphabets (default): train 192, val 64, test 64 classes" in outcome.out
    # 964 + 659 characters, each in four orientations.
    assert "split vinyals (default): " in outcome.out
    for name in registry.names("datasets"):
        for split in registry.dataset(name).splits:
            assert f"  split {split}" in outcome.out
    lines = metabench("datasets").out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("strokes: ")]
    assert lines[place + 1].endswith("28×28×1 by default, prepared; licence: Apache-2.0")


def test_protocols_lists_every_id(metabench, tmp_path):
    outcome = metabench("protocols")
    assert outcome.code == 0
    assert outcome.out.split() == [protocol.id for protocol in registry.protocols()]


def test_protocols_computes_the_digests_of_what_is_prepared(metabench, monkeypatch, strokes):
    protocol = protocols.STROKES[0]
    monkeypatch.setattr(registry, "protocols", lambda: (protocol, protocols.OMNIGLOT[0]))
    outcome = metabench("protocols", "--digests")
    assert outcome.code == 0
    name, dataset, episodes, other = outcome.out.splitlines()
    assert (name, other) == (protocol.id, protocols.OMNIGLOT[0].id)  # omniglot is not prepared
    assert dataset.split() == ["dataset", strokes.digest]
    golden = protocols.DIGESTS.get(protocol.id)
    word, digest = episodes.split()
    assert word == "episodes"
    assert len(bytes.fromhex(digest)) == 32
    assert golden is None or golden == (strokes.digest, digest)


def test_data_prepare_says_what_was_made_and_where(metabench, tmp_path):
    outcome = metabench("data", "prepare", "strokes", "--size", "14", "--cache", tmp_path / "cache")
    assert outcome.code == 0
    first, source, digest, folder = outcome.out.splitlines()
    assert first == "strokes: 6,400 images, 320 classes"
    assert source.startswith("source: drawn by code")
    hexadecimal, _, standing = digest.removeprefix("digest: ").partition(" ")
    assert len(bytes.fromhex(hexadecimal)) == 32
    assert standing == "(none is published for this size)"
    assert (Path(folder.removeprefix("folder: ")) / "images.npy").is_file()
    assert outcome.err == "Preparing strokes 14×14 …\n"


def test_version(metabench):
    outcome = metabench("--version")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"metabench {importlib.metadata.version('metabench')}\n"


@pytest.mark.parametrize(
    "command", ["run", "leaderboard", "learners", "backbones", "datasets", "protocols"]
)
def test_help(metabench, command):
    outcome = metabench(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: ")
