"""Agents drawn from the table that count what they carry out, and an auditor who sees every ask and its answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ClassVar

import nats
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from edge.bus import Client, NATSAgentBase, does
from edge.bus.client import current
from edge.bus.deadline import Deadline
from edge.contract.envelope import DEADLINE, REPLY_TO, NATSMessage
from edge.contract.errors import AskError
from edge.contract.examples import ANSWERS, ASKS
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS
from edge.contract.subjects import COMMANDS, Command, commands_of
from edge.contract.wire import Payload, from_fields

PATIENCE_S = 30.0  # of a wait that ends at once when all is well


class Tally:
    """What was begun and ended, by any instance, as msg_ids in their order. `hold` keeps what was begun from ending."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.by: dict[int, list[str]] = {}  # id of the instance -> msg_ids
        self.hold = asyncio.Event()
        self.hold.set()
        self._changed = asyncio.Event()

    async def carry_out(self, msg_id: str, instance: object = None) -> None:
        """Count a command, and end it when nothing holds it."""
        self.begun.append(msg_id)
        self.by.setdefault(id(instance), []).append(msg_id)
        self._tell()
        await self.hold.wait()
        self.ended.append(msg_id)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when `true()`; looked at after each change."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await self._changed.wait()

    @property
    def twice(self) -> list[str]:
        """What was begun more than once."""
        return [msg_id for msg_id, times in Counter(self.begun).items() if times > 1]


class Counting(NATSAgentBase):
    """Carries out nothing, and counts it."""

    name: ClassVar[str] = ""

    def __init__(self, nats_url: str, tally: Tally, *, at_once: int | None = None) -> None:
        super().__init__(nats_url)
        self.tally = tally
        if at_once is not None:
            self._at_once = asyncio.Semaphore(at_once)


def _handler(command: Command[Any, Any]) -> Callable[[Any, Any], Coroutine[Any, Any, Payload]]:
    async def carry_out(self: Counting, ask: Payload) -> Payload:
        message = current.get()
        assert message is not None
        assert isinstance(ask, command.request)
        await self.tally.carry_out(message.msg_id, self)
        answer: Payload = from_fields(ANSWERS[command.subject], command.reply)
        return answer

    carry_out.__name__ = command.subject.replace(".", "_")
    return does(command)(carry_out)


def counting(agent: str, nats_url: str, tally: Tally, *, at_once: int | None = None) -> Counting:
    """An agent with a handler for each command the table gives it."""
    handlers = {f"do_{number}": _handler(command) for number, command in enumerate(commands_of(agent))}
    kind = type(f"Counting{agent.title()}", (Counting,), {"name": agent, "__doc__": Counting.__doc__, **handlers})
    made = kind(nats_url, tally, at_once=at_once)
    assert isinstance(made, Counting)
    return made


@contextlib.asynccontextmanager
async def running(
    nats_url: str, tally: Tally, *agents: str, instances: int = 1, at_once: int | None = None
) -> AsyncIterator[list[Counting]]:
    """Connected agents; by default all that answer commands."""
    made = [counting(name, nats_url, tally, at_once=at_once) for name in agents or CONSUMERS for _ in range(instances)]
    for agent in made:
        await agent.connect()
    try:
        yield made
    finally:
        tally.hold.set()
        await asyncio.gather(*(agent.close() for agent in made))


@contextlib.asynccontextmanager
async def connected(nats_url: str, name: str = "asker") -> AsyncIterator[Client]:
    """A client of our SDK, streams made."""
    client = Client(nats_url, name=name)
    await client.connect(wait_s=10, setup=True)
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def plain(nats_url: str) -> AsyncIterator[NatsClient]:
    """A client that has never heard of us."""
    nc = await nats.connect(nats_url)
    try:
        yield nc
    finally:
        await nc.close()


class Auditor:
    """Sees every command and every answer, from outside."""

    def __init__(self) -> None:
        self.asks: dict[str, tuple[str, NATSMessage]] = {}  # by inbox: subject, message
        self.answers: dict[str, list[NATSMessage]] = {}  # by inbox

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, nats_url: str) -> AsyncIterator[Auditor]:
        """An auditor that has begun to listen."""
        auditor = cls()
        async with connected(nats_url, "auditor") as client:
            for command in COMMANDS:
                for subject in command.subjects:
                    await client.nc.subscribe(subject, cb=auditor._on_ask)
            await client.nc.subscribe("_INBOX.>", cb=auditor._on_answer)
            await client.settle()
            yield auditor
            await client.settle()  # all that was said before has been seen

    async def _on_ask(self, msg: Msg) -> None:
        inbox = (msg.headers or {}).get(REPLY_TO) or msg.reply
        self.asks[inbox] = (msg.subject, NATSMessage.from_json(msg.data))

    async def _on_answer(self, msg: Msg) -> None:
        if msg.subject in self.asks:
            self.answers.setdefault(msg.subject, []).append(NATSMessage.from_json(msg.data))


def ask_of(command: Command[Any, Any]) -> Any:
    """An ask that the contract allows, of the command's own type."""
    return from_fields(ASKS[command.subject], command.request)


def durable(reply_to: str, deadline: Deadline | str | None) -> dict[str, str]:
    """The headers of a durable ask."""
    return {REPLY_TO: reply_to} | ({} if deadline is None else {DEADLINE: str(deadline)})


async def outcome(ask: Coroutine[Any, Any, Any]) -> str:
    """What became of an ask: "success", or its refusal's code."""
    try:
        await ask
    except AskError as error:
        return error.code
    return "success"


async def emptied(client: Client) -> None:
    """Return when KIOSK_COMMANDS holds nothing any more."""
    async with asyncio.timeout(PATIENCE_S):
        while (await client.js.stream_info(COMMANDS_STREAM["name"])).state.messages:
            await client.settle()
