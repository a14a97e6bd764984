"""When a switch has really changed: pure, without pins or clock."""

from __future__ import annotations

import math


class Debouncer:
    """A contact bounces when it closes and opens; a change counts once it was quiet for `settle_s`.

    `level` is the level that counts. Times are in seconds on any clock that doesn't run backwards.
    """

    def __init__(self, level: bool, settle_s: float) -> None:
        self.level = level
        self._settle_s = settle_s
        self._raw = level
        self._quiet_since_s = -math.inf
        self._restless_since_s = -math.inf

    @property
    def due_s(self) -> float | None:
        """When to `look` next if no edge comes; None when raw and counted level agree."""
        return None if self._raw == self.level else self._quiet_since_s + self._settle_s

    def edge(self, raw: bool, at_s: float) -> None:
        """Note an edge, after which the contact reads `raw`: what it read before, if two edges came at once."""
        self._raw = raw
        if at_s - self._quiet_since_s >= self._settle_s:
            self._restless_since_s = at_s
        self._quiet_since_s = at_s

    def restless_s(self, now_s: float) -> float:
        """For how long edges have followed on each other without the contact once being quiet; 0 when it is."""
        return 0.0 if now_s - self._quiet_since_s >= self._settle_s else now_s - self._restless_since_s

    def look(self, raw: bool, at_s: float) -> bool | None:
        """Note what the contact reads without an edge having told; return the new level if there is one.

        A reading that differs from the last is an edge that got lost.
        """
        if raw != self._raw:
            self.edge(raw, at_s)
        due_s = self.due_s
        if due_s is None or at_s < due_s:
            return None
        self.level = raw
        return raw
