"""Meta-training of the LSTM optimizer on one task, with validation, checkpoints and progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from metabench.checkpoints import Checkpoints
from metabench.episodes import root_key
from metabench.optimizees.contract import Optimizee
from metabench.optimizers import unrolled
from metabench.optimizers.coordinatewise import coordinatewise, one_kind
from metabench.optimizers.files import TrainedOptimizer
from metabench.optimizers.kinds import by_name
from metabench.optimizers.meta_step import Learned, Sizes, first_state, meta_step
from metabench.optimizers.truncation import Rule
from metabench.optimizing.plan import LstmPlan
from metabench.train import VALIDATION_SEED
from metabench.training_loop import Report, Trained, TrainPlan, train_state
from metabench.types import PyTree

FALL = 1 / 30  # of the rate, over the training


def meta_train(
    optimizee: Optimizee,
    plan: LstmPlan,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Trained:
    """Train the LSTM; its `state` is that of the lowest final loss on the validation instances.

    Args:
      optimizee: what it is trained on.
      plan: of the LSTM and its training.
      seed: of everything random.
      checkpoints: where to save at each validation, and to continue from.
      progress: called after each chunk of episodes.

    Raises:
      UserError: the loss is no longer finite.
    """
    rule, meta_optimizer = rule_of(plan), meta_optimizer_of(plan)
    key = jax.random.fold_in(root_key(seed), 0)
    lengths = TrainPlan(
        steps=plan.episodes,
        batch=plan.instances,
        validate_every=plan.validate_every,
        validation_episodes=plan.validation_instances,
        chunk=plan.chunk,
    )
    return train_state(
        first_state(optimizee, rule, meta_optimizer, key, plan.units, plan.layers),
        make_chunk(optimizee, plan),
        optimizee.data,
        make_validation(optimizee, plan),
        lengths,
        seed=seed,
        checkpoints=checkpoints,
        progress=progress,
    )


def rule_of(plan: LstmPlan) -> Rule:
    """What of the optimizer is not learned."""
    return Rule(plan.scale, plan.p, by_name if plan.by_kind else one_kind)


def meta_optimizer_of(plan: LstmPlan) -> optax.GradientTransformation:
    """Adam on the clipped meta-gradient; its rate falls by a cosine."""
    updates = plan.episodes * (plan.horizon // plan.truncation)
    rate = optax.cosine_decay_schedule(plan.learning_rate, updates, FALL)
    return optax.chain(optax.clip_by_global_norm(plan.clip), optax.adam(rate))


def make_chunk(
    optimizee: Optimizee, plan: LstmPlan
) -> Callable[..., tuple[Learned, dict[str, jax.Array]]]:
    """`run(state, data, seed's key, first episode, length) -> (state, mean loss)`, compiled."""
    rule, meta_optimizer = rule_of(plan), meta_optimizer_of(plan)
    sizes = Sizes(plan.instances, plan.horizon, plan.truncation, plan.coordinates)

    @partial(jax.jit, static_argnames="length", donate_argnums=0)
    def run(
        state: Learned, data: PyTree, key: jax.Array, first: jax.Array, length: int
    ) -> tuple[Learned, dict[str, jax.Array]]:
        stream = jax.random.fold_in(key, 1)

        def one(state: Learned, number: jax.Array) -> tuple[Learned, jax.Array]:
            state, losses = meta_step(
                optimizee, rule, meta_optimizer, sizes, state, data, stream, number
            )
            return state, losses.mean()

        state, losses = jax.lax.scan(one, state, first + jnp.arange(length))
        return state, {"loss": losses.mean()}

    return run


def make_validation(optimizee: Optimizee, plan: LstmPlan) -> Callable[[Learned], float]:
    """Minus the mean loss of the validation instances at the horizon, without noise."""
    rule = rule_of(plan)

    @jax.jit
    def final(state: Learned, data: PyTree) -> jax.Array:
        optimizer = coordinatewise(state.weights, rule.scale, rule.p, rule.kind_of)
        numbers = jnp.arange(plan.validation_instances)
        instances = unrolled.draw(optimizee, root_key(VALIDATION_SEED), numbers)
        _, work = unrolled.begin(optimizee, optimizer, data, instances)
        advance = partial(unrolled.advance, optimizee, optimizer, data, instances)
        work, _ = jax.lax.scan(advance, work, 1 + jnp.arange(plan.horizon))
        return unrolled.measured(optimizee, data, instances, work.params).mean()

    return lambda state: -float(final(state, optimizee.data))


def trained_optimizer(trained: Trained, plan: LstmPlan, about: dict[str, Any]) -> TrainedOptimizer:
    """What is written to a file: the weights of the best validation."""
    return TrainedOptimizer(trained.state.weights, plan.scale, plan.p, about)
