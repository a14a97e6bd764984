"""How the kiosk asks the sandbox: a gateway, and the process behind it where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from edge.agents.payment.gateway import Charge, GatewayError, Remember
from edge.agents.payment.sandbox.faults import Faults
from edge.agents.payment.sandbox.lines import Answer, Ask
from edge.contract.money import Money

log = logging.getLogger(__name__)

_ANSWER_S: Final = 5.0
_START_S: Final = 120.0  # for the process; a Pi with a cold disk takes seconds, an emulated one a minute
_read_answer = msgspec.json.Decoder(Answer)


class SandboxGateway:
    """Asks the sandbox at `url` (``tcp://127.0.0.1:4250``), or one of its own with a ledger at `ledger`.

    One of its own is a process that is started when it is needed, again when it died, and ends with this one.
    `declined_cards` are the tokens of cards that it refuses.
    """

    reads_cards = False
    name = "sandbox"

    def __init__(
        self,
        ledger: Path,
        declined_cards: Collection[str] = (),
        *,
        url: str | None = None,
        answer_s: float = _ANSWER_S,
    ) -> None:
        self._ledger = ledger
        self._declined_cards = sorted(declined_cards)
        self._url = url
        self._answer_s = answer_s
        self._process: asyncio.subprocess.Process | None = None
        self._address: str | None = url
        self._starting = asyncio.Lock()
        self._closed = False
        self._ids = itertools.count(1)

    @property
    def pid(self) -> int | None:
        """The process of its own, while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def open(self) -> None:
        """Start the process, if it is one of its own.

        Raises:
            GatewayError: it doesn't start.
        """
        if self._url is None:
            await self._where()

    async def charge(self, key: str, amount: Money, card: str | None, remember: Remember) -> Charge:
        """Charge the card, once a key.

        Raises:
            GatewayError: no answer that can be relied on.
        """
        if card is None:
            raise GatewayError("the sandbox has no terminal: it wants a card")
        return (
            await self._ask(Ask(id=next(self._ids), do="charge", key=key, amount_minor=amount.minor, card=card))
        ).charge()

    async def cancel(self, key: str, reference: str | None) -> None:
        """Void the key, unless it was charged.

        Raises:
            GatewayError: as for `charge`.
        """
        await self.settle(key, reference)

    async def settle(self, key: str, reference: str | None) -> Charge:
        """What the bank knows of the key, for good.

        Raises:
            GatewayError: as for `charge`.
        """
        return (await self._ask(Ask(id=next(self._ids), do="settle", key=key))).charge()

    async def refund(self, key: str, reference: str) -> None:
        """Give the charge back, once.

        Raises:
            GatewayError: as for `charge`.
        """
        answer = await self._ask(Ask(id=next(self._ids), do="refund", key=key, reference=reference))
        if answer.outcome != "done":
            raise GatewayError(answer.words)

    async def misbehave(self, faults: Faults) -> None:
        """Stage direction: what goes wrong from now on.

        Raises:
            GatewayError: it can't be asked.
        """
        await self._ask(Ask(id=next(self._ids), do="faults", faults=faults))

    async def close(self) -> None:
        """End the process, if it is one of its own; what it was asked before, it does first. It isn't started again."""
        self._closed = True
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._answer_s + 1):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    # -- asking -------------------------------------------------------------------------------------------

    async def _ask(self, ask: Ask) -> Answer:
        return await self._ask_at(await self._where(), ask)

    async def _ask_at(self, address: str, ask: Ask) -> Answer:
        """A connection for each ask: what else comes on it, late or twice, is nobody's answer."""
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        try:
            async with asyncio.timeout(self._answer_s):
                reader, writer = await asyncio.open_connection(host, int(port))
                try:
                    writer.write(msgspec.json.encode(ask) + b"\n")
                    while line := await reader.readline():
                        answer = _read_answer.decode(line)
                        if answer.id == ask.id and answer.key == ask.key:
                            return answer
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except TimeoutError as error:
            raise GatewayError(f"no answer within {self._answer_s:g} s") from error
        except (OSError, ValueError) as error:
            raise GatewayError(f"the sandbox at {address} can't be asked: {error}") from error
        raise GatewayError("the line was cut")

    async def _where(self) -> str:
        if self._url is not None:
            return self._url
        async with self._starting:
            if self._closed:
                raise GatewayError("the sandbox was closed")
            if self._address is None or self.pid is None:
                self._address = await self._start()
            return self._address

    async def _start(self) -> str:
        if self._process is not None:
            log.warning("the sandbox ended with %s; starting it again", self._process.returncode)
        arguments = ("-m", "edge.agents.payment.sandbox", "--attached", "--ledger", str(self._ledger))
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise GatewayError(f"the sandbox can't be started: {error}") from error
        try:
            async with asyncio.timeout(_START_S):
                line = await process.stdout.readline() if process.stdout else b""
        except TimeoutError:
            line = b""
        address = line.decode(errors="replace").strip()
        if not address.startswith("tcp://"):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise GatewayError("the sandbox did not start")
        if self._declined_cards:
            await self._ask_at(address, Ask(id=0, do="decline", cards=self._declined_cards))
        return address
