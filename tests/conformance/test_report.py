"""What an author reads of a learner that fails: what was found, and what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metabench
from metabench import EpisodeLearner, EpisodeShape
from metabench.conformance import LEARNER_CHECKS, ConformanceError
from metabench.conformance.advice import FIRST, OF_CHECKS, advice, described
from metabench.conformance.check import Outcome, arrays_alone
from metabench.conformance.report import ASKS, Report
from metabench.errors import UserError


def report(*outcomes):
    return Report("mine", "mine.py, unpackaged", "0" * 64, {}, outcomes)


def error_of(function, *arguments):
    with pytest.raises(TypeError) as caught:
        jax.jit(function)(*arguments)
    return caught.value


def test_every_check_asks_something_and_has_advice():
    names = {check.name for check in LEARNER_CHECKS}
    assert set(OF_CHECKS) == set(ASKS) == names
    assert all(ASKS.values())
    assert set(FIRST) <= names


def test_the_text_tells_what_was_asked_found_and_is_to_be_done():
    found = report(
        Outcome("contract", "passed"),
        Outcome("vmap", "failed", "answers differ", OF_CHECKS["vmap"]),
        Outcome("trace", "skipped", "has no `trace`"),
    )
    assert not found.holds
    lines = str(found).splitlines()
    assert lines[0] == "mine: 1 of 3 checks fail, 1 pass, 1 do not apply"
    start = lines.index("FAILED   vmap")
    assert lines[start + 1] == f"  asked  {ASKS['vmap']}"
    assert lines[start + 2] == "  found  answers differ"
    assert lines[start + 3].startswith("  do     Use arrays of one task alone")
    assert "  trace: has no `trace`" in lines
    assert "PASSED   contract" in lines


def test_what_may_follow_from_a_broken_contract_comes_after_it_in_short():
    found = report(
        Outcome("vmap", "failed", "it broke", "something"),
        Outcome("jit", "failed", "it broke", "something"),
        Outcome("contract", "failed", "must return logits", "look here"),
    )
    lines = str(found).splitlines()
    assert lines.index("FAILED   contract") < lines.index("  vmap, jit: it broke")
    assert "Something." not in str(found)


def test_a_document_for_programs():
    found = report(Outcome("vmap", "failed", "no", "do"), Outcome("jit", "passed")).as_json()
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 1, 0)
    assert found["holds"] is False
    assert found["checks"][0] == {
        "check": "vmap", "status": "failed", "said": "no", "advice": "do", "asks": ASKS["vmap"],
    }  # fmt: skip


def test_an_error_is_told_with_its_place_and_what_to_do():
    def branches(x):
        return x if x.sum() > 0 else -x

    def leaves(x):
        return np.asarray(x)

    branching, leaving = error_of(branches, jnp.ones(3)), error_of(leaves, jnp.ones(3))
    said = described(branching)
    assert said.startswith("test_report.py, line ")
    assert "in branches: TracerBoolConversionError: Attempted boolean conversion" in said
    assert "while tracing" not in said
    assert "`jnp.where`" in advice("jit", branching)
    assert "`jax.pure_callback`" in advice("jit", leaving)


def test_advice_on_what_is_no_number_is_its_own():
    error = ConformanceError("logits must be finite; some are not a number or infinite")
    assert "division by zero" in advice("contract", error)
    assert advice("contract", ConformanceError("another")) == OF_CHECKS["contract"]
    assert described(UserError("`way` is 0")) == "`way` is 0"


def test_a_shape_that_does_not_fit_is_not_called_a_tree_that_does_not_fit():
    with pytest.raises(TypeError, match="incompatible shapes"), arrays_alone("no pytree"):
        jax.eval_shape(lambda x: x + jnp.ones(4), jnp.ones(3))
    with pytest.raises(ConformanceError, match="no pytree; saw: "), arrays_alone("no pytree"):
        jax.eval_shape(lambda x: "word", jnp.ones(3))


@pytest.mark.slow
def test_in_python():
    def ink(shape: EpisodeShape, *, scale: float = 1.0):
        def of(x):
            return scale * x.astype(jnp.float32).mean((1, 2, 3))

        def adapt(state, x, y, key):
            return jnp.zeros(shape.way).at[y].add(of(x)) / jnp.bincount(y, length=shape.way)

        def predict(task, x):
            return -jnp.abs(of(x)[:, None] - task[None])

        return EpisodeLearner(lambda key: (), adapt, predict)

    found = metabench.check(ink, settings={"scale": 0.5}, progress=False)
    assert found.holds
    assert found.settings == {"scale": 0.5}
    with pytest.raises(UserError, match="has no option `scales`"):
        metabench.check(ink, settings={"scales": 1.0}, progress=False)
