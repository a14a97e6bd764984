"""The person at the bench: told what to do, asked what they see."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from bench import BenchUnusable


class Console(Protocol):
    """Where the person reads and types."""

    def write(self, text: str) -> None:
        """Show `text`."""

    def read_line(self, timeout_s: float) -> str | None:
        """What they typed up to Enter, within `timeout_s`; None if nothing. Blocks."""


class Terminal:
    """The terminal that the tests were started from. `visible` lets output past pytest's capture."""

    def __init__(self, visible: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        self._visible = visible

    def write(self, text: str) -> None:
        """See `Console`."""
        with self._visible():
            sys.stdout.write(text)
            sys.stdout.flush()

    def read_line(self, timeout_s: float) -> str | None:
        """See `Console`."""
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        except OSError as error:
            raise BenchUnusable(
                f"this bench asks a person, and there is no terminal to ask at: {error.strerror}"
            ) from error
        try:
            typed = b""
            deadline_s = time.monotonic() + timeout_s
            while not typed.endswith(b"\n"):
                ready, _, _ = select.select([terminal], [], [], max(0.0, deadline_s - time.monotonic()))
                if not ready:
                    return None
                part = os.read(terminal, 1024)
                if not part:
                    raise BenchUnusable("this bench asks a person, and the terminal was closed")
                typed += part
            return typed.decode(errors="replace").strip()
        finally:
            os.close(terminal)


class Person:
    """Somebody at the bench, who has `timeout_s` for each thing."""

    def __init__(self, console: Console, timeout_s: float) -> None:
        self._console = console
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()

    async def do(self, request: str) -> None:
        """Ask for something to be done, and wait for Enter.

        Raises:
            BenchUnusable: nobody pressed it in time.
        """
        await self._ask(f"{request}, then press Enter", lambda _: True)

    async def sees(self, question: str) -> bool:
        """Ask a question that is answered by yes or no.

        Raises:
            BenchUnusable: nobody answered in time.
        """
        answer = await self._ask(f"{question} [y/n]", lambda typed: typed.lower() in ("y", "yes", "n", "no"))
        return answer.lower().startswith("y")

    async def counts(self, question: str) -> int:
        """Ask for a number.

        Raises:
            BenchUnusable: nobody answered in time.
        """
        return int(await self._ask(f"{question} [number]", str.isdecimal))

    async def _ask(self, words: str, good: Callable[[str], bool]) -> str:
        async with self._turn:
            deadline_s = time.monotonic() + self._timeout_s
            while True:
                self._console.write(f"\n\a  ▶ {words}: ")
                left_s = max(0.0, deadline_s - time.monotonic())
                typed = await asyncio.to_thread(self._console.read_line, left_s)
                if typed is None:
                    raise BenchUnusable(f"nobody answered within {self._timeout_s:g} s: {words}")
                if good(typed):
                    return typed
