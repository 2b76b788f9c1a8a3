"""An optimizer whose state begins anew has the updates of a new one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench.learned_optimizers.lstm.coordinatewise import coordinatewise
from metabench.learned_optimizers.lstm.files import TrainedOptimizer, packed, read
from metabench.learned_optimizers.lstm.restarts import restarting
from tests.learned_optimizers import lstm_by_hand as by_hand
from tests.learned_optimizers.lstm.test_coordinatewise import some_weights


@pytest.mark.parametrize("every", [1, 3])
def test_the_state_is_blank_again_after_so_many_steps(every):
    weights = some_weights()
    mine = by_hand.plain(weights)
    optimizer = restarting(coordinatewise(weights, scale=0.3), every)
    state, own = optimizer.init(jnp.zeros(1)), by_hand.start(mine)
    for step, gradient in enumerate((0.3, -4.0, 2e-5, 7.0, 0.1, -0.2, 0.5)):
        if step % every == 0:
            own = by_hand.start(mine)
        update, state = optimizer.update(jnp.array([gradient]), state)
        said, own = by_hand.step(mine, own, gradient)
        np.testing.assert_allclose(update, [0.3 * said], rtol=1e-4, atol=1e-6)


def test_any_optimizer_can_restart():
    """Adam's first step is one rate long, and after each restart it is again."""
    optimizer, params = restarting(optax.adam(0.1), 2), jnp.array([1.0])
    state = optimizer.init(params)
    lengths = []
    for gradient in (1.0, 0.1, 5.0, 5.0):
        update, state = jax.jit(optimizer.update)(jnp.array([gradient]), state, params)
        lengths.append(float(update[0]))
    np.testing.assert_allclose([lengths[0], lengths[2]], [-0.1, -0.1], rtol=1e-4)
    assert abs(lengths[1]) < 0.09


def test_a_file_keeps_the_period(tmp_path):
    about = {"task": "quadratic", "plan": {"horizon": 30}}
    trained = TrainedOptimizer({"all": some_weights()}, 0.3, 5.0, about, 2)
    (tmp_path / "one.npz").write_bytes(packed(trained))
    found = read(tmp_path / "one.npz")
    assert found.reset_every == 2
    optimizer, gradient = found.transformation(), jnp.array([0.5])
    state, updates = optimizer.init(gradient), []
    for _ in range(3):
        update, state = optimizer.update(gradient, state)
        updates.append(float(update[0]))
    assert updates[2] == pytest.approx(updates[0], rel=1e-6) != pytest.approx(updates[1], rel=1e-6)
