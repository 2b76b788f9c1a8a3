"""Images as networks take them."""

import jax.numpy as jnp
import numpy as np

from metabench.nets.pixels import pixels


def test_pixels_are_floats_from_0_to_1():
    found = pixels(jnp.array([0, 51, 255], jnp.uint8))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, [0.0, 0.2, 1.0], rtol=1e-6)
