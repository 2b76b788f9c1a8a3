"""What a learner must do where the classes of an episode have unequal numbers of images."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from metabench.conformance.built import TASKS, Built, draw, keys, one
from metabench.conformance.check import Skipped, named, require
from metabench.conformance.comparing import distance, form, same_form
from metabench.conformance.drawings import strokes_tables
from metabench.conformance.episodes import SIGMAS, accuracies
from metabench.conformance.subject import Subject
from metabench.contracts.learner import EpisodeLearner
from metabench.seeds import root_key
from metabench.types import Episode, EpisodeShape, PyTree

# Of what accuracy is above chance in even episodes with as many images. It is no more, because a
# sum over supports or a fit to them rightly favours larger classes: `matching` keeps a half.
KEPT = 0.4


def _shape(built: Built[EpisodeLearner]) -> EpisodeShape:
    """Uneven episodes: from 1 to 5 supports and from 1 to 9 queries of each class."""
    assert isinstance(built.shape, EpisodeShape), "it is built for episodes"
    return replace(built.shape, shot_spread=2, query_spread=4)


def _ready(subject: Subject) -> tuple[Built[EpisodeLearner], PyTree]:
    """The learner, compiled for episodes with as many images, and a state that was trained."""
    trained = subject.episodes.trained.state
    if subject.episodes.learner.balanced:
        raise Skipped("needs even episodes: its `balanced` is True")
    built = subject.uneven
    state = built.init.eval_shape(root_key(0))
    require(
        same_form(state, trained),
        "a state that was trained for other shots must do for uneven episodes (or `balanced` must "
        f"be True), but `init` makes {form(state)} for them and {form(trained)} for others",
    )
    return built, trained


def _drawn(shape: EpisodeShape, number: int) -> Episode:
    found: Episode = draw(strokes_tables(shape.image)["test"], shape, number, jnp.int32(0))
    return found


def check_uneven(subject: Subject) -> None:
    """Uneven episodes get finite logits, and an accuracy that is not lost against even ones."""
    built, state = _ready(subject)
    chance, found = 1 / subject.shape.way, []
    for shape in (_shape(built).even, _shape(built)):
        episodes = _drawn(shape, TASKS)
        answers = built.answers(state, episodes, keys(TASKS))
        require(
            bool(jnp.isfinite(answers).all()),
            "`predict` must return finite logits in uneven episodes; some are not a number or "
            "infinite",
        )
        found.append(accuracies(answers, episodes) - chance)
    even, uneven = found
    short = KEPT * even - uneven
    noise = short.std(ddof=1) / np.sqrt(short.size)
    require(
        short.mean() <= SIGMAS * noise + 1e-6,
        "in uneven episodes, accuracy must not be lost against even ones with as many images, "
        f"{chance + even.mean():.3f}, but is {chance + uneven.mean():.3f}: read from `support_y` "
        "how many supports a class has, or declare `balanced`",
    )


UNEVEN_CHECKS = named(check_uneven)


def check_support_order(subject: Subject) -> None:
    """In an uneven episode, the order of the supports changes nothing.

    This holds for learners that compare embeddings, but not for those that read supports in
    sequence or draw from them, so this is not among `LEARNER_CHECKS`.
    """
    built, state = _ready(subject)
    episode, key = one(_drawn(_shape(built), 1)), root_key(5)
    order = jax.random.permutation(key, episode.support_y.shape[0])
    moved = episode._replace(support_x=episode.support_x[order], support_y=episode.support_y[order])
    before, after = (built.answer(state, each, key) for each in (episode, moved))
    apart = distance(after, before)
    require(
        apart <= 1,
        "supports in another order must give the same logits, but these differ by "
        f"{apart:.3g} times what rounding explains",
    )
