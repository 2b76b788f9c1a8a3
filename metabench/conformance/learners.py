"""What every learner must do, one check each; they raise `ConformanceError`.

The checks measure: whether a query's answer depends on the other queries is not read
from the code but found by replacing them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from metabench.conformance.functions import check_forecasts
from metabench.conformance.subject import (
    BATCH,
    EPISODES,
    STEPS,
    ConformanceError,
    Subject,
    draw,
    keys,
    logits,
    one,
    require,
)
from metabench.contracts.learner import Learner
from metabench.seeds import root_key
from metabench.tasks.streams import shown
from metabench.types import Episode, PyTree, StreamShape

SIGMAS = 4.0  # a difference is significant from here; by chance once in 16,000 times
ROUNDING = 1e-3  # of the largest logit: what another order of float32 operations may change


def distance(found: ArrayLike, expected: ArrayLike) -> float:
    """Largest difference, in units of what rounding may change."""
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return float(np.abs(one - other).max() / (ROUNDING * max(1.0, np.abs(other).max())))


def signature(tree: PyTree) -> PyTree:
    """Shape and dtype of every leaf."""
    return jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree)


def check_contract(subject: Subject) -> None:
    """Shapes, dtypes and pytrees are as the contract has them; logits are finite."""
    learner, shape = subject.learner, subject.shape
    episode, key = one(subject.episodes()), root_key(0)
    try:
        state = jax.eval_shape(learner.init, key)
        task = jax.eval_shape(learner.adapt, state, episode.support_x, episode.support_y, key)
        found = jax.eval_shape(learner.predict, task, episode.query_x)
    except TypeError as error:
        raise ConformanceError(
            f"state and task must be pytrees of arrays that pass through `jax.jit`; saw: {error}"
        ) from error
    wanted = (shape.queries, shape.way)
    require(
        getattr(found, "shape", None) == wanted and jnp.issubdtype(found.dtype, jnp.floating),
        f"`predict` must return floating logits {list(wanted)}, not {signature(found)}",
    )
    if learner.parameters is not None:
        jax.eval_shape(learner.parameters, state)
    if learner.train is not None:
        check_train_step(learner, state, subject.episodes("train", BATCH))
    finite = jnp.isfinite(subject.answer(subject.initial, episode, key)).all()
    require(bool(finite), "`predict` must return finite logits; some are not a number or infinite")


def check_train_step(learner: Learner, state: PyTree, episodes: Episode) -> None:
    """`train` keeps the form of `state` and reports a scalar loss; nothing is computed."""
    assert learner.train is not None
    after, metrics = jax.eval_shape(learner.train, state, episodes, root_key(0))
    require(
        signature(after) == signature(state),
        f"`train` must keep the form of the state, {signature(state)}, not make {signature(after)}",
    )
    loss = metrics.get("loss")
    require(
        loss is not None and loss.shape == () and jnp.issubdtype(loss.dtype, jnp.floating),
        f"the metrics of `train` must hold a floating scalar `loss`, not {signature(metrics)}",
    )


def check_deterministic(subject: Subject) -> None:
    """The same key gives the same bits, and a learner built afresh the same answers."""
    episode, key = one(subject.episodes()), root_key(5)
    require(
        all(map(np.array_equal, *(jax.tree.leaves(subject.init(root_key(0))) for _ in range(2)))),
        "`init` must return the same bits for the same key, and did not",
    )
    state = subject.trained.state
    first, second = (np.asarray(subject.answer(state, episode, key)) for _ in range(2))
    require(
        np.array_equal(first, second),
        "`adapt` and `predict` must return the same bits for the same key, but their logits differ "
        f"by up to {np.abs(first - second).max():.3g}",
    )
    again = subject.again()
    apart = distance(again.answer(state, episode, key), first)
    if subject.learner.train:
        inputs = subject.initial, subject.episodes("train", BATCH), key
        losses = [s.train(*inputs)[1]["loss"] for s in (subject, subject, again)]
        require(
            losses[0] == losses[1],
            f"`train` must return the same bits for the same key, but its loss was {losses[0]}, "
            f"then {losses[1]}",
        )
        apart = max(apart, distance(losses[2], losses[0]))
    require(
        apart <= 1,
        "a learner built twice must do the same, but the second one's answers differ by "
        f"{apart:.3g} times what rounding explains: it draws random numbers without a key",
    )


def check_jit(subject: Subject) -> None:
    """Compiled and uncompiled answers agree up to rounding."""
    episode, key, state = one(subject.episodes()), root_key(5), subject.trained.state
    apart = distance(
        logits(subject.learner, state, episode, key), subject.answer(state, episode, key)
    )
    require(
        apart <= 1,
        f"logits with and without `jax.jit` must agree, but differ by {apart:.3g} times what "
        "rounding explains",
    )


def check_vmap(subject: Subject) -> None:
    """Episodes under `jax.vmap` get the answers that they get one by one."""
    episodes, state = subject.episodes(), subject.trained.state
    together = subject.answers(state, episodes, keys(EPISODES))
    for index in (0, 1, EPISODES - 1):
        alone = subject.answer(state, one(episodes, index), keys(EPISODES)[index])
        apart = distance(together[index], alone)
        require(
            apart <= 1,
            f"logits of episode {index} must be the same alone and under `jax.vmap`, but differ "
            f"by {apart:.3g} times what rounding explains",
        )


def check_compiles_once(subject: Subject) -> None:
    """Nothing is compiled again for a second batch of equal shape, nor for a trained state."""
    episodes = subject.episodes()
    for index, state in enumerate((subject.initial, subject.trained.state)):
        subject.answer(state, one(episodes, index), root_key(index))
    subject.require_one_trace("adapt and predict")


def check_other_shape(subject: Subject) -> None:
    """The factory honours other ways, shots and queries, and `train` takes `train_shape`."""
    other = replace(subject.shape, way=3, shot=2, query=4)
    learner = subject.build(other)
    episode = one(draw(subject.tables["test"], other, 1, jnp.int32(0)))
    answer = jax.jit(partial(logits, learner))
    found = answer(jax.jit(learner.init)(root_key(0)), episode, root_key(0))
    require(
        found.shape == (other.queries, other.way) and bool(jnp.isfinite(found).all()),
        f"for 3-way 2-shot episodes with 4 queries, logits must be finite and "
        f"{[other.queries, other.way]}; their shape is {list(found.shape)}",
    )
    if learner.train is not None:
        shape = learner.train_shape or other
        episodes = draw(subject.tables["train"], shape, BATCH, jnp.int32(0))
        check_train_step(learner, jax.eval_shape(learner.init, root_key(0)), episodes)


def check_transductive(subject: Subject) -> None:
    """A prediction depends on the other queries if, and only if, that is declared."""
    episodes, state, key = subject.episodes(), subject.trained.state, root_key(5)
    mine, theirs = one(episodes, 0), one(episodes, 1)
    changed = mine._replace(query_x=theirs.query_x.at[0].set(mine.query_x[0]))
    before, after = (subject.answer(state, episode, key)[0] for episode in (mine, changed))
    declared, apart = subject.learner.transductive, distance(after, before)
    seen = "moved" if apart > 1 else "did not move"
    require(
        (apart > 1) == declared,
        f"`transductive` is declared {declared}, but a query's logits {seen} when the other "
        f"queries were replaced (by {apart:.3g} times what rounding explains)",
    )


def check_causal(subject: Subject) -> None:
    """A stream's answers do not depend on what comes later. Skipped without `stream`."""
    if subject.learner.stream is None:
        return
    shape = StreamShape(subject.shape.way, 3, subject.shape.image)
    streams = draw(subject.tables["test"], shape, 2, jnp.int32(0))
    mine, theirs = one(streams, 0), one(streams, 1)
    early, answer = shape.steps // 2, jax.jit(subject.learner.stream)
    state, key = subject.trained.state, root_key(5)
    xs = jnp.concatenate([mine.xs[:early], theirs.xs[early:]])
    # The label of step t is shown at t + 1: those of the later steps, and of the last early one.
    labels = jnp.concatenate([shown(mine)[:early], shown(theirs)[early:]])
    before, after = answer(state, mine.xs, shown(mine), key), answer(state, xs, labels, key)
    require(
        before.shape == (shape.steps, shape.way) and bool(jnp.isfinite(before).all()),
        f"`stream` must return finite logits {[shape.steps, shape.way]}; their shape is "
        f"{list(before.shape)}",
    )
    apart = distance(after[:early], before[:early])
    require(
        apart <= 1,
        "the answers of `stream` must not depend on later images and labels, but differ by "
        f"{apart:.3g} times what rounding explains",
    )


