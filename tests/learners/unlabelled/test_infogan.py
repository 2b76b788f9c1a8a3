"""InfoGAN: its loss by hand, who learns from which term, recovered codes, options."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.unlabelled.adversary import Adversary
from metabench.learners.unlabelled.base import Players
from metabench.learners.unlabelled.infogan import Code, Told, infogan, losses, recovered
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.learners.unlabelled.unlabelled_training import assert_no_label_is_met, bare, trained

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(5, 1, 3)
SMALL = {"width": 4, "categories": 3, "continuous": 2, "noise": 4, "hidden": 16, "images": 16}
CODE = Code(categories=3, continuous=1, noise=2)


def told(p, x):
    """D and Q as linear maps of two pixels."""
    found = x.reshape(-1, 2) @ p
    return Told(found[:, 0], found[:, 1:4], found[:, 4:], found)


NETS = {
    "generator": bare(lambda p, z: (z @ p).reshape(-1, 1, 2, 1)),
    "discriminator": bare(told),
}
DRAWS = np.random.default_rng(0)
PARAMS = {
    "generator": jnp.asarray(DRAWS.normal(size=(6, 2)), "f4"),
    "discriminator": jnp.asarray(DRAWS.normal(size=(2, 5)), "f4"),
}
X = jnp.asarray([[0.1, 0.9], [0.4, 0.0], [1.0, 0.7]]).reshape(3, 1, 2, 1)


def play(params, discrete=0.7, continuous=0.3):
    players = Players(NETS, params, {name: {} for name in NETS})
    return losses(CODE, discrete, continuous, Adversary())(players, X, root_key(3))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_loss_by_hand():
    keys = jax.random.split(root_key(3), 3)
    category = np.asarray(jax.random.randint(keys[0], (3,), 0, 3))
    numbers = np.asarray(jax.random.uniform(keys[1], (3, 1), minval=-1.0))
    noise = np.asarray(jax.random.uniform(keys[2], (3, 2), minval=-1.0))
    g, d = (np.asarray(PARAMS[name]) for name in ("generator", "discriminator"))
    drawn = sigmoid(np.concatenate([np.eye(3)[category], numbers, noise], axis=1) @ g)
    real, made = np.asarray(X).reshape(3, 2) @ d, drawn @ d
    discriminator = -(np.log(sigmoid(real[:, 0])) + np.log(1 - sigmoid(made[:, 0]))).mean()
    generator = -np.log(sigmoid(made[:, 0])).mean()
    chances = np.exp(made[:, 1:4]) / np.exp(made[:, 1:4]).sum(1, keepdims=True)
    discrete = -np.log(chances[range(3), category]).mean()
    information = 0.7 * discrete + 0.3 * np.square(made[:, 4:] - numbers).sum(1).mean() / 2
    total, metrics = play(PARAMS)
    np.testing.assert_allclose(metrics["loss"], discriminator + information, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator"], generator, rtol=1e-5)
    np.testing.assert_allclose(total, discriminator + generator + information, rtol=1e-5)


def test_the_generator_learns_its_own_and_the_codes_term_the_discriminator_not_the_generators():
    def of(term, *weights):
        return jax.grad(lambda params: term(play(params, *weights)))(PARAMS)

    total, generator = of(lambda found: found[0]), of(lambda found: found[1]["generator"])
    adversary = of(lambda found: found[1]["loss"], 0.0, 0.0)
    both = of(lambda found: found[1]["loss"])
    assert (generator["discriminator"] == 0).all()
    assert (adversary["generator"] == 0).all()
    assert (both["generator"] != 0).any()  # by the code alone
    np.testing.assert_allclose(total["discriminator"], both["discriminator"], rtol=1e-5)
    np.testing.assert_allclose(
        total["generator"], generator["generator"] + both["generator"], rtol=1e-5
    )


def test_recovered_codes_are_probabilities_and_numbers():
    logits = jnp.log(jnp.asarray([[0.2, 0.8]]))
    found = recovered(Told(jnp.zeros(1), logits, jnp.asarray([[-0.5]]), jnp.zeros((1, 9))))
    np.testing.assert_allclose(found, [[0.2, 0.8, -0.5]], rtol=1e-6)


@pytest.mark.parametrize(("features", "length"), [("codes", 5), ("trunk", 16)])
def test_what_embeds(features, length):
    learner = infogan(SHAPE, **SMALL, features=features)
    images = jnp.zeros((2, 28, 28, 1), jnp.uint8)
    assert learner.embed(jax.jit(learner.init)(root_key(0)), images).shape == (2, length)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_the_categories_of_drawn_images_come_to_be_told(strokes_table):
    settings = SMALL | {"width": 8, "images": 32, "learning_rate": 1e-3}
    _, metrics = trained(infogan(SHAPE, **settings), strokes_table["train"], 200)
    # D's share alone is at least 0; before anything is learned the code's is log 3 + 0.1 / 3.
    assert metrics["loss"][-20:].mean() < 0.6 * metrics["loss"][:5].mean()


def test_no_label_is_met_in_training(strokes_table):
    assert_no_label_is_met(infogan(SHAPE, **SMALL), strokes_table["train"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categories": 0}, "`categories` is 0; it must be at least 1"),
        ({"noise": 0}, "`noise` is 0; it must be at least 1"),
        ({"features": "code"}, "`features` is 'code'; it must be one of: codes, trunk"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        infogan(SHAPE, **options)
