"""How the command tells of a message: a line for people, an object for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from edge.bus.history import Entry
from edge.contract.errors import ContractError
from edge.contract.subjects import (
    CARD_TAP,
    CART_ACTION,
    GAZE_DETECTED,
    INTENT,
    PERSON_DETECTED,
    PERSON_LEFT,
    SESSION_ENDED,
    SESSION_STARTED,
    SPEECH_START,
    TOUCH,
    TRANSCRIPT,
    UI_UPDATE,
    event_on,
)

SHORT: Final = 8  # characters of an id that tell one from the other among a day's
_SUBJECT_WIDTH: Final = 28
_COLOURS: Final[Mapping[str, str]] = {
    "vision": "magenta",
    "voice": "blue",
    "input": "yellow",
    "session": "bold green",
    "ui": "cyan",
    "agent": "bright_black",
    "hardware": "bright_black",
    "dead": "red",
}

Fields = Mapping[str, Any]


def colour_of(subject: str) -> str:
    """The colour of the subject's domain."""
    return _COLOURS.get(subject.removeprefix("kiosk.").split(".")[0], "white")


def show(entry: Entry, to: Console) -> None:
    """One line: when, in which session and trace, on what, and what it says."""
    text = Text(f"{clock(said_at(entry))}  ", style="dim")
    text.append(f"{safe(entry.session_id)[:SHORT]:{SHORT}} {safe(entry.trace_id)[:SHORT]:{SHORT}}  ", style="dim")
    text.append(f"{safe(entry.subject):{_SUBJECT_WIDTH}} ", style=colour_of(entry.subject))
    if entry.replay_of:
        text.append("(replay) ", style="yellow")
    message = entry.message
    if isinstance(message, ContractError):
        text.append(f"malformed: {safe(str(message))}", style="red")
    else:
        text.append(in_words(entry.subject, message.payload))
    put(text, to)


def put(line: Text, to: Console) -> None:
    """One line, cut at the terminal's edge; whole where it goes into a pipe."""
    if to.is_terminal:
        to.print(line, no_wrap=True, overflow="ellipsis", crop=True, highlight=False)
    else:
        to.print(line, soft_wrap=True, highlight=False)


def as_fields(entry: Entry) -> dict[str, Any]:
    """Everything about a message, as JSON has it."""
    fields: dict[str, Any] = {"subject": entry.subject}
    if entry.sequence is not None:
        fields |= {"sequence": entry.sequence, "stored_at": iso(entry.at)}
    if entry.replay_of:
        fields["replay_of"] = entry.replay_of
    message = entry.message
    return fields | ({"malformed": str(message)} if isinstance(message, ContractError) else vars(message))


def print_json(fields: Fields) -> None:
    """One JSON object a line, at once: a pipe reads along."""
    print(json.dumps(fields, ensure_ascii=False), flush=True)


def said_at(entry: Entry) -> datetime:
    """When it was said by its own word, or else when it was heard or stored."""
    message = entry.message
    if entry.sequence is None and not isinstance(message, ContractError):
        try:
            moment = datetime.fromisoformat(message.timestamp)
        except ValueError:
            return entry.at
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return entry.at


def clock(at: datetime) -> str:
    """The local time of day, to the millisecond."""
    return at.astimezone().strftime("%H:%M:%S.%f")[:-3]


def iso(at: datetime) -> str:
    """UTC as the envelope writes it, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def who_says(subject: str) -> str:
    """Who says this event, from the table; "?" for what isn't in it."""
    event = event_on(subject)
    return event.said_by if event else "?"


# -- in words -------------------------------------------------------------------------------------------------


def in_words(subject: str, payload: Fields) -> str:
    """What a message says. A payload that isn't as the contract wants it is shown field by field."""
    words = _WORDS.get(subject)
    if words is not None:
        try:
            return safe(words(payload))
        except (KeyError, TypeError, ValueError, AttributeError):
            pass
    return safe(_field_by_field(payload)) or "-"


def safe(text: str) -> str:
    """`text` with nothing in it that a terminal would act upon: what is on the bus is anybody's words."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _field_by_field(payload: Fields) -> str:
    shown = ((name, value) for name, value in payload.items() if name != "event" and value not in (None, "", [], {}))
    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}" for name, value in shown
    )


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _person(payload: Fields) -> str:
    party = payload.get("estimated_party_size") or 1
    sure = payload.get("confidence")
    return "somebody is here" + (f", {_percent(sure)}" if sure else "") + (f", a party of {party}" if party > 1 else "")


def _gaze(payload: Fields) -> str:
    point = payload.get("gaze_point")
    if not payload["looking_at_screen"]:
        return "looks away"
    return "looks at the screen" + (f" at {point['x']:.0f}, {point['y']:.0f}" if point else "")


def _transcript(payload: Fields) -> str:
    marks = [_percent(payload["confidence"])]
    marks += ["typed"] if payload.get("source") == "typed" else []
    marks += [] if payload.get("is_final", True) else ["not final"]
    return f"says “{payload['text']}” ({', '.join(marks)})"


def _intent(payload: Fields) -> str:
    entities = payload.get("entities") or {}
    items = [
        f"{each.get('quantity') or 1} × {each['item']}" + "".join(f" + {more}" for more in each.get("modifiers") or ())
        for each in (entities, *(entities.get("also") or ()))
        if each.get("item")
    ]
    about = [*items, *(entities.get("tags") or ())]
    return f"means {payload['intent_type']} ({_percent(payload['confidence'])})" + (
        f": {', '.join(about)}" if about else ""
    )


def _touch(payload: Fields) -> str:
    item, component = payload.get("item_id"), payload.get("component")
    return (
        f"touches {payload['action']}"
        + (f" {item}" if item is not None else "")
        + (f" on {component}" if component else "")
    )


def _cart_action(payload: Fields) -> str:
    extras = "".join(f" + {each}" for each in payload.get("customizations") or ())
    return f"cart: {payload['action']} {payload.get('quantity', 1)} × {payload['item_id']}{extras}"


def _card(payload: Fields) -> str:
    loyalty = payload.get("loyalty_id")
    return f"holds loyalty card {loyalty}" if loyalty else f"holds card {payload['card'][:SHORT]}…"


def _screen(payload: Fields) -> str:
    parts = payload.get("components") or []
    captions = [each["data"] for each in parts if each["type"] == "Caption"]
    said = [f"“{each['text']}”" for each in captions if each["kind"] != "heard"]
    carts = [each["data"] for each in parts if each["type"] == "Cart" and each["data"].get("lines")]
    cart = [f"cart {each['total']} {each['currency']} ({len(each['lines'])})" for each in carts]
    return " ".join([f"screen {payload['layout_mode']}", *said, *cart])


_WORDS: Final[Mapping[str, Callable[[Fields], str]]] = {
    PERSON_DETECTED.subject: _person,
    PERSON_LEFT.subject: lambda payload: f"nobody is here; was seen for {payload['duration_seconds']:.1f} s",
    GAZE_DETECTED.subject: _gaze,
    SPEECH_START.subject: lambda _: "begins to speak",
    TRANSCRIPT.subject: _transcript,
    INTENT.subject: _intent,
    TOUCH.subject: _touch,
    CART_ACTION.subject: _cart_action,
    CARD_TAP.subject: _card,
    SESSION_STARTED.subject: lambda payload: f"session begins on {payload['kiosk_id']}",
    SESSION_ENDED.subject: lambda payload: (
        f"session ends: {payload['reason']} after {payload['duration_seconds']:.1f} s"
    ),
    UI_UPDATE.subject: _screen,
}
