"""The convolutional optimizee: its loss against XLA's own convolution, its kinds of parameters."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import data as data_module
from metabench.data.readers import pictures
from metabench.learned_optimizers.lstm import unrolled
from metabench.learned_optimizers.lstm.kinds import by_name
from metabench.learned_optimizers.problems import images, tasks
from metabench.learned_optimizers.problems.convnet import convnet, first_params, logits
from metabench.types import Split
from tests.datasets import tiny_mini_imagenet as tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
    return images.of(pixels, np.arange(12) // 4)


def expected_logits(params, x):
    for number in range(3):
        layer = params[f"conv{number}"]
        x = jax.lax.conv_general_dilated(
            x, layer["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        mean, variance = (of((0, 1, 2), keepdims=True) for of in (x.mean, x.var))
        x = (x - mean) / jnp.sqrt(variance + 1e-5)
        x = jnp.maximum(0, x * layer["scale"][None, None, None] + layer["bias"][None, None, None])
        n, h, w, c = x.shape
        x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    x = x.reshape(len(x), -1)
    x = jnp.maximum(0, x @ params["hidden"]["kernel"] + params["hidden"]["bias"][None])
    return x @ params["output"]["kernel"] + params["output"]["bias"][None]


def test_logits_and_loss(data):
    optimizee = convnet(data, "digest", 3)
    params = jax.jit(optimizee.init)(jax.random.key(0))
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    pixels = jnp.float32(data.images) / 255
    expected = jax.jit(expected_logits)(params, pixels)
    np.testing.assert_allclose(jax.jit(logits)(params, pixels), expected, rtol=1e-3, atol=1e-4)
    labels = np.arange(12) // 4
    right = jax.nn.log_softmax(expected)[np.arange(12), labels]
    np.testing.assert_allclose(optimizee.measured(params, (), data), -right.mean(), rtol=1e-3)


def test_instances_in_turn_have_the_gradients_of_those_side_by_side(data):
    optimizee = convnet(data, "digest", 3)
    draw = jax.jit(partial(unrolled.draw, optimizee))
    instances = draw(jax.random.key(1), jnp.arange(2))
    batches = (
        unrolled.Batch(optimizee._replace(fills_cpu=fills), data, instances)
        for fills in (True, False)
    )
    found, expected = (
        jax.jit(partial(unrolled.at, batch))(instances.params, 3) for batch in batches
    )
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    assert float(jnp.ptp(found[0])) > 0


def test_parameters_of_convolutions_are_a_kind_of_their_own():
    params = first_params(jax.random.key(0), (32, 32, 3), 64)
    kinds = by_name(params)
    assert {name: set(one.values()) for name, one in kinds.items()} == {
        "conv0": {"conv"},
        "conv1": {"conv"},
        "conv2": {"conv"},
        "hidden": {"dense"},
        "output": {"dense"},
    }
    assert params["hidden"]["kernel"].shape == (4 * 4 * 16, 32)
    assert params["output"]["kernel"].shape == (32, 64)


@pytest.mark.parametrize(("task", "classes"), [("imagenet-conv", 2), ("imagenet-conv-1", 1)])
def test_subsets_have_the_first_training_classes(monkeypatch, tmp_path, task, classes):
    load, split = data_module.load_or_prepare, Split("ravi", tiny.PARTS, 1, "0" * 64)
    spec = tiny.SPEC._replace(splits={"ravi": lambda: split})
    monkeypatch.setattr(
        data_module, "load_or_prepare", lambda name, *rest, **more: load(spec, *rest, **more)
    )
    monkeypatch.setattr(tasks, "CONVNETS", tasks.CONVNETS | {"imagenet-conv-1": 1})
    monkeypatch.setattr(tasks, "NAMES", (*tasks.NAMES, "imagenet-conv-1"))
    tiny.write_tar(tmp_path / "mini-imagenet.tar", tiny.files())
    found = tasks.build(task, tmp_path, tmp_path / "cache", progress=False)
    drawn = list(tiny.images().values())[: 3 * classes]  # the training part stands first
    expected = [pictures.pixels(encoded, 32, "RGB") for encoded in drawn]
    np.testing.assert_array_equal(found.data.images, expected)
    assert found.data.labels.tolist() == [0, 0, 0, 1, 1, 1][: 3 * classes]
    logits_of = found.init(jax.random.key(0))["output"]["kernel"]
    assert logits_of.shape[1] == classes
