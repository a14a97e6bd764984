"""Alerts in time: each says one line when it begins and one when it ends, for a kiosk that nobody scrapes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge.monitor.alerts import Alert

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """An alert that was found, since when; it is `raised` once it has held as long as its kind wants."""

    alert: Alert
    since: datetime
    since_s: float
    raised: bool = False


class Alarm:
    """Follows alerts from look to look, and logs their beginnings and ends."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._standing: dict[tuple[str, tuple[tuple[str, str], ...]], Standing] = {}

    @property
    def raised(self) -> list[Standing]:
        """What is wrong now, oldest first."""
        return [each for each in self._standing.values() if each.raised]

    def update(self, found: Iterable[Alert]) -> None:
        """Take the alerts of a new look."""
        now_s = self._now()
        current = {alert.key: alert for alert in found}
        for key in [key for key in self._standing if key not in current]:
            gone = self._standing.pop(key)
            if gone.raised:
                log.warning("over after %s: %s", _duration(now_s - gone.since_s), gone.alert.text)
        for key, alert in current.items():
            standing = self._standing.get(key) or Standing(alert, datetime.now(UTC), now_s)
            standing = replace(standing, alert=alert)
            if not standing.raised and now_s - standing.since_s >= alert.kind.for_s:
                standing = replace(standing, raised=True)
                level = logging.ERROR if alert.kind.severity == "critical" else logging.WARNING
                log.log(level, "%s: %s (%s)", alert.kind.name, alert.text, alert.kind.advice)
            self._standing[key] = standing


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
