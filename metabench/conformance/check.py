"""What a check is, and how checks are run: each one passes, fails or is skipped with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

import numpy as np

from metabench.conformance.advice import advice, described

S = TypeVar("S")
T = TypeVar("T")
NO_ARRAY = ("valid JAX", "abstract array")  # in what JAX says of such a value
Status: TypeAlias = Literal["passed", "failed", "skipped"]


class ConformanceError(AssertionError):
    """A plug-in breaks its contract. The text says what was expected and what was found."""


class Skipped(Exception):
    """A check does not apply to a plug-in. The text says why."""


def require(holds: bool | np.bool_, sentence: str) -> None:
    """Raise `ConformanceError` with `sentence` unless `holds`."""
    if not holds:
        raise ConformanceError(sentence)


@contextmanager
def arrays_alone(sentence: str) -> Iterator[None]:
    """Raise `ConformanceError` with `sentence` where JAX meets what is no array.

    Any other `TypeError` is the plug-in's own.
    """
    try:
        yield
    except TypeError as error:
        if not any(words in str(error) for words in NO_ARRAY):
            raise
        raise ConformanceError(f"{sentence}; saw: {error}") from error


@dataclass(frozen=True)
class Check(Generic[S]):
    """One thing that is asked of a plug-in.

    Call it with the subject of the examination. It raises `ConformanceError` where the plug-in
    fails and `Skipped` where the check does not apply.
    """

    name: str
    function: Callable[[S], None]

    def __call__(self, subject: S) -> None:
        """Run the check over `subject`."""
        self.function(subject)


def named(*functions: Callable[[S], None]) -> tuple[Check[S], ...]:
    """The checks that are written as functions: `check_vmap` is the check `vmap`."""
    return tuple(Check(one.__name__.removeprefix("check_"), one) for one in functions)


class Outcome(NamedTuple):
    """What came of one check."""

    check: str  # its name
    status: Status
    said: str = ""  # why it failed or was skipped
    advice: str = ""  # what to do about a failure


@dataclass(frozen=True)
class BoundCheck:
    """A check and the plug-in that it examines. It is called without arguments."""

    name: str
    plugin: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Run the check: it raises `ConformanceError` or `Skipped`, or what the plug-in raises."""
        self.run()

    @property
    def id(self) -> str:
        """For example `protonet-vmap`."""
        return f"{self.plugin}-{self.name}"


def bound(checks: Iterable[Check[S]], plugin: str, subject: Callable[[], S]) -> list[BoundCheck]:
    """`checks` over one plug-in.

    Args:
      checks: in the order in which they are to run.
      plugin: what the plug-in is called.
      subject: returns the subject, the same at every call.
    """

    def bind(check: Check[S]) -> BoundCheck:
        return BoundCheck(check.name, plugin, lambda: check(subject()))

    return [bind(check) for check in checks]


def examine(
    checks: Iterable[BoundCheck], begin: Callable[[str], None] = lambda check: None
) -> list[Outcome]:
    """Run every check, also after one has failed.

    An exception that a check does not expect is a failure too: the plug-in raised it.

    Args:
      checks: to be run in this order.
      begin: told the name of each check before it runs.
    """
    return [_outcome(check, begin) for check in checks]


def _outcome(check: BoundCheck, begin: Callable[[str], None]) -> Outcome:
    begin(check.name)
    try:
        check()
    except Skipped as reason:
        return Outcome(check.name, "skipped", str(reason))
    except ConformanceError as error:
        return Outcome(check.name, "failed", str(error), advice(check.name, error))
    except Exception as error:
        return Outcome(check.name, "failed", described(error), advice(check.name, error))
    return Outcome(check.name, "passed")


def require_no_failure(plugin: str, outcomes: Sequence[Outcome]) -> None:
    """Raise one `ConformanceError` that lists every failure, where there is one.

    Checks that failed for the same reason share a line.
    """
    failures: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.status == "failed":
            failures.setdefault(outcome.said, []).append(outcome.check)
    number = sum(map(len, failures.values()))
    lines = [f"- {', '.join(checks)}: {said}" for said, checks in failures.items()]
    require(
        not failures,
        "\n".join([f"`{plugin}` fails {number} of {len(outcomes)} checks:", *lines]),
    )


class once(Generic[T]):
    """A property that is computed when it is first read. What it raised is raised again."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = f"once {name}"

    @overload
    def __get__(self, owner: None, kind: type) -> once[T]: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> T | once[T]:
        if owner is None:
            return self
        kept = vars(owner)
        if self._key not in kept:
            try:
                kept[self._key] = self._compute(owner), None, None
            except Exception as error:
                kept[self._key] = None, error, error.__traceback__
        value, raised, trace = kept[self._key]
        if raised is not None:
            raise raised.with_traceback(trace)
        return value
