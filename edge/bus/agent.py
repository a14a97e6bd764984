"""NATSAgentBase (section 10.1): what an agent inherits.

An agent's methods say what they are for with a decorator::

    class MenuAgent(NATSAgentBase):
        name = "menu"

        @does(MENU_SEARCH)
        async def search(self, ask: menu.Search) -> menu.SearchResult: ...

        @hears(SESSION_STARTED)
        async def greet(self, event: session.SessionStarted) -> None: ...

        @always
        async def watch(self) -> None: ...
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from abc import ABC
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, ClassVar, TypeVar, overload

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import Service

from edge.bus.client import REPLY_TO, Client, current
from edge.bus.connection import DEFAULT_URL
from edge.bus.consumer import WorkQueue
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.bus.tasks import cancel_all
from edge.contract.envelope import VERSION, NATSMessage, is_uuid4
from edge.contract.errors import AskError, ContractError, ErrorCode
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED, Command, Event, command_on
from edge.contract.wire import Payload, from_fields, to_fields

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)
S = TypeVar("S")

_AT_ONCE = 64  # live requests at work at once
_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


def does(
    command: Command[Q, A],
) -> Callable[[Callable[[S, Q], Coroutine[Any, Any, A]]], Callable[[S, Q], Coroutine[Any, Any, A]]]:
    """Mark a method as what answers `command`."""

    def mark(method: Callable[[S, Q], Coroutine[Any, Any, A]]) -> Callable[[S, Q], Coroutine[Any, Any, A]]:
        method.__dict__["_does"] = command
        return method

    return mark


def hears(
    event: Event[P],
) -> Callable[[Callable[[S, P], Coroutine[Any, Any, None]]], Callable[[S, P], Coroutine[Any, Any, None]]]:
    """Mark a method as what is called with each `event`."""

    def mark(
        method: Callable[[S, P], Coroutine[Any, Any, None]],
    ) -> Callable[[S, P], Coroutine[Any, Any, None]]:
        method.__dict__["_hears"] = event
        return method

    return mark


def always(method: Callable[[S], Coroutine[Any, Any, None]]) -> Callable[[S], Coroutine[Any, Any, None]]:
    """Mark a method as running as long as the agent; after a fault it is started again, ever more slowly."""
    method.__dict__["_always"] = True
    return method


class NATSAgentBase(ABC):
    """An agent on the bus: answers its commands, hears its events, keeps its watch.

    `refusals` maps exceptions of the agent's own world to error codes: one raised in a handler reaches the
    asker with that code and its own words. Any other exception is a fault: it is logged with its traceback,
    and the asker gets INTERNAL_ERROR without it.
    """

    name: ClassVar[str]
    refusals: ClassVar[Mapping[type[Exception], ErrorCode]] = {}

    def __init__(self, nats_url: str = DEFAULT_URL) -> None:
        self.nats_url = nats_url
        self.client = Client(nats_url, name=self.name)
        self._idle_session = self.client.session_id
        self._service: Service | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._does = {
            method._does.subject: method
            for method in self._marked("_does")  # what @does put there
        }

    def _marked(self, mark: str) -> list[Any]:
        found = [getattr(self, name) for name in dir(type(self)) if hasattr(getattr(type(self), name, None), mark)]
        return sorted(found, key=lambda method: str(method.__name__))

    # -- the interface of section 10.1 --------------------------------------------------------------------

    @property
    def nc(self) -> NatsClient:
        """The NATS connection."""
        return self.client.nc

    @property
    def js(self) -> JetStreamContext:
        """The JetStream context."""
        return self.client.js

    @property
    def session_id(self) -> str:
        """The session that what the agent says belongs to, a UUID v4."""
        return self.client.session_id

    @session_id.setter
    def session_id(self, value: str) -> None:
        self.client.session_id = value

    @property
    def ready(self) -> bool:
        """Whether the agent is connected, subscribed and at work."""
        return self._service is not None and self.client.connected

    async def connect(self) -> None:
        """Connect, make streams and consumer, subscribe, start to work. Waits for a server that isn't up.

        Raises:
            SetupRefused: the server has streams that can't become the contract's.
        """
        await self.client.connect()
        await ensure_streams(self.js)
        await ensure_consumer(self.js, self.name)
        await self._setup_subscriptions()
        await self.client.settle()

    async def close(self) -> None:
        """Stop working and leave the bus."""
        await cancel_all(self._tasks)
        if self._service is not None and self.client.connected:
            try:
                await self._service.stop()
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.debug("%s: leaving: %s", self.name, error)
        self._service = None
        await self.client.close()

    async def _setup_subscriptions(self) -> None:
        """Subscribe to what the agent's decorated methods name. An agent that overrides this calls super."""
        await self._hear_sessions()
        for method in self._marked("_hears"):
            await self.client.hear(method._hears, method)
        service = await add_service(
            self.nc, name=self.name, version=f"{VERSION}.0", description=_first_line(type(self).__doc__)
        )
        for subject in self._does:
            command = command_on(subject)
            for number, each in enumerate(command.subjects if command else (subject,)):
                name = each.rsplit(".", 1)[-1] + ("" if number == 0 else f"-{number}")
                await service.add_endpoint(name=name, subject=each, handler=self._on_live_request)
        self._service = service
        if self.name in CONSUMERS:
            for subject in CONSUMERS[self.name]["filter_subjects"]:
                await self.nc.subscribe(subject, queue=self.name, cb=self._on_unknown)
            self._start(WorkQueue(self.nc, self.js, self.name, self.handle_message).run())
        for method in self._marked("_always"):
            self._start(self._keep_running(method))

    async def handle_message(self, msg: Msg) -> bytes:
        """Carry out the command in `msg` and return the answer's envelope as JSON; never raises a refusal."""
        cause: NATSMessage | None = None
        try:
            message = cause = NATSMessage.from_json(msg.data)
            command = command_on(msg.subject)
            method = self._does.get(command.subject) if command else None
            if command is None or method is None:
                raise AskError(ErrorCode.INVALID_REQUEST, f"{self.name} has no command on {msg.subject}")
            ask = from_fields(message.payload, command.request)
            token = current.set(message)
            try:
                answer = to_fields(await method(ask))
            finally:
                current.reset(token)
        except AskError as error:
            answer = error.payload()
        except ContractError as error:
            answer = AskError(ErrorCode.INVALID_REQUEST, str(error)).payload()
        except Exception as error:
            answer = self._refusal(error, msg.subject).payload()
        token = current.set(cause)
        try:
            return self.client.message(answer).to_json().encode()
        finally:
            current.reset(token)

    @overload
    async def publish(self, subject: Event[P], payload: P) -> None: ...
    @overload
    async def publish(self, subject: str, payload: dict[str, Any]) -> None: ...
    async def publish(self, subject: Any, payload: Any) -> None:
        """Publish an event; see `Client.publish`."""
        await self.client.publish(subject, payload)

    @overload
    async def request(self, subject: Command[Q, A], payload: Q, timeout: float | None = None) -> A: ...
    @overload
    async def request(self, subject: str, payload: dict[str, Any], timeout: float = 5.0) -> dict[str, Any]: ...
    async def request(self, subject: Any, payload: Any, timeout: float | None = None) -> Any:
        """Ask another agent; see `Client.request`."""
        return await self.client.request(subject, payload, timeout)

    # -- inside -------------------------------------------------------------------------------------------

    async def _on_live_request(self, request: Request) -> None:
        """Answer a live request (decision 2) beside others, for nats.micro would do one after the other."""
        msg = request._msg
        if msg.headers and msg.headers.get(REPLY_TO):
            return  # durable: it comes through the work queue
        self._start(self._answer_live(msg))

    async def _on_unknown(self, msg: Msg) -> None:
        """Refuse a command that nobody has, rather than let its asker wait."""
        command = command_on(msg.subject)
        known = command is not None and command.subject in self._does
        durable = msg.headers is not None and REPLY_TO in msg.headers
        if msg.reply and not known and not durable:
            self._start(self._answer_live(msg))

    async def _answer_live(self, msg: Msg) -> None:
        async with self._at_once:
            answer = await self.handle_message(msg)
        if msg.reply:
            try:
                await self.nc.publish(msg.reply, answer)
            except (nats.errors.Error, OSError) as error:
                log.warning("%s: could not answer on %s: %s", self.name, msg.subject, error)

    def _refusal(self, error: Exception, subject: str) -> AskError:
        for kind, code in self.refusals.items():
            if isinstance(error, kind):
                log.warning("%s: %s: %s", self.name, subject, error)
                return AskError(code, str(error))
        log.error("%s: a fault while doing %s", self.name, subject, exc_info=error)
        return AskError(ErrorCode.INTERNAL_ERROR, f"{self.name} has a fault; its log has the details")

    async def _hear_sessions(self) -> None:
        """Keep `session_id` and trace the running session's, and those of no session between customers."""

        async def on_start(_: Payload) -> None:
            message = current.get()
            if message and is_uuid4(message.session_id):
                self.session_id = message.session_id
                self.client.trace_id = message.trace_id if is_uuid4(message.trace_id) else None

        async def on_end(_: Payload) -> None:
            self._idle_session = str(uuid.uuid4())
            self.session_id = self._idle_session
            self.client.trace_id = None

        await self.client.hear(SESSION_STARTED, on_start)
        await self.client.hear(SESSION_ENDED, on_end)

    async def _keep_running(self, method: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            started_s = asyncio.get_running_loop().time()
            try:
                await method()
            except Exception as error:
                if asyncio.get_running_loop().time() - started_s > _BACK_OFF_S[-1]:
                    failures = 0
                wait_s = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
                failures += 1
                known = isinstance(error, (*self.refusals, ConnectionError))
                log.log(
                    logging.ERROR,
                    "%s: %s stopped: %s; again in %g s",
                    self.name,
                    getattr(method, "__name__", "a task"),
                    error,
                    wait_s,
                    exc_info=None if known else error,
                )
                await asyncio.sleep(wait_s)
            else:
                return

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0] if text else ""
