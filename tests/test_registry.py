"""Plug-ins by name, and what is said about names that do not exist."""

import inspect
from importlib.metadata import EntryPoint

import pytest

from metabench import registry
from metabench.contracts.dataset import DatasetSpec
from metabench.contracts.learner import EpisodeLearner, Forecaster, StreamLearner
from metabench.errors import UserError
from metabench.types import EpisodeShape, FunctionShape, Protocol, StreamShape

SHAPE = EpisodeShape(5, 1, 5)
SHAPES = {
    EpisodeShape: (SHAPE, EpisodeLearner),
    StreamShape: (StreamShape(5, 2), StreamLearner),
    FunctionShape: (FunctionShape(), Forecaster),
}


@pytest.mark.parametrize("name", registry.names("learners"))
def test_learners_are_keyword_factories(name):
    able = [kind for kind in SHAPES if registry.takes(name, kind)]
    assert able
    for kind in able:
        shape, ability = SHAPES[kind]
        assert isinstance(registry.build_learner(name, shape, {}), ability)
    for option in registry.options(name).values():
        assert option.default is not inspect.Parameter.empty
    assert registry.learner(name).version.startswith("metabench ")


@pytest.mark.parametrize(
    ("shape", "ability"),
    [(StreamShape(5, 2), StreamLearner), (FunctionShape(), Forecaster)],
)
def test_a_factory_returns_what_its_shape_asks_for(shape, ability):
    able = [name for name in registry.names("learners") if registry.takes(name, type(shape))]
    assert "mann" in able
    assert "protonet" not in able
    for name in able:
        assert isinstance(registry.build_learner(name, shape, {}), ability)


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_datasets_are_specifications(name):
    spec = registry.dataset(name)
    assert isinstance(spec, DatasetSpec)
    assert spec.name == name


def test_protocols_have_ids_of_their_own():
    protocols = registry.protocols()
    assert all(isinstance(protocol, Protocol) for protocol in protocols)
    assert len({protocol.id for protocol in protocols}) == len(protocols) > 0
    assert {protocol.dataset for protocol in protocols} <= set(registry.names("datasets"))


def test_names_are_sorted():
    assert list(registry.names("learners")) == sorted(registry.names("learners"))
    assert {"matching", "pixel_nn", "protonet"} <= set(registry.names("learners"))


def test_unknown_learner_and_dataset_name_the_nearest_and_all():
    with pytest.raises(
        UserError, match=r"unknown learner `protonets` \(did you mean `protonet`\?\)"
    ):
        registry.learner("protonets")
    with pytest.raises(
        UserError, match=r"unknown dataset `omniglott` \(did.*`omniglot`\?\); regist"
    ):
        registry.dataset("omniglott")
    with pytest.raises(UserError) as caught:
        registry.learner("zzz")
    assert "did you mean" not in str(caught.value)
    assert all(name in str(caught.value) for name in registry.names("learners"))


def test_unknown_option_names_the_nearest_and_all_defaults():
    with pytest.raises(UserError) as caught:
        registry.build_learner("protonet", SHAPE, {"widht": 3})
    sentence = str(caught.value)
    assert "learner `protonet` has no option `widht` (did you mean `width`?)" in sentence
    assert "width=64" in sentence
    assert "norm='running'" in sentence


def test_options_reach_the_factory():
    with pytest.raises(UserError, match="`width` is -1"):
        registry.build_learner("protonet", SHAPE, {"width": -1}).init(None)


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("norm", "bach", "one of: running, batch, group, layer, none"),
        ("width", 8.0, "a whole number"),
        ("width", True, "a whole number"),
        ("learning_rate", "fast", "a finite number"),
        ("clip", "none", "a finite number or none"),
    ],
)
def test_a_value_of_another_type_is_an_error(option, value, allowed):
    with pytest.raises(UserError) as caught:
        registry.build_learner("protonet", SHAPE, {option: value})
    sentence = f"`{option}` of learner `protonet` is {value!r}; it must be {allowed}"
    assert str(caught.value) == sentence


def test_values_of_the_right_types_are_taken():
    settings = {"learning_rate": 1, "clip": None, "norm": "group", "train_way": 7}
    assert registry.build_learner("protonet", SHAPE, settings).training.shape.way == 7


def test_schemes_make_datasets_and_are_none(monkeypatch):
    made = registry.dataset(registry.names("datasets")[0])
    points = registry._points("datasets") | {
        "odd": EntryPoint("odd", f"{__name__}:{asked.__name__}", "metabench.datasets")
    }
    monkeypatch.setattr(registry, "_points", lambda group: points)
    registry.schemes.cache_clear()
    try:
        assert registry.schemes() == ("folder", "odd")
        assert "odd" not in registry.names("datasets")
        assert registry.dataset("odd:a:b/c") == ("made of", "a:b/c")
        assert registry.dataset(made.name) is made
        with pytest.raises(UserError, match=r"`dataset` is 'odd'; it must be `odd:` and a path"):
            registry.dataset("odd")
        with pytest.raises(UserError, match=r"`od:` \(did you mean `odd`\?\); known are: folder:"):
            registry.dataset("od:x")
    finally:
        registry.schemes.cache_clear()


def asked(rest):
    return "made of", rest
