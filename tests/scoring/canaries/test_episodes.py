"""An honest learner passes its canaries, and one that cheats is caught by the right ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.scoring.canaries import answering
from metabench.scoring.canaries.episodes import episode_canaries
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_batch, sample_index_batch
from tests.scoring.canaries.made_up import SHAPE, adapt, flat, honest, made_up_table, predict

EPISODES = 60
NAMES = (
    "shuffled labels", "blank supports", "reordered supports", "reordered queries", "single query",
    "duplicated queries", "permuted classes", "same image",
)  # fmt: skip


def canaries(learner, table=None, episodes=EPISODES, **options):
    table = made_up_table() if table is None else table
    found = episode_canaries(learner, (), table, SHAPE, test_seed=3, episodes=episodes, **options)
    assert tuple(one.name for one in found) == NAMES
    return {one.name: one for one in found}


def caught(found):
    return {name for name, one in found.items() if one.holds is False}


def in_order():
    """Episodes in which labels are in the order of the classes, and queries in that of labels.

    They have all the same classes.
    """
    table = made_up_table()
    few = table._replace(members=table.members[: SHAPE.way], counts=table.counts[: SHAPE.way])
    found = jax.jit(sample_index_batch, static_argnums=3)(
        root_key(3), jnp.arange(EPISODES), few, SHAPE
    )
    take = jnp.take_along_axis
    names = jnp.argsort(found.classes)  # the label of each class before
    label = take(jnp.argsort(names), found.query_y, 1)
    order = jnp.argsort(label, axis=1)
    support = take(jnp.argsort(names), found.support_y, 1)
    by_label = jnp.argsort(support, axis=1)
    return made_up_table(
        found._replace(
            classes=jnp.sort(found.classes),
            support=take(found.support, by_label, 1),
            support_y=take(support, by_label, 1),
            query=take(found.query, order, 1),
            query_y=take(label, order, 1),
        )
    )


def by_place(task, query_x):
    """Answers by the place of a query: right where queries are in the order of their labels."""
    return jax.nn.one_hot(jnp.arange(len(query_x)) * SHAPE.way // len(query_x), SHAPE.way)


def centred(task, query_x):
    """Compares with the mean of the queries."""
    return predict(task, query_x) + flat(query_x).mean(0)[None, :4]


def test_all_hold_for_an_honest_learner():
    found = canaries(honest())
    held = dict.fromkeys(NAMES, True) | {"reordered supports": None}
    assert {name: one.holds for name, one in found.items()} == held
    wanted = ("chance", "chance", "measured", *["unchanged"] * 3, "measured", "1")
    assert tuple(one.expected for one in found.values()) == wanted
    assert found["same image"].mean > 0.95
    assert found["blank supports"][1:3] == (0.25, 0.0)
    for name in NAMES[2:7]:
        assert found[name][1:3] == (0.0, 0.0)


def test_chunks_change_nothing(monkeypatch):
    whole = canaries(honest(), episodes=10)
    monkeypatch.setattr(answering, "chunk_size", lambda shape: 4)
    assert canaries(honest(), episodes=10) == whole
    assert canaries(honest(), episodes=10, seed=1) != whole


def test_one_that_reads_the_order_of_the_supports_is_caught():
    def by_position(state, x, y, key):
        return adapt(state, x, jnp.arange(SHAPE.supports) // SHAPE.shot, key)

    found = canaries(honest(adapt=by_position))
    assert caught(found) == {"shuffled labels"}
    assert "come from somewhere else: look for the order of the supports" in (
        found["shuffled labels"].said
    )
    assert found["reordered supports"].holds is None
    assert found["reordered supports"].mean > 0.5


@pytest.mark.parametrize("transductive", [False, True])
def test_one_that_reads_the_order_of_the_queries_is_caught(transductive):
    found = canaries(honest(predict=by_place, transductive=transductive), in_order())
    assert "reordered queries" in caught(found)
    assert "\N{MINUS SIGN}" in found["reordered queries"].said  # the accuracy falls
    assert {"shuffled labels", "blank supports"} <= caught(found)


def test_one_that_remembers_the_test_classes_is_caught():
    images = flat(made_up_table().images[: SHAPE.way * 10]).reshape(SHAPE.way, 10, -1)

    def remember(task, query_x):
        apart = jnp.square(flat(query_x)[:, None, None] - images[None]).sum(-1)
        return -apart.min(-1)

    found = canaries(honest(predict=remember), in_order())
    assert caught(found) == {"shuffled labels", "blank supports", "permuted classes"}
    assert found["blank supports"].mean == 1.0


def test_one_that_knows_the_test_episodes_by_their_keys_is_caught():
    indices = jnp.arange(EPISODES)
    within = jax.random.fold_in(root_key(3), 2**31)
    keys = jax.random.key_data(jax.vmap(lambda i: jax.random.fold_in(within, i))(indices))
    known = jax.jit(sample_batch, static_argnums=3)(root_key(3), indices, made_up_table(), SHAPE)
    answers = jax.nn.one_hot(known.query_y, SHAPE.way)

    def recall(state, x, y, key):
        return answers[(keys == jax.random.key_data(key)[None]).all(-1).argmax()]

    found = canaries(honest(adapt=recall, predict=lambda task, x: task[: len(x)]))
    assert {"shuffled labels", "blank supports", "reordered queries"} <= caught(found)
    assert found["shuffled labels"].mean == 1.0


def test_transduction_is_measured_and_held_against_what_is_declared():
    found = canaries(honest(predict=centred))
    assert caught(found) == {"single query", "duplicated queries"}
    assert "declare `transductive=True`" in found["single query"].said
    declared = canaries(honest(predict=centred, transductive=True))
    assert caught(declared) == set()
    for name in ("single query", "duplicated queries"):
        assert declared[name].holds is None
        assert (declared[name].expected, declared[name].mean) == ("measured", found[name].mean)


def test_one_that_does_not_look_at_its_supports_does_not_know_them_again():
    found = canaries(honest(adapt=lambda s, x, y, key: jnp.zeros((SHAPE.way, 16))))
    assert caught(found) == {"same image"}
    assert "trained too little" in found["same image"].said


def test_answers_that_are_no_numbers_are_told_and_are_below_chance():
    def fragile(state, x, y, key):
        means = adapt(state, x, y, key)
        return means / (means.sum(1, keepdims=True) > 0)

    one = canaries(honest(adapt=fragile))["blank supports"]
    assert (one.mean, one.holds) == (0.0, True)
    assert f"in {EPISODES} of {EPISODES} tasks a score was no number" in one.said


def test_one_that_takes_no_single_query_is_told_so():
    def whole(task, query_x):
        return predict(task, query_x.reshape(SHAPE.queries, 4, 4, 1))

    one = canaries(honest(predict=whole))["single query"]
    assert one[1:3] == (None, None)
    assert one.holds is None
    assert one.said.startswith("skipped: `predict` takes no single query")


def test_near_ties_are_no_change():
    usual = np.array([[0.5, 0.5, 0.0], [0.5, 0.4, 0.0], [np.nan, 0.0, 0.0], [1.0, 0.0, 0.0]])
    scores = np.array([[0.5, 0.5001, 0.0], [0.4, 0.5, 0.0], [np.nan, 0.0, 0.0], [np.nan, 0, 0]])
    assert answering.differ(scores, usual).tolist() == [False, True, False, True]
