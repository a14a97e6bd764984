"""Agents in processes of their own, which can be killed and paused.

Run as a module it is such a process: it says a line for each command it begins and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

from edge.bus import connection
from edge.contract.streams import CONSUMERS
from tests.edge.bus.counting import PATIENCE_S, Tally, counting

REPOSITORY = Path(__file__).resolve().parents[4]
READY, BEGUN, ENDED = "ready", "begun", "ended"


def _say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


class Spoken(Tally):
    """A tally that says on stdout what it counts."""

    async def carry_out(self, msg_id: str, instance: object = None) -> None:
        _say(BEGUN, msg_id)
        await super().carry_out(msg_id, instance)
        _say(ENDED, msg_id)


class AgentProcess:
    """An agent's process, as its parent sees it. `begun` and `ended` are msg_ids in their order."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._changed = asyncio.Event()
        self.ready = False
        self.begun: list[str] = []
        self.ended: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            what, _, msg_id = line.decode().strip().partition(" ")
            self.ready |= what == READY
            if what in {BEGUN, ENDED}:
                (self.begun if what == BEGUN else self.ended).append(msg_id)
            self._tell()
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until_begun(self, count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.begun) < count:
                await self._changed.wait()

    async def until_ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.ready:
                if self._reading.done():
                    raise AssertionError("the agent's process ended at once; its stderr says why")
                await self._changed.wait()

    def signal(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def kill(self) -> None:
        """SIGKILL: it has no time to say anything."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    @property
    def alive(self) -> bool:
        return self._process.returncode is None


@contextlib.asynccontextmanager
async def processes(
    nats_url: str, agent: str, count: int = 1, *, ack_wait_s: float, hangs: bool = False
) -> AsyncIterator[list[AgentProcess]]:
    """`count` instances of `agent`, ready; killed at the end. With `hangs` they end nothing they begin."""
    made = []
    try:
        for _ in range(count):
            words = [sys.executable, "-m", __name__, agent, nats_url, str(ack_wait_s), *(["--hangs"] if hangs else [])]
            made.append(AgentProcess(await asyncio.create_subprocess_exec(*words, stdout=PIPE, cwd=REPOSITORY)))
        for each in made:
            await each.until_ready()
        yield made
    finally:
        for each in made:
            await each.kill()


async def _run(agent: str, nats_url: str, *, hangs: bool) -> None:
    tally = Spoken()
    if hangs:
        tally.hold.clear()
    running = counting(agent, nats_url, tally)
    await running.connect()
    _say(READY)
    await asyncio.Event().wait()  # until killed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("agent", choices=CONSUMERS)
    parser.add_argument("nats_url")
    parser.add_argument("ack_wait_s", type=float)
    parser.add_argument("--hangs", action="store_true")
    chosen = parser.parse_args()
    CONSUMERS[chosen.agent]["ack_wait"] = int(chosen.ack_wait_s * 1_000_000_000)
    vars(connection)["RECONNECT_WAIT_S"] = 0.1  # as tests/edge/bus/faults/conftest.py does
    asyncio.run(_run(chosen.agent, chosen.nats_url, hangs=chosen.hangs))
