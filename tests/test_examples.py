"""The examples in docstrings, the README and the documents run and give what they say."""

import doctest
import importlib
import re

import pytest

from metabench.conformance import check_learner
from tests.places import ROOT

MODULES = (
    "metabench.api",
    "metabench.learners.common.by_gradient",
    "metabench.learners.common.on_host",
    "metabench.results.compared",
    "metabench.results.leaderboard",
)
PAGES = ("README.md", "docs/write-a-learner.md")
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", MODULES)
def test_docstring(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path, monkeypatch):
    """All Python blocks of a page, one after the other in one namespace."""
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks
    (tmp_path / "mine.py").write_text(blocks[0])
    names = {"__name__": "mine"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


LEARNERS = {  # a learner of `examples/`, and what it needs
    "ridge/metabench_ridge.py:ridge": "jax",
    "on_host/with_scikit.py:logistic": "sklearn",
    "on_host/with_torch.py:prototypes": "torch",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_of_the_examples_passes_all_checks(name):
    pytest.importorskip(LEARNERS[name], reason=f"{name} needs {LEARNERS[name]}")
    check_learner(f"{ROOT}/examples/{name}")
