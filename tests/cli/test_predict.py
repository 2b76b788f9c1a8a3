"""`predict`: images of one's own, by a learner and a few examples of each class."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import metabench as package


@pytest.fixture
def drawn(metabench, strokes):
    """Squares, crosses and bars as supports and queries, and a result of a learner by pixels."""
    made = metabench("run", "--learner", "pixel_nn", "--dataset", "strokes", "--episodes", "2",
                     "--out", "r.json", "--quiet")  # fmt: skip
    assert made.code == 0
    draw = np.random.default_rng(0)
    for number, name in enumerate(("bar", "cross", "square")):
        for part, many in (("support", 2 + number), ("query", 2)):
            folder = Path(part) / name
            folder.mkdir(parents=True)
            for one in range(many):
                pixels = draw.integers(0, 40, (28, 28), np.uint8)
                pixels[4 + 8 * number : 10 + 8 * number, 4:24] += 200
                Image.fromarray(pixels).save(folder / f"{one}.png")
    return ("predict", "--result", "r.json", "--support", "support", "--query", "query")


def test_a_table_a_picture_and_what_is_right(metabench, drawn):
    outcome = metabench(*drawn)
    assert outcome.code == 0, outcome.err
    assert "examples: 2 to 4 of each of 3 classes\n" in outcome.err
    assert "right, by the names of the folders: 6 of 6" in outcome.out
    assert Path("predictions.png").read_bytes().startswith(b"\x89PNG")
    lines = list(csv.DictReader(Path("predictions.csv").read_text().splitlines()))
    assert [line["image"] for line in lines[:3]] == ["bar/0.png", "bar/1.png", "cross/0.png"]
    for line in lines:
        chances = {name: float(line[f"p({name})"]) for name in ("bar", "cross", "square")}
        assert max(chances, key=chances.get) == line["class"] == line["image"].split("/")[0]
        assert sum(chances.values()) == pytest.approx(1, abs=1e-5)
    assert metabench(*drawn).code == 0  # its own table may be written over


def test_images_may_lie_loose_and_the_table_may_go_to_standard_output(metabench, drawn):
    outcome = metabench(*drawn[:-1], "query/cross", "--out", "-", "--quiet")
    assert outcome.code == 0
    assert [line.split(",")[:2] for line in outcome.out.splitlines()[1:]] == [
        ["0.png", "cross"], ["1.png", "cross"],
    ]  # fmt: skip
    assert not list(Path().glob("predictions*"))


def test_in_python(drawn):
    result = package.run("pixel_nn", dataset="strokes", episodes=2, progress=False)
    found = package.predict(result, "support", "query", progress=False)
    assert found.answers == [name.split("/")[0] for name in found.names]
    assert found.images.shape == (6, 28, 28, 1)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--support", "absent"), "`support` is absent, which is not a folder"),
        (("--support", "query/bar"), "it needs 2 or more to test on"),
        (("--query", "absent"), "`query` is absent, which is not a folder"),
        (("--query", "."), "query/bar is a folder in a folder"),
        (("--out", "table.txt"), "must end in .csv"),
        (("--result", "absent.json"), "absent.json cannot be read"),
    ],
)
def test_mistakes_are_one_sentence(metabench, drawn, words, part):
    outcome = metabench(*drawn, *words, "--quiet")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert part in outcome.err
    assert not Path("predictions.csv").exists()


def test_a_foreign_file_stays_and_an_absent_training_is_named(metabench, drawn):
    Path("mine.csv").write_text("mine")
    outcome = metabench(*drawn, "--out", "mine.csv")
    assert (outcome.code, Path("mine.csv").read_text()) == (2, "mine")
    short = {"steps": 2, "validate_every": 2, "validation_episodes": 2, "chunk": 2}
    trained = package.run("protonet", dataset="strokes", episodes=2, train=short,
                          settings={"width": 4}, progress=False)  # fmt: skip
    with pytest.raises(package.UserError, match=r"there is no elsewhere.*`run-dir`"):
        package.predict(trained, "support", "query", run_dir="elsewhere", progress=False)
    found = package.predict(trained, "support", "query", progress=False)
    assert found.probabilities.shape == (6, 3)
