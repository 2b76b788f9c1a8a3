"""The comparisons for people: lines for a terminal, and Markdown for a step summary."""

from __future__ import annotations

from collections.abc import Sequence

from metabench.guard.verdicts import BROKEN, DROPPED, ROSE, Verdict

HEAD = ("learner", "baseline %", "now %", "difference, 95 % interval", "seeds", "p", "verdict")
WORDS = {ROSE: "rose", DROPPED: "DROPPED", BROKEN: "BROKEN"}
FIRST = {DROPPED: 0, BROKEN: 0, ROSE: 1}  # what is to be read first


def cells(listed: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """A row under `HEAD` for each comparison, those that fail first; points are percent points."""
    ordered = sorted(listed, key=lambda one: (FIRST.get(one.status, 2), one.name))
    return [_row(one) for one in ordered]


def _row(one: Verdict) -> tuple[str, ...]:
    word = WORDS.get(one.status, one.status)
    before = f"{100 * one.before:.1f}"
    if one.now is None or one.difference is None or one.half_width is None:
        return (one.name, before, "", "", "", "", word)
    shown = f"{100 * one.difference:+.1f} ± {100 * one.half_width:.1f}"
    chance = "<0.001" if (one.p_value or 0) < 0.001 else f"{one.p_value:.3f}"
    return (one.name, before, f"{100 * one.now:.1f}", shown, str(len(one.seeds)), chance, word)


def sentences(listed: Sequence[Verdict], margin: float, alpha: float) -> list[str]:
    """What it comes to, and what can be done about each failure."""
    failed = [one for one in listed if one.fails]
    said = [
        f"{len(listed)} results made again, {len(failed)} failed. The gate fails where a paired "
        f'test rejects "no drop larger than {100 * margin:g} points"; its level is '
        f"{100 * alpha:g} % for all results together."
    ]
    for one in failed:
        if one.broken is not None:
            said.append(f"{one.name} could not be made again: {one.broken}.")
        elif one.difference is not None:
            said.append(f"{one.name} dropped by {-100 * one.difference:.1f} points.")
    rose = [one.name for one in listed if one.status == ROSE]
    if rose:
        said.append(f"Rose by more than the margin: {', '.join(rose)}.")
    if failed:
        said.append("If the change is meant, renew the baseline with `--renew`.")
    return said


def markdown(listed: Sequence[Verdict], *, tier: str, margin: float, alpha: float) -> str:
    """A page for `GITHUB_STEP_SUMMARY`."""
    lines = [f"## metabench regress, tier {tier}", ""]
    lines += [_escaped(one) + "\n" for one in sentences(listed, margin, alpha)]
    lines += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(map(_escaped, row)) + " |" for row in cells(listed)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """`text` as Markdown shows it: no tag, no column of its own."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("|", "\\|").replace("\n", " ")
