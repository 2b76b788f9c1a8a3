"""A folder of results as rankings: one board for each protocol, its data and its episodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metabench.errors import UserError, suggest
from metabench.optional import imported
from metabench.results.collected import collect, nothing
from metabench.results.filters import Filters
from metabench.results.intervals import errors
from metabench.results.ranking import Row, rank, titles
from metabench.results.status import status_of
from metabench.results.tables import BOARD_HEAD, LEGEND, board_cells, text_table

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Leaderboard(Mapping[str, "Sequence[Row]"]):
    """Ranked rows by the id of their protocol; printed, it is what the command prints.

    Where results of one protocol were measured or trained on different data, the id is followed by
    parts of the digests.
    """

    boards: Mapping[str, Sequence[Row]]
    left_out: Sequence[str] = ()
    """A sentence for each file that is not ranked: no result, doubtful, or a copy of another."""

    def __getitem__(self, protocol: str) -> Sequence[Row]:
        """The rows of one protocol, the best first.

        Raises:
          UserError: there are no results of it.
        """
        if protocol not in self.boards:
            known = tuple(self.boards)
            raise UserError(
                f"there are no results of protocol `{protocol}`{suggest(protocol, known)}; there "
                f"are of: {', '.join(known)}"
            )
        return self.boards[protocol]

    def __iter__(self) -> Iterator[str]:
        """The protocols' ids."""
        return iter(self.boards)

    def __len__(self) -> int:
        """How many boards there are."""
        return len(self.boards)

    def __str__(self) -> str:
        """Every board as a table, and what the columns mean."""
        tables = [
            f"{name}\n{text_table(BOARD_HEAD, board_cells(rows))}"
            for name, rows in self.boards.items()
        ]
        return "\n".join([*tables, LEGEND, *self.left_out])

    def to_frame(self) -> DataFrame:
        """A row for each entry, for pandas: protocol, rank, learner, accuracy, interval, and more.

        Raises:
          UserError: pandas is not installed.
        """
        pandas = imported("pandas")
        return pandas.DataFrame(
            {
                "protocol": name,
                "rank": row.rank,
                "tied": row.tied,
                "learner": row.result.learner,
                "accuracy": row.accuracy.mean,
                "ci95": row.accuracy.ci95,
                "seeds": len(row.result.runs),
                "seed_spread": row.seed_spread,
                "behind": None if row.behind is None else row.behind.mean,
                "behind_ci95": None if row.behind is None else row.behind.ci95,
                "transductive": row.result.transductive,
                "parameters": row.result.parameter_count,
                "worst_rank": row.worst,
                "status": status_of(row.result),
                "episode_error": errors(row.result).episodes,
                "seed_error": errors(row.result).seeds,
                "fronts": ", ".join(row.fronts),
            }
            for name, rows in self.boards.items()
            for row in rows
        )


def leaderboard(
    folder: Path | str = "leaderboards",
    strict: bool = False,
    *,
    status: str | None = None,
    transductive: bool | None = None,
    extra_data: bool | None = None,
    pretrained: bool | None = None,
    trained: bool | None = None,
    max_parameters: int | None = None,
) -> Leaderboard:
    """The rankings of the result files in `folder` and in the folders in it, or of some of them.

    Of a property, None takes all results, True those that have it and False those that do not. A
    result that is not taken has no rank, and takes none from the others.

    Args:
      folder: of a folder for each protocol, or of result files.
      strict: whether a file that is no result, or is doubtful, is an error and not left out.
      status: `claimed`, `replayed` or `retrained`; results whose status says more are taken too.
      transductive: an answer may depend on other queries.
      extra_data: the submitter names data beyond the training classes.
      pretrained: it builds on another learner, which was trained first.
      trained: training data played a part.
      max_parameters: the most learned numbers.

    Raises:
      UserError: there are none, or none of the asked kind, or `strict` and one is left out.

    Example:
      >>> import metabench
      >>> result = metabench.run("pixel_nn", dataset="strokes", episodes=20, progress=False)
      >>> metabench.save(result, "boards")
      >>> boards = metabench.leaderboard("boards")
      >>> [row.result.learner for row in boards["strokes-alphabets-5way-1shot-20episodes-v2"]]
      ['pixel_nn']
    """
    filters = Filters(status, transductive, extra_data, pretrained, trained, max_parameters)
    files = collect(Path(folder))
    if not files.results:
        raise nothing(Path(folder), files)
    if strict and files.left_out:
        raise UserError("; ".join(files.left_out))
    found = rank(filters.keep(files.results))
    named = {title: found[board] for board, title in titles(found).items()}
    return Leaderboard(named, (*files.left_out, *files.copies))
