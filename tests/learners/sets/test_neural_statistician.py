"""The Neural Statistician as a learner: its sets, its loss, its classification, its options."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench.errors import UserError
from metabench.learners.sets.neural_statistician import network_of, neural_statistician
from metabench.learners.sets.training import Annealing, sets_of
from metabench.nets.statistician.gaussians import Gaussian, kl
from metabench.nets.statistician.mixtures import divergence
from metabench.nets.statistician.model import Sizes
from metabench.seeds import root_key
from metabench.tasks.episodes import sample_batch
from metabench.types import ClassTable, EpisodeShape

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(way=3, shot=2, query=4, image=(16, 16, 1))
SMALL = {"width": 4, "hidden": 8, "context": 6, "latent": 3, "train_way": 4}


def told_apart(classes=9, examples=7):
    """A class table whose image i of class c is of one colour, 20 c + i."""
    colours = (20 * np.arange(classes)[:, None] + np.arange(examples)[None]).reshape(-1)
    number = classes * examples
    return ClassTable(
        images=jnp.asarray(np.broadcast_to(colours[:, None, None, None], (number, 4, 4, 1)), "u1"),
        members=jnp.arange(number, dtype=jnp.int32).reshape(classes, examples),
        counts=jnp.full(classes, examples, jnp.int32),
        class_ids=jnp.arange(classes, dtype=jnp.int32),
    )


def test_sets_hold_images_of_one_class_each():
    shape = neural_statistician(SHAPE, **SMALL).training.shape
    assert (shape.way, shape.shot + shape.query) == (4, 5)
    episodes = sample_batch(root_key(0), jnp.arange(6), told_apart(), shape)
    colours = np.asarray(jax.vmap(sets_of)(episodes))[..., 0, 0, 0]
    assert colours.shape == (6, 4, 5)
    np.testing.assert_array_equal(colours // 20, colours[..., :1] // 20 * np.ones(5, int))
    assert all(len(set(row)) == 5 for row in colours.reshape(24, 5).tolist())
    np.testing.assert_array_equal(colours[..., 0] // 20, episodes.class_ids)


def test_alpha_is_halved_again_and_again():
    annealing = Annealing(1.0, 100)
    found = [float(annealing(jnp.int32(step))) for step in (0, 99, 100, 250, 3000)]
    np.testing.assert_allclose(found, [1, 1, 0.5, 0.25, 0.5**30])
    assert float(Annealing(2.0, None)(jnp.int32(10**6))) == 2


@pytest.mark.parametrize("direction", ["class_to_query", "query_to_class"])
def test_classes_are_the_posteriors_of_their_supports(direction):
    learner = neural_statistician(SHAPE, direction=direction, **SMALL)
    state = jax.jit(learner.init)(jax.random.key(0))
    x = jax.random.bits(jax.random.key(1), (6, 16, 16, 1), jnp.uint8)
    queries = jax.random.bits(jax.random.key(2), (4, 16, 16, 1), jnp.uint8)
    adapt = jax.jit(learner.adapt)
    task = adapt(state, x, jnp.asarray([0, 1, 2, 0, 1, 2]), jax.random.key(3))
    order = jnp.asarray([3, 0, 1, 4, 2, 5])
    first = adapt(state, x[order], jnp.asarray([0, 0, 1, 1, 2, 2]), jax.random.key(4))
    np.testing.assert_allclose(task.classes.mean, first.classes.mean, rtol=1e-4, atol=1e-5)
    # A query is a set of one: what a class of one support would be.
    alone = adapt(state, queries[:3], jnp.arange(3), None).classes
    logits = jax.jit(learner.predict)(task, queries)
    assert logits.shape == (4, 3)
    for i in range(3):
        query = Gaussian(alone.mean[i], alone.log_var[i])
        for k in range(3):
            one = Gaussian(task.classes.mean[k], task.classes.log_var[k])
            pair = (one, query) if direction == "class_to_query" else (query, one)
            np.testing.assert_allclose(logits[i, k], -kl(*pair), rtol=1e-3, atol=1e-4)


def test_a_mixture_classifies_by_the_divergences_between_mixtures():
    learner = neural_statistician(SHAPE, posterior="mixture", components=2, **SMALL)
    state = jax.jit(learner.init)(jax.random.key(0))
    x = jax.random.bits(jax.random.key(1), (6, 16, 16, 1), jnp.uint8)
    task = learner.adapt(state, x, jnp.asarray([0, 1, 2, 0, 1, 2]), jax.random.key(3))
    assert task.classes.mean.shape == (3, 2, 6)
    logits = np.asarray(learner.predict(task, x[:4]))
    alone = learner.adapt(state, x[:3], jnp.arange(3), None).classes
    for i, k in ((0, 0), (1, 2), (2, 1)):
        query, one = (jax.tree.map(lambda part, n=n: part[n], c) for n, c in
                      ((i, alone), (k, task.classes)))  # fmt: skip
        np.testing.assert_allclose(logits[i, k], -divergence(one, query), rtol=1e-3, atol=1e-4)
    assert learner.embed(state, x).shape == (6, 6)


def test_training_does_not_read_the_labels_of_which_class_it_is():
    episodes = noise(1)
    other = episodes._replace(class_ids=episodes.class_ids[:, ::-1])
    state, train = training()
    losses = [train(state, e, jax.random.key(1))[1]["loss"] for e in (episodes, other)]
    assert losses[0] == losses[1]


@cache
def training(**options):
    """A first state and the step of training, compiled once for all tests."""
    learner = neural_statistician(SHAPE, **SMALL, **options)
    return jax.jit(learner.init)(jax.random.key(0)), jax.jit(learner.training.step)


def losses_of(episodes, **options):
    """What one step of training tells, of as many episodes as there are."""
    state, train = training(reflect=False, dilate=0.0, binarise=False, drop=0.0, **options)
    return train(state, episodes, jax.random.key(1))[1]


def noise(batch):
    """Episodes of images without meaning."""
    shape = neural_statistician(SHAPE, **SMALL).training.shape
    table = told_apart()._replace(
        images=jax.random.bits(jax.random.key(5), (63, 16, 16, 1), jnp.uint8)
    )
    return sample_batch(root_key(0), jnp.arange(batch), table, shape)


def test_each_episode_of_a_batch_is_normalised_by_itself():
    both = noise(2)
    alone = [jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], both) for i in range(2)]
    found = [float(losses_of(one)["context_kl"]) for one in alone]
    assert abs(found[0] - found[1]) > 1e-4
    np.testing.assert_allclose(losses_of(both)["context_kl"], np.mean(found), rtol=1e-5)


def test_contexts_are_inferred_from_distorted_copies():
    episodes = noise(1)
    plain, copies = losses_of(episodes), losses_of(episodes, distort=1.0)
    assert abs(plain["context_kl"] - copies["context_kl"]) > 1e-4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"direction": "up"}, "`direction` is 'up'; it must be one of: class_to_query, query"),
        ({"network": "big"}, "`network` is 'big'; it must be one of: small, paper"),
        ({"set_size": 1}, "`set_size` is 1; it must be at least 2"),
        ({"train_way": 1}, "`train_way` is 1; it must be at least 2"),
        ({"drop": 1.5}, "`drop` is 1.5; it must be from 0 to 1"),
        ({"distort_chance": 1.5}, "`distort_chance` is 1.5; it must be from 0 to 1"),
        ({"distort": 5.0}, "`distort` is 5.0; it must be from 0 to 4"),
        ({"annealing": -1.0}, "`annealing` is -1.0; it must be at least 0"),
        ({"half_life": 0}, "`half_life` is 0; it must be at least 1"),
        ({"clamp": 0.0}, "`clamp` is 0.0; it must be positive"),
        ({"posterior": "two"}, "`posterior` is 'two'; it must be one of: gaussian, mixture"),
        ({"components": 0}, "`components` is 0; it must be at least 1"),
        ({"latent": 0}, "`latent` is 0; it must be at least 1"),
        ({"learning_rate": 0.0}, "`learning_rate` is 0.0; it must be positive"),
    ],
)
def test_wrong_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        neural_statistician(SHAPE, **(SMALL | options))


def test_only_square_images_are_turned():
    with pytest.raises(UserError, match="`rotate` is True; it must be False"):
        neural_statistician(EpisodeShape(5, 1, 5, (28, 20, 1)), rotate=True)


def test_more_latent_layers_and_the_papers_network():
    learner = neural_statistician(SHAPE, **SMALL, latent_layers=3, network="paper")
    episodes = jax.eval_shape(
        lambda: sample_batch(root_key(0), jnp.arange(1), told_apart(), learner.training.shape)
    )
    image = jax.ShapeDtypeStruct((1, 16, 16, 16, 1), jnp.uint8)
    query = jax.ShapeDtypeStruct((1, 4, 16, 16, 1), jnp.uint8)
    episodes = episodes._replace(support_x=image, query_x=query)
    state = jax.eval_shape(learner.init, jax.random.key(0))
    after, metrics = jax.eval_shape(learner.training.step, state, episodes, jax.random.key(0))
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert metrics["loss"].shape == ()


@pytest.mark.parametrize(("network", "residual"), [("small", 2), ("paper", 3)])
def test_dense_layers_of_the_latents_are_those_of_the_network(network, residual):
    net = network_of((16, 16, 1), network, 2, Sizes(4, 3, 1, 8))
    params = jax.eval_shape(lambda: net.init(jax.random.key(0))[0])
    for kind in ("prior", "posterior"):
        assert len(params["layers"][0][kind]["layers"]) == residual
