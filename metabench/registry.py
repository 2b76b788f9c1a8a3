"""Plug-ins by name, found through entry points. No plug-in is known here.

Groups: `metabench.learners` and `metabench.backbones` (factories), `metabench.datasets`
(`DatasetSpec`, or a function that makes one from the rest of a name `scheme:rest`),
`metabench.protocols` (tuples of `Protocol`). Somebody else's plug-in is one entry-point line in
their package.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from metabench.contracts import options as options_
from metabench.contracts.backbone import Backbone, BackboneFactory
from metabench.contracts.learner import (
    EpisodeLearner,
    Forecaster,
    Learner,
    LearnerFactory,
    StreamLearner,
)
from metabench.contracts.options import check_options, options_of, with_options
from metabench.errors import UserError, suggest
from metabench.types import (
    EpisodeShape,
    FunctionShape,
    ImageShape,
    Protocol,
    StreamShape,
    TaskShape,
)
from metabench.unpackaged import LearnerEntry, of_function, of_reference

if TYPE_CHECKING:
    from metabench.contracts.dataset import DatasetSpec

AnyLearner: TypeAlias = str | LearnerFactory | LearnerEntry
AnyBackbone: TypeAlias = str | BackboneFactory | LearnerEntry
ABILITIES = {
    EpisodeShape: EpisodeLearner,
    StreamShape: StreamLearner,
    FunctionShape: Forecaster,
}  # what a factory returns for a shape of each kind


@functools.cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"metabench.{group}")}


def names(group: str) -> tuple[str, ...]:
    """Names registered in `group` (`learners`, `backbones`, `datasets`, `protocols`), sorted.

    Schemes are not among the datasets, as a scheme alone names no dataset.
    """
    left_out = schemes() if group == "datasets" else ()
    return tuple(sorted(name for name in _points(group) if name not in left_out))


@functools.cache
def schemes() -> tuple[str, ...]:
    """The names before the colon of datasets such as `folder:PATH`, sorted."""
    points = _points("datasets").items()
    return tuple(sorted(name for name, point in points if callable(point.load())))


def _load(group: str, noun: str, name: str) -> Any:
    points = _points(group)
    if name not in points:
        known = names(group)
        folder = f"; a folder of images is named `folder:{name}`" if group == "datasets" else ""
        raise UserError(
            f"unknown {noun} `{name}`{suggest(name, known)}; registered are: {', '.join(known)}"
            + (folder if "/" in name else "")
        )
    return points[name].load()


def learner(what: AnyLearner) -> LearnerEntry:
    """A learner by whatever names it.

    Args:
      what: a registered name, `path/to/file.py:function`, `package.module:function`, a factory, or
        an entry, which is returned.

    Raises:
      UserError: there is none of that name, it names the ones there are; or what is named cannot
        be imported.
    """
    return _entry("learner", what)


def backbone(name: AnyBackbone) -> LearnerEntry:
    """A backbone by whatever names it.

    Args:
      name: a registered name, `path/to/file.py:function`, `package.module:function`, a factory, or
        an entry, which is returned.

    Raises:
      UserError: there is none of that name, it names the ones there are; or what is named cannot
        be imported.
    """
    return _entry("backbone", name)


def _entry(noun: str, what: Any) -> LearnerEntry:
    """A learner or a backbone, as `noun` says, by whatever names it."""
    if isinstance(what, LearnerEntry):
        return what
    if not isinstance(what, str):
        return of_function(what)
    if ":" in what:
        return of_reference(what, noun)
    if what.endswith(".py"):
        raise UserError(
            f"`{noun}` names the file {what}; add the function in it, as in `{what}:function`"
        )
    factory = with_options(_load(f"{noun}s", noun, what))
    point = _points(f"{noun}s")[what]
    version = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
    return LearnerEntry(what, factory, version)


def build_backbone(name: AnyBackbone, image: ImageShape, settings: Mapping[str, Any]) -> Backbone:
    """A backbone for images of shape `image`.

    Raises:
      UserError: there is none of that name, an option that it does not have, a value that it
        refuses, or a factory that returns something else.
    """
    entry = backbone(name)
    check_options(entry.name, entry.factory, settings, "backbone")
    built = entry.factory(image, **settings)
    if not isinstance(built, Backbone):
        raise UserError(
            f"backbone `{entry.name}` returns {type(built).__name__}; it must return a "
            "`metabench.Backbone`"
        )
    return built


def dataset(name: str, tested: bool = False) -> DatasetSpec:
    """The description registered as dataset `name`, or made by a scheme from `scheme:rest`.

    Args:
      name: of the dataset.
      tested: whether it is only tested on; a scheme whose function has an argument `tested` is
        told so.

    Raises:
      UserError: there is none of that name; it names the ones there are.
    """
    scheme, colon, rest = name.partition(":")
    if scheme in schemes():
        if not rest:
            raise UserError(f"`dataset` is {name!r}; it must be `{scheme}:` and a path or name")
        make = _points("datasets")[scheme].load()
        told = tested and "tested" in inspect.signature(make).parameters
        return make(rest, tested=True) if told else make(rest)
    if colon:
        known = schemes()
        listed = ", ".join(f"{one}:…" for one in known)
        others = f"known are: {listed}" if known else "no kind is registered"
        raise UserError(f"unknown kind of dataset `{scheme}:`{suggest(scheme, known)}; {others}")
    return _load("datasets", "dataset", name)


def protocols() -> tuple[Protocol, ...]:
    """Every registered protocol, in the order of their groups' names."""
    groups = (_load("protocols", "protocol group", name) for name in names("protocols"))
    return tuple(protocol for group in groups for protocol in group)


