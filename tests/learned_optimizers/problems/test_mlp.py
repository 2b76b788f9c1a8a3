"""Perceptrons on images: the loss in plain numpy, first parameters, minibatches, the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learned_optimizers.problems import images
from metabench.learned_optimizers.problems.mlp import first_params, mlp
from metabench.types import Dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    """40 images of 2×3 with labels 0 … 3, class by class."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 2, 3, 1), np.uint8)
    return images.of(pixels, np.arange(40) // 10)


def by_hand(params, data, rows, activation):
    x = np.float64(data.images)[rows].reshape(len(rows), -1) / 255
    for layer in params[:-1]:
        x = activation(x @ np.float64(layer["kernel"]) + np.float64(layer["bias"]))
    logits = x @ np.float64(params[-1]["kernel"]) + np.float64(params[-1]["bias"])
    right = logits[np.arange(len(rows)), np.asarray(data.labels)[rows]]
    return (np.log(np.exp(logits).sum(1)) - right).mean()


@pytest.mark.parametrize(
    ("hidden", "activation", "plain"),
    [
        ((5,), jax.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
        ((5, 4), jax.nn.relu, lambda x: np.maximum(x, 0)),
    ],
)
def test_losses_by_hand(data, hidden, activation, plain):
    optimizee = mlp(data, "digest", hidden, activation, classes=4)
    params = optimizee.init(jax.random.key(1))
    params = jax.tree.map(lambda leaf: 100 * leaf, params)  # far from where all logits are equal
    everything = np.arange(40)
    found = optimizee.measured(params, (), data)
    np.testing.assert_allclose(found, by_hand(params, data, everything, plain), rtol=1e-5)
    key = jax.random.key(7)
    rows = np.asarray(jax.random.randint(key, (128,), 0, 40))
    found = optimizee.loss(params, (), data, key)
    np.testing.assert_allclose(found, by_hand(params, data, rows, plain), rtol=1e-5)


def test_first_parameters_are_small_and_differ_by_key():
    params = first_params(jax.random.key(0), (784, 20, 10))
    assert [layer["kernel"].shape for layer in params] == [(784, 20), (20, 10)]
    assert [layer["bias"].shape for layer in params] == [(20,), (10,)]
    np.testing.assert_allclose(params[0]["kernel"].std(), 0.01, rtol=0.03)
    assert float(jnp.abs(params[0]["bias"]).max()) > 0
    other = first_params(jax.random.key(1), (784, 20, 10))
    assert not jnp.array_equal(params[0]["kernel"], other[0]["kernel"])


def dataset(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None]
    names = tuple(map(str, range(len(counts))))
    return Dataset("made", pixels, labels, names, {}, "", "digest", "here")


def test_the_training_part_is_the_first_of_each_class():
    rows = images.first_of_each(dataset((4, 3, 5)), (2, 3, 1))
    assert rows.tolist() == [0, 1, 4, 5, 6, 7]


@pytest.mark.parametrize("counts", [(1, 3, 5), (4, 3), (4, 3, 5, 1)])
def test_other_data_is_refused(counts):
    with pytest.raises(UserError, match="prepare it again"):
        images.first_of_each(dataset(counts), (2, 3, 1))


def test_measured_images_are_spread_over_the_classes():
    many = images.of(np.zeros((20_000, 1, 1, 1), np.uint8), np.arange(20_000) // 2000)
    assert many.measured.shape == (images.MEASURED,)
    counts = np.bincount(np.asarray(many.labels[many.measured]))
    assert counts.min() > 990


@pytest.mark.realdata
def test_real_mnist_is_its_training_part():
    from metabench.learned_optimizers.problems.tasks import build

    optimizee = build("mnist-mlp", progress=False)
    assert optimizee.data.labels.shape == (60_000,)
    assert optimizee.data.images.dtype == jnp.uint8
    assert np.bincount(np.asarray(optimizee.data.labels)).tolist() == list(images.MNIST_TRAIN)
