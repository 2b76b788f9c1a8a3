"""Three learners that are right, one for each kind of task. The tests break them in one place."""

import jax
import jax.numpy as jnp
import optax

from metabench.contracts.learner import (
    EpisodeLearner,
    Forecaster,
    Foundation,
    Source,
    StreamLearner,
    Training,
)
from metabench.tasks.functions import shown_values
from metabench.tasks.gaussian_process import log_density
from metabench.tasks.streams import shown
from metabench.types import EpisodeShape, Forecast, FunctionShape, StreamShape

RATE = 0.03


def features(state, images):
    flat = images.reshape(images.shape[0], -1).astype(jnp.float32) / 255
    return flat @ state["weights"]


def first_weights(shape):
    height, width, channels = shape.image

    def init(key):
        weights = 0.1 * jax.random.normal(key, (height * width * channels, 16))
        return {"weights": weights, "steps": jnp.zeros((), jnp.int32)}

    return init


def down(loss):
    """A training step down the mean of `loss(weights, state, task)` over a batch of tasks."""

    def step(state, tasks, key):
        def mean(weights):
            return jax.vmap(lambda task: loss(state | {"weights": weights}, task))(tasks).mean()

        value, gradient = jax.value_and_grad(mean)(state["weights"])
        after = {"weights": state["weights"] - RATE * gradient, "steps": state["steps"] + 1}
        return after, {"loss": value}

    return step


def linear(shape: EpisodeShape) -> EpisodeLearner:
    """Prototypes over one linear layer."""

    def adapt(state, support_x, support_y, key):
        member = jax.nn.one_hot(support_y, shape.way)
        totals = member.T @ features(state, support_x)
        return {"state": state, "prototypes": totals / member.sum(0)[:, None]}

    def predict(task, query_x):
        apart = features(task["state"], query_x)[:, None] - task["prototypes"][None]
        return -jnp.square(apart).sum(-1)

    def loss(state, episode):
        found = predict(adapt(state, episode.support_x, episode.support_y, None), episode.query_x)
        return optax.softmax_cross_entropy_with_integer_labels(found, episode.query_y).mean()

    return EpisodeLearner(first_weights(shape), adapt, predict, Training(down(loss)))


def remembering(shape: StreamShape) -> StreamLearner:
    """Earlier images of a stream vote, the more the nearer they are over one linear layer."""

    def answer(state, xs, labels, key):
        found = features(state, xs)
        codes = jnp.roll(labels, -1, axis=0)  # of the images themselves
        apart = jnp.square(found[:, None] - found[None]).sum(-1)
        return jnp.log(jnp.tril(jnp.exp(-apart), -1) @ codes + 1e-3)

    def loss(state, stream):
        found = answer(state, stream.xs, shown(stream), None)
        return optax.softmax_cross_entropy(found, stream.codes[stream.ys]).mean()

    return StreamLearner(first_weights(shape), answer, Training(down(loss)))


def smoothing(shape: FunctionShape) -> Forecaster:
    """Earlier values, weighed by how near their points are; learns a scale and a deviation."""

    def init(key):
        return {"weights": jnp.array([0.5, 1.0]), "steps": jnp.zeros((), jnp.int32)}

    def gaussians(state, near, ys):
        mean = near @ ys / (near.sum(1) + 0.1)
        scale, deviation = state["weights"]
        return Forecast(scale * mean, jnp.full_like(mean, 0.01) + jnp.exp(deviation))

    def weights(xs, others):
        return jnp.exp(-4 * jnp.square(xs[:, None] - others[None]).sum(-1))

    def forecast(state, xs, before, key):
        return gaussians(state, jnp.tril(weights(xs, xs), -1), jnp.roll(before, -1))

    def adapt(state, xs, ys, key):
        return state, xs, ys

    def predict(task, xs):
        state, known, ys = task
        return gaussians(state, weights(xs, known), ys)

    def loss(state, function):
        found = forecast(state, function.xs, shown_values(function.ys), None)
        return -log_density(found, function.ys).mean()

    return Forecaster(init, adapt, predict, forecast, Training(down(loss)))


def on_linear(shape: EpisodeShape) -> EpisodeLearner:
    """Prototypes over the layer that `linear` has learned, which is trained first."""
    learner = linear(shape)._replace(embed=features)
    source = Source(f"{__name__}:embedding", {}, embedding(shape))

    def keep(state, trained, images, key):
        return state | {"weights": trained["weights"]}

    def relabel(trained, images, key):
        from metabench.conformance import strokes_tables

        return strokes_tables(shape.image)["train"]

    return learner._replace(foundation=Foundation(source, keep, relabel))


def embedding(shape: EpisodeShape) -> EpisodeLearner:
    """`linear`, and others may build on it."""
    return linear(shape)._replace(embed=features)
