"""The authors' convolutional optimizee against the same written out in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.learned_optimizers.lstm.kinds import by_name
from metabench.learned_optimizers.problems import images
from metabench.learned_optimizers.problems.authors_convnet import (
    authors_convnet,
    first_params,
    logits,
)
from metabench.learned_optimizers.problems.tasks import check_task

pytestmark = pytest.mark.slow


def normed(x, bias):
    axes = tuple(range(x.ndim - 1))
    found = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-3) + bias
    return np.maximum(0, found)


def convolved(x, kernel):
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (1, 2))
    return np.einsum("nhwcij,ijcd->nhwd", windows, kernel)


def test_logits_by_hand():
    x = np.random.default_rng(0).random((3, 8, 8, 3))
    params = first_params(jax.random.key(0), (8, 8, 3), 4)
    params = jax.tree.map(lambda leaf: leaf + 0.02, params)
    plain = jax.tree.map(np.float64, params)
    found = logits(params, jnp.float32(x))
    for number in range(3):
        x = normed(convolved(x, plain[f"conv{number}"]["kernel"]), plain[f"norm{number}"]["bias"])
        n, h, w, c = x.shape
        x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    x = normed(x.reshape(3, -1) @ plain["hidden"]["kernel"], plain["hidden"]["bias"])
    expected = x @ plain["output"]["kernel"] + plain["output"]["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_first_values_kernels_and_kinds():
    params = first_params(jax.random.key(0), (32, 32, 3), 64)
    assert params["conv1"]["kernel"].shape == (5, 5, 16, 16)
    for name in ("conv0", "conv2", "hidden", "output"):
        assert float(params[name]["kernel"].std()) == pytest.approx(0.01, rel=0.1)
    kinds = by_name(params)
    assert {name: set(one.values()) for name, one in kinds.items()} == {
        **{f"conv{number}": {"conv"} for number in range(3)},
        **{f"norm{number}": {"dense"} for number in range(3)},
        "hidden": {"dense"},
        "output": {"dense"},
    }


def test_it_is_an_optimizee():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
    data = images.of(pixels, np.arange(12) // 4)
    optimizee = authors_convnet(data, "digest", 3)
    params = optimizee.init(jax.random.key(0))
    assert float(optimizee.measured(params, (), data)) == pytest.approx(np.log(3), abs=0.02)
    for task in ("imagenet-authors-conv", "imagenet-authors-conv-5", "imagenet-authors-conv-2"):
        check_task(task)
