"""What a bench couldn't show, as a table for the terminal."""

from __future__ import annotations

from bench.record import Run


def skipped_table(run: Run) -> list[str]:
    """A line for each reason, with the promises that it left unshown."""
    by_reason: dict[str, list[str]] = {}
    for record in run.records:
        if record.outcome == "skipped":
            by_reason.setdefault(record.reason, []).append(record.case)
    if not by_reason:
        return [f"bench {run.bench}: every promise was put to the test"]
    lines = [f"bench {run.bench}: not shown here"]
    for reason, cases in by_reason.items():
        lines.append(f"  {reason}")
        lines += [f"    - {case}" for case in cases]
    return lines
