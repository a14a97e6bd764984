"""The run itself: a server that is killed again and again under commands and events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client as NatsClient

from edge.bus import Client, EmbeddedServer
from edge.bus.dead import Undertaker, graves
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import TRANSCRIPT, Command
from edge.contract.wire import from_fields, to_fields, to_json
from proofs.agents import AgentProcess
from proofs.findings import Findings
from proofs.numbered import ASKED, MOST, NUMBERED

WAYS = ("durable", "live", "plain")  # our SDK with a command, with a subject, and a client that isn't ours
_ASKERS = 24  # asks on their way at once
_STEPS = 200  # in which events keep up with commands
_BACK_WITHIN_S = 60.0
_FINISH_WITHIN_S = 60.0
_OVER_TIME_S = 10.0  # beyond its timeout, an ask that has not ended has no clear end
_AFTER_REFUSAL_S = 0.5  # before the next ask, or all would be asked and refused while the agents are on their way back
_LOOK_S = 0.05


@dataclass(frozen=True)
class Plan:
    """How much. `events` are shared by the agents; `folder` is a place on a real disk for the server's store.

    `seed` draws the commands, the ways and the kills' moments; what is on its way at a kill is chance all the same.
    """

    kills: int
    commands: int
    events: int
    seed: int
    folder: Path
    program: Path | None = None
    longest_s: float = 30.0  # what an asker waits at most; the table's longest timeout


Progress = Callable[[int, int, int], None]  # commands ended, events acknowledged, kills


async def prove(plan: Plan, progress: Progress = lambda *_: None) -> Findings:
    """Carry out `plan` and count."""
    began_s = time.monotonic()
    async with EmbeddedServer(plan.folder, program=plan.program) as server, _clients(server.url) as (ours, plain):
        log = plan.folder.with_name(plan.folder.name + ".agents.log")
        agents = [await AgentProcess.start(name, server.url, log) for name in CONSUMERS]
        try:
            return await _Run(plan, server, agents, _Clients(ours, plain), progress).run(began_s)
        finally:
            await asyncio.gather(*(agent.stop() for agent in agents))


@contextlib.asynccontextmanager
async def _clients(nats_url: str) -> AsyncIterator[tuple[Client, NatsClient]]:
    ours = Client(nats_url, name="asker")
    await ours.connect(wait_s=10, setup=True)

    async def ignore(_: Exception) -> None:
        """The server is killed on purpose."""

    plain = await nats.connect(nats_url, max_reconnect_attempts=-1, error_cb=ignore)
    try:
        yield ours, plain
    finally:
        await plain.close()
        await ours.close()


@dataclass(frozen=True)
class _Clients:
    ours: Client
    plain: NatsClient


class _Run:
    def __init__(
        self, plan: Plan, server: EmbeddedServer, agents: list[AgentProcess], clients: _Clients, progress: Progress
    ) -> None:
        self._plan = plan
        self._server = server
        self._agents = agents
        self._ours = clients.ours
        self._plain = clients.plain
        self._tell = progress
        drawn = random.Random(plan.seed)  # noqa: S311 - to be repeatable
        self._asks = [
            (drawn.choice(ASKED), drawn.choice(("durable", "durable", "live", "plain"))) for _ in range(plan.commands)
        ]
        self._moments = [plan.commands * (kill + drawn.random()) / (plan.kills + 1) for kill in range(plan.kills)]
        self._found = Findings()
        self._ended = 0
        self._probes = iter(range(plan.commands, MOST))
        self._changed = asyncio.Event()
        for agent in agents:
            agent.on_line = self._report

    async def run(self, began_s: float) -> Findings:
        """All of it."""
        undertaking = asyncio.create_task(Undertaker(self._ours).run())
        telling = asyncio.create_task(self._keep_events_up())
        killing = asyncio.create_task(self._kill_again_and_again())
        asks = iter(enumerate(self._asks))
        try:
            await asyncio.gather(*(self._ask_on(asks) for _ in range(_ASKERS)))
            await asyncio.gather(telling, killing)
            await self._all_said()
            await self._look_into_the_store()
        finally:
            for task in (undertaking, telling, killing):
                task.cancel()
            await asyncio.gather(undertaking, telling, killing, return_exceptions=True)
        for agent in self._agents:
            self._found.done += agent.did
            if not agent.alive:
                self._found.unfinished.append(f"the {agent.name} agent ended")
        self._found.took_s = time.monotonic() - began_s
        return self._found

    # -- asking --------------------------------------------------------------------------------------------------

    async def _ask_on(self, asks: Iterator[tuple[int, tuple[Command[Any, Any], str]]]) -> None:
        for number, (command, way) in asks:
            answered = await self._ask(way, command, number, min(command.timeout_s, self._plan.longest_s))
            self._ended += 1
            self._report()
            if not answered:
                await asyncio.sleep(_AFTER_REFUSAL_S)

    async def _ask(self, way: str, command: Command[Any, Any], number: int, timeout_s: float) -> bool:
        """One ask, counted; whether it was answered."""
        try:
            async with asyncio.timeout(timeout_s + _OVER_TIME_S):
                answer = await self._answer(way, command, number, timeout_s)
        except AskError as error:
            outcome = error.code
        except nats.errors.NoRespondersError:
            outcome = "UNAVAILABLE"
        except nats.errors.TimeoutError:
            outcome = "TIMEOUT"
        except TimeoutError:
            outcome = "no end"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        else:
            outcome = "answered"
            self._found.answered.add(number)
            read = NUMBERED[command.subject].number_of_answer
            if read is not None and read(answer) != number:
                self._found.wrong_answers.append(number)
        self._found.outcomes[way, outcome] += 1
        return outcome == "answered"

    async def _answer(self, way: str, command: Command[Any, Any], number: int, timeout_s: float) -> Any:
        ask = NUMBERED[command.subject].ask(number)
        if way == "durable":
            return await self._ours.request(command, ask, timeout_s)
        if way == "live":
            envelope = await self._ours.request(command.subject, to_fields(ask), timeout_s)
            return _read(command, envelope["payload"])
        message = NATSMessage.create(self._ours.session_id, to_fields(ask))
        msg = await self._plain.request(command.subject, to_json(message), timeout=timeout_s)
        envelope = json.loads(msg.data)
        if envelope["trace_id"] != message.trace_id:
            self._found.wrong_answers.append(number)
        return _read(command, envelope["payload"])

    # -- events --------------------------------------------------------------------------------------------------

    async def _keep_events_up(self) -> None:
        """Let the agents publish as fast as commands are asked, so that each kill finds both on their way."""
        each = self._plan.events // len(self._agents)
        for step in range(1, _STEPS + 1):
            await self._until_ended(self._plan.commands * (step - 1) / _STEPS)
            for agent in self._agents:
                agent.may_say(each * step // _STEPS)
            self._report()

    async def _all_said(self) -> None:
        each = self._plan.events // len(self._agents)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_WITHIN_S):
                await self._until(lambda: all(len(agent.said) + len(agent.unsaid) >= each for agent in self._agents))
        for agent in self._agents:
            if len(agent.said) + len(agent.unsaid) < each:
                self._found.unfinished.append(f"{agent.name} is still waiting to publish")
            self._found.acknowledged |= {f"{agent.name} {number}" for number in agent.said}
            self._found.unacknowledged |= {f"{agent.name} {number}": why for number, why in agent.unsaid.items()}

    async def _look_into_the_store(self) -> None:
        async for message in self._ours.stored(TRANSCRIPT.subject):
            self._found.stored.append((message.msg_id, str(message.payload["text"])))
        async for grave in graves(self._ours):
            self._found.dead[grave.command.reason] += 1

    # -- kills ---------------------------------------------------------------------------------------------------

    async def _kill_again_and_again(self) -> None:
        for kill, moment in enumerate(self._moments, start=1):
            await self._until_ended(moment)
            killed_s = time.monotonic()
            await self._server.kill()
            await self._server.start()
            try:
                async with asyncio.timeout(_BACK_WITHIN_S):
                    await asyncio.gather(*(self._until_back(name) for name in CONSUMERS))
            except TimeoutError:
                self._found.unfinished.append(f"not back within {_BACK_WITHIN_S:g} s of kill {kill}")
            self._found.back_s.append(time.monotonic() - killed_s)
            self._report()

    async def _until_back(self, agent: str) -> None:
        """Return when a durable ask of `agent` was answered."""
        command = next(command for command in ASKED if command.done_by == agent)
        while True:
            if await self._ask("durable", command, next(self._probes), 1.0):
                return
            await asyncio.sleep(_LOOK_S)

    async def _until(self, true: Callable[[], bool]) -> None:
        """Return when `true()`; looked at after each ask and each line of an agent's."""
        while not true():
            await self._changed.wait()

    async def _until_ended(self, asks: float) -> None:
        await self._until(lambda: self._ended >= asks)

    def _report(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self._tell(self._ended, sum(len(agent.said) for agent in self._agents), len(self._found.back_s))


def _read(command: Command[Any, Any], payload: dict[str, Any]) -> Any:
    if payload.get("status") == "error":
        raise AskError.from_payload(payload)
    return from_fields(payload, command.reply)
