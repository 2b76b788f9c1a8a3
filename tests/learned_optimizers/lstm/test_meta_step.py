"""Episodes: lengths that are drawn, and a state that begins anew in training too."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learned_optimizers.lstm import unrolled
from metabench.learned_optimizers.lstm.meta_step import (
    Sizes,
    first_state,
    make_meta_step,
    truncations,
)
from metabench.learned_optimizers.lstm.truncation import Rule
from metabench.learned_optimizers.problems.quadratic import quadratic

pytestmark = pytest.mark.slow

STILL = optax.sgd(0.0)  # the weights stay, so losses can be compared


def one_episode(sizes, rule=None, optimizer=STILL):
    rule = rule or Rule()
    state = first_state(quadratic(), rule, optimizer, jax.random.key(0), 3, 1)
    step = jax.jit(make_meta_step(quadratic(), rule, optimizer, sizes))
    return lambda number: step(state, (), jax.random.key(1), jnp.int32(number))


def test_all_horizons_are_equally_likely():
    keys = jax.random.split(jax.random.key(0), 3000)
    sizes = Sizes(1, (10, 20, 50), 5)
    drawn = jax.vmap(lambda key: truncations(sizes, key))(keys)
    found, counts = np.unique(drawn, return_counts=True)
    assert found.tolist() == [2, 4, 10]
    np.testing.assert_allclose(counts / 3000, 1 / 3, atol=0.04)
    assert truncations(Sizes(1, (20,), 5), keys[0]) == 4


def test_an_episode_of_a_drawn_horizon_is_that_of_the_horizon_alone():
    """One program for both lengths; Adam tells how many truncations there were."""
    drawn = one_episode(Sizes(2, (4, 8), 2), optimizer=optax.adam(1e-3))
    alone = {n: one_episode(Sizes(2, (2 * n,), 2), optimizer=optax.adam(1e-3)) for n in (2, 4)}
    seen = set()
    for number in range(6):
        state, loss = drawn(number)
        count = int(state.adam[0].count)
        seen.add(count)
        expected, mean = alone[count](number)
        np.testing.assert_allclose(loss, mean, rtol=1e-5)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
            state.weights,
            expected.weights,
        )
    assert seen == {2, 4}


def test_training_restarts_the_state_as_the_trained_optimizer_does():
    sizes = Sizes(2, (6,), 2)
    rule = Rule(reset_every=2)
    _, loss = one_episode(sizes, rule)(0)
    # The optimizer itself, step by step, on the same instances.
    weights = first_state(quadratic(), rule, STILL, jax.random.key(0), 3, 1).weights
    drawn = unrolled.draw(quadratic(), jax.random.key(1), jnp.arange(2))
    batch, optimizer = unrolled.Batch(quadratic(), (), drawn), rule.trained(weights)
    _, work = unrolled.begin(batch, optimizer)
    _, losses = jax.lax.scan(
        lambda work, step: unrolled.advance(batch, optimizer, work, step), work, 1 + jnp.arange(6)
    )
    assert float(loss) == pytest.approx(float(losses.mean()), rel=1e-5)
    assert float(one_episode(sizes)(0)[1]) != pytest.approx(float(loss), rel=1e-4)