def check_embedding(subject: Subject) -> None:
    """`embed` gives each image features of its own. Skipped without `embed`."""
    if subject.learner.embed is None:
        return
    embed, state = jax.jit(subject.learner.embed), subject.trained.state
    images = subject.episodes().query_x[0]
    found = embed(state, images)
    require(
        found.ndim == 2 and found.shape[0] == images.shape[0] and bool(jnp.isfinite(found).all()),
        f"`embed` must return finite features [{images.shape[0]}, any number]; their shape is "
        f"{list(found.shape)}",
    )
    if not subject.learner.transductive:
        apart = distance(embed(state, images.at[1:].set(images[:1]))[0], found[0])
        require(
            apart <= 1,
            "the features of an image must not depend on the other images, but differ by "
            f"{apart:.3g} times what rounding explains",
        )


def check_trace(subject: Subject) -> None:
    """`trace` tells finite numbers of every inner step. Skipped without `trace`."""
    if subject.learner.trace is None:
        return
    episode = one(subject.episodes())
    trace, state = jax.jit(subject.learner.trace), subject.trained.state
    found = trace(state, episode.support_x, episode.support_y, root_key(5))
    shapes = {name: list(values.shape) for name, values in found.items()}
    same = {shape[0] for shape in shapes.values() if len(shape) == 2}
    finite = all(bool(jnp.isfinite(values).all()) for values in found.values())
    require(
        finite and len(same) == 1 and all(len(shape) == 2 for shape in shapes.values()),
        "`trace` must return finite arrays [inner steps, any number] by name; their shapes are "
        f"{shapes}",
    )


