"""Fine-tuning: pretraining over all classes, then plain descent of all weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench import registry
from metabench.errors import UserError
from metabench.learners.gradient.outer_loop import Network
from metabench.learners.pretrained.finetune import finetune
from metabench.seeds import root_key
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=2, image=(16, 16, 1))
TINY = {"width": 2, "classes": 9}


def images(number, seed):
    return jax.random.bits(root_key(seed), (number, 16, 16, 1), jnp.uint8)


def test_all_weights_descend_and_the_last_layer_begins_at_nothing():
    learner = finetune(SHAPE, inner_steps=3, inner_rate=0.2, **TINY)
    state = jax.jit(learner.init)(root_key(0))
    x, y = images(2, 1), jnp.array([0, 1])
    task = jax.jit(learner.adapt)(state, x, y, root_key(2))
    net = Network(width=2, norm="support").nets(SHAPE).trained
    stats = jax.jit(net.init)(root_key(3))[1]
    head = {"kernel": jnp.zeros((2, 2)), "bias": jnp.zeros(2)}
    weights = {"blocks": state.params["blocks"], "head": head}

    def error(weights):
        scores, _ = net.apply(weights, stats, x, train=True)
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

    gradient = jax.jit(jax.grad(error))
    for _ in range(3):
        slope = gradient(weights)
        weights = jax.tree.map(lambda w, g: w - 0.2 * g, weights, slope)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), task.weights, weights)


def test_pretraining_learns_the_classes_and_not_the_labels_of_the_episode():
    learner = finetune(SHAPE, learning_rate=0.01, decay="constant", width=8, classes=9)
    state, train = jax.jit(learner.init)(root_key(0)), jax.jit(learner.training.step)
    bright, dark = images(3, 1)[None] // 4 + 190, images(3, 2)[None] // 4
    losses = []
    for turn in range(30):
        ids = [[4, 6]] if turn % 2 else [[6, 4]]
        first, second = (bright, dark) if turn % 2 else (dark, bright)
        episodes = Episode(
            support_x=jnp.concatenate([first[:, :1], second[:, :1]], 1),
            support_y=jnp.array([[0, 1]]),
            query_x=jnp.concatenate([first[:, 1:], second[:, 1:]], 1),
            query_y=jnp.array([[0, 0, 1, 1]]),
            class_ids=jnp.array(ids),
        )
        state, metrics = train(state, episodes, root_key(0))
        losses.append(float(metrics["loss"]))
    assert losses[0] > 1.5
    assert losses[-1] < 0.3
    assert metrics["accuracy"] == 1


def test_one_training_serves_all_steps_and_rates():
    assert registry.only_in_test("finetune") == ("inner_steps", "inner_rate", "passes")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inner_steps": 0}, "`inner_steps` is 0; it must be at least 1"),
        ({"inner_rate": 0.0}, "`inner_rate` is 0.0; it must be positive"),
        ({"classes": 0}, "`classes` is 0; it must be at least 1"),
        ({"train_way": 0}, "`train_way` is 0"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        finetune(SHAPE, **options)
