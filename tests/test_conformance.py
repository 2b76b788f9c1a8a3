"""Every registered learner and dataset passes every check; broken ones fail the one that is meant.

The convolutions are XLA's own here, which compile in a tenth of the time; that the forms used on
a CPU compute the same is tested in `tests/nets`.
"""

from itertools import count

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench import conformance, registry
from metabench.conformance import (
    DATASET_CHECKS,
    LEARNER_CHECKS,
    ConformanceError,
    Prepared,
    Subject,
    functions,
    learners,
    small_settings,
    strokes_tables,
)
from metabench.conformance import datasets as dataset_checks
from metabench.data import load_or_prepare
from metabench.datasets import strokes
from metabench.episodes import PRNG, root_key
from metabench.nets.ops import use_native
from metabench.types import EpisodeShape, Forecast, Learner, Split, TaskShape

REGISTERED = {name: (name, {}) for name in registry.names("learners")}
VARIANTS = {
    "protonet-transductive": ("protonet", {"norm": "batch"}),
    "protonet-train-way": ("protonet", {"train_way": 8, "train_query": 3}),
    "maml-inductive": ("maml", {"norm": "support", "learned_rates": True, "first_order": True}),
    "maml-hidden": ("maml", {"test_norm": "support", "first_order": True}),
    "reptile-inductive": ("reptile", {"norm": "support"}),
    "baseline-fitted": ("baseline", {"finetune": True, "fit_rate": 0.1}),
    "baseline_pp-fitted": ("baseline_pp", {"finetune": True}),
    "relation-transductive": (
        "relation",
        {"norm": "batch", "train_way": 8, "train_query": 3},
    ),
    "supcon-inside-views": ("supcon", {"log_position": "inside", "views": 2, "train_way": 8}),
    "infogan-trunk": ("infogan", {"features": "trunk"}),
    "matching-full-context": ("matching", {"full_context": True, "context_steps": 2}),
}
SHAPE = EpisodeShape(way=5, shot=1, query=5, image=(16, 16, 1))  # the smallest that Conv4 takes
# To whom labels are only names.
METRIC = (
    "acai",
    "autoencoder",
    "baseline",
    "baseline_pp",
    "bigan",
    "cluster_matching",
    "deepcluster",
    "exemplar_svm",
    "infogan",
    "logistic",
    "matching",
    "neural_statistician",
    "pixel_nn",
    "protonet",
    "relation",
    "siamese",
    "supcon",
)
HEAVY = ("finetune", "maml", "meta_lstm", "reptile")  # compile an inner loop over four blocks: slow
QUICK = {  # of the variants' checks; the others are marked slow
    ("protonet-transductive", learners.check_transductive),
    ("protonet-train-way", learners.check_contract),
    ("protonet-train-way", learners.check_other_shape),
}


def name_of(check):
    return check.__name__.removeprefix("check_")


@pytest.fixture(autouse=True)
def native():
    with use_native(True):
        yield


@pytest.fixture(scope="module")
def subjects():
    """Subjects by name, each built when first asked for."""
    built, tables = {}, strokes_tables(SHAPE.image)

    def subject(name):
        if name not in built:
            learner, settings = (REGISTERED | VARIANTS)[name]
            settings = small_settings(learner) | settings
            built[name] = Subject(learner, shape=SHAPE, settings=settings, tables=tables)
        return built[name]

    return subject


def cases():
    """Pairs of a learner and a check; ids end in the check, so that one worker runs a learner."""
    for name in REGISTERED | VARIANTS:
        checks = [*LEARNER_CHECKS, *([learners.check_label_names] if name in METRIC else [])]
        for check in checks:
            slow = name in HEAVY or (name in VARIANTS and (name, check) not in QUICK)
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(name, check, marks=marks, id=f"{name}-{name_of(check)}")


@pytest.mark.parametrize(("name", "check"), list(cases()))
def test_learner(name, check, subjects):
    check(subjects(name))


