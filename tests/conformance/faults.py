"""The ways to break a learner that is right, in one place at a time."""

import jax
import jax.numpy as jnp
import numpy as np

from metabench.contracts.learner import Source, Training
from metabench.seeds import PRNG
from metabench.types import EpisodeShape, Forecast
from tests.conformance.right import features, linear, on_linear


def breaking(right, **changes):
    """A factory of the learner that `right` makes, with fields replaced.

    Args:
      right: a factory.
      **changes: field of the learner -> function of the learner and its shape that returns what
        takes the place of the field. `step` and `keep` stand for the fields within `training`
        and `foundation`.
    """

    def factory(shape):
        whole = right(shape)
        new = {name: change(whole, shape) for name, change in changes.items()}
        inner = {"training": ("step",), "foundation": ("source", "keep", "relabel")}
        for outer, names in inner.items():
            found = {name: new.pop(name) for name in names if name in new}
            if found:
                new[outer] = getattr(whole, outer)._replace(**found)
        return whole._replace(**new)

    factory.__annotations__["shape"] = right.__annotations__["shape"]
    return factory


def nothing(whole, shape):
    return None


def guesses(whole, shape):
    """Numbers that depend on the query's pixels and on nothing else."""

    def predict(task, query_x):
        mixed = jax.random.normal(jax.random.key(0, impl=PRNG), (28 * 28, shape.way))
        return jnp.sin(query_x.reshape(query_x.shape[0], -1).astype(jnp.float32) @ mixed)

    return predict


def always_the_same(whole, shape):
    return lambda task, x: jnp.eye(shape.way)[:1].repeat(len(x), 0)


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


def loss_from_the_host(whole, shape):
    draws = np.random.default_rng(0)

    def step(state, tasks, key):
        state, metrics = whole.training.step(state, tasks, key)
        like = jax.ShapeDtypeStruct((), jnp.float32)
        noise = jax.experimental.io_callback(lambda: np.float32(draws.normal()), like)
        return state, {"loss": metrics["loss"] + noise}

    return step


def train_draws_without_a_key(whole, shape):
    def step(state, tasks, key):
        state, metrics = whole.training.step(state, tasks, key)
        return state, {"loss": metrics["loss"] + np.float32(np.random.default_rng().normal())}

    return step


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

    def step(state, tasks, key):
        after, metrics = whole.training.step(state, tasks, key)
        return after | {"steps": jnp.asarray(1)}, metrics

    return step


def grows(whole, shape):
    def step(state, tasks, key):
        after, metrics = whole.training.step(state, tasks, key)
        return after | {"weights": jnp.concatenate([after["weights"]] * 2)}, metrics

    return step


def five_ways(whole, shape):
    return linear(EpisodeShape(5, shape.shot, shape.query)).adapt


def raises(whole, shape):
    def broken(*inputs):
        raise KeyError("no such thing")

    return broken


def stands_still(whole, shape):
    return lambda state, tasks, key: (state, whole.training.step(state, tasks, key)[1])


def learns_the_wrong_way(whole, shape):
    """Up the gradient."""

    def step(state, tasks, key):
        after, metrics = whole.training.step(state, tasks, key)
        return after | {"weights": 2 * state["weights"] - after["weights"]}, metrics

    return step


def reports_nothing(whole, shape):
    return lambda state, tasks, key: (whole.training.step(state, tasks, key)[0], {})


def reports_infinity(whole, shape):
    return lambda state, tasks, key: (
        whole.training.step(state, tasks, key)[0],
        {"loss": jnp.float32(jnp.inf)},
    )


def has_nothing_to_learn(whole, shape):
    return lambda key: {"steps": jnp.zeros((), jnp.int32)}


def trains_nothing(whole, shape):
    """With a state that holds a counter alone."""
    return Training(
        lambda state, tasks, key: ({"steps": state["steps"] + 1}, {"loss": jnp.float32(1)})
    )


def keeps_a_word(whole, shape):
    return lambda state, x, y, key: whole.adapt(state, x, y, key) | {"note": "word"}


def first_state_with_a_word(whole, shape):
    return lambda key: whole.init(key) | {"note": "word"}


def one_column_more(whole, shape):
    return lambda task, x: jnp.pad(whole.predict(task, x), ((0, 0), (0, 1)), constant_values=-1e9)


def not_a_number(whole, shape):
    return lambda task, x: whole.predict(task, x) * jnp.nan


def answers_not_a_number(whole, shape):
    return lambda state, xs, labels, key: whole.answer(state, xs, labels, key) * jnp.nan


def answers_in_one_row(whole, shape):
    return lambda state, xs, labels, key: labels[0]


def looks_ahead(whole, shape):
    return lambda state, xs, labels, key: jnp.roll(labels, -1, axis=0)


def knows_what_it_forecasts(whole, shape):
    return lambda state, xs, before, key: Forecast(jnp.roll(before, -1), jnp.ones_like(before))


def is_too_sure(whole, shape):
    return lambda state, xs, before, key: Forecast(before, jnp.zeros_like(before))


def predicts_means_alone(whole, shape):
    return lambda task, xs: whole.predict(task, xs).mean


def predicts_one_point(whole, shape):
    return lambda task, xs: whole.predict(task, xs[:1])


def traces_another_number_of_steps(whole, shape):
    return lambda state, x, y, key: {"loss": jnp.ones((3, 1)), "gate": jnp.ones((4, 2))}


def embeds_relative_to_the_batch(whole, shape):
    return lambda state, x: features(state, x) - features(state, x).mean(0, keepdims=True)


def embeds_as_a_map(whole, shape):
    return lambda state, x: x.astype(jnp.float32)


def source_without_an_embedding(whole, shape):
    return Source(f"{linear.__module__}:linear", {}, linear(shape))


def source_of_another_name(whole, shape):
    return Source("pixel_nn", {}, whole.foundation.source.learner)


def keeps_in_another_form(whole, shape):
    return lambda state, trained, images, key: state | {"weights": trained["weights"][:, :8]}


def keeps_what_it_had(whole, shape):
    return lambda state, trained, images, key: state


def relabels(**changes):
    """Constructs a table with fields changed."""

    def relabel(whole, shape):
        def wrong(*inputs):
            table = whole.foundation.relabel(*inputs)
            return table._replace(**{name: change(table) for name, change in changes.items()})

        return wrong

    return relabel


def for_numbers(shape: int):
    return linear(EpisodeShape(5, 1, 5))


def with_a_loose_option(shape: EpisodeShape, width: int = 3):
    return linear(shape)


def without_a_default(shape: EpisodeShape, *, width: int):
    return linear(shape)


def with_a_strange_default(shape: EpisodeShape, *, width: int = None):  # noqa: RUF013
    return linear(shape)


def with_any_value(shape: EpisodeShape, *, width=3):
    return linear(shape)


def of_another_type(shape: EpisodeShape):
    return on_linear
