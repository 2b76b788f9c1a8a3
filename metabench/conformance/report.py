"""What conformance says of a learner: for people in words, for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metabench import registry
from metabench.conformance.advice import FIRST
from metabench.conformance.check import Outcome, Status
from metabench.conformance.subject import small_settings
from metabench.conformance.suite import LEARNER_CHECKS, examine_learner
from metabench.contracts.options import check_options
from metabench.files.progress import steps
from metabench.registry import AnyLearner

ASKS = {check.name: (check.function.__doc__ or "").split("\n")[0] for check in LEARNER_CHECKS}
PAGE = "docs/write-a-learner.md"


@dataclass(frozen=True)
class Report:
    """What came of each check of a learner. As text, it says what to do."""

    learner: str
    version: str
    digest: str | None  # sha256 of the learner's file, if no package registers it
    settings: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]

    @property
    def holds(self) -> bool:
        """Whether no check fails."""
        return not self.those("failed")

    def those(self, status: Status) -> list[Outcome]:
        """The checks that ended so."""
        return [one for one in self.outcomes if one.status == status]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        checks = [{**one._asdict(), "asks": ASKS[one.check]} for one in self.outcomes]
        counts = {status: len(self.those(status)) for status in ("passed", "failed", "skipped")}
        return {
            "learner": self.learner,
            "version": self.version,
            "digest": self.digest,
            "settings": dict(self.settings),
            "holds": self.holds,
            **counts,
            "checks": checks,
        }

    def __str__(self) -> str:
        """Lines for a terminal: what fails and what to do, what was skipped and why."""
        failed, passed = self.those("failed"), self.those("passed")
        skipped = self.those("skipped")
        lines = [
            f"{self.learner}: {len(failed)} of {len(self.outcomes)} checks fail, {len(passed)} "
            f"pass, {len(skipped)} do not apply"
        ]
        lines += _failures(failed)
        lines += _listed("SKIPPED", {one.check: one.said for one in skipped})
        if passed:
            lines += ["", "PASSED   " + ", ".join(one.check for one in passed)]
        if failed:
            lines += ["", f"What a learner must do is told in {PAGE}."]
        return "\n".join(lines)


def check(
    learner: AnyLearner, *, settings: Mapping[str, Any] | None = None, progress: bool = True
) -> Report:
    """Run every check over a learner, as `metabench check` does, and tell what came of each.

    Args:
      learner: a registered name, a factory of your own, `path/to/file.py:function` or
        `package.module:function`.
      settings: hyperparameters. What is left out has its default, but for a factory that is named
        by a string, where options such as `width` are set to what makes it quick.
      progress: whether to show progress on standard error.

    Raises:
      UserError: there is no such learner, or no such setting.

    Example:
      >>> import metabench
      >>> report = metabench.check("pixel_nn", progress=False)
      >>> report.holds, len(report.those("failed"))
      (True, 0)
    """
    entry = registry.learner(learner)
    chosen = registry.in_words(entry, settings or {})
    check_options(entry.name, entry.factory, chosen)
    if isinstance(learner, str):
        chosen = {**small_settings(entry), **chosen}
    with steps(f"checking {entry.name}", len(LEARNER_CHECKS), progress) as begin:
        found = examine_learner(learner, settings=chosen, begin=begin)
    return Report(entry.name, entry.version, entry.digest, chosen, tuple(found))


def _failures(failed: list[Outcome]) -> list[str]:
    """Each reason with its checks and what to do; of what may follow from another, the rest."""
    lines: list[str] = []
    groups: dict[str, list[Outcome]] = {}
    for one in failed:
        groups.setdefault(one.said, []).append(one)
    whole = any(one.check in FIRST for one in failed)
    later = {}
    for said, group in groups.items():
        names = ", ".join(one.check for one in group)
        if whole and not any(one.check in FIRST for one in group):
            later[names] = said
            continue
        lines += ["", f"FAILED   {names}"]
        if len(group) == 1:
            lines.append(f"  asked  {ASKS[group[0].check]}")
        lines.append(f"  found  {said}")
        if group[0].advice:
            lines.append(f"  do     {_capital(group[0].advice)}.")
    if later:
        lines += _listed("FAILED, maybe for the same reason; mend the above first", later)
    return lines


def _listed(head: str, found: Mapping[str, str]) -> list[str]:
    """A line for each reason, under a head; nothing if there is none."""
    reasons: dict[str, list[str]] = {}
    for name, said in found.items():
        reasons.setdefault(said, []).append(name)
    lines = [f"  {', '.join(names)}: {said}" for said, names in reasons.items()]
    return ["", head, *lines] if lines else []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
