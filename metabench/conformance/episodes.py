"""What a learner of N-way k-shot episodes must do.

The checks measure: they do not read from the code whether a query's answer depends on the other
queries, but replace these and compare.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from metabench.conformance.built import BATCH, TASKS, draw, keys, logits, one, require_form
from metabench.conformance.check import Skipped, arrays_alone, named, require
from metabench.conformance.comparing import distance, form
from metabench.conformance.drawings import strokes_tables
from metabench.conformance.subject import Subject
from metabench.contracts.learner import train_shape
from metabench.scoring.tally import answered
from metabench.seeds import root_key
from metabench.types import Episode, StreamShape

SIGMAS = 4.0  # a larger difference is significant; by chance it occurs once in 16,000 times


def accuracies(found: jax.Array, episodes: Episode) -> np.ndarray:
    """Of the logits [episodes, queries, way] in each of the episodes, as fractions."""
    right = (found.argmax(-1) == episodes.query_y) & answered(found)
    return np.asarray(right.mean(-1))


def check_contract(subject: Subject) -> None:
    """Shapes, dtypes and pytrees are as in the contract; logits are finite."""
    built, key = subject.episodes, root_key(0)
    learner, episode = built.learner, one(built.tasks())
    with arrays_alone("state and task must be pytrees of arrays that pass through `jax.jit`"):
        state = built.init.eval_shape(key)
        task = jax.eval_shape(learner.adapt, state, episode.support_x, episode.support_y, key)
        found = jax.eval_shape(learner.predict, task, episode.query_x)
    wanted = (subject.shape.queries, subject.shape.way)
    require(
        getattr(found, "shape", None) == wanted and jnp.issubdtype(found.dtype, jnp.floating),
        f"`predict` must return floating logits {list(wanted)}, not {form(found)}",
    )
    finite = jnp.isfinite(built.answer(built.initial, episode, key)).all()
    require(bool(finite), "`predict` must return finite logits; some are not a number or infinite")


def check_other_shape(subject: Subject) -> None:
    """The factory honours other ways, shots and queries, and so does the training step."""
    built = subject.episodes
    other = replace(subject.shape, way=3, shot=2, query=4)
    learner = subject.build(other)
    episode = one(draw(strokes_tables(other.image)["test"], other, 1, jnp.int32(0)))
    state = jax.jit(learner.init)(root_key(0))
    found = jax.jit(partial(logits, learner))(state, episode, root_key(0))
    require(
        found.shape == (other.queries, other.way) and bool(jnp.isfinite(found).all()),
        f"for 3-way 2-shot episodes with 4 queries, logits must be finite and "
        f"{[other.queries, other.way]}; their shape is {list(found.shape)}",
    )
    if learner.training is not None:
        assert built.start is not None, "episodes are drawn from a table"
        shape = train_shape(learner, other)
        tasks = draw.eval_shape(built.start.table, shape, BATCH, jnp.int32(0))
        require_form(state, *jax.eval_shape(learner.training.step, state, tasks, root_key(0)))


def check_transductive(subject: Subject) -> None:
    """A query's answer depends on the other queries if, and only if, that is declared."""
    built = subject.episodes
    mine, theirs = one(built.tasks(), 0), one(built.tasks(), 1)
    state, key = built.trained.state, root_key(5)
    changed = mine._replace(query_x=theirs.query_x.at[0].set(mine.query_x[0]))
    before, after = (built.answer(state, episode, key)[0] for episode in (mine, changed))
    declared, apart = built.learner.transductive, distance(after, before)
    seen = "moved" if apart > 1 else "did not move"
    require(
        (apart > 1) == declared,
        f"`transductive` is declared {declared}, but a query's logits {seen} when the other "
        f"queries were replaced (by {apart:.3g} times what rounding explains)",
    )


def check_query_order(subject: Subject) -> None:
    """Queries get the same answers in another order."""
    built = subject.episodes
    if built.learner.transductive:
        raise Skipped("is declared transductive: answers may depend on all queries together")
    episode, state, key = one(built.tasks()), built.trained.state, root_key(5)
    turned = episode._replace(query_x=jnp.roll(episode.query_x, 1, axis=0))
    before, after = (built.answer(state, each, key) for each in (episode, turned))
    apart = distance(after, jnp.roll(before, 1, axis=0))
    require(
        apart <= 1,
        "the answers to queries in another order must be the same, but differ by "
        f"{apart:.3g} times what rounding explains",
    )


def check_beats_chance(subject: Subject) -> None:
    """On unseen classes, the briefly trained learner is significantly above chance."""
    built = subject.episodes
    if isinstance(built.train_shape, StreamShape):
        raise Skipped("trains on streams: needs thousands of steps to beat chance")
    accuracy, chance = accuracies(built.answered, built.tasks()), 1 / subject.shape.way
    noise = accuracy.std(ddof=1) / np.sqrt(accuracy.size)
    require(
        accuracy.mean() - chance > max(SIGMAS * noise, 0.01),
        f"accuracy must be significantly above chance, {chance:.3f}, but is "
        f"{accuracy.mean():.3f} ± {noise:.3f}",
    )


def check_shuffled_labels(subject: Subject) -> None:
    """With random support labels, accuracy is at chance: no information leaks."""
    built, chance = subject.episodes, 1 / subject.shape.way
    episodes = built.tasks()
    shuffled = jax.vmap(jax.random.permutation)(keys(TASKS), episodes.support_y)
    changed = episodes._replace(support_y=shuffled)
    accuracy = accuracies(built.answers(built.trained.state, changed, keys(TASKS)), episodes)
    noise = accuracy.std(ddof=1) / np.sqrt(accuracy.size)
    require(
        abs(accuracy.mean() - chance) <= SIGMAS * noise + 1e-6,  # float32, without any noise
        f"with shuffled support labels, accuracy must be that of chance, {chance:.3f}, but is "
        f"{accuracy.mean():.3f} ± {noise:.3f}: the answer comes from somewhere else",
    )


EPISODE_CHECKS = named(
    check_contract,
    check_other_shape,
    check_transductive,
    check_query_order,
    check_beats_chance,
    check_shuffled_labels,
)


def check_label_names(subject: Subject) -> None:
    """Renaming the labels permutes the logits.

    This holds for learners that compare embeddings, but not always for those that read labels in
    sequence, so this is not among `LEARNER_CHECKS`.
    """
    built = subject.episodes
    episode, key, state = one(built.tasks()), root_key(5), built.trained.state
    name = jnp.roll(jnp.arange(subject.shape.way), 1)
    renamed = episode._replace(support_y=name[episode.support_y])
    before, after = (built.answer(state, each, key) for each in (episode, renamed))
    apart = distance(after[:, name], before)
    require(
        apart <= 1,
        "renaming the labels must permute the logits and nothing else, but they differ by "
        f"{apart:.3g} times what rounding explains",
    )
