"""From results to ranked rows, the comparable ones together. No rendering."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from metabench.results.costs import fronts
from metabench.results.intervals import Interval, overall, paired, seed_spread
from metabench.results.rank_ranges import rank_ranges
from metabench.results.result import Result


class Board(NamedTuple):
    """What the entries of one leaderboard share; the last three are digests of the training.

    None stands in an entry that was not trained, and for what an older file does not record.
    """

    protocol: str
    dataset: str
    episodes: str
    split: str | None = None
    training: str | None = None  # of the dataset of meta-training
    training_split: str | None = None

    def holds(self, other: Board) -> bool:
        """Whether everything that `other` records is the same here."""
        return all(theirs in (None, ours) for ours, theirs in zip(self, other, strict=True))

    @property
    def recorded(self) -> int:
        """How many fields are known."""
        return sum(field is not None for field in self)


class Row(NamedTuple):
    """One entry of a leaderboard; accuracies are fractions."""

    best: int  # the ranks that it may have, from here …
    worst: int  # … to here; see `rank_ranges.py`
    result: Result
    accuracy: Interval
    seed_spread: float | None  # standard deviation over training seeds; None with one
    behind: Interval | None  # paired difference to the first row; None for the first
    fronts: tuple[str, ...] = ()  # the costs on whose Pareto front it is: see `costs.py`

    @property
    def rank(self) -> int:
        """The best rank that it may have."""
        return self.best

    @property
    def tied(self) -> bool:
        """Whether it is not told apart from all others."""
        return self.best < self.worst

    @property
    def place(self) -> str:
        """Its ranks as people read them: `2`, or `2-4`."""
        return f"{self.best}-{self.worst}" if self.tied else str(self.best)


def comparable(result: Result) -> Board:
    """Results with the same board were trained and tested on the same data and episodes.

    A learner without training depends on the test alone.
    """
    protocol = result.protocol
    test = (protocol.id, result.dataset_digest, result.episode_digest)
    if not result.trained:
        return Board(*test)
    training = result.training_digest or result.dataset_digest
    split = result.training_split_digest if protocol.trained_on else result.split_digest
    return Board(*test, result.split_digest, training, split)


def rank(entries: Iterable[Result]) -> dict[Board, list[Row]]:
    """Rows for each group of comparable results, the best first.

    An entry without training stands on every board with its test. One whose file does not record
    all of its training stands with those that agree in what it records; if these differ from each
    other, it has a board of its own.
    """
    groups: dict[Board, list[Result]] = defaultdict(list)
    for result in entries:
        groups[comparable(result)].append(result)
    boards: dict[Board, list[Result]] = {}
    for group, found in sorted(groups.items(), key=lambda item: -item[0].recorded):
        hosts = [board for board in boards if board.holds(group)]
        if not hosts or (found[0].trained and len(hosts) > 1):
            boards[group] = list(found)
        else:
            for host in hosts:
                boards[host] += found
    return {board: _rows(boards[board]) for board in sorted(boards, key=_order)}


def titles(boards: Iterable[Board]) -> dict[Board, str]:
    """The protocol's id of each board, followed by digests where several boards have the same."""
    boards = list(boards)
    tested = Counter(board.protocol for board in boards)
    on = Counter(board[:2] for board in boards)
    return {
        board: board.protocol
        + (f" on {board.dataset[:12]}" if tested[board.protocol] > 1 else "")
        + (f" ({_rest(board)})" if on[board[:2]] > 1 else "")
        for board in boards
    }


def _order(board: Board) -> tuple[str, ...]:
    return tuple(field or "" for field in board)


def _rest(board: Board) -> str:
    """The digests of a board beyond its dataset."""
    named = zip(("episodes", "split", "training", "training split"), board[2:], strict=True)
    return ", ".join(f"{name} {digest[:12]}" for name, digest in named if digest)


def _rows(found: Iterable[Result]) -> list[Row]:
    accuracies = [(overall(result), result) for result in found]
    accuracies.sort(key=lambda pair: (-pair[0].mean, pair[1].learner))
    best_first = [result for _, result in accuracies]
    columns = zip(accuracies, rank_ranges(best_first), fronts(best_first), strict=True)
    return [
        Row(
            *ranks,
            result,
            accuracy,
            seed_spread(result),
            None if result is best_first[0] else paired(best_first[0], result),
            on,
        )
        for (accuracy, result), ranks, on in columns
    ]
