"""The alerts as Prometheus rules, `kiosk-alerts.yml` beside this file; `python -m edge.monitor.rules` draws it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from edge.monitor.alerts import KINDS, Kind

RULES_FILE: Final = Path(__file__).with_name("kiosk-alerts.yml")


def rules_text() -> str:
    """The rules file: YAML, its strings written as JSON's, which YAML takes."""
    head = (
        "# Drawn from edge/monitor/alerts.py by `python -m edge.monitor.rules`; docs/monitoring.md explains.\n"
        "# In prometheus.yml:  rule_files: [kiosk-alerts.yml]\n"
        "groups:\n"
        "  - name: kiosk-edge\n"
        "    rules:\n"
    )
    return head + "".join(_rule(kind) for kind in KINDS)


def _rule(kind: Kind) -> str:
    waiting = f"        for: {kind.for_s}s\n" if kind.for_s else ""
    return (
        f"      - alert: {kind.name}\n"
        f"        expr: {json.dumps(kind.condition)}\n"
        f"{waiting}"
        "        labels:\n"
        f"          severity: {kind.severity}\n"
        "        annotations:\n"
        f"          summary: {json.dumps(kind.summary)}\n"
        f"          description: {json.dumps(kind.advice)}\n"
    )


if __name__ == "__main__":
    RULES_FILE.write_text(rules_text(), encoding="utf-8")
