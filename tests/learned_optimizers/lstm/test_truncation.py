"""The gradient of a truncation: finite differences, kinds, and estimates from some coordinates."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.contracts.optimizee import Optimizee
from metabench.learned_optimizers.lstm import unrolled
from metabench.learned_optimizers.lstm.coordinatewise import ALL
from metabench.learned_optimizers.lstm.kinds import by_name
from metabench.learned_optimizers.lstm.truncation import Rule, chosen_coordinates, truncation
from metabench.learned_optimizers.problems.quadratic import quadratic
from tests.learned_optimizers import lstm_by_hand as by_hand
from tests.learned_optimizers.lstm.test_coordinatewise import some_weights

pytestmark = pytest.mark.slow

RULE = Rule(scale=0.01)
KEY = jax.random.key(0)


def begun(optimizee, weights, rule=RULE, instances=2, steps=3):
    """Instances after some steps, so that the LSTM's state is not blank."""
    drawn = unrolled.draw(optimizee, jax.random.key(5), jnp.arange(instances))
    return drawn, gone(optimizee, weights, drawn, rule, steps)


@partial(jax.jit, static_argnames=("optimizee", "rule", "steps"))
def gone(optimizee, weights, drawn, rule, steps):
    optimizer, batch = rule.optimizer(weights), unrolled.Batch(optimizee, (), drawn)
    _, work = unrolled.begin(batch, optimizer)
    for step in range(1, 1 + steps):
        work, _ = unrolled.advance(batch, optimizer, work, step)
    return work


@partial(jax.jit, static_argnames=("optimizee", "rule", "first", "steps"))
def gradient_of(optimizee, weights, drawn, work, first, steps, rule=RULE, key=KEY):
    batch, numbers = unrolled.Batch(optimizee, (), drawn), first + jnp.arange(steps)
    return truncation(batch, rule, weights, work, numbers, key)