def options(what: AnyLearner) -> dict[str, inspect.Parameter]:
    """The keyword hyperparameters of a learner, with their defaults."""
    return options_of(learner(what).factory)


def said(what: AnyLearner, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of the options of a learner, which is built with `settings`."""
    return options_.said(learner(what).factory, settings)


def in_words(what: AnyLearner, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a learner; None where its option has the choice `none` becomes that word."""
    return options_.in_words(learner(what).factory, settings)


def only_in_test(what: AnyLearner) -> tuple[str, ...]:
    """The options of a learner that its training does not depend on."""
    return options_.only_in_test(learner(what).factory)


def takes(what: AnyLearner, kind: type) -> bool:
    """Whether a learner's factory says that it takes shapes of `kind`.

    It says so by the annotation of its first parameter: a shape, or a union of shapes. A factory
    without one takes an `EpisodeShape`.
    """
    factory = learner(what).factory
    first = next(iter(inspect.signature(factory).parameters.values()), None)
    hint = None if first is None else first.annotation
    if hint in (None, Any, inspect.Parameter.empty):
        return kind is EpisodeShape
    return kind in (typing.get_args(hint) or (hint,))


@overload
def build_learner(
    what: AnyLearner, shape: EpisodeShape, settings: Mapping[str, Any]
) -> EpisodeLearner: ...


@overload
def build_learner(
    what: AnyLearner, shape: StreamShape, settings: Mapping[str, Any]
) -> StreamLearner: ...


@overload
def build_learner(
    what: AnyLearner, shape: FunctionShape, settings: Mapping[str, Any]
) -> Forecaster: ...


@overload
def build_learner(what: AnyLearner, shape: TaskShape, settings: Mapping[str, Any]) -> Learner: ...


def build_learner(what: AnyLearner, shape: TaskShape, settings: Mapping[str, Any]) -> Learner:
    """A learner for tasks of `shape`: an `EpisodeLearner`, a `StreamLearner` or a `Forecaster`.

    For uneven episodes it is built as for even ones with as many images, and so it trains on those.

    Raises:
      UserError: an unknown learner, an option it does not have, a value it refuses, a factory
        that returns something else, or a learner that needs even episodes.
    """
    entry, wanted = learner(what), ABILITIES[type(shape)]
    uneven = isinstance(shape, EpisodeShape) and shape.uneven
    shape = shape.even if isinstance(shape, EpisodeShape) else shape
    check_options(entry.name, entry.factory, settings)
    built: Learner = entry.factory(shape, **settings)
    if not isinstance(built, wanted):
        raise UserError(
            f"learner `{entry.name}` returns {type(built).__name__} for {type(shape).__name__}; it "
            f"must return {wanted.__name__}"
        )
    if uneven and isinstance(built, EpisodeLearner) and built.balanced:
        raise UserError(
            f"learner `{entry.name}` needs equally many images of each class of an episode: "
            "leave ranges in `shot` and `query` out"
        )
    return built
