"""Commands that were given up on: recorded in KIOSK_DEAD, listed, asked again.

A record is written by the agent that a command reached too late, or by the `Undertaker` (in the monitor) for what
the server gave up on (`max_deliver`) and for what no agent ever took.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from edge.bus.client import Client, current
from edge.bus.connection import BusError, BusUnreachable
from edge.bus.deadline import Deadline
from edge.contract.dead import DeadCommand
from edge.contract.envelope import REPLY_TO, NATSMessage
from edge.contract.errors import ContractError
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, DEAD_STREAM, GIVEN_UP
from edge.contract.subjects import DEAD, agent_of, command_on
from edge.contract.wire import Payload, from_fields, to_bytes

log = logging.getLogger(__name__)

_CONSUMER = "undertaker"
_FETCH_S = 5.0
_RETRY_S = 1.0
_SWEEP_S = 30.0
_UNCLAIMED_AFTER_S = 240.0  # of the 300 s that KIOSK_COMMANDS keeps a command; every timeout is far shorter
_LOOK_TIMEOUT_S = 5.0


async def bury_late(client: Client, agent: str, msg: Msg) -> bool:
    """Record a command that came to `agent` after its deadline. Whether the record is stored."""
    metadata = msg.metadata
    record = DeadCommand(
        subject=msg.subject,
        agent=agent,
        reason="expired",
        deliveries=metadata.num_delivered,
        stored_at=_iso(metadata.timestamp.timestamp()),
        message=_text(msg.data),
    )
    return await _bury(client, record, f"{metadata.sequence.stream}-{metadata.timestamp.timestamp()}")


async def _bury(client: Client, record: DeadCommand, grave: str) -> bool:
    """Store `record`; once, however often it is said of the same `grave`."""
    try:
        _, data = client.seal(to_bytes(record), cause=_cause(record))
        await client.js.publish(
            DEAD.format(agent=record.agent), data, timeout=_LOOK_TIMEOUT_S, headers={"Nats-Msg-Id": f"dead-{grave}"}
        )
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        log.warning("%s: a command that was given up on could not be recorded: %s", client.name, error)
        return False
    return True


def _cause(record: DeadCommand) -> NATSMessage | None:
    """The command itself, so that its record belongs to the same session and trace."""
    try:
        return NATSMessage.from_json(record.message) if record.message else None
    except ContractError:
        return None


class Undertaker:
    """Records what the server gave up on and what nobody took, and takes it out of KIOSK_COMMANDS.

    `run` goes on for ever; one per kiosk is enough, more do no harm.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again."""
        sweeping = asyncio.create_task(self._sweep_for_ever())
        try:
            while True:
                try:
                    await self._collect()
                except (BusError, nats.errors.Error, APIError, OSError, TimeoutError) as error:
                    log.log(
                        logging.WARNING if self._client.connected else logging.DEBUG,
                        "dead letters: %s; trying again",
                        str(error) or type(error).__name__,
                    )
                    await asyncio.sleep(_RETRY_S)
        finally:
            sweeping.cancel()

    async def _collect(self) -> None:
        js = self._client.js
        await js.add_consumer(
            DEAD_STREAM["name"], ConsumerConfig(durable_name=_CONSUMER, filter_subject=GIVEN_UP, ack_wait=30.0)
        )
        subscription = await js.pull_subscribe_bind(consumer=_CONSUMER, stream=DEAD_STREAM["name"])
        try:
            while True:
                try:
                    (advisory,) = await subscription.fetch(1, timeout=_FETCH_S)
                except (nats.errors.TimeoutError, TimeoutError):
                    if not self._client.connected:
                        raise
                    await js.consumer_info(DEAD_STREAM["name"], _CONSUMER)  # raises when it vanished
                    continue
                await self._on_given_up(advisory)
        finally:
            if self._client.connected:
                await subscription.unsubscribe()

    async def _on_given_up(self, advisory: Msg) -> None:
        said = json.loads(advisory.data)
        sequence = int(said["stream_seq"])
        stored = await self._stored(sequence)
        if stored is not None and _stored_s(stored) > advisory.metadata.timestamp.timestamp():
            stored = None  # the server was started anew since: the number is another command's now
        if stored is None or (stored.headers or {}).get(REPLY_TO):
            agent = next(
                (name for name, wanted in CONSUMERS.items() if wanted["durable_name"] == said["consumer"]), "unknown"
            )
            record = DeadCommand(
                subject=str(stored.subject) if stored else f"kiosk.agent.{agent}",
                agent=agent,
                reason="given_up",
                deliveries=int(said["deliveries"]),
                stored_at=_iso(_stored_s(stored)) if stored else str(said["timestamp"]),
                message=_text(stored.data or b"") if stored else None,
            )
            grave = f"{sequence}-{_stored_s(stored)}" if stored else str(said["id"])
            if not await _bury(self._client, record, grave):
                return  # the advisory comes again
            log.warning("%s gave up on a command on %s; kiosk bus dead shows it", agent, record.subject)
        # A copy of a live request was answered, or timed out, where it was asked: nothing to record.
        if stored is not None:
            await self._remove(sequence)
        await advisory.ack()
        await self._client.js.delete_msg(DEAD_STREAM["name"], advisory.metadata.sequence.stream)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self.sweep()
            except (BusError, nats.errors.Error, APIError, OSError, TimeoutError) as error:
                log.debug("dead letters: sweeping: %s", error)

    async def sweep(self, *, older_than_s: float = _UNCLAIMED_AFTER_S) -> int:
        """Record durable commands that have lain in KIOSK_COMMANDS for so long; how many."""
        sequence, found = 1, 0
        while (stored := await self._stored(sequence, or_next=True)) is not None:
            if time.time() - _stored_s(stored) < older_than_s:
                break  # they lie in the order they came
            sequence = int(stored.seq or sequence) + 1
            headers = stored.headers or {}
            deadline = Deadline.read(headers)
            if headers.get(REPLY_TO) and (deadline is None or deadline.left_s() < 0):
                agent = agent_of(str(stored.subject)) or "unknown"
                record = DeadCommand(
                    subject=str(stored.subject),
                    agent=agent,
                    reason="unclaimed",
                    deliveries=0,
                    stored_at=_iso(_stored_s(stored)),
                    message=_text(stored.data or b""),
                )
                if await _bury(self._client, record, f"{stored.seq}-{_stored_s(stored)}"):
                    await self._remove(sequence - 1)
                    found += 1
        return found

    async def _stored(self, sequence: int, *, or_next: bool = False) -> RawStreamMsg | None:
        try:
            return await self._client.js.get_msg(
                COMMANDS_STREAM["name"], sequence, subject=">" if or_next else None, next=or_next
            )
        except NotFoundError:
            return None

    async def _remove(self, sequence: int) -> None:
        try:
            await self._client.js.delete_msg(COMMANDS_STREAM["name"], sequence)
        except (NotFoundError, APIError) as error:
            log.debug("dead letters: command %d is gone already: %s", sequence, error)


@dataclass(frozen=True)
class Grave:
    """A record with its number in KIOSK_DEAD."""

    number: int
    died_at: str
    command: DeadCommand


async def graves(client: Client) -> AsyncIterator[Grave]:
    """Every record of KIOSK_DEAD, oldest first.

    Raises:
        BusUnreachable: the stream does not answer, or isn't there.
    """
    name = DEAD_STREAM["name"]
    try:
        number = 0
        while True:
            try:
                stored = await client.js.get_msg(name, number + 1, subject="kiosk.dead.>", next=True)
            except NotFoundError:
                await client.js.stream_info(name)  # nothing left; or no stream at all
                return
            number = int(stored.seq or number + 1)
            try:
                message = NATSMessage.from_json(stored.data or b"")
                yield Grave(number, message.timestamp, from_fields(message.payload, DeadCommand))
            except ContractError as error:
                log.warning("%s holds a malformed record (%d): %s", name, number, error)
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"{name} does not answer: {error}") from error


async def forget(client: Client, number: int) -> None:
    """Remove a record.

    Raises:
        BusUnreachable: the stream does not answer, or has no such record.
    """
    try:
        await client.js.delete_msg(DEAD_STREAM["name"], number)
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"record {number} can't be removed: {error}") from error


def envelope_of(command: DeadCommand) -> NATSMessage:
    """The command that was given up on.

    Raises:
        ContractError: it was not kept, or was malformed in the first place.
    """
    if command.message is None:
        raise ContractError("the command itself was gone before it could be kept")
    return NATSMessage.from_json(command.message)


async def ask_again(client: Client, command: DeadCommand, timeout: float | None = None) -> Payload:
    """Ask durably once more what was given up on, with a new deadline; the answer.

    It belongs to the session and trace that it came from.

    Raises:
        ContractError: it was not kept, was malformed, or is none of the table's commands.
        AskError: refused, or not answered, this time too.
    """
    message = envelope_of(command)
    known = command_on(command.subject)
    if known is None:
        raise ContractError(f"there is no command on {command.subject}")
    token = current.set(message)
    try:
        answer: Payload = await client.request(known, from_fields(message.payload, known.request), timeout)
    finally:
        current.reset(token)
    return answer


def _stored_s(stored: RawStreamMsg) -> float:
    return stored.time.timestamp() if stored.time else 0.0


def _iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
