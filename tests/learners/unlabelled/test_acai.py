"""ACAI: both losses by hand, what each network learns from, mixtures, reconstruction, options."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.unlabelled.acai import acai, centred, losses, mixing
from metabench.learners.unlabelled.base import Players
from metabench.nets.pixels import pixels
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.learners.unlabelled.unlabelled_training import assert_no_label_is_met, bare, trained

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(5, 1, 3)
SMALL = {"width": 4, "code": 8, "images": 16}


NETS = {
    "encoder": bare(lambda p, x: x.reshape(x.shape[0], -1) * p["a"]),
    "decoder": bare(lambda p, z: (z * p["b"][None]).reshape(-1, 1, 2, 1)),
    "critic": bare(lambda p, x: x.reshape(x.shape[0], -1) @ p["c"]),
}
PARAMS = {
    "encoder": {"a": jnp.float32(0.5)},
    "decoder": {"b": jnp.asarray([1.5, -1.0])},
    "critic": {"c": jnp.asarray([[0.3, -0.1], [0.2, 0.5]])},
}
X = jnp.asarray([[0.1, 0.9], [0.4, 0.0], [1.0, 0.7]]).reshape(3, 1, 2, 1)


def play(params):
    return losses(0.7, 0.2)(Players(NETS, params, {name: {} for name in NETS}), X, root_key(3))


def test_both_losses_by_hand():
    x = 2 * np.asarray(X).reshape(3, 2) - 1
    a, b, c = 0.5, np.array([1.5, -1.0]), np.asarray(PARAMS["critic"]["c"])
    alpha = np.asarray(mixing(root_key(3), 3))
    z, mixed = x * a, np.zeros((3, 2))
    for i in range(3):
        mixed[i] = alpha[i] * z[2 - i] + (1 - alpha[i]) * z[i]
    told = (mixed * b @ c).mean(1)
    unmixed = ((0.2 * x + 0.8 * z * b) @ c).mean(1)
    reconstruction = ((x - z * b) ** 2).mean()
    critic = ((told - alpha) ** 2).mean() + (unmixed**2).mean()
    total, metrics = play(PARAMS)
    np.testing.assert_allclose(metrics["loss"], reconstruction, rtol=1e-5)
    np.testing.assert_allclose(metrics["critic"], critic, rtol=1e-5)
    expected = reconstruction + 0.7 * (told**2).mean() + critic
    np.testing.assert_allclose(total, expected, rtol=1e-5)


def test_the_critic_learns_its_loss_alone_and_the_autoencoder_is_spared_it():
    total = jax.grad(lambda params: play(params)[0])(PARAMS)
    critic = jax.grad(lambda params: play(params)[1]["critic"])(PARAMS)
    np.testing.assert_allclose(total["critic"]["c"], critic["critic"]["c"], rtol=1e-5)

    def own(params):
        metrics = play(params)[1]
        return metrics["loss"] + 0.7 * metrics["fooled"]

    expected = jax.grad(own)(PARAMS)
    for name in ("encoder", "decoder"):
        jax.tree.map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5),
            total[name],
            expected[name],
        )
        assert all((leaf == 0).all() for leaf in jax.tree.leaves(critic[name]))


def test_mixtures_are_nearer_to_the_image_that_they_are_named_after():
    """α of 1/2 is as far as one can go: beyond it, it would be the other image's mixture."""
    alpha = np.asarray(mixing(root_key(0), 4000))
    assert alpha.min() >= 0
    assert alpha.max() < 0.5
    np.testing.assert_allclose([alpha.mean(), alpha.var()], [0.25, 0.25 / 12], rtol=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_it_draws_better_than_the_mean_image(strokes_table):
    learner = acai(SHAPE, width=8, code=32, images=32, learning_rate=3e-3, decay="constant")
    _, metrics = trained(learner, strokes_table["train"], 200)
    x = np.asarray(centred(pixels(strokes_table["train"].images)))
    assert metrics["loss"][-20:].mean() < 0.9 * x.var(0).mean()


def test_no_label_is_met_in_training(strokes_table):
    assert_no_label_is_met(acai(SHAPE, **SMALL), strokes_table["train"])


def test_an_episode_keeps_the_encoder_alone():
    learner = acai(SHAPE, **SMALL)
    state = jax.jit(learner.init)(root_key(0))
    images = jnp.zeros((5, 28, 28, 1), jnp.uint8)
    task = learner.adapt(state, images, jnp.arange(5), root_key(1))
    kept = sum(leaf.size for leaf in jax.tree.leaves(task.state))
    assert kept == sum(leaf.size for leaf in jax.tree.leaves(state.params["encoder"]))
    assert learner.embed(state, images).shape == (5, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": 0}, "`code` is 0; it must be at least 1"),
        ({"width": 0}, "`width` is 0; it must be at least 1"),
        ({"images": 0}, "`images` is 0; it must be at least 1"),
        ({"adversary": -1.0}, "`adversary` is -1.0; it must be at least 0"),
        ({"mixture": 1.5}, "`mixture` is 1.5; it must be from 0 to 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        acai(SHAPE, **options)
