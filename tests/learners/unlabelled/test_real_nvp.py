"""Real NVP as a learner: bits of known densities, their bounds, training, options."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.unlabelled.base import Players
from metabench.learners.unlabelled.real_nvp import bits, images_of, logits, real_nvp
from metabench.nets.flows import RealNvp
from metabench.nets.functional import functional
from metabench.seeds import root_key
from metabench.types import EpisodeShape
from tests.learners.unlabelled.unlabelled_training import assert_no_label_is_met, trained

SHAPE = EpisodeShape(5, 1, 3)
SMALL = {"width": 2, "images": 4}


def test_spreading_is_inverted_and_knows_its_slope():
    x = jnp.asarray([0, 100, 255]).reshape(3, 1, 1, 1) / 255
    noise = jnp.asarray([0.25, 0.5, 0.75]).reshape(3, 1, 1, 1)
    spread, slope = logits(x, noise)
    np.testing.assert_allclose(images_of(spread), (255 * x + noise) / 256, atol=1e-5)
    step = 1e-2
    ahead, behind = logits(x, noise + step)[0], logits(x, noise - step)[0]
    np.testing.assert_allclose(
        slope, np.log((ahead - behind).reshape(3) / (2 * step)), rtol=1e-3, atol=1e-3
    )


def test_bits_sum_to_a_distribution():
    """Of all values of one pixel: the untrained flow is a density, whose sum of bins is 1."""
    nets = {"flow": functional(lambda rngs: RealNvp((1, 1, 1), 1, 2, rngs))}
    params, stats = nets["flow"].init(jax.random.key(0))
    values = jnp.arange(256) / 255

    def one(value, key):
        play = Players(nets, {"flow": params}, {"flow": stats})
        return bits(play, value.reshape(1, 1, 1, 1), key)[0]

    keys = jax.random.split(root_key(0), (40, 256))
    chances = 2.0 ** -jax.vmap(lambda row: jax.vmap(one)(values, row))(keys)
    # The pixel's numbers lie between 0.05 and 0.95, logits of -2.94 to 2.94: 0.9967 of a Gaussian.
    np.testing.assert_allclose(chances.mean(0).sum(), 0.9967, atol=2e-3)


@pytest.mark.slow
def test_training_finds_a_shorter_code(strokes_table):
    settings = {"width": 4, "images": 8, "learning_rate": 1e-2, "decay": "constant"}
    _, metrics = trained(real_nvp(SHAPE, **settings), strokes_table["train"], 40)
    assert metrics["loss"][-5:].mean() < metrics["loss"][0] - 1


@pytest.mark.slow
def test_no_label_is_met_in_training(strokes_table):
    assert_no_label_is_met(real_nvp(SHAPE, **SMALL), strokes_table["train"])


def test_an_embedding_has_a_number_for_each_pixel():
    learner = real_nvp(SHAPE, **SMALL)
    state = jax.eval_shape(learner.init, root_key(0))
    images = jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.uint8)
    assert jax.eval_shape(learner.embed, state, images).shape == (2, 784)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": 4}, "`scales` is 4, but images of 28×28 pixels cannot be halved 3 times"),
        ({"width": 0}, "`width` is 0; it must be at least 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        real_nvp(SHAPE, **options)