def test_what_a_learner_builds_on_is_trained_before_it():
    subject = Subject("cluster_matching", shape=SHAPE)
    first, begun = subject.init(root_key(0)), subject.initial
    assert not np.array_equal(first.kept, begun.kept)
    assert signature_of(first) == signature_of(begun)


def signature_of(tree):
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]


def test_small_settings_are_only_options_that_the_learner_has():
    assert small_settings("protonet") == {"width": 8, "steps": conformance.subject.STEPS}
    assert small_settings("modified_hausdorff") == {"points": 32}
    assert small_settings("pixel_nn") == {}


# A learner that is right, and can be broken in one place at a time.


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


BROKEN = {
    "logits too wide": (learners.check_contract, {"predict": one_column_more}, "floating logits"),
    "logits not finite": (learners.check_contract, {"predict": not_a_number}, "finite logits"),
    "task with a string": (learners.check_contract, {"adapt": keeps_a_word}, "pytrees of arrays"),
    "no loss": (learners.check_contract, {"train": reports_nothing}, "scalar `loss`"),
    "growing state": (learners.check_contract, {"train": grows}, "keep the form"),
    "random at tracing": (
        learners.check_deterministic, {"predict": draws_without_a_key}, "without a key",
    ),
    "random at running": (
        learners.check_deterministic, {"predict": draws_from_the_host}, "same bits",
    ),
    "random loss": (
        learners.check_deterministic, {"train": train_draws_without_a_key}, "without a key",
    ),
    "jit differs": (learners.check_jit, {"predict": notices_tracing}, "without `jax.jit`"),
    "vmap differs": (learners.check_vmap, {"predict": notices_batching}, "under `jax.vmap`"),
    "retraces": (learners.check_compiles_once, {"train": weakens_a_type}, "was traced 2 times"),
    "features of the batch": (
        learners.check_embedding, {"embed": embeds_relative_to_the_batch}, "must not depend on",
    ),
    "features as a map": (learners.check_embedding, {"embed": embeds_as_a_map}, "finite features"),
    "traces of two lengths": (
        learners.check_trace, {"trace": traces_another_number_of_steps}, "inner steps, any number",
    ),
    "always five ways": (learners.check_other_shape, {"adapt": five_ways}, "3-way 2-shot"),
    "peeks": (learners.check_transductive, {"predict": peeks}, "declared False, but .* moved"),
    "does not peek": (
        learners.check_transductive,
        {"transductive": lambda whole, shape: True},
        "declared True, but .* did not move",
    ),
    "looks ahead": (learners.check_causal, {"stream": looks_ahead}, "not depend on later"),
    "stream too short": (
        learners.check_causal, {"stream": answers_in_one_row}, "finite logits",
    ),
    "knows the next value": (
        functions.check_forecasts,
        {"forecast": knows_what_it_forecasts, "train": trains_on_values},
        "not depend on their own value",
    ),
    "no deviation": (
        functions.check_forecasts,
        {"forecast": is_too_sure, "train": trains_on_values},
        "positive deviation",
    ),
    "no forecast": (
        functions.check_forecasts,
        {"forecast": lambda whole, shape: None},
        "must have `forecast` and `train`",
    ),
    "does not learn": (learners.check_loss_falls, {"train": stands_still}, "the loss must fall"),
    "guesses": (learners.check_beats_chance, {"predict": guesses}, "above chance"),
    "ignores labels": (
        learners.check_shuffled_labels, {"adapt": reads_positions}, "comes from somewhere else",
    ),
    "label positions": (
        learners.check_label_names, {"adapt": reads_positions}, "renaming the labels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", [*LEARNER_CHECKS, learners.check_label_names], ids=name_of)
def test_the_unbroken_learner_passes(check, strokes_table):
    check(Subject(linear, tables=strokes_table))


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_learner_fails_the_check_that_is_meant(fault, strokes_table):
    check, changes, sentence = BROKEN[fault]
    subject = Subject(breaking(**changes), tables=strokes_table)
    with pytest.raises(ConformanceError, match=sentence):
        check(subject)


def test_who_always_says_the_same_is_at_chance(strokes_table):
    always = breaking(
        predict=lambda whole, shape: lambda task, x: jnp.eye(shape.way)[:1].repeat(len(x), 0)
    )
    learners.check_shuffled_labels(Subject(always, tables=strokes_table))


def test_every_check_has_a_learner_that_fails_it():
    assert {check for check, _, _ in BROKEN.values()} == {
        *LEARNER_CHECKS,
        learners.check_label_names,
    }


def test_check_learner_runs_them_all(monkeypatch):
    conformance.check_learner("pixel_nn")
    ran = count()
    checks = tuple(lambda subject: next(ran) for _ in range(3))
    monkeypatch.setattr(conformance, "LEARNER_CHECKS", checks)
    conformance.check_learner("pixel_nn", settings={"ink": "bright"})
    assert next(ran) == 3


# Datasets


@pytest.fixture(scope="module")
def prepared():
    return Prepared(strokes.DATASET, load_or_prepare("strokes", progress=False))


@pytest.mark.parametrize("check", DATASET_CHECKS, ids=name_of)
def test_strokes(check, prepared):
    check(prepared)


def test_a_dataset_may_be_for_testing_alone(prepared):
    alone = Prepared(prepared.spec._replace(splits=split_of(train=(), val=())), prepared.dataset)
    dataset_checks.check_splits(alone)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry.names("datasets") if n != "strokes"])
