"""MAML: its meta-gradient against finite differences, its options, and its statistics."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metabench import recipes
from metabench.compute.native import use_native
from metabench.conformance.built import logits
from metabench.errors import UserError
from metabench.learners.common.inner_loop import inner_loop
from metabench.learners.common.state import Task
from metabench.learners.gradient.maml import maml
from metabench.learners.gradient.reptile import reptile
from metabench.seeds import root_key
from metabench.types import Episode, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=2, shot=1, query=2, image=(16, 16, 1))
TINY = {"width": 2, "inner_steps": 2, "inner_rate": 0.4, "decay": "constant"}


def float64(tree):
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf, tree
    )


def check_slope(loss, params):
    """The gradient of `loss` along one random direction is that of finite differences."""
    leaves, form = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(5), len(leaves))
    drawn = [jax.random.normal(k, p.shape, p.dtype) for k, p in zip(keys, leaves, strict=True)]
    direction = jax.tree.unflatten(form, drawn)

    @jax.jit
    def along(distance):
        return loss(jax.tree.map(lambda p, d: p + distance * d, params, direction))

    slope = float(jax.grad(along)(0.0))
    measured = float(along(1e-6) - along(-1e-6)) / 2e-6
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(slope, measured, rtol=1e-5)


def cross_entropy(scores, labels):
    return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()


def test_the_meta_gradient_of_a_small_network_is_that_of_finite_differences():
    with jax.enable_x64(True):
        draw = np.random.default_rng(0).normal
        x, labels = jnp.asarray(draw(size=(6, 4))), jnp.asarray([0, 1, 2, 1, 0, 2])
        params = [jnp.asarray(draw(size=size)) for size in [(4, 5), (5, 3)]]

        def error(params, chosen):
            return cross_entropy(jnp.tanh(x[chosen] @ params[0]) @ params[1], labels[chosen])

        def outer(params):
            supports = jnp.asarray([[0, 1, 2]] * 3)
            found = inner_loop(error, params, optax.sgd(0.5), supports, rematerialise=True)
            return error(found.params, jnp.asarray([3, 4, 5]))

        check_slope(outer, params)


@pytest.mark.slow  # compiles second derivatives of eight convolutions
@pytest.mark.parametrize("norm", ["batch", "support"])
def test_the_meta_gradient_is_that_of_finite_differences(norm):
    with jax.enable_x64(True), use_native(False):
        learner = maml(SHAPE, norm=norm, learned_rates=True, **TINY)
        state = float64(jax.jit(learner.init)(root_key(1)))
        pixels = jax.random.bits(jax.random.key(0), (6, 16, 16, 1), jnp.uint8)

        def error(params):
            task = learner.adapt(
                state._replace(params=params), pixels[:2], jnp.arange(2), root_key(0)
            )
            return cross_entropy(learner.predict(task, pixels[2:]), jnp.asarray([0, 1, 0, 1]))

        check_slope(error, state.params)


@pytest.mark.parametrize(
    ("recipe", "shot", "rate"),
    [("maml", 1, 0.01), ("maml-5way-5shot", 5, 0.01), ("cactus-maml", 1, 0.05)],
)
def test_an_inner_step_of_the_paper_recipes_is_that_of_the_authors_code(recipe, shot, rate):
    """There a step goes down the sum of the supports' cross-entropies, divided by the shots."""
    options = recipes.read(recipes.folder() / "mini_imagenet" / f"{recipe}.toml", recipe).learner
    options = {**options.get("base_settings", options), "inner_steps": 1, "test_steps": 1}
    learner = maml(EpisodeShape(5, shot, 1, (16, 16, 1)), **{**options, "width": 2})
    state = jax.jit(learner.init)(root_key(0))
    images = jax.random.bits(root_key(1), (5 * shot, 16, 16, 1), jnp.uint8)
    labels = jnp.repeat(jnp.arange(5), shot)
    before = jax.jit(learner.predict)(Task(state.params.weights, state.stats), images)
    weights = jax.jit(learner.adapt)(state, images, labels, root_key(2)).weights
    wrong = np.asarray(jax.nn.softmax(before)) - np.eye(5)[np.asarray(labels)]
    bias = state.params.weights["head"]["bias"] - rate * wrong.sum(0) / shot
    np.testing.assert_allclose(weights["head"]["bias"], bias, rtol=1e-3, atol=1e-6)