def check_loss_falls(subject: Subject) -> None:
    """A short meta-training lowers the loss. Skipped without `train`."""
    if subject.learner.train is None:
        return
    first, last = np.split(subject.trained.losses[: STEPS // 3 * 3], 3)[::2]
    noise = np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / len(first))
    require(
        first.mean() - last.mean() > 2 * noise,
        f"the loss must fall within {STEPS} steps, but went from {first.mean():.4g} to "
        f"{last.mean():.4g} (± {noise:.2g})",
    )


def check_beats_chance(subject: Subject) -> None:
    """On classes never met, the (shortly trained) learner is significantly above chance.

    Skipped for those that train on streams: they need thousands of steps to begin to.
    """
    if isinstance(subject.train_shape, StreamShape):
        return
    accuracy, chance = subject.accuracies(subject.episodes()), 1 / subject.shape.way
    noise = accuracy.std(ddof=1) / np.sqrt(accuracy.size)
    require(
        accuracy.mean() - chance > max(SIGMAS * noise, 0.01),
        f"accuracy must be significantly above chance, {chance:.3f}, but is "
        f"{accuracy.mean():.3f} ± {noise:.3f}",
    )


def check_shuffled_labels(subject: Subject) -> None:
    """With support labels that say nothing, accuracy is that of chance: nothing leaks."""
    episodes, chance = subject.episodes(), 1 / subject.shape.way
    shuffled = jax.vmap(jax.random.permutation)(keys(EPISODES), episodes.support_y)
    accuracy = subject.accuracies(episodes._replace(support_y=shuffled))
    noise = accuracy.std(ddof=1) / np.sqrt(accuracy.size)
    require(
        abs(accuracy.mean() - chance) <= SIGMAS * noise + 1e-6,  # float32, without any noise
        f"with shuffled support labels, accuracy must be that of chance, {chance:.3f}, but is "
        f"{accuracy.mean():.3f} ± {noise:.3f}: the answer comes from somewhere else",
    )


LEARNER_CHECKS: tuple[Callable[[Subject], None], ...] = (
    check_contract,
    check_deterministic,
    check_jit,
    check_vmap,
    check_compiles_once,
    check_other_shape,
    check_transductive,
    check_causal,
    check_forecasts,
    check_embedding,
    check_trace,
    check_loss_falls,
    check_beats_chance,
    check_shuffled_labels,
)


def check_label_names(subject: Subject) -> None:
    """Renaming the labels permutes the logits.

    True of learners that compare embeddings; it need not be of those that read labels in
    sequence, so this is not among `LEARNER_CHECKS`.
    """
    episode, key, state = one(subject.episodes()), root_key(5), subject.trained.state
    name = jnp.roll(jnp.arange(subject.shape.way), 1)
    renamed = episode._replace(support_y=name[episode.support_y])
    before, after = (subject.answer(state, e, key) for e in (episode, renamed))
    apart = distance(after[:, name], before)
    require(
        apart <= 1,
        "renaming the labels must permute the logits and nothing else, but they differ by "
        f"{apart:.3g} times what rounding explains",
    )
