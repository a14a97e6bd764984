"""Who may say and hear what on the bus, drawn from the table.

Each agent is a user of its own with an nkey; so are the monitor and the operator. The page has no key: it comes
in over WebSocket from loopback. What a user isn't given here, the server refuses (ADR 0013).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, DEAD_STREAM, EVENTS_STREAM, GIVEN_UP, STREAMS
from edge.contract.subjects import AGENTS, ALL, COMMANDS, DEAD, EVENTS, FRONTEND, Command, commands_of

MONITOR = "monitor"  # makes streams and consumers, collects dead letters, asks everyone how they are
OPERATOR = "operator"  # `kiosk bus`, and the virtual kiosk's bench
UNDERTAKER = "undertaker"  # the monitor's consumer of what the server gave up on
SIGNED_IN = (*AGENTS, MONITOR, OPERATOR)  # have a key each
USERS = (*SIGNED_IN, FRONTEND)
PAGE_HEARS = tuple(event.subject for event in EVENTS if FRONTEND in event.heard_by)

_EVENTS, _COMMANDS, _DEAD = (str(stream["name"]) for stream in (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM))
_API = "$JS.API"
_PING_S = 5.0  # how long anyone waits for the answer to a ping
_MARGIN_S = 5.0  # a request may wait in its agent before the asker's time begins to count


@dataclass(frozen=True)
class Permissions:
    """What one user may publish to and subscribe to; patterns as the server takes them.

    A subscription ``subject queue`` is allowed in that queue group only. With `answers_within_s`, who was asked
    may answer to the asker's inbox, once, and for so long.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers_within_s: float | None = None


def inbox_of(user: str) -> str:
    """Where answers to `user` go; nobody else may listen there."""
    return "_INBOX.page" if user == FRONTEND else f"_INBOX.{user}"


def permissions_of(user: str) -> Permissions:
    """What `user` may do.

    Raises:
        ValueError: there is no such user.
    """
    if user in AGENTS:
        return _agent(user)
    drawn = {FRONTEND: _page, MONITOR: _monitor, OPERATOR: _operator}
    if user not in drawn:
        raise ValueError(f"the bus has no user {user!r}; there are: {', '.join(USERS)}")
    return drawn[user]()


def _agent(name: str) -> Permissions:
    asks = [command for command in COMMANDS if name in command.asked_by]
    does = commands_of(name)
    publish = [
        *(event.subject for event in EVENTS if event.said_by == name),
        *(subject for command in asks for subject in command.subjects),
        *(f"$SRV.PING.{agent}" for agent in _once(command.done_by for command in asks)),
        # Agents wait until the monitor has made these.
        f"{_API}.STREAM.INFO.{_EVENTS}",
        f"{_API}.STREAM.INFO.{_COMMANDS}",
        # Single messages, without a consumer: that could be told to deliver them as somebody's commands.
        *(f"{_API}.DIRECT.GET.{_EVENTS}" for _ in _once(name for event in EVENTS if name in event.read_by)),
        f"{inbox_of(name)}.>",  # what it sends itself, to know that the server heard all before
    ]
    subscribe = [
        f"{inbox_of(name)}.>",
        *(event.subject for event in EVENTS if name in event.heard_by),
        *_answering("$SRV.PING", name),
        *_answering("$SRV.INFO", name),
        *_answering("$SRV.STATS", name),
    ]
    if name in CONSUMERS:
        consumer = CONSUMERS[name]
        durable = consumer["durable_name"]
        publish += [
            *(f"{inbox_of(asker)}.>" for asker in _once((*_askers(does), OPERATOR))),
            DEAD.format(agent=name),
            f"$JS.ACK.{_COMMANDS}.{durable}.>",
            f"$JS.ACK.*.*.{_COMMANDS}.{durable}.>",
            f"{_API}.CONSUMER.INFO.{_COMMANDS}.{durable}",
        ]
        subscribe += [*consumer["filter_subjects"], f"{consumer['deliver_subject']} {consumer['deliver_group']}"]
    longest_s = max((command.timeout_s for command in does), default=0.0)
    return Permissions(tuple(publish), tuple(subscribe), max(longest_s, _PING_S) + _MARGIN_S)


