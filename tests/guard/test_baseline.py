"""The committed baseline names every learner that the fast tier can hold."""

from benchmarks.gate import tier
from metabench.results import document


def test_every_learner_of_episodes_has_a_document_of_many_seeds():
    found = {path.stem: document.read(path) for path in tier.FOLDER.glob("*.json")}
    assert set(found) == set(tier.learners())
    for name, result in found.items():
        assert result.learner == name
        assert result.recipe.get("train", {}).get("select", "last") == "last"
        if result.trained:
            assert len(result.runs) == tier.SEEDS
