"""The network that embeds images, chosen by the user: what learners make of it."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from metabench import registry
from metabench.contracts.backbone import Backbone
from metabench.errors import UserError
from metabench.learners.common.backbone import AnyBackbone, module_of
from metabench.nets.functional import functional
from metabench.nets.plugged import Headed, embedded
from metabench.types import EpisodeShape

SHAPE = EpisodeShape(way=3, shot=1, query=2, image=(16, 16, 1))
ON_ANY = (
    "anil",
    "baseline",
    "baseline_pp",
    "finetune",
    "maml",
    "matching",
    "meta_lstm",
    "protonet",
    "reptile",
    "scratch",
    "siamese",
    "supcon",
)
MINE = """
import jax
from metabench.contracts.backbone import Backbone

def mine(image, *, features: int = 5):
    height, width, channels = image

    def init(key):
        return {"weights": jax.random.normal(key, (height * width * channels, features))}, ()

    def apply(params, stats, images, *, train, key):
        return images.reshape(len(images), -1) @ params["weights"], stats

    return Backbone(init, apply, features)
"""


def forms(learner):
    """Shapes of the state, and of the logits of an episode."""
    state = jax.eval_shape(learner.init, jax.random.key(0))
    images = jax.ShapeDtypeStruct((3, 16, 16, 1), jnp.uint8)
    labels = jax.ShapeDtypeStruct((3,), jnp.int32)
    task = jax.eval_shape(learner.adapt, state, images, labels, jax.random.key(0))
    return state, jax.eval_shape(learner.predict, task, images)


@pytest.mark.parametrize("name", ON_ANY)
def test_learners_take_any_backbone(name, tmp_path):
    (tmp_path / "own.py").write_text(MINE)
    for backbone, size in (("strided4", 8), (f"{tmp_path}/own.py:mine", 5)):
        settings = {"backbone": backbone, "width": 8}
        learner = registry.build_learner(name, SHAPE, settings)
        state, logits = forms(learner)
        assert logits.shape == (3, 3)
        if learner.embed is not None:
            images = jax.ShapeDtypeStruct((3, 16, 16, 1), jnp.uint8)
            assert jax.eval_shape(learner.embed, state, images).shape == (3, size)


@pytest.mark.parametrize("name", ON_ANY)
def test_results_do_not_mention_a_default_backbone(name):
    """So results and checkpoints from before there was the option keep their names."""
    unsaid = {"backbone", "backbone_settings", "backbone_digest", "passes"}
    assert unsaid <= set(registry.options(name))
    assert not unsaid & set(registry.said(name, {}))
    assert registry.said(name, {"backbone": "strided4"})["backbone"] == "strided4"


def test_the_default_holds_its_arrays_where_checkpoints_have_them():
    state, _ = forms(registry.build_learner("protonet", SHAPE, {"width": 8}))
    first = state.params["backbone"]["blocks"][0]
    assert {name: leaf.shape for name, leaf in first.items()} == {
        "bias": (8,),
        "kernel": (3, 3, 1, 8),
        "scale": (8,),
    }


def test_a_users_backbone_learns(tmp_path):
    (tmp_path / "own.py").write_text(MINE)
    learner = registry.build_learner("protonet", SHAPE, {"backbone": f"{tmp_path}/own.py:mine"})
    state = learner.init(jax.random.key(0))
    images = jax.random.bits(jax.random.key(1), (3, 16, 16, 1), jnp.uint8)
    weights = state.params["backbone"]["leaves"][0]
    np.testing.assert_allclose(
        learner.embed(state, images), images.reshape(3, -1) / 255 @ weights, rtol=1e-5
    )


def test_another_text_of_its_file_is_another_backbone(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(MINE)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    settings = {"backbone": f"{file}:mine", "backbone_digest": digest}
    registry.build_learner("protonet", SHAPE, settings)
    file.write_text(MINE + "\n")
    with pytest.raises(UserError, match="whose text is not the one that was trained"):
        registry.build_learner("protonet", SHAPE, settings)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("protonet", {"backbone": "strided5"}, "unknown backbone `strided5`"),
        ("protonet", {"backbone": "nowhere.py:mine"}, "`backbone` names the file nowhere.py"),
        (
            "protonet",
            {"backbone": "strided4", "backbone_settings": {"depth": 2}},
            "backbone `strided4` has no option `depth`",
        ),
        ("protonet", {"passes": 3, "norm": "batch"}, "`passes` is 3, but the features of an image"),
        ("maml", {"backbone": "strided4", "adapt_norm": False}, "`adapt_norm` is false, but where"),
        ("maml", {"backbone": "strided4", "blocks": "strided"}, "`blocks` is 'strided', an option"),
        ("maml", {"backbone_settings": {"width": 8}}, "`backbone_settings` are given for"),
        ("maml", {"backbone": "strided4", "norm": "group", "width": 9}, "multiple of 8"),
    ],
)
def test_wrong_options(name, settings, sentence):
    with pytest.raises(UserError, match=sentence):
        registry.build_learner(name, SHAPE, settings)


def noisy(image):
    """Adds one draw for each image to the mean of its pixels; `weight` scales them."""

    def init(key):
        return {"weight": jnp.ones(())}, {"calls": jnp.zeros(())}

    def apply(params, stats, images, *, train, key):
        mean = images.mean((1, 2, 3))[:, None] * params["weight"]
        drawn = 0.0 if key is None else jax.random.normal(key, mean.shape)
        return mean + drawn, {"calls": stats["calls"] + train}

    return Backbone(init, apply, 1)


def test_the_answer_in_the_test_is_the_mean_over_passes_that_all_images_share():
    module, images = module_of(noisy(SHAPE.image))(nnx.Rngs(0)), jnp.ones((4, 16, 16, 1))
    assert not np.asarray(embedded(module, images, 0, train=False, key=None) - 1).any()
    found = embedded(module, images, 3, train=False, key=None)
    keys = jax.random.split(jax.random.key(0), 3)
    drawn = np.mean([jax.random.normal(key, (1, 1))[0, 0] for key in keys])
    np.testing.assert_allclose(found, np.full((4, 1), 1 + drawn), rtol=1e-6)
    training = embedded(module, images, 3, train=True, key=jax.random.key(1))
    expected = 1 + jax.random.normal(jax.random.key(1), (4, 1))
    np.testing.assert_allclose(training, expected, rtol=1e-6)


def test_statistics_of_pure_functions_are_renewed():
    net = functional(
        lambda rngs: Headed(module_of(noisy(SHAPE.image))(rngs), 1, SHAPE.way, 0, rngs)
    )
    params, stats = net.init(jax.random.key(0))
    images = jnp.zeros((2, 16, 16, 1), jnp.uint8)
    scores, after = net.apply(params, stats, images, train=True, key=jax.random.key(1))
    assert scores.shape == (2, SHAPE.way)
    assert float(jax.tree.leaves(after)[0]) == 1.0
    assert jax.tree.leaves(net.apply(params, after, images)[1]) == jax.tree.leaves(after)


def test_settings_of_the_backbone_come_before_those_of_the_learner():
    found = AnyBackbone("strided4", {"width": 16, "features": "mean"}).embedding((32, 32, 1), 8)
    assert found.features == 16
    assert not found.transductive
    assert AnyBackbone("strided4").embedding((32, 32, 1), 8, "batch").transductive


@pytest.mark.parametrize("name", [*ON_ANY, "deepcluster", "relation"])
def test_every_learner_on_a_convolutional_network_takes_group_normalisation(name):
    own = {"deepcluster": {"bank": 8, "clusters": 4}, "meta_lstm": {"test_norm": None}}
    settings = {"norm": "group", "width": 8, **own.get(name, {})}
    learner = registry.build_learner(name, SHAPE, settings)
    state, logits = forms(learner)
    assert logits.shape == (3, 3)
    assert not jax.tree.leaves(getattr(state, "stats", ()))  # each image has its own
    assert not learner.transductive


@pytest.mark.parametrize("name", ["baseline", "baseline_pp", "supcon", "finetune", "deepcluster"])
def test_results_do_not_mention_a_default_norm_that_was_no_option_before(name):
    assert "norm" not in registry.said(name, {})
    assert registry.said(name, {"norm": "group"})["norm"] == "group"
