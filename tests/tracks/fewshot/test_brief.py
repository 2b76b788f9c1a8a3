"""Brief trainings of many seeds count as a whole run does."""

import pytest

from metabench.errors import UserError
from metabench.tracks.fewshot.brief import Brief
from metabench.tracks.fewshot.run import execute
from metabench.training.watcher import Watcher

LENGTHS = {"steps": 4, "validate_every": 2, "validation_episodes": 4, "select": "last"}


def test_every_seed_counts_as_in_a_whole_run(plan):
    planned = plan(lengths=LENGTHS, seeds=(0, 3))
    whole = execute(planned, resume=False, command="", watcher=Watcher())
    brief = Brief(planned).result((0, 3), "a command")
    assert [run.correct for run in brief.runs] == [run.correct for run in whole.runs]
    assert [run.train_steps for run in brief.runs] == [4, 4]
    assert brief.parameter_count == whole.parameter_count
    assert (brief.recipe, brief.protocol) == (whole.recipe, whole.protocol)
    assert brief.command == "a command"
    assert not planned.folder.with_name("none").exists()


def test_a_learner_without_training_is_tested_as_it_is(plan):
    planned = plan("untrained", lengths={})
    whole = execute(planned, resume=False, command="", watcher=Watcher())
    assert Brief(planned).run(0).correct == whole.runs[0].correct


def test_the_best_in_validation_cannot_be_tested_without_validation(plan):
    with pytest.raises(UserError, match="`select` is 'best'"):
        Brief(plan(lengths=LENGTHS | {"select": "best"}))
