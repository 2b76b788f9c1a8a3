"""From what was asked for to a protocol and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from metabench.errors import UserError
from metabench.files.progress import say

if TYPE_CHECKING:
    from metabench.types import Dataset, Labels, Protocol, Split

ONLINE_SIZE = 20  # pixels of the images, as in Santoro et al. 2016
FALLBACK, PREFERRED = "strokes", "omniglot"  # what `--dataset auto` chooses between


class Online(NamedTuple):
    """What the online protocol adds."""

    presentations: int
    labels: Labels


class Asked(NamedTuple):
    """The options that name data."""

    dataset: str
    split: str | None
    test_dataset: str | None
    test_split: str | None
    within_alphabet: bool
    image_size: int | None
    online: Online | None = None


def online_of(
    kind: str, presentations: int | None, labels: str | None, **others: int | None
) -> Online | None:
    """What is asked of the online protocol; None under the k-shot one.

    Raises:
      UserError: a word that means nothing, or an option of the other protocol.
    """
    _check_word("protocol", kind, ("kshot", "online"))
    _check_word("labels", labels or "onehot", ("onehot", "letters"))
    own = {"presentations": presentations, "labels": labels}
    foreign = others if kind == "online" else own
    for name, value in foreign.items():
        if value is not None:
            other = "kshot" if kind == "online" else "online"
            raise UserError(f"`{name}` goes with `--protocol {other}`; leave it out of this one")
    if kind == "kshot":
        return None
    if presentations is not None and presentations < 1:
        raise UserError(f"`presentations` is {presentations}; it must be at least 1")
    return Online(
        10 if presentations is None else presentations, cast("Labels", labels or "onehot")
    )


def _check_word(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UserError(f"`{name}` is {value!r}; it must be one of: {', '.join(allowed)}")


def measured(
    asked: Asked,
    counts: Mapping[str, int | None],
    archives: Path | None,
    cache: Path | None,
    quiet: bool,
) -> tuple[Protocol, Dataset, Dataset]:
    """The protocol, the dataset that it tests on, and the one of meta-training.

    Raises:
      UserError: data that cannot be had, a split that is not there, an impossible number.
    """
    from metabench.data import load_or_prepare
    from metabench.tasks.class_table import find_split

    if asked.test_split is not None and asked.test_dataset is None:
        raise UserError("`test-split` goes with `test-dataset`; without it, use `split`")
    wanted = asked.image_size
    if wanted is None and asked.online is not None:
        wanted = ONLINE_SIZE
    name = chosen(asked.dataset, wanted, archives, cache)
    training = load_or_prepare(name, wanted, archives, cache, progress=not quiet)
    size = int(training.images.shape[1])
    source, tested = find_split(training, asked.split), training
    split, trained_on = source, None
    if asked.test_dataset is not None:
        tested = load_or_prepare(asked.test_dataset, size, archives, cache, progress=not quiet)
        split = find_split(tested, asked.test_split)
        trained_on = f"{training.name}/{source.name}"
    protocol = protocol_of(tested, split, counts)
    protocol = replace(protocol, within_alphabet=asked.within_alphabet, trained_on=trained_on)
    if asked.online is not None:
        number, labels = asked.online
        protocol = replace(protocol, shot=0, query=number, labels=labels)
    return protocol, tested, training


def protocol_of(
    dataset: Dataset, split: Split, counts: Mapping[str, int | None], part: str = "test"
) -> Protocol:
    """The protocol of these counts; those that are None are the usual ones of the dataset."""
    from metabench.tasks.protocol_table import usual_counts
    from metabench.types import Protocol

    usual = usual_counts(dataset, split)
    taken = {name: usual[name] if value is None else value for name, value in counts.items()}
    _check_episodes(taken["episodes"])
    return Protocol(
        dataset.name,
        split.name,
        way=taken["way"],
        shot=taken["shot"],
        query=taken["query"],
        episodes=taken["episodes"],
        image_size=int(dataset.images.shape[1]),
        part=part,
    )


def chosen(dataset: str, size: int | None, archives: Path | None, cache: Path | None) -> str:
    """The dataset's name; for `auto`, the real one where it can be had."""
    from metabench.data import is_available

    if dataset != "auto":
        return dataset
    if is_available(PREFERRED, size, archives, cache):
        return PREFERRED
    say(
        f"WARNING: {PREFERRED} is neither prepared, nor among the archives, nor reachable: "
        f"this run uses the embedded dataset `{FALLBACK}`, whose figures compare with no paper's. "
        "Name a folder of archives with `--archives` or METABENCH_ARCHIVES, or use `--dataset`."
    )
    return FALLBACK


def _check_episodes(episodes: int) -> None:
    if not 2 <= episodes < 2**30:
        raise UserError(f"`episodes` is {episodes}; it must be at least 2 and below 2^30")
