"""Whether a result is only claimed, or was replayed or retrained by somebody who says so.

A signature stands in the result's document and holds the digest of the rest of it. Where anything
was changed since, its digest no longer fits, and it says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

from metabench.files.canonical import canonical
from metabench.results.document import to_json
from metabench.results.result import Result

Status: TypeAlias = Literal["claimed", "replayed", "retrained"]
STATUSES: tuple[Status, ...] = get_args(Status)  # the later ones say more


def content_digest(result: Result) -> str:
    """The sha256 of the result's document without its signatures."""
    return _sha256(to_json(replace(result, signatures=None)))


def document_digest(document: Mapping[str, Any]) -> str:
    """The same of a document of any track, as `head.loaded` gives it."""
    return _sha256(canonical({k: value for k, value in document.items() if k != "signatures"}))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def status_of(result: Result | Mapping[str, Any]) -> Status:
    """The most that a signature says of the result as it is now; `claimed` where none does."""
    found: list[Status] = [one["status"] for one in valid_signatures(result)]
    return max(found, key=STATUSES.index, default="claimed")


def valid_signatures(result: Result | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The signatures that were given to the result, or to another track's document, as it is."""
    given, digest_of = _given(result)
    if not given:
        return []
    digest = digest_of()
    return [one for one in given if one["digest"] == digest]


def unfit(result: Result | Mapping[str, Any]) -> list[str]:
    """A sentence without a subject on each signature that was given before a change."""
    valid = valid_signatures(result)
    return [
        f"was changed after {one['who']} signed it as {one['status']} on {one['when']}"
        for one in _given(result)[0]
        if one not in valid
    ]


def _given(
    result: Result | Mapping[str, Any],
) -> tuple[Sequence[Mapping[str, Any]], Callable[[], str]]:
    """All signatures, and what computes the digest that they should have."""
    if isinstance(result, Result):
        return result.signatures or (), lambda: content_digest(result)
    return result.get("signatures", ()), lambda: document_digest(result)


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
    one = _signature(status, content_digest(result), who, when, where, tasks)
    return replace(result, signatures=(*valid_signatures(result), one))


def signed_document(
    document: Mapping[str, Any], status: Status, *, who: str, when: str, where: str, tasks: int
) -> dict[str, Any]:
    """The document of any track with one signature more; arguments are those of `signed`."""
    one = _signature(status, document_digest(document), who, when, where, tasks)
    return {**document, "signatures": [*valid_signatures(document), one]}


def _signature(
    status: Status, digest: str, who: str, when: str, where: str, tasks: int
) -> dict[str, Any]:
    return {
        "status": status,
        "digest": digest,
        "who": who,
        "when": when,
        "where": where,
        "tasks": tasks,
    }