def test_datasets_of_archives(name):
    conformance.check_dataset(name)


def split_of(**parts):
    usual = {"train": ("alphabet00/character00",), "val": ("alphabet00/character01",)}
    parts = usual | {"test": ("alphabet00/character02",)} | parts
    return {"one": lambda: Split("one", parts, 1, "0" * 64)}


DEFECTS = {
    "no licence": (dataset_checks.check_declaration, {"licence": ""}, {}, "`licence` must say"),
    "no such split": (
        dataset_checks.check_declaration, {"default_split": "x"}, {}, "must be one of",
    ),
    "floats": (dataset_checks.check_images, {}, {"images": np.ones((2, 4, 4, 1))}, "must be uint8"),
    "blank": (
        dataset_checks.check_images, {}, {"images": np.zeros((2, 4, 4, 1), np.uint8)}, "one colour",
    ),
    "descending": (
        dataset_checks.check_labels, {}, {"labels": np.arange(6400)[::-1] // 20}, "ascending",
    ),
    "names twice": (
        dataset_checks.check_labels, {}, {"class_names": ("a",) * 320}, "names must differ",
    ),
    "one example": (
        dataset_checks.check_labels, {},
        {"labels": np.repeat(np.arange(320), [1, 39, *[20] * 318])}, "the fewest are 1",
    ),
    "empty part": (
        dataset_checks.check_splits, {"splits": split_of(val=())}, {}, "must have classes",
    ),
    "no test": (
        dataset_checks.check_splits, {"splits": split_of(test=())}, {}, "must have classes",
    ),
    "overlap": (
        dataset_checks.check_splits,
        {"splits": split_of(test=("alphabet00/character00",))}, {}, "disjoint parts",
    ),
    "unknown class": (
        dataset_checks.check_splits, {"splits": split_of(test=("Klingon",))}, {}, "1 are unknown",
    ),
    "other pixels": (
        dataset_checks.check_reproducible, {}, {"digest": "0" * 64}, "digests are 000000000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_dataset_fails_the_check_that_is_meant(defect, prepared):
    check, spec, dataset, sentence = DEFECTS[defect]
    broken = Prepared(prepared.spec._replace(**spec), prepared.dataset._replace(**dataset))
    with pytest.raises(ConformanceError, match=sentence):
        check(broken)
