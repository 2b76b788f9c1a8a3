"""Meta-training of the LSTM optimizer on one task, with validation, checkpoints and progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.stages import Wrapped

from metabench.compute.columnwise import devices_for_columns, on_parts
from metabench.compute.devices import copied
from metabench.contracts.optimizee import Optimizee, size_of
from metabench.learned_optimizers.lstm.coordinatewise import one_kind
from metabench.learned_optimizers.lstm.files import TrainedOptimizer
from metabench.learned_optimizers.lstm.kinds import by_name
from metabench.learned_optimizers.lstm.meta_step import Learned, Sizes, first_state, make_meta_step
from metabench.learned_optimizers.lstm.truncation import Rule
from metabench.seeds import VALIDATION_SEED, root_key
from metabench.tracks.optimizers.plan import LstmPlan
from metabench.tracks.optimizers.rollout import make_rollout
from metabench.training.checkpoints import Checkpoints
from metabench.training.lengths import Lengths
from metabench.training.loop import Report, Trained
from metabench.training.meta_training import flops_of_step
from metabench.training.one_state import train_state
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
    """Train the LSTM; `state` is the one with the lowest final loss on the validation instances.

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
    lengths = Lengths(
        steps=plan.episodes,
        batch=plan.instances,
        validate_every=plan.validate_every,
        validation_episodes=plan.validation_instances,
        chunk=plan.chunk,
    )
    start = first_state(optimizee, rule, meta_optimizer, key, plan.units, plan.layers)
    devices = meta_training_devices(optimizee, plan)
    state, data = copied(start, devices), copied(optimizee.data, devices)
    chunk = make_chunk(optimizee, plan)
    flops = flops_of_step(chunk, state, data, min(plan.chunk, plan.episodes))
    trained = train_state(
        state,
        chunk,
        data,
        make_validation(optimizee, plan),
        lengths,
        seed=seed,
        checkpoints=checkpoints,
        progress=progress,
    )
    trained.flops = None if flops is None else flops * plan.episodes
    return trained


def rule_of(plan: LstmPlan) -> Rule:
    """What of the optimizer and of its training is not learned."""
    kind_of = by_name if plan.by_kind else one_kind
    return Rule(plan.scale, plan.read, kind_of, plan.coordinates, plan.reset_every)


def meta_optimizer_of(plan: LstmPlan) -> optax.GradientTransformation:
    """Adam on the clipped meta-gradient; its rate falls by a cosine."""
    length = sum(plan.lengths) / len(plan.lengths) / plan.truncation
    rate = optax.cosine_decay_schedule(plan.learning_rate, round(plan.episodes * length), FALL)
    return optax.chain(optax.clip_by_global_norm(plan.clip), optax.adam(rate))


def meta_training_devices(optimizee: Optimizee, plan: LstmPlan) -> list[jax.Device]:
    """The devices for an episode's coordinates; one device if an instance fills all cores.

    If there were several, each would compute the same gradient of the optimizee.
    """
    count = 0 if optimizee.fills_cpu else plan.instances * size_of(optimizee)
    return devices_for_columns(count)


def make_chunk(optimizee: Optimizee, plan: LstmPlan) -> Wrapped:
    """`run(state, data, seed's key, first episode, length) -> (state, mean loss)`, compiled.

    It runs on the `meta_training_devices`. If there are several, copy `state` and `data` to them
    first (`copied`).
    """
    devices = meta_training_devices(optimizee, plan)
    sizes = Sizes(plan.instances, plan.lengths, plan.truncation)
    meta_step = make_meta_step(optimizee, rule_of(plan), meta_optimizer_of(plan), sizes)

    def on_each(
        state: Learned, data: PyTree, key: jax.Array, numbers: jax.Array
    ) -> tuple[Learned, dict[str, jax.Array]]:
        stream = jax.random.fold_in(key, 1)

        def one(state: Learned, number: jax.Array) -> tuple[Learned, jax.Array]:
            return meta_step(state, data, stream, number)

        state, losses = jax.lax.scan(one, state, numbers)
        return state, {"loss": losses.mean()}

    @partial(jax.jit, static_argnames="length", donate_argnums=0)
    def run(
        state: Learned, data: PyTree, key: jax.Array, first: jax.Array, length: int
    ) -> tuple[Learned, dict[str, jax.Array]]:
        return on_parts(on_each, devices)(state, data, key, first + jnp.arange(length))

    return run


def make_validation(optimizee: Optimizee, plan: LstmPlan) -> Callable[[Learned], float]:
    """Minus the mean loss of the validation instances at the horizon, without noise.

    Of several horizons it is the geometric mean: at longer ones the losses are smaller.
    """
    run = make_rollout(
        optimizee,
        rule_of(plan).trained,
        plan.lengths,
        plan.validation_instances,
        VALIDATION_SEED,
    )

    def validate(state: Learned) -> float:
        losses = np.float64(run(state.weights).measured[:, 1:]).mean(0)
        return -float(losses[0] if len(losses) == 1 else np.exp(np.log(losses).mean()))

    return validate


def trained_optimizer(trained: Trained, plan: LstmPlan, about: dict[str, Any]) -> TrainedOptimizer:
    """The content of the optimizer's file: the weights that were best in validation."""
    return TrainedOptimizer(trained.state.weights, plan.scale, plan.read, about, plan.reset_every)