def test_gradient_by_finite_differences():
    """In float64, with the optimizees' gradients held where they are, as the paper takes them."""
    optimizee, weights, steps = quadratic(), {ALL: some_weights(units=2)}, 4
    drawn, work = begun(optimizee, weights)
    found = gradient_of(optimizee, weights, drawn, work, 4, steps)
    read = []
    for step in range(steps):
        now = gone(optimizee, weights, drawn, RULE, 3 + step)
        read.append(np.float64(now.gradients))

    def total(mine):
        """The mean over instances of the sum of losses."""
        states = [
            [(np.float64(m.hidden[:, n]), np.float64(m.cell[:, n])) for m in work.state[ALL]]
            for n in range(20)
        ]
        theta, found = np.float64(work.params), 0.0
        for gradient in read:
            for n, one in enumerate(gradient.reshape(-1)):
                said, states[n] = by_hand.step(mine, states[n], one)
                theta[n // 10, n % 10] += RULE.scale * said
            for row, (w, y) in enumerate(zip(*drawn.problems, strict=True)):
                found += np.square(np.float64(w) @ theta[row] - np.float64(y)).sum() / 2
        return found

    def moved(name, place, by):
        layers, output, bias = by_hand.plain(weights[ALL])
        layers = [(kernel.copy(), own.copy()) for kernel, own in layers]
        if name == "output_bias":
            return total((layers, output, bias + by))
        array = output.copy() if name == "output" else layers[name[0]][name[1]]
        array.reshape(-1)[place] += by
        return total((layers, array if name == "output" else output, bias))

    gradient = found.gradient[ALL]
    for name, array in (
        ("output_bias", gradient.output_bias),
        ("output", gradient.output),
        ((0, 0), gradient.layers[0].kernel),
        ((0, 1), gradient.layers[0].bias),
        ((1, 0), gradient.layers[1].kernel),
        ((1, 1), gradient.layers[1].bias),
    ):
        values = np.asarray(array).reshape(-1)
        largest = np.abs(values).max()
        for place in range(0, values.size, max(1, values.size // 5)):
            expected = (moved(name, place, 1e-5) - moved(name, place, -1e-5)) / 2e-5
            np.testing.assert_allclose(values[place], expected, rtol=2e-3, atol=1e-4 * largest)


def two_arrays():
    """A problem without noise whose parameters are two arrays of two kinds."""

    def loss(params, problem, data, key):
        return (jnp.square(params["conv"]) * 3).sum() + jnp.square(params["dense"] - 1).sum()

    def init(key):
        drawn = jax.random.normal(key, (50,))
        return {"conv": drawn[:30].reshape(5, 6), "dense": drawn[30:]}

    return Optimizee(lambda key: (), init, loss, lambda p, q, d: loss(p, q, d, None))


def test_each_kind_has_its_own_part_of_the_gradient():
    """Both kinds with equal weights: their gradients add up to that of one shared set."""
    shared, optimizee, rule = some_weights(), two_arrays(), Rule(0.01, kind_of=by_name)
    drawn, work = begun(optimizee, {ALL: shared}, steps=0)
    whole = gradient_of(optimizee, {ALL: shared}, drawn, work, 1, 3)
    kinds = {"conv": shared, "dense": shared}
    drawn, work = begun(optimizee, kinds, rule, steps=0)
    apart = gradient_of(optimizee, kinds, drawn, work, 1, 3, rule)
    np.testing.assert_allclose(apart.losses, whole.losses, rtol=1e-5)
    both = jax.tree.map(jnp.add, apart.gradient["conv"], apart.gradient["dense"])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4),
        both,
        whole.gradient[ALL],
    )


def test_some_coordinates_stand_for_all():
    """In proportion to their cotangents; each stands for total / (10 · its own)."""
    params = {"large": jnp.zeros((2, 40)), "small": jnp.zeros(7)}
    kinds = {"large": ALL, "small": ALL}
    sizes = jnp.where(jnp.arange(87) < 40, 0.0, 1.0 + (jnp.arange(87) >= 60))
    columns, stands_for = chosen_coordinates(params, kinds, {ALL: sizes[None]}, KEY, 10)[ALL]
    assert columns.shape == (17,)
    np.testing.assert_array_equal(columns[10:], 80 + np.arange(7))
    np.testing.assert_array_equal(stands_for[10:], np.ones(7))
    # 20 coordinates of size 1, 20 of size 2: of every three drawn two are of the latter.
    drawn = np.asarray(columns[:10])
    assert 40 <= drawn.min() <= drawn.max() < 80
    assert 6 <= (drawn >= 60).sum() <= 7
    np.testing.assert_allclose(stands_for[:10], np.where(drawn >= 60, 3.0, 6.0), rtol=1e-5)


def test_nothing_to_go_by_gives_no_gradient():
    params, kinds = {"large": jnp.zeros(30)}, {"large": ALL}
    _, stands_for = chosen_coordinates(params, kinds, {ALL: jnp.zeros((2, 30))}, KEY, 10)[ALL]
    np.testing.assert_array_equal(stands_for, np.zeros(10))


def test_estimates_are_without_bias():
    optimizee, weights = two_arrays(), {ALL: some_weights()}
    drawn, work = begun(optimizee, weights, steps=0)

    def of(key, most):
        rule = RULE._replace(most=most)
        found = gradient_of(optimizee, weights, drawn, work, 1, 3, rule, key)
        return jax.flatten_util.ravel_pytree(found.gradient)[0]

    whole = of(jax.random.key(0), None)
    some = jax.jit(jax.vmap(lambda key: of(key, 15)))(jax.random.split(jax.random.key(1), 400))
    error = some.mean(0) - whole
    expected = some.std(0) / 20
    assert float(jnp.abs(error / expected).max()) < 4.5
    assert float(jnp.linalg.norm(error)) < 0.2 * float(jnp.linalg.norm(whole))


def test_instances_do_not_see_one_another():
    """Two instances give the mean of what each gives by itself."""
    optimizee, weights = quadratic(), {ALL: some_weights()}
    drawn, work = begun(optimizee, weights, steps=0)

    def alone(n):
        one = jax.tree.map(lambda leaf: leaf[n : n + 1], drawn)
        own = gone(optimizee, weights, one, RULE, 0)
        return gradient_of(optimizee, weights, one, own, 1, 3).gradient

    both = gradient_of(optimizee, weights, drawn, work, 1, 3).gradient
    mean = jax.tree.map(lambda a, b: (a + b) / 2, alone(0), alone(1))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), both, mean)
