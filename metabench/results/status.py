"""Whether a result is only claimed, or was replayed or retrained by somebody who says so.

A signature stands in the result's document and holds the digest of the rest of it. Where anything
was changed since, its digest no longer fits, and it says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

from metabench.results.document import to_json
from metabench.results.result import Result

Status: TypeAlias = Literal["claimed", "replayed", "retrained"]
STATUSES: tuple[Status, ...] = get_args(Status)  # the later ones say more


def content_digest(result: Result) -> str:
    """The sha256 of the result's document without its signatures."""
    return hashlib.sha256(to_json(replace(result, signatures=None)).encode()).hexdigest()


def status_of(result: Result) -> Status:
    """The most that a signature says of the result as it is now; `claimed` where none does."""
    found: list[Status] = [one["status"] for one in valid_signatures(result)]
    return max(found, key=STATUSES.index, default="claimed")


def valid_signatures(result: Result) -> list[Mapping[str, Any]]:
    """The signatures that were given to the result as it is now."""
    if not result.signatures:
        return []
    digest = content_digest(result)
    return [one for one in result.signatures if one["digest"] == digest]


def signed(
    result: Result, status: Status, *, who: str, when: str, where: str, tasks: int
) -> Result:
    """The result with one signature more. Signatures that no longer fit are left out.

    Args:
      result: what was compared.
      status: `replayed` or `retrained`.
      who: vouches for it.
      when: ISO 8601, UTC.
      where: system and device.
      tasks: how many test tasks of each seed were compared.
    """
    one: dict[str, Any] = {
        "status": status,
        "digest": content_digest(result),
        "who": who,
        "when": when,
    }
    one |= {"where": where, "tasks": tasks}
    return replace(result, signatures=(*valid_signatures(result), one))
