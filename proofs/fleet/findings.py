"""What arrived at the hub, and which promises that breaks."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.bus.hub import Stored


@dataclass
class Arrived:
    """The events that FLEET_EVENTS holds, by the name they are kept under: each one's own name and number."""

    events: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, under: str, stored: Stored) -> None:
        """Take in one event as the stream has it."""
        payload = json.loads(stored.data)["payload"]
        self.events[under].append((str(payload["kiosk"]), int(payload["number"])))

    def count(self, name: str) -> int:
        """How many are kept under this name."""
        return len(self.events.get(name, []))

    def highest(self, name: str) -> int:
        """The highest number under this name; 0 without one."""
        return max((number for _, number in self.events.get(name, [])), default=0)


@dataclass
class Findings:
    """What was counted, and what broke, in words."""

    broken: list[str] = field(default_factory=list)
    events_said: int = 0
    events_arrived: int = 0
    twice: int = 0
    out_of_order: int = 0
    wrong_name: int = 0
    lost: int = 0
    lost_told: int = 0
    nodes_killed: int = 0
    revoked: int = 0
    caught_up_s: list[float] = field(default_factory=list)
    shut_out_s: float | None = None
    took_s: float = 0.0

    def check(self, when: str, arrived: Arrived, said: Mapping[str, int], lost: Mapping[str, int]) -> None:
        """Every event of each kiosk once, in order, under its own name; those that are `lost` excepted."""
        self.events_said = sum(said.values())
        self.events_arrived = sum(arrived.count(name) for name in said)
        for name, count in said.items():
            events = arrived.events.get(name, [])
            foreign = [each for each in events if each[0] != name]
            numbers = [number for whose, number in events if whose == name]
            twice = len(numbers) - len(set(numbers))
            disorder = sum(after <= before for before, after in itertools.pairwise(numbers)) - twice
            missing = count - len(set(numbers))
            self.wrong_name += len(foreign)
            self.twice += twice
            self.out_of_order += max(0, disorder)
            for wrong, words in (
                (len(foreign), "events of others are kept as its own"),
                (twice, "events are kept twice"),
                (max(0, disorder), "events are out of order"),
                (abs(missing - lost.get(name, 0)), f"more or fewer than {lost.get(name, 0)} events are missing"),
            ):
                if wrong:
                    self.broken.append(f"{when}, {name}: {wrong} {words}")

    def figures(self) -> dict[str, Any]:
        """All of it as JSON-ready numbers."""
        return {
            "events_said": self.events_said,
            "events_arrived": self.events_arrived,
            "events_twice": self.twice,
            "events_out_of_order": self.out_of_order,
            "events_under_another_name": self.wrong_name,
            "events_lost": self.lost,
            "events_lost_told": self.lost_told,
            "nodes_killed": self.nodes_killed,
            "kiosks_revoked": self.revoked,
            "caught_up_s": [round(each, 1) for each in self.caught_up_s],
            "shut_out_s": None if self.shut_out_s is None else round(self.shut_out_s, 2),
            "took_s": round(self.took_s, 1),
            "broken": self.broken,
        }

    @property
    def last_line(self) -> str:
        """The counts in one line."""
        return (
            f"{self.events_arrived} of {self.events_said} events arrived, {self.twice} twice, "
            f"{self.out_of_order} out of order, {self.wrong_name} under another name; "
            f"{self.lost} lost, {self.lost_told} of them told; "
            f"{self.nodes_killed} node killed, {self.revoked} kiosk revoked; {len(self.broken)} promises broken"
        )
