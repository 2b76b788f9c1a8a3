"""What a dataset declares becomes a TFDS builder, under a name that TFDS does not use."""

import os
import subprocess
import sys

import numpy as np
import pytest

from metabench import data, registry
from metabench.contracts.dataset import Request
from metabench.data import tfds_records
from tests.datasets import tiny_omniglot as tiny
from tests.places import ROOT

RECORDED = [name for name in registry.names("datasets") if registry.dataset(name).records]


@pytest.fixture
def request_of(tmp_path):
    folder = tiny.write(tmp_path / "archives")
    paths = {part.archive: folder / part.archive for part in tiny.LAYOUT}
    return Request(paths, 28, tmp_path)


def test_threads_change_nothing(request_of):
    spec = tiny.spec()
    threaded = spec._replace(records=spec.records._replace(threaded=True))
    one, several = (tfds_records.examples(s, request_of) for s in (spec, threaded))
    assert one.count == several.count == 10
    for (name, image), (other, same) in zip(one.stream, several.stream, strict=True):
        assert name == other
        np.testing.assert_array_equal(image, same)


def test_reading_and_decoding_are_reported(request_of, capsys):
    tfds_records.examples(tiny.spec(), request_of._replace(shown=True))
    assert capsys.readouterr().err == "Reading the archives of tiny …\n"
    tfds_records.examples(tiny.spec(), request_of._replace(shown=True))
    assert capsys.readouterr().err == ""  # built before


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    folder = tiny.write(tmp_path / "archives")
    code = (
        "import resource, sys\n"
        "from tests.datasets.tiny_omniglot import spec\n"
        "from metabench import data, errors\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "try: data.prepare(spec(), None, sys.argv[1], sys.argv[2], progress=False)\n"
        "except errors.UserError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder, tmp_path / "cache"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    (sentence,) = done.stdout.splitlines()
    assert sentence.startswith(f"`cache` folder {tmp_path / 'cache'}")
    assert "File too large" in sentence
    assert sentence.endswith("set `METABENCH_CACHE` to a folder that has it")
    assert not data.is_prepared(tiny.spec(), cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.array_record*"))


def test_a_specification_must_have_something_to_read(request_of):
    with pytest.raises(ValueError, match=r"dataset `tiny` must declare `examples` or `records`"):
        tfds_records.examples(tiny.spec()._replace(records=None), request_of)


def test_every_dataset_of_archives_is_known_to_tfds():
    code = (
        "import sys, tensorflow_datasets as tfds\n"
        "own = set(tfds.list_builders(with_community_datasets=False))\n"
        "from metabench.datasets.builders import BUILDERS\n"
        "assert not own & set(BUILDERS), own & set(BUILDERS)\n"
        "for name, cls in BUILDERS.items():\n"
        "    made = tfds.builder(name, data_dir=sys.argv[1], file_format='array_record')\n"
        "    assert type(made) is cls and made.info.citation\n"
        "    print(cls.spec.name, made.name, made.version == cls.spec.version)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "/nonexistent"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [line.split() for line in done.stdout.splitlines()]
    assert sorted(line[0] for line in found) == RECORDED
    assert {line[2] for line in found} == {"True"}
    assert {line[1] for line in found} >= {"omniglot_metabench"}


@pytest.mark.realdata
@pytest.mark.slow
def test_tfds_prepares_from_the_archives_by_name_alone(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    from metabench.datasets import builders

    name = "omniglot_metabench"
    assert name in builders.BUILDERS
    made = tfds.builder(name, data_dir=tmp_path, file_format="array_record")
    made.download_and_prepare()
    assert made.info.splits["full"].num_examples == 32460
    source = made.as_data_source("full", decoders={"image": tfds.decode.SkipDecoding()})
    assert source[0]["name"] == b"Alphabet_of_the_Magi/character01"
    assert source[0]["image"].startswith(b"\x89PNG")
