"""A protocol from its counts, and the class table that its episodes come from.

This is the only place that knows the three ways: episodes are drawn from all classes, drawn
within an alphabet, or given by the dataset.
"""

from __future__ import annotations

from collections.abc import Mapping

from metabench.errors import UserError
from metabench.tasks.class_table import (
    check_fits,
    class_table,
    find_split,
    row_names,
    within_alphabets,
)
from metabench.tasks.ranges import parsed
from metabench.tasks.trials import with_trials
from metabench.types import (
    ClassTable,
    Dataset,
    EpisodeShape,
    ImageShape,
    ImageTaskShape,
    Protocol,
    Split,
    StreamShape,
)

DRAWN = {"way": 5, "shot": 1, "query": 15, "episodes": 1000}  # as in Snell et al. 2017


def usual_counts(dataset: Dataset, split: Split) -> dict[str, int]:
    """The default way, shot, query and episodes of a protocol."""
    if not dataset.fixed_episodes:
        return DRAWN
    fixed = with_trials(class_table(dataset, split, "test"), dataset).fixed
    assert fixed is not None
    episodes, way = fixed.classes.shape
    shot, query = fixed.support.shape[1] // way, fixed.query.shape[1] // way
    return {"way": way, "shot": shot, "query": query, "episodes": episodes}


def protocol_of(
    dataset: Dataset, split: Split, counts: Mapping[str, int | str | None], part: str = "test"
) -> Protocol:
    """The protocol of these counts; those that are None are the usual ones of the dataset."""
    usual = usual_counts(dataset, split)
    taken = {name: usual[name] if value is None else value for name, value in counts.items()}
    episodes = int(taken["episodes"])
    if not 2 <= episodes < 2**30:
        raise UserError(f"`episodes` is {episodes}; it must be at least 2 and below 2^30")
    shot, shot_spread = parsed("shot", taken["shot"])
    query, query_spread = parsed("query", taken["query"])
    return Protocol(
        dataset.name,
        split.name,
        way=int(taken["way"]),
        shot=shot,
        query=query,
        episodes=episodes,
        image_size=int(dataset.images.shape[1]),
        part=part,
        shot_spread=shot_spread,
        query_spread=query_spread,
    )


def shape_of(protocol: Protocol, dataset: Dataset) -> ImageTaskShape:
    """The shape of the protocol's tasks on `dataset`'s images."""
    if protocol.labels is not None:
        image = _image(dataset)
        return StreamShape(
            protocol.way, protocol.query, image, protocol.labels, protocol.independent
        )
    return episode_shape(protocol, dataset)


def episode_shape(protocol: Protocol, dataset: Dataset) -> EpisodeShape:
    """The shape of the episodes of an N-way k-shot protocol."""
    return EpisodeShape(
        protocol.way,
        protocol.shot,
        protocol.query,
        _image(dataset),
        shot_spread=protocol.shot_spread,
        query_spread=protocol.query_spread,
    )


def _image(dataset: Dataset) -> ImageShape:
    _, height, width, channels = dataset.images.shape
    return height, width, channels


def protocol_table(dataset: Dataset, protocol: Protocol) -> ClassTable:
    """The class table that the episodes of `protocol` are drawn from, or given in.

    Raises:
      UserError: the split has no such classes, or such episodes cannot be drawn from them.
    """
    split = find_split(dataset, protocol.split)
    table = class_table(dataset, split, protocol.part)
    names = row_names(table, dataset, split)
    if protocol.labels is not None and (dataset.fixed_episodes or protocol.within_alphabet):
        raise UserError(
            "`protocol` online draws streams from all classes: it takes no given trials "
            "and no `within-alphabet`"
        )
    if dataset.fixed_episodes:
        table = _given(with_trials(table, dataset), dataset, protocol)
    elif protocol.within_alphabet:
        table = within_alphabets(table, dataset, split, protocol.way)
    where = f"the {protocol.part} part of {dataset.name}/{split.name}"
    check_fits(table, shape_of(protocol, dataset), where, names)
    return table


def _given(table: ClassTable, dataset: Dataset, protocol: Protocol) -> ClassTable:
    assert table.fixed is not None
    if protocol.within_alphabet:
        raise UserError(
            f"the episodes of dataset `{dataset.name}` are given and stay within an alphabet "
            "already; leave `within-alphabet` out"
        )
    episodes = len(table.fixed.classes)
    if protocol.episodes > episodes:
        raise UserError(
            f"`episodes` is {protocol.episodes}, but dataset `{dataset.name}` gives {episodes}"
        )
    return table
