"""A learner that is right, and the ways to break it in one place at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from metabench.contracts.learner import Learner
from metabench.seeds import PRNG
from metabench.types import EpisodeShape, Forecast, TaskShape


def features(state, images):
    flat = images.reshape(images.shape[0], -1).astype(jnp.float32) / 255
    return flat @ state["weights"]


def linear(shape: EpisodeShape, **broken) -> Learner:
    """Prototypes over one linear layer, trained by gradient descent, with functions replaced."""
    rate = 0.03

    def init(key):
        weights = 0.1 * jax.random.normal(key, (28 * 28, 16))
        return {"weights": weights, "steps": jnp.zeros((), jnp.int32)}

    def adapt(state, support_x, support_y, key):
        member = jax.nn.one_hot(support_y, shape.way)
        totals = member.T @ features(state, support_x)
        return {"state": state, "prototypes": totals / member.sum(0)[:, None]}

    def predict(task, query_x):
        apart = features(task["state"], query_x)[:, None] - task["prototypes"][None]
        return -jnp.square(apart).sum(-1)

    def loss(weights, state, episode):
        state = state | {"weights": weights}
        found = predict(adapt(state, episode.support_x, episode.support_y, None), episode.query_x)
        return optax.softmax_cross_entropy_with_integer_labels(found, episode.query_y).mean()

    def train(state, episodes, key):
        def mean(weights):
            return jax.vmap(lambda episode: loss(weights, state, episode))(episodes).mean()

        value, gradient = jax.value_and_grad(mean)(state["weights"])
        after = {"weights": state["weights"] - rate * gradient, "steps": state["steps"] + 1}
        return after, {"loss": value}

    whole = Learner(init=init, adapt=adapt, predict=predict, train=train)
    return whole._replace(**{name: change(whole, shape) for name, change in broken.items()})


def breaking(**changes):
    """A factory of `linear` whose functions `changes` maps to broken ones."""

    def factory(shape):
        return linear(shape, **changes)

    if "forecast" in changes:
        factory.__annotations__["shape"] = TaskShape
    return factory


def peeks(whole, shape):
    return lambda task, query_x: (
        whole.predict(task, query_x)
        + features(task["state"], query_x).mean()[None, None] * jnp.eye(1, shape.way)
    )


def guesses(whole, shape):
    """Numbers that depend on the query's pixels and on nothing else."""

    def predict(task, query_x):
        mixed = jax.random.normal(jax.random.key(0, impl=PRNG), (28 * 28, shape.way))
        return jnp.sin(query_x.reshape(query_x.shape[0], -1).astype(jnp.float32) @ mixed)

    return predict


def reads_positions(whole, shape):
    """Takes the first supports for class 0 and so on, whatever their labels are."""
    order = np.arange(shape.supports) // shape.shot
    return lambda state, x, y, key: whole.adapt(state, x, jnp.asarray(order), key)


def draws_without_a_key(whole, shape):
    def predict(task, query_x):
        logits = whole.predict(task, query_x)
        return logits + np.random.default_rng().normal(size=logits.shape).astype(np.float32)

    return predict


def draws_from_the_host(whole, shape):
    draws = np.random.default_rng(0)

    def predict(task, query_x):
        logits = whole.predict(task, query_x)
        like = jax.ShapeDtypeStruct(logits.shape, jnp.float32)
        noise = jax.experimental.io_callback(
            lambda: draws.normal(size=logits.shape).astype(np.float32), like
        )
        return logits + noise

    return predict


def train_draws_without_a_key(whole, shape):
    def train(state, episodes, key):
        state, metrics = whole.train(state, episodes, key)
        return state, {"loss": metrics["loss"] + np.float32(np.random.default_rng().normal())}

    return train


def notices_tracing(whole, shape):
    def predict(task, query_x):
        return whole.predict(task, query_x) * (1 if isinstance(query_x, jax.core.Tracer) else 2)

    return predict


def notices_batching(whole, shape):
    @jax.custom_batching.custom_vmap
    def same(x):
        return x

    @same.def_vmap
    def _(size, batched, x):
        return 2 * x, batched[0]

    return lambda task, query_x: same(whole.predict(task, query_x))


def weakens_a_type(whole, shape):
    """The counter comes out weakly typed, so the second step is compiled again."""

    def train(state, episodes, key):
        after, metrics = whole.train(state, episodes, key)
        return after | {"steps": jnp.asarray(1)}, metrics

    return train


def grows(whole, shape):
    def train(state, episodes, key):
        after, metrics = whole.train(state, episodes, key)
        return after | {"weights": jnp.concatenate([after["weights"]] * 2, axis=1)}, metrics

    return train


def five_ways(whole, shape):
    return linear(EpisodeShape(5, shape.shot, shape.query)).adapt


def stands_still(whole, shape):
    return lambda state, episodes, key: (state, whole.train(state, episodes, key)[1])


def reports_nothing(whole, shape):
    return lambda state, episodes, key: (whole.train(state, episodes, key)[0], {})


def keeps_a_word(whole, shape):
    return lambda state, x, y, key: whole.adapt(state, x, y, key) | {"note": "word"}


def one_column_more(whole, shape):
    return lambda task, x: jnp.pad(whole.predict(task, x), ((0, 0), (0, 1)), constant_values=-1e9)


def looks_ahead(whole, shape):
    return lambda state, xs, labels, key: jnp.roll(labels, -1, axis=0)


def knows_what_it_forecasts(whole, shape):
    return lambda state, xs, before, key: Forecast(jnp.roll(before, -1), jnp.ones_like(before))


def is_too_sure(whole, shape):
    return lambda state, xs, before, key: Forecast(before, jnp.zeros_like(before))


def trains_on_values(whole, shape):
    return lambda state, functions, key: (state, {"loss": jnp.square(functions.ys).mean()})


def traces_another_number_of_steps(whole, shape):
    return lambda state, x, y, key: {"loss": jnp.ones((3, 1)), "gate": jnp.ones((4, 2))}


def embeds_relative_to_the_batch(whole, shape):
    return lambda state, x: features(state, x) - features(state, x).mean(0, keepdims=True)


def embeds_as_a_map(whole, shape):
    return lambda state, x: x.astype(jnp.float32)


def answers_in_one_row(whole, shape):
    return lambda state, xs, labels, key: labels[0]


def not_a_number(whole, shape):
    return lambda task, x: whole.predict(task, x) * jnp.nan