def test_learned_rates_are_one_for_each_array_and_step():
    learner = maml(SHAPE, learned_rates=True, **TINY)
    params = jax.eval_shape(learner.init, root_key(0)).params
    assert jax.tree.structure(params.rates) == jax.tree.structure(params.weights)
    assert {leaf.shape for leaf in jax.tree.leaves(params.rates)} == {(2,)}
    assert jax.eval_shape(maml(SHAPE, **TINY).init, root_key(0)).params.rates == ()


def test_the_inner_loop_may_leave_the_normalisation_as_it_is():
    options = {**TINY, "inner_steps": 1, "blocks": "strided"}
    learner = maml(SHAPE, learned_rates=True, norm_scale=False, adapt_norm=False, **options)
    state = jax.jit(learner.init)(root_key(0))
    assert set(state.params.rates["blocks"][0]) == {"kernel"}
    pixels = jax.random.bits(jax.random.key(0), (2, 16, 16, 1), jnp.uint8)
    adapted = jax.jit(learner.adapt)(state, pixels, jnp.arange(2), root_key(0)).weights
    for before, after in zip(
        state.params.weights["blocks"].values(), adapted["blocks"].values(), strict=True
    ):
        np.testing.assert_array_equal(before["bias"], after["bias"])
    assert np.abs(adapted["head"]["kernel"] - state.params.weights["head"]["kernel"]).max() > 1e-4


@pytest.mark.parametrize(("learner", "steps"), [(maml, "inner_steps"), (reptile, "test_steps")])
def test_the_norm_of_the_test_leaves_training_as_it_is(learner, steps):
    factory = partial(learner, **{"width": 4, steps: 2})
    assert not factory(SHAPE, test_norm="support").transductive
    assert factory(SHAPE, norm="support", test_norm="batch").transductive
    learner, hidden = factory(SHAPE), factory(SHAPE, test_norm="support")
    state, other = (jax.jit(one.init)(root_key(0)) for one in (learner, hidden))
    for one, another in zip(jax.tree.leaves(state), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(one, another)
    # The whole answer is that of a learner with `norm="support"` from the same weights.
    same = factory(SHAPE, norm="support")
    start = jax.jit(same.init)(root_key(0))
    images, labels = jax.random.bits(root_key(1), (4, 16, 16, 1), "uint8"), jnp.arange(2)
    episode = Episode(images[:2], labels, images[2:], labels, labels)
    found, expected = (
        jax.jit(partial(logits, one))(given, episode, root_key(2))
        for one, given in ((hidden, state), (same, start))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "support", "layer", "none"])
def test_only_statistics_of_the_queries_are_transductive(norm):
    assert maml(SHAPE, norm=norm).transductive == (norm == "batch")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inner_steps": 0}, "`inner_steps` is 0; it must be at least 1"),
        ({"test_steps": 0}, "`test_steps` is 0; it must be at least 1"),
        ({"inner_rate": 0.0}, "`inner_rate` is 0.0; it must be positive"),
        ({"test_norm": "layer"}, "`test_norm` is 'layer'; after `norm` 'batch' it must be one of"),
        (
            {"norm": "layer", "test_norm": "support"},
            "`test_norm` is 'support'; after `norm` 'layer' it must be one of: layer",
        ),
        ({"norm": "running"}, "`norm` is 'running'; it must be one of: batch, support"),
        ({"width": 0}, "`width` is 0; it must be at least 1"),
        ({"train_query": 0}, "`train_query` is 0; it must be at least 1"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        maml(SHAPE, **options)
