"""The way into a virtual kiosk: ssh as admin with a key, as an integrator has it; and its bus through that."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

from bench.waiting import hold
from proofs.powercuts.guest import USER, GuestFailed

_TRY_S: Final = 60.0  # an emulated machine takes its time for a handshake
_AGAIN_S: Final = 1.0
_SHOWN: Final = 800


class CommandFailed(Exception):
    """A command in the guest ended with another code than 0; the text has its words."""


class Shell:
    """ssh to the machine whose port 22 is `port` here, with the private key `key`."""

    def __init__(self, port: int, key: Path) -> None:
        self._port = port
        self._key = key
        self._carrying: asyncio.Task[None] | None = None

    async def run(self, command: str, *, within_s: float, given: bytes | None = None) -> str:
        """What the shell `command` prints, run as root.

        Raises:
            CommandFailed: it failed, or ssh did not get through (code 255).
            TimeoutError: it isn't done in time.
        """
        code, said, wrong = await self.tried(command, within_s=within_s, given=given)
        if code:
            raise CommandFailed(f"{command}: code {code}: {(wrong or said).strip()[-_SHOWN:]}")
        return said

    async def tried(self, command: str, *, within_s: float, given: bytes | None = None) -> tuple[int, str, str]:
        """The exit code of the shell `command` run as root, its output and its errors; code 255 is ssh's own.

        Raises:
            TimeoutError: it isn't done in time.
        """
        process = await self._ssh([], "sudo", "-n", "sh", "-c", _quoted(command), given=given is not None)
        try:
            async with asyncio.timeout(within_s):
                said, wrong = await process.communicate(given)
        finally:
            await _end(process)
        return process.returncode or 0, said.decode(errors="replace"), wrong.decode(errors="replace")

    async def wait(self, within_s: float) -> None:
        """Return once it lets us in.

        Raises:
            GuestFailed: not in time.
        """
        try:
            async with asyncio.timeout(within_s):
                while (await self.tried("true", within_s=2 * _TRY_S))[0]:
                    await hold(_AGAIN_S)
        except TimeoutError:
            raise GuestFailed(f"ssh did not let us in within {within_s:g} s") from None

    def carry(self, here: int, there: int) -> None:
        """Carry what comes to the port `here` to the guest's own port `there`, again after each loss, until `close`."""
        self._carrying = asyncio.create_task(self._carry(here, there), name="the tunnel")

    async def _carry(self, here: int, there: int) -> None:
        words = ["-N", "-L", f"127.0.0.1:{here}:127.0.0.1:{there}", "-o", "ExitOnForwardFailure=yes"]
        while True:
            process = await self._ssh(words)
            try:
                await process.communicate()
            finally:
                await _end(process)
            await hold(_AGAIN_S)

    async def close(self) -> None:
        """Let go."""
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.wait([self._carrying])
            self._carrying = None

    async def _ssh(self, flags: list[str], *command: str, given: bool = False) -> Process:
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": os.devnull,
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": f"{_TRY_S:g}",
            "ServerAliveInterval": "15",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return await asyncio.create_subprocess_exec(
            *("ssh", "-i", str(self._key), "-p", str(self._port), *settings, *flags, f"{USER}@127.0.0.1", *command),
            stdin=PIPE if given else DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )


def _quoted(command: str) -> str:
    """For the guest's shell, which reads ssh's words once more."""
    return "'" + command.replace("'", "'\\''") + "'"


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
