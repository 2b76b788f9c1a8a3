"""Log densities of learners and references over many functions, and their intervals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.learner import Forecaster, Training
from metabench.scoring import functions as forecasts
from metabench.scoring.functions import collect, interval, make_densities
from metabench.seeds import root_key
from metabench.tasks import gaussian_process as gp
from metabench.tasks.functions import prior, sample_functions
from metabench.types import Forecast, FunctionShape

pytestmark = pytest.mark.slow

SHAPE = FunctionShape(1, 6)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small chunks, and a coarse grid of kernels."""
    monkeypatch.setattr(forecasts, "CHUNK", 4)
    monkeypatch.setattr(gp, "GRID", (3, 2, 2))
    monkeypatch.setattr(gp, "FIT_STEPS", 3)


def constant(mean):
    """A learner that always forecasts the same, and checks what it is shown."""

    def forecast(state, xs, before, key):
        shown = jnp.where(before[0] == 0, state, jnp.nan)
        return Forecast(jnp.full(6, mean) + 0 * xs[:, 0] + shown, jnp.ones(6))

    none = jnp.float32(0)
    return Forecaster(lambda key: none, None, None, forecast, Training(None))


def test_every_method_meets_the_same_functions():
    learner, done = constant(0.5), []
    run = make_densities(learner, SHAPE, references=True)
    found = collect(run, jnp.float32(0), seed=3, functions=10, progress=done.append)
    assert done == [4, 4, 2]
    assert {name: values.shape for name, values in found.items()} == dict.fromkeys(
        ("learner", "gp_true", "gp_fitted", "gp_averaged", "prior"), (10, 6)
    )
    functions = sample_functions(root_key(3), jnp.arange(10), SHAPE)
    for number in range(10):
        xs, ys, kernel = jax.tree.map(lambda leaf, n=number: leaf[n], functions)
        expected = {
            "learner": gp.log_density(Forecast(jnp.full(6, 0.5), jnp.ones(6)), ys),
            "gp_true": gp.log_density(gp.sequential(kernel, xs, ys), ys),
            "prior": gp.log_density(prior(6), ys),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(found[name][number], values, rtol=1e-4, atol=1e-4)
        middle = gp.inside(jnp.full(3, 0.5), *forecasts.box(SHAPE))
        first = gp.log_density(gp.sequential(middle, xs, ys), ys)[0]
        assert found["gp_fitted"][number, 0] == pytest.approx(float(first), abs=1e-4)


def test_references_only_where_asked():
    run = make_densities(constant(0.0), SHAPE, references=False)
    assert set(run(jnp.float32(0), root_key(0), jnp.arange(4))) == {"learner"}


def test_intervals():
    values = np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]])
    found = interval(values)
    np.testing.assert_allclose(found.by_step, [3, 2])
    np.testing.assert_allclose(found.by_step_ci95, [1.96 * 2 / np.sqrt(3), 0])
    assert found.mean == pytest.approx(2.5)
    assert found.ci95 == pytest.approx(1.96 / np.sqrt(3))
