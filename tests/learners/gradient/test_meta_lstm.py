"""The meta-learner LSTM as a learner: it is plain descent where its gates say so."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.errors import UserError
from metabench.learners.common.whole_network import Supports
from metabench.learners.gradient.meta_lstm import _adapted, _replayed, meta_lstm
from metabench.learners.gradient.outer_loop import Network
from metabench.seeds import root_key
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=2, image=(16, 16, 1))
TINY = {"width": 2, "hidden": 3, "inner_steps": 3}


def images(number, seed):
    return jax.random.bits(root_key(seed), (number, 16, 16, 1), jnp.uint8)


def test_with_open_forget_gates_it_is_gradient_descent():
    learner = meta_lstm(SHAPE, **TINY, norm="support")
    state = jax.jit(learner.init)(root_key(0))
    optimizer = state.params.optimizer
    rate = 0.2
    fixed = optimizer._replace(
        gates=jnp.zeros_like(optimizer.gates),
        gate_bias=jnp.array([100.0, jnp.log(rate / (1 - rate))]),
    )
    state = state._replace(params=state.params._replace(optimizer=fixed))
    x, y = images(2, 1), jnp.array([0, 1])
    task = jax.jit(learner.adapt)(state, x, y, root_key(2))
    net = Network(width=2, norm="support").nets(SHAPE).trained
    weights, stats = state.params.weights, state.stats

    def error(weights):
        scores, _ = net.apply(weights, stats, x, train=True)
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

    gradient = jax.jit(jax.grad(error))
    for _ in range(3):
        slope = gradient(weights)
        weights = jax.tree.map(lambda w, g: w - rate * g, weights, slope)
    for found, expected in zip(
        jax.tree.leaves(task.weights), jax.tree.leaves(weights), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_meta_training_differentiates_what_the_test_does():
    net = Network(width=2, norm="batch").nets(SHAPE).trained
    params = jax.jit(meta_lstm(SHAPE, **TINY).init)(root_key(0)).params
    supports = Supports(net, net.init(root_key(0))[1], images(2, 1), jnp.array([0, 1]))

    def ends(adapted):
        def total(params):
            task = adapted(3, params, supports)
            return sum((leaf * jnp.cos(leaf)).sum() for leaf in jax.tree.leaves(task.weights))

        return jax.jit(jax.value_and_grad(total))(params)

    for found, expected in zip(
        jax.tree.leaves(ends(_replayed)), jax.tree.leaves(ends(_adapted)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_both_levels_are_trained():
    learner = meta_lstm(SHAPE, **TINY)
    state = jax.jit(learner.init)(root_key(0))
    episodes = Episode(
        support_x=images(2, 1)[None],
        support_y=jnp.array([[0, 1]]),
        query_x=images(4, 2)[None],
        query_y=jnp.array([[1, 0, 0, 1]]),
        class_ids=jnp.array([[4, 6]]),
    )
    after, metrics = jax.jit(learner.training.step)(state, episodes, root_key(0))
    assert np.isfinite(metrics["loss"])
    moved = jax.tree.map(lambda a, b: bool(np.abs(a - b).max() > 0), state.params, after.params)
    assert all(jax.tree.leaves(moved.optimizer))
    assert any(jax.tree.leaves(moved.weights))


@pytest.mark.parametrize("norm", [None, "support", "batch"])
def test_queries_are_hidden_from_one_another_unless_asked(norm):
    assert meta_lstm(SHAPE, test_norm=norm).transductive == (norm in (None, "batch"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inner_steps": 0}, "`inner_steps` is 0; it must be at least 1"),
        ({"hidden": 0}, "`hidden` is 0; it must be at least 1"),
        ({"first_rate": 0.0}, "`first_rate` is 0.0; it must be between 0 and 1"),
        ({"first_rate": 1.0}, "`first_rate` is 1.0; it must be between 0 and 1"),
        ({"test_norm": "layer"}, "`test_norm` is 'layer'; after `norm` 'batch'"),
        ({"train_query": 0}, "`train_query` is 0; it must be at least 1"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        meta_lstm(SHAPE, **options)
