"""NATSAgentBase (section 10.1): what an agent inherits.

An agent's methods say what they are for with a decorator::

    class MenuAgent(NATSAgentBase):
        name = "menu"

        @does(MENU_SEARCH)
        def search(self, ask: menu.Search) -> menu.SearchResult: ...

        @hears(SESSION_STARTED)
        async def greet(self, event: session.SessionStarted) -> None: ...

        @always
        async def watch(self) -> None: ...

A command's method is a coroutine where it has to wait for something; one that only computes is a plain method,
and is answered at once, without a task of its own.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import uuid
from abc import ABC
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from time import perf_counter
from typing import Any, ClassVar, TypeVar, overload

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import Service

from edge.bus.client import Client, current
from edge.bus.connection import DEFAULT_URL
from edge.bus.consumer import WorkQueue
from edge.bus.latency import AGENT, DURABLE, ENDPOINT, LIVE, SUCCESS, endpoint_subject
from edge.bus.streams import ensure_consumer, ensure_streams, wait_for_streams
from edge.bus.tasks import cancel_all, start
from edge.bus.telemetry import span
from edge.contract.envelope import REPLY_TO, VERSION, NATSMessage, is_uuid4
from edge.contract.errors import AskError, ContractError, ErrorCode
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED, Command, Event
from edge.contract.wire import Payload, from_fields, to_bytes, to_json

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

_AT_ONCE = 64  # commands at work at once; further ones wait their turn
# How the command at hand came out, for its latency's label.
_outcome: contextvars.ContextVar[str] = contextvars.ContextVar("kiosk_outcome", default=SUCCESS)
_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


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
        self._queue: WorkQueue | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._does = {
            subject: (method._does, method, inspect.iscoroutinefunction(method))
            for method in self._marked("_does")  # what @does put there
            for subject in method._does.subjects
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
        if self.client.key_file is None:
            await ensure_streams(self.js)
            await ensure_consumer(self.js, self.name)
        else:
            await wait_for_streams(self.js, self.name)
        await self._setup_subscriptions()
        await self.client.settle()

    async def close(self) -> None:
        """Stop working and leave the bus."""
        if self._service is not None and self.client.connected:
            try:
                await self._service.stop()
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.debug("%s: leaving: %s", self.name, error)
        self._service = None
        if self._queue is not None:
            await self._queue.stop()
            self._queue = None
        await cancel_all(self._tasks)
        await self.client.close()

    async def _setup_subscriptions(self) -> None:
        """Subscribe to what the agent's decorated methods name. An agent that overrides this calls super."""
        await self._hear_sessions()
        for method in self._marked("_hears"):
            await self.client.hear(method._hears, method)
        service = await add_service(
            self.nc,
            name=self.name,
            version=f"{VERSION}.0",
            description=_first_line(type(self).__doc__),
            queue_group=self.name,
            stats_handler=self.client.latency.stats,
        )
        await service.add_endpoint(
            name=ENDPOINT, subject=endpoint_subject(self.name), handler=self.client.latency.answer
        )
        for subject in self._does:
            await service.add_endpoint(name=_endpoint_name(subject), subject=subject, handler=self._on_live_request)
        self._service = service
        if self.name in CONSUMERS:
            # In the endpoints' queue group, so that a request comes to one of the two; alone for what has no endpoint.
            for subject in CONSUMERS[self.name]["filter_subjects"]:
                await self.nc.subscribe(subject, queue=self.name, cb=self._on_live)
            self._queue = WorkQueue(
                self.client, self.name, self._answer_durable, at_once=self._at_once, only_computes=self._only_computes
            )
            await self._queue.start()
        for method in self._marked("_always"):
            self._start(self._keep_running(method))

    async def handle_message(self, msg: Msg) -> bytes:
        """Carry out the command in `msg` and return the answer's envelope as JSON; never raises a refusal."""
        cause: NATSMessage | None = None
        _outcome.set(SUCCESS)
        try:
            message = cause = NATSMessage.from_json(msg.data)
            try:
                command, method, waits = self._does[msg.subject]
            except KeyError:
                raise AskError(ErrorCode.INVALID_REQUEST, f"{self.name} has no command on {msg.subject}") from None
            ask = from_fields(message.payload, command.request)
            token = current.set(message)
            try:
                with span("do", self.name, msg.subject, message, msg.headers):
                    answer = to_bytes(await method(ask) if waits else method(ask))
            finally:
                current.reset(token)
        except AskError as error:
            refusal = error
        except ContractError as error:
            refusal = AskError(ErrorCode.INVALID_REQUEST, str(error))
        except Exception as error:
            refusal = self._refusal(error, msg.subject)
        else:
            return self.client.seal(answer, cause=cause)[1]
        _outcome.set(refusal.code)
        return self.client.seal(to_json(refusal.payload()), cause=cause)[1]

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
        """A live request to one of our endpoints; nats.micro would answer one after the other."""
        await self._on_live(request._msg)

    async def _on_live(self, msg: Msg) -> None:
        """Answer a live request (decision 2), a command that nobody has too, rather than let its asker wait."""
        if msg.headers and REPLY_TO in msg.headers:
            return  # durable: it comes through the work queue
        work = self._answer_live(msg, perf_counter())
        if self._only_computes(msg.subject) and not self._at_once.locked():
            await work
        else:
            self._start(work)

    def _only_computes(self, subject: str) -> bool:
        known = self._does.get(subject)
        return known is not None and not known[2]

    async def _answer_live(self, msg: Msg, began_s: float) -> None:
        async with self._at_once:
            answer = await self.handle_message(msg)
        if msg.reply:
            try:
                await self.nc.publish(msg.reply, answer)
            except (nats.errors.Error, OSError) as error:
                log.warning("%s: could not answer on %s: %s", self.name, msg.subject, error)
        self.client.latency.observe(AGENT, msg.subject, LIVE, _outcome.get(), began_s)

    async def _answer_durable(self, msg: Msg, began_s: float) -> bytes:
        answer = await self.handle_message(msg)
        self.client.latency.observe(AGENT, msg.subject, DURABLE, _outcome.get(), began_s)
        return answer

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
        """Run `work` beside everything else, until the agent closes."""
        start(work, self._tasks)


def _endpoint_name(subject: str) -> str:
    """A command's name among the service's endpoints: its last word; an alias says its domain as well."""
    words = subject.split(".")
    return words[-1] if words[1] == "agent" else "-".join(words[1:])


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0] if text else ""
