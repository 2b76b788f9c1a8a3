"""BiGAN: both losses by hand, who learns from which, options."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.unlabelled.adversary import Adversary
from metabench.learners.unlabelled.base import Players
from metabench.learners.unlabelled.bigan import bigan, losses
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.learners.unlabelled.unlabelled_training import assert_no_label_is_met, bare

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(5, 1, 3)
SMALL = {"width": 4, "code": 8, "hidden": 16, "images": 16}


NETS = {
    "encoder": bare(lambda p, x: x.reshape(-1, 2) * p),
    "generator": bare(lambda p, z: (z * p).reshape(-1, 1, 2, 1)),
    "discriminator": bare(lambda p, x, z: (x.reshape(-1, 2) * p[:1] + z * p[1:]).sum(1)),
}
PARAMS = {
    "encoder": jnp.float32(0.5),
    "generator": jnp.float32(1.5),
    "discriminator": jnp.asarray([[0.3, -0.1], [0.2, 0.5]]),
}
X = jnp.asarray([[0.1, 0.9], [0.4, 0.0], [1.0, 0.7]]).reshape(3, 1, 2, 1)


def play(params):
    return losses(2, Adversary())(
        Players(NETS, params, {name: {} for name in NETS}), X, root_key(3)
    )


def test_both_losses_by_hand():
    z = np.asarray(jax.random.uniform(root_key(3), (3, 2), minval=-1.0))
    x, d = np.asarray(X).reshape(3, 2), np.asarray(PARAMS["discriminator"])
    drawn = 1 / (1 + np.exp(-1.5 * z))
    real = 1 / (1 + np.exp(-(x @ d[0] + 0.5 * x @ d[1])))  # probabilities: of the pair (x, E(x))
    made = 1 / (1 + np.exp(-(drawn @ d[0] + z @ d[1])))  # and of (G(z), z)
    discriminator = -(np.log(real) + np.log(1 - made)).mean()
    generator = -(np.log(1 - real) + np.log(made)).mean()
    total, metrics = play(PARAMS)
    np.testing.assert_allclose(metrics["loss"], discriminator, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator"], generator, rtol=1e-5)
    np.testing.assert_allclose(total, discriminator + generator, rtol=1e-5)


def test_the_discriminator_learns_its_loss_and_the_others_theirs():
    total = jax.grad(lambda params: play(params)[0])(PARAMS)
    own = jax.grad(lambda params: play(params)[1]["loss"])(PARAMS)
    theirs = jax.grad(lambda params: play(params)[1]["generator"])(PARAMS)
    np.testing.assert_allclose(total["discriminator"], own["discriminator"], rtol=1e-5)
    for name in ("encoder", "generator"):
        assert own[name] == 0
        assert theirs[name] != 0
        np.testing.assert_allclose(total[name], theirs[name], rtol=1e-5)


def test_no_label_is_met_in_training(strokes_table):
    assert_no_label_is_met(bigan(SHAPE, **SMALL), strokes_table["train"])


@pytest.mark.parametrize("name", ["code", "width", "hidden", "images"])
def test_wrong_options(name):
    with pytest.raises(UserError, match=f"`{name}` is 0; it must be at least 1"):
        bigan(SHAPE, **{name: 0})
