"""An agent in a process of its own that says, line by line, what it carried out and which events were acknowledged.

Run as a module. It reads `say N` on stdin: N events in all may be published by now. It writes `ready`,
`did MSG_ID NUMBER` when it begins a command, `said N` when an event was acknowledged, `unsaid N WHY` when not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from edge.bus import NATSAgentBase, does
from edge.bus.client import current
from edge.bus.connection import PublishFailed
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import TRANSCRIPT, Command
from edge.contract.voice import Transcript
from edge.contract.wire import Payload
from proofs.numbered import ASKED, NUMBERED

REPOSITORY = Path(__file__).resolve().parent.parent
_SPEAKERS = 8  # events on their way at once
_PATIENCE_S = 30.0


def _write(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Writing(NATSAgentBase):
    """Writes down what it carries out."""

    name: ClassVar[str] = ""


def _handler(command: Command[Any, Any]) -> Callable[[Any, Any], Coroutine[Any, Any, Payload]]:
    numbered = NUMBERED[command.subject]

    async def carry_out(_: Writing, ask: Payload) -> Payload:
        message = current.get()
        number = numbered.number_of_ask(ask)
        _write("did", message.msg_id if message else "?", number)
        await asyncio.sleep(0)  # as a real one, it isn't done within one turn
        return numbered.answer(number)

    return does(command)(carry_out)


def agent(name: str, nats_url: str) -> NATSAgentBase:
    """`name` with a handler for each of its commands that the proof asks."""
    its = [command for command in ASKED if command.done_by == name]
    handlers = {f"do_{number}": _handler(command) for number, command in enumerate(its)}
    kind = type(f"Writing{name.title()}", (Writing,), {"name": name, "__doc__": Writing.__doc__, **handlers})
    made = kind(nats_url)
    assert isinstance(made, NATSAgentBase)  # noqa: S101 - for mypy
    return made


class Speaker:
    """Publishes numbered events as far as it may."""

    def __init__(self, agent: NATSAgentBase) -> None:
        self._agent = agent
        self._goal = 0
        self._next = 0
        self._more = asyncio.Event()

    def may(self, count: int) -> None:
        """From now on, `count` events in all."""
        self._goal = count
        self._more.set()

    async def speak(self) -> None:
        """Publish for ever."""
        while True:
            while self._next >= self._goal:
                self._more.clear()
                await self._more.wait()
            number, self._next = self._next, self._next + 1
            said = Transcript(text=f"{self._agent.name} {number}", confidence=1.0, language="en-US", is_final=True)
            try:
                await self._agent.publish(TRANSCRIPT, said)
            except PublishFailed as error:
                _write("unsaid", number, error)
            else:
                _write("said", number)


async def _run(name: str, nats_url: str) -> None:
    made = agent(name, nats_url)
    await made.connect()
    speaker = Speaker(made)
    speaking = [asyncio.create_task(speaker.speak()) for _ in range(_SPEAKERS)]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _write("ready")
    while line := await reader.readline():
        speaker.may(int(line.split()[1]))
    for task in speaking:
        task.cancel()
    await made.close()


class AgentProcess:
    """Such a process, as the proof sees it: what it wrote, sorted."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.did: list[tuple[str, int]] = []  # msg_id and number of each command begun
        self.said: set[int] = set()
        self.unsaid: dict[int, str] = {}
        self.on_line: Callable[[], None] = lambda: None
        self._process = process
        self._ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name: str, nats_url: str, log: Path) -> AgentProcess:
        """Start `name`, its complaints added to `log`; return when it is ready."""
        with log.open("ab") as complaints:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", __name__, name, nats_url),
                stdin=PIPE,
                stdout=PIPE,
                stderr=complaints,
                cwd=REPOSITORY,
            )
        made = cls(name, process)
        try:
            await asyncio.wait_for(made._ready.wait(), _PATIENCE_S)
        except TimeoutError:
            await made.stop()
            raise
        return made

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None

    def may_say(self, count: int) -> None:
        """Let it publish `count` events in all."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(f"say {count}\n".encode())

    async def stop(self) -> None:
        """Let it close, and kill it if it doesn't."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        async for line in self._process.stdout:
            what, *words = line.decode().split(maxsplit=2)
            match what:
                case "ready":
                    self._ready.set()
                case "did":
                    self.did.append((words[0], int(words[1])))
                case "said":
                    self.said.add(int(words[0]))
                case "unsaid":
                    self.unsaid[int(words[0])] = words[1].strip()
                case _:
                    raise ValueError(f"{self.name} wrote {line!r}")
            self.on_line()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONSUMERS)
    parser.add_argument("nats_url")
    chosen = parser.parse_args()
    asyncio.run(_run(chosen.name, chosen.nats_url))
