"""What a run showed: the last line, figures as JSON, and the tables of docs/crash-matrix.md."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from proofs.crashes.kiosk import VICTIMS
from proofs.crashes.plan import LETTERS, MISCHIEFS, Astray, Kill, moments
from proofs.crashes.programs import REPOSITORY
from proofs.crashes.run import Outcome

DOCUMENT: Final[Path] = REPOSITORY / "docs" / "crash-matrix.md"
_BEGIN: Final = "<!-- written by python -m proofs.crashes --write -->"
_END: Final = "<!-- end -->"


def last_line(outcomes: Sequence[Outcome]) -> str:
    """The sentence of the issue; a case that could not be judged is told of by the lines before it."""
    double = sum(len(each.verdict.double_charges) for each in outcomes)
    alone = sum(len(each.verdict.without_order) for each in outcomes)
    lost = sum(len(each.verdict.lost) for each in outcomes)
    return f"{len(outcomes)} cases, {double} double charges, {alone} charges without an order, {lost} lost paid orders"


def about(outcomes: Sequence[Outcome], took_s: float, jobs: int) -> dict[str, Any]:
    """The counts."""
    times = sorted(outcome.took_s for outcome in outcomes)
    return {
        "cases": len(outcomes),
        "kills": sum(isinstance(outcome.case, Kill) for outcome in outcomes),
        "messages": sum(isinstance(outcome.case, Astray) for outcome in outcomes),
        "double_charges": sum(len(each.verdict.double_charges) for each in outcomes),
        "charges_without_an_order": sum(len(each.verdict.without_order) for each in outcomes),
        "lost_paid_orders": sum(len(each.verdict.lost) for each in outcomes),
        "disagreements": sum(len(each.verdict.disagreements) for each in outcomes),
        "not_finished": sum(bool(each.unfinished) for each in outcomes),
        "jobs": jobs,
        "took_s": round(took_s, 1),
        "case_p50_s": round(statistics.median(times), 1),
        "case_max_s": round(times[-1], 1),
    }


def to_json(outcomes: Sequence[Outcome], facts: Mapping[str, Any]) -> str:
    """All of it."""
    each = [
        {
            "case": outcome.case.name,
            "how": outcome.how,
            "took_s": round(outcome.took_s, 2),
            "deeds": outcome.deeds,
            "wrong": outcome.wrong,
        }
        for outcome in outcomes
    ]
    return json.dumps({**facts, "each": each}, indent=2, ensure_ascii=False) + "\n"


def rewritten(document: str, outcomes: Sequence[Outcome], facts: Mapping[str, Any]) -> str:
    """The document with this run's tables in place of the last one's.

    Raises:
        ValueError: it has no place for them.
    """
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{DOCUMENT.name} has no {_BEGIN} … {_END}")
    return f"{before}{begin}\n{tables(outcomes, facts)}\n{end}{after}"


def tables(outcomes: Sequence[Outcome], facts: Mapping[str, Any]) -> str:
    """The run in Markdown."""
    machine = facts.get("machine", {})
    lines = [
        f"    {last_line(outcomes)}",
        "",
        f"{str(facts.get('at', ''))[:10]}, commit {facts.get('commit', '')}, "
        f"nats-server {facts.get('nats_server', '')}, "
        f"{machine.get('cores', '')} cores ({machine.get('processor', '')}), Python {machine.get('python', '')}; "
        f"{facts['took_s']:.0f} s with {facts['jobs']} kiosks side by side, a case {facts['case_p50_s']:g} s "
        f"(median), {facts['case_max_s']:g} s at most. Disagreements of any other kind: {facts['disagreements']}; "
        f"cases that could not be judged: {facts['not_finished']}.",
        "",
        f"| killed when … | {' | '.join(VICTIMS)} |",
        "|---|" + "---|" * len(VICTIMS),
    ]
    kills = {(each.case.moment, each.case.victim): each for each in outcomes if isinstance(each.case, Kill)}
    lines += [
        f"| {moment.text} | " + " | ".join(_cell(kills.get((moment, victim))) for victim in VICTIMS) + " |"
        for moment in moments()
        if any((moment, victim) in kills for victim in VICTIMS)
    ]
    astray = {(each.case.letter, each.case.mischief): each for each in outcomes if isinstance(each.case, Astray)}
    lines += ["", f"| message | {' | '.join(MISCHIEFS)} |", "|---|" + "---|" * len(MISCHIEFS)]
    lines += [
        f"| {letter.name} | " + " | ".join(_cell(astray.get((letter, each))) for each in MISCHIEFS) + " |"
        for letter in LETTERS
        if any((letter, each) in astray for each in MISCHIEFS)
    ]
    return "\n".join(lines)


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return outcome.how if outcome.good else f"**broken** {outcome.how}"
