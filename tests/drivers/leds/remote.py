"""A driver in a process of its own, for a library that needs its own environment: it is spoken to in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import drivers.errors
from drivers.errors import DriverError
from drivers.states import Condition, DeviceState

REPOSITORY: Final = Path(__file__).resolve().parents[3]
STARTED_S: Final = 30.0


class Remote:
    """What every driver over there has; `process` is where."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._hearing = asyncio.create_task(self._hear())

    @staticmethod
    async def spawn(
        module: str, url: str, environment: dict[str, str], *, quiet: bool = False
    ) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
        """Open the device at `url` over there; the process and what it said of the device.

        `quiet` leaves out its standard error, for a library that fills it.

        Raises:
            DriverError: what opening it raised.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, url,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=REPOSITORY,
            stderr=subprocess.DEVNULL if quiet else None,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(STARTED_S):
            line = await process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {"error": "DriverError", "words": "the process ended"}
        if "error" in told:
            await process.communicate()
            raise _error(told)
        return process, told

    async def state(self) -> DeviceState:
        told = await self.ask("state")
        return DeviceState(Condition(told["condition"]), told["reason"], told["code"])

    async def close(self) -> None:
        """Close the device and end the process."""
        with contextlib.suppress(ConnectionError):
            await self.ask("close")
        await self.end()

    async def end(self) -> None:
        """End the process, whatever it does."""
        if self.process.returncode is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
        await self.process.wait()
        await self._hearing

    async def ask(self, *what: object) -> dict[str, Any]:
        """What the device over there answers, or raises."""
        if self._hearing.done():
            raise ConnectionResetError("the driver's process has ended")
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        number = id(answer)
        self._answers[number] = answer
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([number, *what]).encode() + b"\n")
        async with asyncio.timeout(STARTED_S):
            told = await answer
        if "error" in told:
            raise _error(told)
        return told

    def heard(self, told: dict[str, Any]) -> None:
        """What was said without being asked."""

    async def _hear(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            told: dict[str, Any] = json.loads(line)
            if "number" in told:
                self._answers.pop(told["number"]).set_result(told)
            else:
                self.heard(told)
        for answer in self._answers.values():
            answer.set_exception(ConnectionResetError("the driver's process has ended"))


def _error(told: dict[str, Any]) -> Exception:
    """What was raised over there."""
    words = str(told["words"])
    if told["error"] == "ValueError":
        return ValueError(words)
    kind: type[DriverError] = getattr(drivers.errors, told["error"], DriverError)
    return kind(words)
