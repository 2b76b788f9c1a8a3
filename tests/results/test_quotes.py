"""Papers' figures in words: each once, and with the entries that it goes with."""

from dataclasses import replace

from metabench.results.quotes import APART, BESIDE, quotes
from tests.made_up_result import made_up

OMNIGLOT = {"dataset": "omniglot", "split": "vinyals", "way": 5, "query": 15}
INDUCTIVE = made_up("reptile", protocol=OMNIGLOT)
TRANSDUCTIVE = replace(INDUCTIVE, transductive=True)


def test_a_figure_of_another_question_is_apart():
    (first, near), (second, far) = quotes({"reptile": INDUCTIVE})
    assert (first, second) == (BESIDE, APART)
    assert near[0].startswith("reptile: 95.39 ± 0.09 (Nichol et al. 2018): split: random")
    assert far == ["reptile: 97.68 ± 0.04 (Nichol et al. 2018): transductive, here not"]


def test_a_figure_beside_one_entry_is_not_apart_for_another():
    ((heading, lines),) = quotes({"one": INDUCTIVE, "two": TRANSDUCTIVE})
    assert heading == BESIDE
    assert [line.partition(" ± ")[0] for line in lines] == ["one: 95.39", "two: 97.68"]


def test_entries_with_the_same_line_share_it():
    (_, lines), *_ = quotes({"one": INDUCTIVE, "two": INDUCTIVE})
    assert lines[0].startswith("one, two: 95.39")


def test_a_figure_apart_is_listed_for_the_nearest_entries():
    settings = {"base": "maml", "embedding": "bigan"}
    near = made_up("cactus", protocol=OMNIGLOT, hyperparameters=settings)
    far = replace(near, hyperparameters={"base": "protonet", "embedding": "bigan"})
    found = dict(quotes({"near": near, "far": far}))[APART]
    assert "near: 68.84 ± 0.8 (Hsu et al. 2019): embedding=acai, here bigan; " in found[0]
    assert not any(line.startswith("far: 68.84") for line in found)


def test_no_figures_are_no_lines():
    assert quotes({"mine": made_up("mine", protocol=OMNIGLOT)}) == []
