"""The programs of one kiosk, each a process of its own, that can be stopped, killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from edge.bus.crashing import STOP_AT

REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
START_S: Final = 60.0  # a machine with other work on it
_END_S: Final = 15.0
_LOOK_S: Final = 0.01


class DidNotStart(Exception):
    """A program ended or said nothing in time; the text has its last words."""


class Program:
    """`python -m ARGUMENTS`, which serves when a line of its output has `ready` in it; all of it goes to `log`."""

    def __init__(self, name: str, arguments: Sequence[str], *, ready: str, log: Path) -> None:
        self.name = name
        self.arguments = tuple(arguments)
        self.first_line = ""
        """The first that it said: where it listens, if it listens."""
        self._ready = ready
        self._log = log
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._is_up = asyncio.Event()
        self._last = ""

    @property
    def pid(self) -> int:
        """Its process, while it runs.

        Raises:
            DidNotStart: it doesn't.
        """
        if self._process is None or self._process.returncode is not None:
            raise DidNotStart(f"{self.name} does not run: {self._last}")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def up(self) -> bool:
        """Whether it runs and serves."""
        return self.alive and self._is_up.is_set()

    async def start(self, stop_at: str | None = None) -> None:
        """Start it, to stand still at the crash point `stop_at`; `until_up` tells when it serves."""
        environment: Mapping[str, str] = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if stop_at is not None:
            environment = {**environment, STOP_AT: stop_at}
        self._is_up.clear()
        self.first_line = self._last = ""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *self.arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=REPOSITORY,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us, who end it
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def until_up(self) -> None:
        """Return once it serves.

        Raises:
            DidNotStart: it ended, or didn't say so in time.
        """
        assert self._reading is not None  # noqa: S101 - it was started
        up = asyncio.create_task(self._is_up.wait())
        await asyncio.wait({up, self._reading}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if not self.up:
            raise DidNotStart(f"{self.name} did not start: {self._last}")

    async def end(self) -> None:
        """End it as systemd does: SIGTERM, and SIGKILL where that isn't heeded."""
        if self._process is None or self._process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
        await self._read_to_the_end()

    async def kill(self) -> None:
        """SIGKILL, whatever it is at; gone when this returns."""
        if self._process is None or self._process.returncode is not None:
            return
        self._signal(signal.SIGKILL)
        await self._process.wait()
        await self._read_to_the_end()

    def go_on(self) -> None:
        """Let it go on, if it stood still."""
        self._signal(signal.SIGCONT)

    async def until_still(self) -> None:
        """Return when it stands still."""
        # The kernel tells nobody of this but a parent that waits for it, and asyncio's does so for ends only.
        while not self.stands_still:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_LOOK_S)

    @property
    def stands_still(self) -> bool:
        """Whether it is stopped (the kernel's state T)."""
        if not self.alive or self._process is None:
            return False
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] == "T"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)  # with it what it started

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        with self._log.open("ab") as log:
            async for line in process.stdout:
                log.write(line)
                log.flush()
                self._last = line.decode(errors="replace").strip()
                self.first_line = self.first_line or self._last
                if self._ready in self._last:
                    self._is_up.set()

    async def _read_to_the_end(self) -> None:
        """A neighbour that it started may hold its output open for a moment."""
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=1)
            self._reading.cancel()
