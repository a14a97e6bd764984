"""Publishing events and asking agents. Agents have one of these; so have the CLI, the bench and the tests."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, overload

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from edge.bus.asking import Asker
from edge.bus.connection import CONNECT_TIMEOUT_S, DEFAULT_URL, BusUnreachable, PublishFailed, connect
from edge.bus.inbox import Inbox
from edge.bus.latency import ASKER, DURABLE, LIVE, SUCCESS, Latency, Way, outcome_of
from edge.bus.streams import ensure_streams
from edge.bus.telemetry import span
from edge.contract.envelope import NATSMessage, is_uuid4, seal
from edge.contract.errors import AskError, ContractError, InvalidMessage
from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import ALL, Command, Event, event_on
from edge.contract.wire import Payload, from_fields, to_bytes, to_json

log = logging.getLogger(__name__)

_PUBLISH_TRIES = 3
_PUBLISH_TIMEOUT_S = 5.0
_STREAM_WAIT_S = 1.0

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

# The message being handled, so that what its handler says and asks belongs to the same trace.
current: contextvars.ContextVar[NATSMessage | None] = contextvars.ContextVar("kiosk_current", default=None)


class Client:
    """One connection to the bus.

    `session_id` and `trace_id` go into every message that isn't said in answer to another; between customers
    the one is the id of no session in particular, but always a UUID v4, and the other None: a new trace each.
    `key_file` is the nkey seed to sign in with, where the server wants keys.
    """

    def __init__(self, url: str = DEFAULT_URL, *, name: str = "client", key_file: Path | None = None) -> None:
        self.url = url
        self.name = name
        self.key_file = key_file
        self.session_id = str(uuid.uuid4())
        self.trace_id: str | None = None
        self._nc: NatsClient | None = None
        self._js: JetStreamContext | None = None
        self.inbox = Inbox()
        self.latency = Latency()
        self._reconnected = asyncio.Event()
        self._asker = Asker(self)

    async def connect(self, *, wait_s: float | None = None, setup: bool = False) -> None:
        """Connect; with `setup` make the streams too.

        Raises:
            BusUnreachable: `wait_s` ran out.
            SetupRefused: the server has streams that can't become the contract's.
        """
        nc = await connect(
            self.url, name=self.name, wait_s=wait_s, key_file=self.key_file, on_reconnected=self._on_reconnected
        )
        self._nc = nc
        self._js = nc.jetstream(timeout=_PUBLISH_TIMEOUT_S)
        await self.inbox.open(nc)
        if setup:
            await ensure_streams(self._js)

    @property
    def nc(self) -> NatsClient:
        """The NATS connection.

        Raises:
            BusUnreachable: not connected yet.
        """
        if self._nc is None:
            raise BusUnreachable(f"{self.name} is not connected")
        return self._nc

    @property
    def js(self) -> JetStreamContext:
        """The JetStream context.

        Raises:
            BusUnreachable: not connected yet.
        """
        if self._js is None:
            raise BusUnreachable(f"{self.name} is not connected")
        return self._js

    @property
    def connected(self) -> bool:
        """Whether the server is there now."""
        return self._nc is not None and self._nc.is_connected

    async def settle(self) -> None:
        """Return once the server has done all that was sent before: subscriptions hear from here on.

        Not nats-py's `flush`: its PING overtakes what still waits to be sent, so its PONG proves nothing
        (nats-py 2.16.0). A message to ourselves keeps its place in the line.

        Raises:
            BusUnreachable: the server did not bring it back within 5 s.
        """
        try:
            with self.inbox.expect(CONNECT_TIMEOUT_S) as back:
                await self.nc.publish(back.subject, b"")
                await back.answer()
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise BusUnreachable(f"the bus at {self.url} does not answer: {str(error) or 'timeout'}") from error

    @property
    def left(self) -> bool:
        """Whether there is no connection to come back: not connected yet, or closed."""
        return self._nc is None or self._nc.is_closed

    async def wait_for_reconnect(self, timeout_s: float) -> None:
        """Return when the connection was lost and is back, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._reconnected.wait()

    def _on_reconnected(self) -> None:
        self._asker.forget_who_is_up()
        self.inbox.give_up_on_acknowledgements()
        self._reconnected.set()
        self._reconnected = asyncio.Event()  # the next time's

    async def close(self) -> None:
        """Say what is still to be said, and leave."""
        if self._nc is None or self._nc.is_closed:
            return
        if not self._nc.is_connected:
            # nats-py 2.16 writes what is pending to its closed transport; from Python 3.12 on that is a TypeError.
            self._nc._pending, self._nc._pending_data_size = [], 0
        try:
            await self._nc.drain() if self._nc.is_connected else await self._nc.close()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            log.debug("%s: leaving the bus: %s", self.name, error)
            await self._nc.close()

    # -- saying ---------------------------------------------------------------------------------------------

    def message(self, payload: dict[str, Any], *, session_id: str | None = None) -> NATSMessage:
        """An envelope around `payload`, in the session and trace of the message being handled, if any."""
        session, trace = self._belongs_to(current.get())
        return NATSMessage.create(session_id or session, payload, trace)

    def seal(
        self, payload: bytes, *, session_id: str | None = None, cause: NATSMessage | None = None
    ) -> tuple[str, bytes]:
        """The same for a payload that is JSON already: msg_id and message. `cause` stands for the one being handled."""
        session, trace = self._belongs_to(cause or current.get())
        return seal(payload, session_id=session_id or session, trace_id=trace)

    def _belongs_to(self, cause: NATSMessage | None) -> tuple[str, str | None]:
        if cause is None:
            return self.session_id, self.trace_id
        return (
            cause.session_id if is_uuid4(cause.session_id) else self.session_id,
            cause.trace_id if is_uuid4(cause.trace_id) else self.trace_id,
        )

    @overload
    async def publish(self, event: Event[P], payload: P, *, session_id: str | None = None) -> None: ...
    @overload
    async def publish(self, event: str, payload: dict[str, Any], *, session_id: str | None = None) -> None: ...
    async def publish(
        self, event: Event[Any] | str, payload: Payload | dict[str, Any], *, session_id: str | None = None
    ) -> None:
        """Publish an event; return once KIOSK_EVENTS has it.

        A try that isn't acknowledged is repeated with the same `msg_id`; the stream keeps one of them.

        Raises:
            InvalidPayload: the payload is not what the contract says.
            PublishFailed: no acknowledgement came.
        """
        subject = event if isinstance(event, str) else event.subject
        if isinstance(payload, Payload):
            content = to_bytes(payload)
        else:
            known = event_on(subject)
            if known is not None:
                from_fields(payload, known.payload)
            content = to_json(payload)
        msg_id, data = self.seal(content, session_id=session_id)
        headers = {"Nats-Msg-Id": msg_id}
        with span("say", self.name, subject, data, headers):
            await self._store(subject, data, headers)

    async def _store(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        reason: Exception | None = None
        for _ in range(_PUBLISH_TRIES):
            try:
                # What js.publish does, without its reading the acknowledgement into an object and waiting for it by
                # asyncio.wait_for: a tenth of the round trip.
                with self.inbox.expect(_PUBLISH_TIMEOUT_S, acknowledgement=True) as stored:
                    await self.nc.publish(subject, data, reply=stored.subject, headers=headers)
                    said = json.loads((await stored.answer()).data)
                if "error" not in said:
                    return
                reason = APIError.from_error(said["error"])
            except nats.errors.NoRespondersError as error:
                reason = error
                await self._wait_for_stream()
            except (nats.errors.Error, TimeoutError, ValueError, OSError) as error:
                reason = error
        raise PublishFailed(f"{subject} was not acknowledged: {str(reason) or 'no answer'}") from reason

    # -- asking ---------------------------------------------------------------------------------------------

    @overload
    async def request(self, command: Command[Q, A], ask: Q, timeout: float | None = None) -> A: ...
    @overload
    async def request(self, command: str, ask: dict[str, Any], timeout: float | None = None) -> dict[str, Any]: ...
    async def request(
        self, command: Command[Any, Any] | str, ask: Payload | dict[str, Any], timeout: float | None = None
    ) -> Any:
        """Ask and wait for the answer, at most `timeout` seconds (default: the table's, or 5).

        With a command of the table and its payload type the ask is durable (decision 2) and the answer typed;
        with a subject and a dict it is the live request of section 10.1, answered by the whole envelope.

        Raises:
            AskError: refused; UNAVAILABLE when the agent isn't running, TIMEOUT when it didn't answer.
            InvalidPayload: the ask is not what the contract says.
        """
        way: Way = LIVE if isinstance(command, str) else DURABLE
        subject = command if isinstance(command, str) else command.subject
        began_s = time.perf_counter()
        try:
            if isinstance(command, str):
                assert isinstance(ask, dict)  # noqa: S101 - by the overloads
                answer: Any = await self._asker.live(command, ask, timeout or 5.0)
            else:
                assert isinstance(ask, Payload)  # noqa: S101 - by the overloads
                answer = await self._asker.durably(command, ask, timeout or command.timeout_s)
        except AskError as error:
            self.latency.observe(ASKER, subject, way, error.code, began_s)
            raise
        outcome = outcome_of(_payload_of(answer)) if isinstance(command, str) else SUCCESS
        self.latency.observe(ASKER, subject, way, outcome, began_s)
        return answer

    async def _wait_for_stream(self) -> None:
        """Make the streams, or, where we sign in and they are the monitor's to make, give it a moment."""
        if self.key_file is None:
            await ensure_streams(self.js)
        else:
            await asyncio.sleep(_STREAM_WAIT_S)

    async def is_up(self, agent: str) -> bool:
        """Whether an instance of `agent` is on the bus now (its micro service answers pings)."""
        return await self._asker.is_up(agent)

    # -- hearing --------------------------------------------------------------------------------------------

    async def hear(self, event: Event[P], handler: Callable[[P], Awaitable[None]]) -> Subscription:
        """Call `handler` with each `event` from now on, one after the other.

        A malformed message is logged with its reason and left; so is a handler's exception.
        """

        async def on_message(msg: Msg) -> None:
            try:
                message = NATSMessage.from_json(msg.data)
                payload = from_fields(message.payload, event.payload)
            except ContractError as error:
                log.warning("%s: ignored a message on %s: %s", self.name, msg.subject, error)
                return
            token = current.set(message)
            try:
                with span("hear", self.name, msg.subject, message, msg.headers):
                    await handler(payload)
            except Exception:
                log.exception("%s: a fault while hearing %s", self.name, msg.subject)
            finally:
                current.reset(token)

        subscription = await self.nc.subscribe(event.subject, cb=on_message)
        await self.settle()
        return subscription

    async def watch(self, subject: str) -> AsyncIterator[tuple[str, NATSMessage | InvalidMessage | ContractError]]:
        """Every message on `subject` (wildcards allowed) from now on; a malformed one as its error."""
        subscription = await self.nc.subscribe(subject)
        await self.settle()
        try:
            async for msg in subscription.messages:
                try:
                    yield msg.subject, NATSMessage.from_json(msg.data)
                except ContractError as error:
                    yield msg.subject, error
        finally:
            if not (self.nc.is_closed or self.nc.is_draining):
                await subscription.unsubscribe()

    async def stored(self, subject: str | None = None) -> AsyncIterator[NATSMessage]:
        """Every event that KIOSK_EVENTS holds now, oldest first; of one subject, or of all.

        Raises:
            BusUnreachable: the stream does not answer.
        """
        stream = EVENTS_STREAM["name"]
        try:
            try:
                await self.js.get_last_msg(stream, subject or ALL)
            except NotFoundError:
                return
            subscription = await self.js.subscribe(subject or "", stream=stream, ordered_consumer=True)
            left = 1
            while left > 0:
                msg = await subscription.next_msg(timeout=_PUBLISH_TIMEOUT_S)
                left = msg.metadata.num_pending
                try:
                    yield NATSMessage.from_json(msg.data)
                except ContractError as error:
                    log.warning("%s: %s holds a malformed message: %s", self.name, stream, error)
            await subscription.unsubscribe()
        except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
            raise BusUnreachable(f"{stream} does not answer: {error}") from error


def _payload_of(answer: dict[str, Any]) -> dict[str, Any]:
    payload = answer.get("payload")
    return payload if isinstance(payload, dict) else {}
