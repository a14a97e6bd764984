"""What a run found, and which promises it broke."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

CLEAR = frozenset({"answered", "TIMEOUT", "UNAVAILABLE"})  # what an asker may be left with when its server is killed
_SHOWN = 5


@dataclass
class Findings:
    """Everything that is counted in a run.

    `outcomes` is by way of asking and outcome; `acknowledged` and `stored` hold the events' own texts, `stored`
    with the msg_id of each; `done` the msg_id and number of each command that was begun.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong_answers: list[int] = field(default_factory=list)
    done: list[tuple[str, int]] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    unacknowledged: dict[str, str] = field(default_factory=dict)
    stored: list[tuple[str, str]] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    dead: Counter[str] = field(default_factory=Counter)
    unfinished: list[str] = field(default_factory=list)  # what the run itself could not do as planned
    took_s: float = 0.0

    @property
    def lost(self) -> list[str]:
        """Events that were acknowledged and aren't in the stream."""
        return sorted(self.acknowledged - {text for _, text in self.stored})

    @property
    def stored_twice(self) -> list[str]:
        """Events that the stream holds more than once, by msg_id or by what they say."""
        return _repeated(msg_id for msg_id, _ in self.stored) + _repeated(text for _, text in self.stored)

    @property
    def done_twice(self) -> list[str]:
        """Commands that were begun more than once, by msg_id or by number."""
        return _repeated(msg_id for msg_id, _ in self.done) + _repeated(str(number) for _, number in self.done)

    @property
    def answered_undone(self) -> list[str]:
        """Asks that were answered though nobody began them."""
        return sorted(str(number) for number in self.answered - {number for _, number in self.done})

    @property
    def unclear(self) -> dict[str, int]:
        """Asks that ended with neither an answer nor a clear TIMEOUT or UNAVAILABLE."""
        found: Counter[str] = Counter()
        for (_, outcome), count in self.outcomes.items():
            if outcome not in CLEAR:
                found[outcome] += count
        return dict(found)

    @property
    def broken(self) -> list[str]:
        """The promises that did not hold, in words; empty when all did."""
        found = [
            (self.lost, "acknowledged events were lost"),
            (self.stored_twice, "events are stored twice"),
            (self.done_twice, "commands were done twice"),
            (self.answered_undone, "asks were answered that nobody carried out"),
            (sorted(map(str, self.wrong_answers)), "asks got another's answer"),
            (
                [f"{outcome} ({count})" for outcome, count in self.unclear.items()],
                "ways to end that are no clear answer",
            ),
            (self.unfinished, "things did not go as planned"),
        ]
        return [f"{len(items)} {what}: {', '.join(items[:_SHOWN])}" for items, what in found if items]

    def count(self, way: str, outcome: str) -> int:
        """How many asks of `way` ended so."""
        return self.outcomes[way, outcome]

    def figures(self) -> dict[str, Any]:
        """All of it as JSON-ready numbers."""
        return {
            "commands_asked": self.outcomes.total(),
            "outcomes": {f"{way} {outcome}": count for (way, outcome), count in sorted(self.outcomes.items())},
            "commands_done": len(self.done),
            "commands_done_twice": len(self.done_twice),
            "asks_without_a_clear_end": sum(self.unclear.values()),
            "asks_with_anothers_answer": len(self.wrong_answers),
            "asks_answered_but_not_done": len(self.answered_undone),
            "events_acknowledged": len(self.acknowledged),
            "events_not_acknowledged": len(self.unacknowledged),
            "events_stored": len(self.stored),
            "events_lost": len(self.lost),
            "events_stored_twice": len(self.stored_twice),
            "dead_letters": dict(self.dead),
            "kills": len(self.back_s),
            "back_p50_s": round(statistics.median(self.back_s), 2) if self.back_s else None,
            "back_max_s": round(max(self.back_s), 2) if self.back_s else None,
            "back_s": [round(back_s, 2) for back_s in self.back_s],
            "took_s": round(self.took_s, 1),
            "broken": self.broken,
        }


def _repeated(things: Iterable[str]) -> list[str]:
    return sorted(thing for thing, times in Counter(things).items() if times > 1)
