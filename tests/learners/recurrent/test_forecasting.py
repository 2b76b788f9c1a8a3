"""Learners that read functions: what they are shown, what they forecast, and that they learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import registry
from metabench.errors import UserError
from metabench.scoring.functions import collect, make_densities
from metabench.seeds import root_key
from metabench.tasks.functions import sample_functions, shown_values
from metabench.tasks.gaussian_process import log_density
from metabench.training.meta_training import initial_state, make_chunk
from metabench.types import EpisodeShape, FunctionShape, StreamShape

pytestmark = pytest.mark.slow

SHAPE = FunctionShape(dimensions=2, points=8)
NAMES = ("fast_weights", "lstm", "mann", "ntm")
SMALL = {"width": 16, "warmup": 0, "decay": "constant"}


def built(name, shape=SHAPE, **settings):
    """A small learner, its functions compiled."""
    learner = registry.build_learner(name, shape, {**SMALL, **settings})
    names = ("adapt", "predict", "forecast")
    return learner._replace(**{name: jax.jit(getattr(learner, name)) for name in names})


@pytest.fixture(scope="module")
def functions():
    return sample_functions(root_key(0), jnp.arange(2), SHAPE)


def test_those_that_take_functions_say_so():
    able = [n for n in registry.names("learners") if registry.takes(n, FunctionShape)]
    assert able == sorted(NAMES)
    assert registry.takes("pixel_nn", StreamShape)
    assert not registry.takes("protonet", StreamShape)
    assert registry.takes("protonet", EpisodeShape)


@pytest.mark.parametrize("name", NAMES)
def test_training_and_test_read_a_function_alike(name, functions):
    learner, key = built(name), root_key(1)
    state = initial_state(learner, 0)
    after, metrics = jax.jit(learner.training.step)(state, functions, key)
    shown = shown_values(functions.ys)
    found = jax.vmap(lambda xs, ys: learner.forecast(state, xs, ys, key))(functions.xs, shown)
    assert found.mean.shape == found.deviation.shape == (2, 8)
    assert (found.deviation > 0).all()
    np.testing.assert_allclose(metrics["loss"], -log_density(found, functions.ys).mean(), rtol=1e-4)
    changed = [jnp.any(a != b) for a, b in zip(*map(jax.tree.leaves, (state, after)), strict=True)]
    assert any(changed)


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_does_not_know_its_value_nor_later_ones(name, functions):
    learner, key = built(name), root_key(1)
    state, forecast = initial_state(learner, 0), jax.jit(learner.forecast)
    xs, ys = functions.xs[0], functions.ys[0]
    before = forecast(state, xs, shown_values(ys), key)
    others = jnp.where(jnp.arange(8) < 4, ys, -ys)
    after = forecast(state, xs, shown_values(others), key)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[:5], other[:5])  # that of step 4 is not shown at it
        assert (one[5:] != other[5:]).any()


@pytest.mark.parametrize("name", NAMES)
def test_queries_are_read_from_where_the_points_ended(name, functions):
    learner, key = built(name), root_key(1)
    state = initial_state(learner, 0)
    xs, ys = functions.xs[0], functions.ys[0]
    whole = learner.forecast(state, xs, shown_values(ys), key)
    found = learner.predict(learner.adapt(state, xs[:-1], ys[:-1], key), xs[-2:])
    for one, other in zip(found, whole, strict=True):
        assert one.shape == (2,)
        np.testing.assert_allclose(one[1], other[-1], rtol=1e-4, atol=1e-5)


def test_options_of_images_are_refused():
    with pytest.raises(UserError, match="`presentations` is 3, but functions have no images"):
        built("mann", presentations=3)
    with pytest.raises(UserError, match="`augment` is True"):
        built("lstm", augment=True)
    with pytest.raises(UserError, match="`points` is 1;"):
        built("ntm", FunctionShape(1, 1))


def test_batch_norm_keeps_statistics_for_every_step(functions):
    learner = built("lstm", norm="batch")
    state = initial_state(learner, 0)
    settle = jax.jit(learner.training.settle)
    once = settle(state, functions, root_key(1), jnp.int32(0)).statistics
    again = settle(state._replace(statistics=once), functions, root_key(1), jnp.int32(1)).statistics
    for before, after, same in zip(
        *map(jax.tree.leaves, (state.statistics, once, again)), strict=True
    ):
        assert (before != after).any(axis=1)[1:].all()  # before the first step all is 0
        np.testing.assert_allclose(after, same, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize("name", ["fast_weights", "mann"])
def test_a_short_training_beats_the_constant_gaussian(name):
    shape = FunctionShape(1, 20)
    learner = built(name, shape, width=48, learning_rate=5e-3)
    run, state = make_chunk(learner, shape, 32), initial_state(learner, 0)
    state, _ = run(state, None, root_key(0), jnp.int32(0), 200)
    densities = make_densities(learner, shape, references=True)
    found = collect(densities, state, seed=1, functions=50)
    ahead = found["learner"] - found["prior"]
    late = ahead[:, 5:].mean(1)
    assert late.mean() > 4 * late.std(ddof=1) / np.sqrt(50), late.mean()
    # And nobody beats who knows the kernel.
    behind = (found["gp_true"] - found["learner"])[:, 5:].mean(1)
    assert behind.mean() > 4 * behind.std(ddof=1) / np.sqrt(50)
