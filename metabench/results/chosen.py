"""A result by its file, or by its protocol and learner in a folder of results."""

from __future__ import annotations

from pathlib import Path

from metabench.errors import UserError, suggest
from metabench.results import document as results
from metabench.results.doubts import doubts
from metabench.results.result import Result


def chosen(what: Result | Path | str, folder: Path | str = "leaderboards") -> Result:
    """The result that is meant.

    Args:
      what: a result, the path of its file, or `PROTOCOL/LEARNER`, where the learner's name may
        also be the name of the file without its ending.
      folder: of a folder for each protocol, for names.

    Raises:
      UserError: there is none, there are several, or the file is doubtful.
    """
    if isinstance(what, Result):
        return what
    path = Path(what)
    if path.suffix == ".json" or path.is_file():
        return _read(path)
    protocol, slash, learner = str(what).rpartition("/")
    if not slash:
        raise UserError(
            f"`{what}` is no result file and no name; names are PROTOCOL/LEARNER, such as "
            "omniglot-vinyals-5way-1shot-v2/protonet"
        )
    return _of_learner(learner, protocol, Path(folder))


def _of_learner(learner: str, protocol: str, folder: Path) -> Result:
    paths = sorted((folder / protocol).glob("*.json"))
    if not paths:
        there = tuple(sorted({path.parent.name for path in folder.glob("*/*.json")}))
        raise UserError(
            f"`folder` {folder} has no results of protocol `{protocol}`{suggest(protocol, there)}"
        )
    found = {path.stem: path for path in paths}
    if learner in found:
        return _read(found[learner])
    learners = {stem: _learner(path) for stem, path in found.items()}
    stems = [stem for stem, name in learners.items() if name == learner]
    if len(stems) == 1:
        return _read(found[stems[0]])
    if stems:
        raise UserError(
            f"`{protocol}/{learner}` has {len(stems)} results; name one of them in place of the "
            f"learner: {', '.join(stems)}"
        )
    names = tuple(sorted({name for name in learners.values() if name}))
    raise UserError(
        f"there is no result of `{learner}` under {protocol}{suggest(learner, names)}; there are "
        f"of: {', '.join(names)}"
    )


def _learner(path: Path) -> str | None:
    """Whose result a file is; None if it is none."""
    try:
        return results.read(path).learner
    except UserError:
        return None


def _read(path: Path) -> Result:
    result = results.read(path)
    if found := "; ".join(doubts(result)):
        raise UserError(f"{path} {found}")
    return result
