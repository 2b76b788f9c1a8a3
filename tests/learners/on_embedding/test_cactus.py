"""CACTUs: tasks from clusters, the base learner unchanged, no label of the training classes met."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metabench import data, registry
from metabench.errors import UserError
from metabench.learners.on_embedding.cactus import cactus, embedded
from metabench.recipes import Recipe
from metabench.tracks.fewshot.plan import plan_run
from metabench.tracks.fewshot.run import execute
from metabench.training.meta_training import trained_before
from metabench.training.watcher import Watcher
from metabench.types import EpisodeShape, Protocol

pytestmark = pytest.mark.slow

SHAPE = EpisodeShape(5, 1, 5)
SMALL = {"partitions": 3, "clusters": 30, "base_settings": {"width": 8, "train_query": 3}}
PROTOCOL = Protocol("strokes", "alphabets", way=5, shot=1, query=5, episodes=60, image_size=28)


@pytest.fixture(scope="module")
def strokes():
    return data.load_or_prepare("strokes", progress=False)


def ran(strokes, folder, settings=None, scrambled=False, steps=6):
    """The result of a short run; with the true classes shuffled before anything sees them."""
    plan = plan_run(
        "cactus",
        PROTOCOL,
        strokes,
        recipe=Recipe("short"),
        settings={"embedding": "pixel_nn", **SMALL, **(settings or {})},
        lengths={"steps": steps, "validate_every": steps, "validation_episodes": 20},
        seeds=(0,),
        run_dir=folder,
    )
    if scrambled:
        table = plan.tables["train"]
        shuffled = np.random.default_rng(0).permutation(np.asarray(table.members).reshape(-1))
        scrambled_table = table._replace(
            members=jnp.asarray(shuffled.reshape(table.members.shape)),
            class_ids=table.class_ids[::-1],
        )
        plan.tables["train"] = scrambled_table
        if plan.source is not None:
            plan.source.tables["train"] = scrambled_table
    return execute(plan, resume=False, command="", watcher=Watcher())


@pytest.mark.parametrize("embedding", ["pixel_nn", "autoencoder"])
def test_scrambled_labels_give_the_identical_result(strokes, tmp_path, embedding, monkeypatch):
    monkeypatch.setattr("metabench.recipes.find", lambda *_: Recipe("none", {}, {"steps": 20}))
    settings = {"embedding": embedding}
    one = ran(strokes, tmp_path / "one", settings)
    other = ran(strokes, tmp_path / "other", settings, scrambled=True)
    assert one.runs[0].correct == other.runs[0].correct
    # The same scrambled table does change what is trained on the true classes.
    true = {**settings, "labels": "true"}
    one = ran(strokes, tmp_path / "true", true)
    other = ran(strokes, tmp_path / "scrambled", true, scrambled=True)
    assert one.runs[0].correct != other.runs[0].correct


def test_the_source_is_trained_once_and_told_in_the_result(strokes, tmp_path, monkeypatch):
    recipe = Recipe("quick", {"code": 8}, {"steps": 10})
    monkeypatch.setattr("metabench.recipes.find", lambda *_: recipe)
    first = ran(strokes, tmp_path, {"embedding": "autoencoder"})
    folders = sorted(path.name.split("-")[0] for path in (tmp_path / PROTOCOL.id).iterdir())
    sources = [p for p in tmp_path.iterdir() if p.name != PROTOCOL.id]
    assert folders == ["cactus"]
    assert [p.name for p in sources] == ["strokes-alphabets-5way-1shot-v2"]
    assert first.recipe["source"]["train"]["steps"] == 10
    assert first.hyperparameters["embedding_settings"]["code"] == 8
    assert first.runs[0].cost["source_seconds"] > 0
    again = ran(strokes, tmp_path, {"embedding": "autoencoder", "partitions": 2})
    assert again.runs[0].cost["source_seconds"] == first.runs[0].cost["source_seconds"]


def test_it_builds_on_the_last_step_of_its_source_or_on_the_best_if_told(strokes, tmp_path):
    """`keep` is shown the state: the last one, whatever the source's own recipe tests."""
    shown = {}
    for select in ("last", "best"):
        settings = {"embedding": "autoencoder", "embedding_settings": {"code": 8, "hidden": 16}}
        plan = plan_run(
            "cluster_matching",
            PROTOCOL,
            strokes,
            recipe=Recipe("short"),
            settings={**settings, "clusters": 9, "embedding_select": select},
            lengths={},
            seeds=(0,),
            run_dir=tmp_path,
        )
        short = replace(plan.source.lengths, steps=4, validate_every=1, validation_episodes=20)
        plan = replace(plan, source=replace(plan.source, lengths=short))
        assert plan.source.lengths.select == select
        keep = plan.learner.foundation.keep
        shown[select] = []

        def seen(state, source, images, key, keep=keep, kept=shown[select]):
            kept.append(source)
            return keep(state, source, images, key)

        foundation = plan.learner.foundation._replace(keep=seen)
        changed = plan.learner._replace(foundation=foundation)
        execute(replace(plan, learner=changed), resume=False, command="", watcher=Watcher())
    found = trained_before(plan.source.learner, short, plan.source.folder / "seed0", seed=0)
    for select, state in (("last", found.last), ("best", found.state)):
        kernels = [one.params["encoder"][0]["kernel"] for one in (shown[select][0], state)]
        np.testing.assert_array_equal(*kernels)


