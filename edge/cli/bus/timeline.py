"""A journey as a timeline: what was said when, by whom, and how long the customer waited for the screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge.bus.history import Entry, Journey
from edge.cli.bus.telling import in_words, iso, who_says
from edge.contract.errors import ContractError
from edge.contract.subjects import (
    CARD_TAP,
    CART_ACTION,
    INTENT,
    PERSON_DETECTED,
    SESSION_ENDED,
    TOUCH,
    UI_UPDATE,
)

# What a customer does and then looks at the screen for.
_DEEDS: Final = frozenset(each.subject for each in (PERSON_DETECTED, INTENT, TOUCH, CART_ACTION, CARD_TAP))


@dataclass(frozen=True)
class Moment:
    """One event of a journey: how long after its beginning, how long after the event before, and in words."""

    entry: Entry
    since_s: float
    gap_s: float
    who: str
    what: str
    foreign: bool
    """Said in this session, but with another trace: a page that lagged behind, a message by hand."""


@dataclass(frozen=True)
class Answer:
    """A customer's deed, and the screen that came next."""

    deed: Moment
    screen: Moment

    @property
    def took_s(self) -> float:
        """How long the customer waited."""
        return self.screen.since_s - self.deed.since_s


def moments(journey: Journey) -> list[Moment]:
    """Its events, oldest first."""
    found: list[Moment] = []
    for entry in journey.entries:
        since_s = (entry.at - journey.began_at).total_seconds()
        message = entry.message
        what = (
            f"malformed: {message}" if isinstance(message, ContractError) else in_words(entry.subject, message.payload)
        )
        found.append(
            Moment(
                entry,
                since_s,
                since_s - found[-1].since_s if found else 0.0,
                who_says(entry.subject),
                what,
                entry.trace_id != journey.trace_id,
            )
        )
    return found


def answers(told: Sequence[Moment]) -> list[Answer]:
    """Each deed with the next screen; one that another deed came after before any screen waits with it."""
    found: list[Answer] = []
    waiting: list[Moment] = []
    for each in told:
        if each.entry.subject in _DEEDS:
            waiting.append(each)
        elif each.entry.subject == UI_UPDATE.subject:
            found += [Answer(deed, each) for deed in waiting]
            waiting = []
    return found


def outcome(told: Sequence[Moment]) -> str | None:
    """How the session ended; None while it hasn't."""
    for each in reversed(told):
        message = each.entry.message
        if each.entry.subject == SESSION_ENDED.subject and not isinstance(message, ContractError):
            return str(message.payload.get("reason"))
    return None


def bar(moment: Moment, total_s: float, width: int) -> str:
    """Where in the journey the time before this event passed: one mark at least, at most `width` characters."""
    if total_s <= 0:
        return ""
    end = min(width, max(1, round(moment.since_s / total_s * width)))
    begin = min(end - 1, round((moment.since_s - moment.gap_s) / total_s * width))
    mark = "█" if end - begin > 1 or moment.gap_s / total_s * width >= 0.5 else "▏"
    return " " * begin + mark * (end - begin)


def duration(seconds: float) -> str:
    """A duration in the unit it is best read in."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def as_fields(journey: Journey) -> dict[str, Any]:
    """The journey as JSON has it."""
    told = moments(journey)
    waited = [each.took_s for each in answers(told)]
    return {
        "trace_id": journey.trace_id,
        "session_ids": list(journey.session_ids),
        "began_at": iso(journey.began_at),
        "duration_s": round(journey.duration_s, 6),
        "outcome": outcome(told),
        "replayed": journey.replayed,
        "screen_after_deed_s": {
            "count": len(waited),
            "median": round(statistics.median(waited), 6) if waited else None,
            "longest": round(max(waited), 6) if waited else None,
        },
        "events": [
            {
                "at": iso(each.entry.at),
                "since_s": round(each.since_s, 6),
                "gap_s": round(each.gap_s, 6),
                "who": each.who,
                "subject": each.entry.subject,
                "what": each.what,
                "sequence": each.entry.sequence,
                "trace_id": each.entry.trace_id,
                "session_id": each.entry.session_id,
                "msg_id": getattr(each.entry.message, "msg_id", None),
                "payload": getattr(each.entry.message, "payload", None),
            }
            for each in told
        ],
    }
