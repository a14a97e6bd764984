"""What was said and what is being said, for people: entries of KIOSK_EVENTS, and messages as they come.

KIOSK_EVENTS holds events only. A command is taken out of its work queue when it is done, so commands are seen
live (`live`), or in the spans of `edge.bus.telemetry`, and never afterwards.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from edge.bus.client import Client
from edge.bus.connection import BusError, BusUnreachable
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import ALL, SESSION_ENDED, SESSION_STARTED

log = logging.getLogger(__name__)

REPLAY_OF = "Kiosk-Replay-Of"  # header: the msg_id of the event that a message plays again
STREAM = str(EVENTS_STREAM["name"])
ANSWER_S = 5.0
# What brings a customer is said moments before their session starts, and what it led to moments after its end.
_AROUND = timedelta(seconds=30)
_MICROSECONDS = re.compile(r"(?<=\.\d{6})\d+")  # the server's nanoseconds, of which Python reads that many
_CLOCK_GRAIN = timedelta(milliseconds=1)  # nats-py reads the server's nanoseconds through a float


class Ambiguous(BusError):
    """A shortened id means more than one; the text lists them."""


class NothingRecorded(BusError):
    """The record holds nothing of what was asked for."""


class _Ids(msgspec.Struct):
    """What choosing needs of an envelope; the rest is not decoded."""

    session_id: str = ""
    trace_id: str = ""


_read_ids = msgspec.json.Decoder(_Ids)


@dataclass(frozen=True)
class Entry:
    """One message. `at` is when the stream took it (`sequence` is its place there), or when it was heard live."""

    subject: str
    at: datetime
    data: bytes
    sequence: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def message(self) -> NATSMessage | ContractError:
        """Its envelope, or what is wrong with it."""
        try:
            return NATSMessage.from_json(self.data)
        except ContractError as error:
            return error

    @cached_property
    def ids(self) -> tuple[str, str]:
        """Session and trace id; empty where it has none."""
        try:
            found = _read_ids.decode(self.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return "", ""
        return found.session_id, found.trace_id

    @property
    def session_id(self) -> str:
        """Its session's id, or ""."""
        return self.ids[0]

    @property
    def trace_id(self) -> str:
        """Its trace's id, or ""."""
        return self.ids[1]

    @property
    def replay_of(self) -> str | None:
        """The `msg_id` that it plays again; None for what really happened."""
        return self.headers.get(REPLAY_OF)


async def live(client: Client, subject: str = ALL) -> AsyncIterator[Entry]:
    """Every message on `subject` (wildcards allowed) from now on, events and commands alike.

    Raises:
        BusUnreachable: the bus does not answer.
    """
    subscription = await client.nc.subscribe(subject)
    await client.settle()
    try:
        async for msg in subscription.messages:
            yield Entry(msg.subject, datetime.now(UTC), msg.data, headers=msg.headers or {})
    finally:
        if not client.nc.is_closed and not client.nc.is_draining:
            await subscription.unsubscribe()


async def recorded(
    client: Client,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    subject: str = ALL,
) -> AsyncIterator[Entry]:
    """What KIOSK_EVENTS holds on `subject`, oldest first, from `since` up to and with `until` (server's time).

    Only what was there when the reading began: it ends on a bus where something is said all the time.

    Raises:
        BusUnreachable: the stream does not answer.
    """
    try:
        try:
            last = await client.js.get_last_msg(STREAM, subject)
        except NotFoundError:
            return
        config = ConsumerConfig(filter_subject=subject)
        if since is not None:
            from_here = since.astimezone(UTC) - _CLOCK_GRAIN
            if last.time is not None and last.time < from_here:
                return
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            config.opt_start_time = from_here
        subscription = await client.js.subscribe(subject, stream=STREAM, ordered_consumer=True, config=config)
        try:
            while True:
                msg = await subscription.next_msg(timeout=ANSWER_S)
                entry = _entry(msg)
                if until is not None and entry.at > until:
                    return
                if since is None or entry.at >= since:
                    yield entry
                if entry.sequence == last.seq or msg.metadata.num_pending == 0:
                    return
        finally:
            await _end(subscription)
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"{STREAM} does not answer: {str(error) or 'timeout'}") from error


async def read_back(client: Client, subject: str, *, since: datetime | None = None) -> AsyncIterator[Entry]:
    """What KIOSK_EVENTS holds on `subject`, oldest first, from `since` on (server's time).

    Message by message, for agents: the right to that (`Event.read_by`) is less than `recorded`'s, who makes a
    consumer. A message takes a round trip, finding the first one 17 at most.

    Raises:
        BusUnreachable: the stream does not answer, or this agent has no right to read it.
    """
    try:
        state = (await client.js.stream_info(STREAM)).state
        first, last = state.first_seq, state.last_seq
        sequence = first if since is None else await _first_since(client, since, first, last)
        while sequence <= last:
            entry = await _next(client, sequence, subject)
            if entry is None or entry.sequence is None or entry.sequence > last:
                return
            yield entry
            sequence = entry.sequence + 1
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"{STREAM} does not answer: {str(error) or 'timeout'}") from error


async def _first_since(client: Client, since: datetime, first: int, last: int) -> int:
    """The sequence of the first message that the stream took at `since` or later; one past `last` if there is none."""
    low, high = first, last + 1
    while low < high:
        middle = (low + high) // 2
        entry = await _next(client, middle, ALL)
        if entry is None or entry.sequence is None or entry.at >= since:
            high = middle
        else:
            low = entry.sequence + 1
    return low