def test_components_of_the_features_are_clustered_where_they_are_asked_for(monkeypatch):
    met = {}

    def partitions_of(features, number, *_):
        met["features"] = features
        return np.tile(np.arange(len(features)) // 8, (number, 1))

    monkeypatch.setattr("metabench.learners.on_embedding.cactus.partitions_of", partitions_of)
    images = jax.random.bits(jax.random.key(0), (80, 28, 28, 1), jnp.uint8)
    for components, dimensions in ((None, 784), (6, 6)):
        learner = cactus(SHAPE, embedding="pixel_nn", components=components, **SMALL)
        learner.foundation.relabel((), images, jax.random.key(0))
        assert met["features"].shape == (80, dimensions)


def test_it_is_the_base_learner_but_for_its_classes():
    settings = {"train_way": 7, "train_query": 2}
    learner = cactus(SHAPE, base="protonet", base_settings=settings, embedding="pixel_nn")
    base = registry.build_learner("protonet", SHAPE, settings)
    assert learner.training.shape == base.training.shape
    assert learner.foundation.relabel is not None
    for one, other in zip(
        *(jax.tree.leaves(x.init(jax.random.key(0))) for x in (learner, base)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert cactus(SHAPE, base="protonet", labels="true").foundation is None


def test_features_do_not_depend_on_how_many_images_there_are():
    learner = registry.build_learner("pixel_nn", SHAPE, {"ink": "bright"})
    images = jax.random.randint(jax.random.key(0), (700, 4, 4, 1), 0, 256).astype(jnp.uint8)
    found = embedded(learner, (), images)
    assert found.shape == (700, 16)
    np.testing.assert_allclose(found[600:], embedded(learner, (), images[600:]), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partitions": 0}, "`partitions` is 0; it must be at least 1"),
        ({"clusters": 0}, "`clusters` is 0; it must be at least 1"),
        ({"algorithm": "other"}, "`algorithm` is 'other'; it must be one of: lloyd, minibatch"),
        ({"base": "pixel_nn"}, "`base` is 'pixel_nn', which is not meta-trained on episodes"),
        ({"base": "autoencoder"}, "`base` is 'autoencoder', which is not meta-trained on episodes"),
        ({"base": "mann"}, "`base` is 'mann', which is not meta-trained on episodes"),
        ({"base": "cactus"}, "`base` is 'cactus', which is not meta-trained on episodes alone"),
        ({"labels": "none"}, "`labels` is 'none'; it must be one of: constructed, true"),
        ({"base": "nobody"}, "unknown learner `nobody`"),
        ({"base_settings": {"wdith": 3}}, "has no option `wdith` .did you mean `width`"),
        ({"embedding": "mann"}, "`embedding` is 'mann', which has no embedding"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        cactus(SHAPE, **options)
