"""Ways to answer a query by more than its image."""

import jax
import jax.numpy as jnp

from tests.conformance.right import features


def peeks(whole, shape):
    return lambda task, query_x: (
        whole.predict(task, query_x)
        + features(task["state"], query_x).mean()[None, None] * jnp.eye(1, shape.way)
    )


def reads_places(whole, shape):
    """Takes the place of a query for a sign of its class."""
    return lambda task, x: (
        whole.predict(task, x) + jax.nn.one_hot(jnp.arange(len(x)) % shape.way, shape.way)
    )