async def _next(client: Client, sequence: int, subject: str) -> Entry | None:
    """The first message on `subject` from `sequence` on; None if there is none."""
    try:
        msg = await client.js.get_msg(STREAM, seq=sequence, subject=subject, direct=True, next=True)
    except NotFoundError:
        return None
    headers = dict(msg.headers or {})
    at = datetime.fromisoformat(_MICROSECONDS.sub("", headers["Nats-Time-Stamp"]))
    return Entry(str(msg.subject), at.astimezone(UTC), msg.data or b"", sequence=msg.seq, headers=headers)


async def _end(subscription: JetStreamContext.PushSubscription) -> None:
    try:
        await subscription.unsubscribe()
    except (nats.errors.Error, OSError) as error:
        log.debug("ending a reading: %s", error)


def _entry(msg: Msg) -> Entry:
    metadata = msg.metadata
    return Entry(
        msg.subject,
        metadata.timestamp.astimezone(UTC),
        msg.data,
        sequence=metadata.sequence.stream,
        headers=msg.headers or {},
    )


# -- one customer -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Journey:
    """One customer's events, oldest first: all of one trace, and what else has its session's id."""

    trace_id: str
    session_ids: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def began_at(self) -> datetime:
        """When the first was said."""
        return self.entries[0].at

    @property
    def replayed(self) -> bool:
        """Whether any of it was said by a replay."""
        return any(entry.replay_of for entry in self.entries)

    @property
    def duration_s(self) -> float:
        """From the first to the last."""
        return (self.entries[-1].at - self.entries[0].at).total_seconds()


async def last_journey(client: Client) -> Journey:
    """The journey of the newest session.

    Raises:
        NothingRecorded: there is none.
        BusUnreachable: the stream does not answer.
    """
    try:
        newest = await client.js.get_last_msg(STREAM, SESSION_STARTED.subject)
    except NotFoundError:
        raise NothingRecorded(f"{STREAM} holds no session") from None
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"{STREAM} does not answer: {str(error) or 'timeout'}") from error
    message = NATSMessage.from_json(newest.data or b"")
    return await journey(client, session=message.session_id)


async def journey(client: Client, *, trace: str = "", session: str = "") -> Journey:
    """The journey with that trace or session id, either of them shortened to as few characters as are clear.

    Raises:
        NothingRecorded: the stream has nothing with that id.
        Ambiguous: the shortened id means several.
        BusUnreachable: the stream does not answer.
    """
    wanted, name = (trace, "trace") if trace else (session, "session")

    def has_it(entry: Entry) -> bool:
        return bool(wanted) and (entry.trace_id if trace else entry.session_id).startswith(wanted)

    # Sessions are few among the events: the server finds them by their subject, and with them the time to read.
    since = until = None
    starts = [entry async for entry in recorded(client, subject=SESSION_STARTED.subject) if has_it(entry)]
    if len({_id(entry, trace) for entry in starts}) == 1:
        ends = [
            entry.at
            async for entry in recorded(client, subject=SESSION_ENDED.subject, since=starts[0].at)
            if entry.session_id == starts[-1].session_id
        ]
        since, until = starts[0].at - _AROUND, ends[-1] + _AROUND if ends else None
    entries = [entry async for entry in recorded(client, since=since, until=until)]
    found = [entry for entry in entries if has_it(entry)]
    meant = sorted({_id(entry, trace) for entry in found})
    if not meant:
        raise NothingRecorded(f"{STREAM} holds nothing of {name} {wanted}")
    if len(meant) > 1:
        some = ", ".join(meant[:5]) + (" …" if len(meant) > 5 else "")
        raise Ambiguous(f"{name} {wanted} may be any of {len(meant)}: {some}")
    begun = [entry for entry in found if entry.subject == SESSION_STARTED.subject]
    trace_id = meant[0] if trace else (begun or found)[0].trace_id
    sessions = tuple(dict.fromkeys(entry.session_id for entry in begun))
    if begun:  # what brought the customer came before the session had an id; a stale page's touch has another trace
        found = [entry for entry in entries if entry.trace_id == trace_id or entry.session_id in sessions]
    return Journey(trace_id, sessions, tuple(found))


def _id(entry: Entry, trace: str) -> str:
    return entry.trace_id if trace else entry.session_id


# -- choosing -----------------------------------------------------------------------------------------------

Choice = Callable[[Entry], bool]


def choosing(*, session: str = "", trace: str = "", subjects: tuple[str, ...] = ()) -> Choice:
    """Whether an entry has these ids (shortened ones match all that begin so) and one of these subjects."""

    def chosen(entry: Entry) -> bool:
        has_session, has_trace = entry.ids if session or trace else ("", "")
        return (
            has_session.startswith(session)
            and has_trace.startswith(trace)
            and (not subjects or any(matches(entry.subject, pattern) for pattern in subjects))
        )

    return chosen


def matches(subject: str, pattern: str) -> bool:
    """Whether `subject` is one of `pattern`'s, as NATS reads it: * is one word, > is the rest."""
    words, wanted = subject.split("."), pattern.split(".")
    for number, each in enumerate(wanted):
        if each == ">":
            return number == len(wanted) - 1 and len(words) > number
        if number >= len(words) or each not in ("*", words[number]):
            return False
    return len(words) == len(wanted)