def _page() -> Permissions:
    return Permissions(
        publish=(
            *(event.subject for event in EVENTS if event.said_by == FRONTEND),
            # The last screen, for a page that comes back: a read of one message, which leaves nothing behind.
            *(f"{_API}.DIRECT.GET.{_EVENTS}.{subject}" for subject in PAGE_HEARS),
        ),
        subscribe=(*PAGE_HEARS, f"{inbox_of(FRONTEND)}.>"),
    )


def _monitor() -> Permissions:
    consumers = [
        *((_COMMANDS, str(wanted["durable_name"])) for wanted in CONSUMERS.values()),
        (_DEAD, UNDERTAKER),
    ]
    return Permissions(
        publish=(
            f"{_API}.INFO",
            *(f"{_API}.STREAM.{verb}.{stream['name']}" for verb in ("INFO", "CREATE", "UPDATE") for stream in STREAMS),
            *(
                f"{_API}.CONSUMER.{verb}.{stream}.{name}"
                for verb in ("INFO", "DURABLE.CREATE", "DELETE")
                for stream, name in consumers
            ),
            # Dead letters: what the server gave up on is recorded, and taken out of the queue.
            f"{_API}.CONSUMER.MSG.NEXT.{_DEAD}.{UNDERTAKER}",
            f"$JS.ACK.{_DEAD}.{UNDERTAKER}.>",
            f"$JS.ACK.*.*.{_DEAD}.{UNDERTAKER}.>",
            f"{_API}.STREAM.MSG.GET.{_COMMANDS}",
            f"{_API}.STREAM.MSG.DELETE.{_COMMANDS}",
            f"{_API}.STREAM.MSG.DELETE.{_DEAD}",
            DEAD.format(agent="*"),
            *(subject for command in COMMANDS if MONITOR in command.asked_by for subject in command.subjects),
            *_asking_how_they_are(),
            f"{inbox_of(MONITOR)}.>",
        ),
        subscribe=(f"{inbox_of(MONITOR)}.>", GIVEN_UP),
    )


def _operator() -> Permissions:
    read_back = (_EVENTS, _DEAD)
    return Permissions(
        publish=(
            ALL,
            f"{_API}.INFO",
            f"{_API}.STREAM.NAMES",
            *(f"{_API}.STREAM.INFO.{stream['name']}" for stream in STREAMS),
            *(f"{_API}.CONSUMER.INFO.{_COMMANDS}.{wanted['durable_name']}" for wanted in CONSUMERS.values()),
            *(f"{_API}.STREAM.MSG.GET.{stream['name']}" for stream in STREAMS),
            f"{_API}.STREAM.MSG.DELETE.{_DEAD}",  # a dead letter that was seen to
            # Ordered consumers, to read what is kept. Not on KIOSK_COMMANDS: they would take an agent's work.
            *(f"{_API}.CONSUMER.CREATE.{stream}" for stream in read_back),
            *(f"{_API}.CONSUMER.CREATE.{stream}.>" for stream in read_back),
            *(f"{_API}.CONSUMER.{verb}.{s}.*" for verb in ("INFO", "MSG.NEXT", "DELETE") for s in read_back),
            *(f"$JS.FC.{stream}.>" for stream in read_back),
            *_asking_how_they_are(),
            f"{inbox_of(OPERATOR)}.>",
        ),
        subscribe=(ALL, f"{inbox_of(OPERATOR)}.>"),
    )


def _answering(verb: str, name: str) -> tuple[str, ...]:
    """The subjects that a micro service listens on for `verb`: asked of all, of its name, of one instance."""
    return verb, f"{verb}.{name}", f"{verb}.{name}.*"


def _asking_how_they_are() -> tuple[str, ...]:
    return tuple(f"$SRV.{verb}{of}" for verb in ("PING", "INFO", "STATS") for of in ("", ".>"))


def _askers(commands: Iterable[Command[Any, Any]]) -> Iterable[str]:
    return (asker for command in commands for asker in command.asked_by)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
