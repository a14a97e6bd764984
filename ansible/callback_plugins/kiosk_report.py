"""What each kiosk runs after ansible/deploy.yml: a table at the end of the run, and a JSON file.

A kiosk's row is what the roles noted for it by `set_stats` (per host, key `kiosk`). Where KIOSK_REPORT is set, the file
is written there; else beside the inventory's folder of the run as kiosk-report.json in the current folder.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible import context

DOCUMENTATION = """
name: kiosk_report
type: aggregate
short_description: What each kiosk runs after a deployment
description:
  - Prints a table of the kiosks, which version each runs and what became of it, and writes the same as JSON.
options:
  report:
    description: Where the JSON goes.
    default: kiosk-report.json
    env:
      - name: KIOSK_REPORT
"""

_COLUMNS = ("kiosk", "before", "runs", "outcome", "why")


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible has no type information
    """Collects what was noted of each kiosk and shows it when the run ends, however it ends."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kiosk_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._kiosks: list[str] = []

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Learn which kiosks the run is about: also those that it will not get to."""
        if "kiosks" not in str(play.hosts):
            return
        variables = play.get_variable_manager()
        inventory = variables._inventory
        for host in inventory.get_hosts("kiosks"):
            if host.name not in self._kiosks:
                self._kiosks.append(host.name)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show and write what each kiosk runs."""
        rows = [self._row(name, stats) for name in self._kiosks]
        if not rows:
            return
        widths = {each: max(len(each), *(len(row[each]) for row in rows)) for each in _COLUMNS[:-1]}
        self._display.banner("KIOSKS")
        for row in [{each: each for each in _COLUMNS}, *rows]:
            why = row["why"].replace("\n", " ")[:120]
            self._display.display("  ".join([*(row[each].ljust(widths[each]) for each in widths), why]).rstrip())
        path = Path(os.environ.get("KIOSK_REPORT", "kiosk-report.json"))
        told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "kiosks": rows}
        try:
            path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            self._display.warning(f"the report can't be written to {path}: {error.strerror}")

    @staticmethod
    def _row(name: str, stats: Any) -> dict[str, str]:
        noted = stats.custom.get(name, {}).get("kiosk", {})
        row = {"kiosk": name, **{each: str(noted.get(each) or "") for each in _COLUMNS[1:]}}
        if name in stats.dark:
            row["outcome"], row["why"] = "unreachable", row["why"] or "it doesn't let us in, or is off"
        elif name not in stats.processed:
            row["outcome"] = "not reached"
        # Files that would be laid out aren't there yet when what lies there is compared with what runs.
        elif row["outcome"] == "as it was" and context.CLIARGS.get("check") and stats.changed.get(name):
            row["outcome"] = "would be changed"
        return row
