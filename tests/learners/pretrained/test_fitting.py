"""A layer fitted to the supports, held against the authors' procedure written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.learners.common.linear import Weights
from metabench.learners.pretrained.baseline import first_weights
from metabench.learners.pretrained.baseline_pp import Vectors, first_vectors
from metabench.learners.pretrained.fitting import Fitting, Layer, dampened, fitted, minibatches

WAY, FEATURES = 3, 4
DRAWN = np.random.default_rng(0)
SUPPORTS, LABELS = DRAWN.normal(size=(5, FEATURES)), np.array([0, 1, 2, 0, 1])
LINEAR = Layer(first_weights, Weights.logits)
FACTORED = Layer(
    lambda key, features, way: first_vectors(key, features, way, factors=True),
    lambda layer, x: Vectors(*layer).logits(x, scale=2.0),
)


def test_every_support_is_met_once_in_an_epoch_and_in_another_order_each_time():
    found = minibatches(jax.random.key(0), 5, 4, 6)
    assert found.indices.shape == found.weights.shape == (12, 4)
    np.testing.assert_array_equal(found.weights, [[1, 1, 1, 1], [1, 0, 0, 0]] * 6)
    met = np.asarray(found.indices).reshape(6, 8)[:, :5]
    np.testing.assert_array_equal(np.sort(met, 1), [range(5)] * 6)
    assert len({tuple(row) for row in met}) > 3


def test_a_steady_gradient_moves_the_weights_by_the_rate_alone():
    """With dampening 0.9, a tenth of momentum's step; the first step is a whole one."""
    update, steps = dampened(0.01), []
    params = {"w": jnp.zeros(1)}
    state = update.init(params)
    for _ in range(200):
        moved, state = update.update({"w": jnp.ones(1)}, state, params)
        steps.append(float(moved["w"][0]))
    np.testing.assert_allclose(steps, -0.01, rtol=1e-5)


def softmax(scores):
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def linear_gradient(weights, x, y):
    matrix, bias = weights
    wrong = (softmax(x @ matrix + bias) - np.eye(WAY)[y]) / len(x)
    return [x.T @ wrong, wrong.sum(0)]


def factored_gradient(weights, x, y):
    vectors, factors = weights
    length = np.linalg.norm(vectors, axis=1)
    unit, seen = vectors / length[:, None], x / np.linalg.norm(x, axis=1, keepdims=True)
    wrong = 2 * (softmax(2 * (seen @ unit.T) * factors) - np.eye(WAY)[y]) / len(x)
    slope = (wrong * factors).T @ seen  # of the unit vectors
    along = (slope * unit).sum(1, keepdims=True) * unit
    return [(slope - along) / length[:, None], (wrong * (seen @ unit.T)).sum(0)]


def by_the_authors(weights, gradient, batches, rate):
    """PyTorch's SGD: momentum and dampening 0.9, weight decay 0.001."""
    weights, running = [np.array(w, np.float64) for w in weights], None
    for indices, real in zip(*map(np.asarray, batches), strict=True):
        chosen = indices[real > 0]
        slopes = gradient(weights, SUPPORTS[chosen], LABELS[chosen])
        slopes = [g + 0.001 * w for g, w in zip(slopes, weights, strict=True)]
        if running is None:
            running = slopes
        else:
            running = [0.9 * r + 0.1 * g for r, g in zip(running, slopes, strict=True)]
        weights = [w - rate * r for w, r in zip(weights, running, strict=True)]
    return weights


@pytest.mark.parametrize(
    ("layer", "gradient"), [(LINEAR, linear_gradient), (FACTORED, factored_gradient)]
)
def test_the_layer_is_that_of_the_authors_procedure(layer, gradient):
    key, epochs, rate = jax.random.key(3), 100, 0.2
    begin_key, order_key = jax.random.split(key)
    begin = layer.first(begin_key, FEATURES, WAY)
    batches = minibatches(order_key, 5, 4, epochs)
    assert len(batches.indices) == 200  # steps, for 5 supports
    expected = by_the_authors(begin, gradient, batches, rate)
    options = Fitting(fit_epochs=epochs, fit_rate=rate)
    x, y = jnp.asarray(SUPPORTS, jnp.float32), jnp.asarray(LABELS)
    found = fitted(layer, options, x, y, WAY, key)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    assert np.abs(expected[0] - np.asarray(begin[0])).max() > 0.3


def test_first_weights_are_spread_as_pytorch_spreads_them():
    found = first_weights(jax.random.key(0), 64, 500)
    assert 0.124 < np.abs(found.matrix).max() <= 0.125
    assert 0.12 < np.abs(found.bias).max() <= 0.125
    vectors = first_vectors(jax.random.key(0), 64, 500, factors=True)
    np.testing.assert_allclose(vectors.factors, np.linalg.norm(vectors.vectors, axis=1), rtol=1e-5)
    assert abs(float(vectors.factors.mean()) - 3**-0.5) < 0.01
