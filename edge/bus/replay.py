"""Saying recorded events again."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

import nats.errors
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from edge.bus.client import Client
from edge.bus.connection import BusError, BusUnreachable, PublishFailed
from edge.bus.history import ANSWER_S, REPLAY_OF, STREAM, Entry
from edge.contract.envelope import NATSMessage, is_uuid4, now
from edge.contract.errors import ContractError


class SameRecord(BusError):
    """A replay would go into the record that it comes from."""


class Replay:
    """Says recorded events again, as messages of their own that nobody can take for the originals.

    Each gets a new `msg_id` (the stream and the agents drop one that they have seen) and the time of the replay;
    its session and trace get new ids, the same ones throughout the replay; the header `Kiosk-Replay-Of` has the
    original's `msg_id`. Subject and payload are the original's.
    """

    def __init__(self, onto: Client) -> None:
        self._onto = onto
        self._kept = True
        self.ids: dict[str, str] = {}
        """Session and trace ids: the original's -> the replay's."""

    async def check(self, source: Client, *, same_record: bool = False) -> bool:
        """Look at where the events will go; whether a KIOSK_EVENTS keeps them there.

        Raises:
            SameRecord: into the stream that they come from, and `same_record` doesn't allow it.
            BusUnreachable: a server does not answer.
        """
        here, there = await _record_of(source), await _record_of(self._onto)
        if here is not None and here == there and not same_record:
            raise SameRecord(
                f"{self._onto.url} keeps the very {STREAM} that these events come from: played into it, they would "
                "be in the audit beside what really happened. Take another server, or say --same-record."
            )
        self._kept = there is not None
        return self._kept

    def renewed(self, entry: Entry) -> tuple[NATSMessage, dict[str, str]]:
        """The message that plays `entry` again, and its headers.

        Raises:
            ContractError: the entry is malformed.
        """
        message = entry.message
        if isinstance(message, ContractError):
            raise message
        again = replace(
            message,
            msg_id=str(uuid.uuid4()),
            timestamp=now(),
            session_id=self._new_id(message.session_id),
            trace_id=self._new_id(message.trace_id),
        )
        return again, {"Nats-Msg-Id": again.msg_id, REPLAY_OF: message.msg_id or "unknown"}

    async def say(self, entry: Entry) -> NATSMessage:
        """Play `entry` again; return what was said.

        Raises:
            ContractError: the entry is malformed.
            PublishFailed: it was not taken.
        """
        message, headers = self.renewed(entry)
        data = message.to_json().encode()
        try:
            if self._kept:
                await self._onto.js.publish(entry.subject, data, headers=headers, timeout=ANSWER_S)
            else:
                await self._onto.nc.publish(entry.subject, data, headers=headers)
        except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
            raise PublishFailed(f"{entry.subject} was not acknowledged: {str(error) or 'no answer'}") from error
        return message

    def _new_id(self, old: str) -> str:
        return self.ids.setdefault(old, str(uuid.uuid4())) if is_uuid4(old) else str(uuid.uuid4())


async def _record_of(client: Client) -> datetime | None:
    """When this KIOSK_EVENTS was made, which tells one from any other by whichever server it is reached."""
    try:
        return (await client.js.stream_info(STREAM)).created
    except (NotFoundError, ServiceUnavailableError):
        return None
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"{STREAM} at {client.url} does not answer: {str(error) or 'timeout'}") from error
