"""The sandbox as a process: `python -m edge.agents.payment.sandbox --ledger FILE`.

The first line it prints is where it listens, such as ``tcp://127.0.0.1:40123``. With `--attached` it ends when
its standard input does, that is, with whoever started it; what it was asked before, it does first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge.agents.payment.gateway import GatewayError
from edge.agents.payment.sandbox.bank import Bank
from edge.agents.payment.sandbox.faults import Faults
from edge.agents.payment.sandbox.lines import Answer, Ask, answered
from edge.bus.crashing import crash_point
from edge.contract.money import Money

ASKED = crash_point("sandbox.asked", "the bank was asked to charge; its ledger says nothing")
ENTERED = crash_point("sandbox.entered", "the bank's ledger has the charge; nobody was told")
REFUND_ASKED = crash_point("sandbox.refund-asked", "the bank was asked to give back; its ledger says charged")
REFUND_ENTERED = crash_point("sandbox.refund-entered", "the bank's ledger has the refund; nobody was told")

_read_ask = msgspec.json.Decoder(Ask)


class SandboxServer:
    """Answers for a bank on a port of this machine; `faults` is what goes wrong meanwhile."""

    def __init__(self, bank: Bank, faults: Faults | None = None) -> None:
        self.bank = bank
        self.faults = faults or Faults()
        self._server: asyncio.Server | None = None
        self._work: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the address."""
        self._server = await asyncio.start_server(self._converse, host, port)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"tcp://{host}:{port}"

    async def stop(self) -> None:
        """Do what was asked, and stop."""
        if self._server is not None:
            self._server.close()
        if self._work:
            await asyncio.wait(self._work, timeout=5)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.bank.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    ask = _read_ask.decode(line)
                except msgspec.DecodeError as error:
                    writer.write(b'{"id":0,"key":"","outcome":"error","words":%s}\n' % msgspec.json.encode(str(error)))
                    continue
                task = asyncio.create_task(self._serve(ask, writer))  # done even if the asker hangs up
                self._work.add(task)
                task.add_done_callback(self._work.discard)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _serve(self, ask: Ask, writer: asyncio.StreamWriter) -> None:
        if ask.do == "faults":
            self.faults = ask.faults or Faults()
            answer = Answer(id=ask.id, key=ask.key, outcome="done")
            faults = Faults()
        elif ask.do == "decline":
            self.bank.decline(ask.cards)
            answer = Answer(id=ask.id, key=ask.key, outcome="done")
            faults = Faults()
        else:
            faults, self.faults = self.faults, self.faults.fewer()
            await asyncio.sleep(faults.slow_s)
            if faults.deaf:
                return
            try:
                if faults.fails:
                    raise GatewayError("out of order")
                answer = await self._do(ask, faults)
                if faults.fails_after:
                    raise GatewayError("out of order")
            except GatewayError as error:
                answer = Answer(id=ask.id, key=ask.key, outcome="error", words=str(error))
        if faults.never:
            return
        if faults.hangs_up:
            writer.transport.abort()
            return
        with contextlib.suppress(ConnectionError):
            for _ in range(2 if faults.twice else 1):
                writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()

    async def _do(self, ask: Ask, faults: Faults) -> Answer:
        match ask.do:
            case "charge":
                ASKED()
                amount = Money(ask.amount_minor + faults.wrong_minor)
                answer = answered(ask, await self.bank.charge(ask.key, amount, ask.card))
                ENTERED()
                return answer
            case "refund":
                REFUND_ASKED()
                await self.bank.refund(ask.key, ask.reference or "")
                REFUND_ENTERED()
                return Answer(id=ask.id, key=ask.key, outcome="done")
            case _:
                return answered(ask, await self.bank.settle(ask.key))


def main(arguments: Sequence[str] | None = None) -> None:
    """Be the sandbox until told to end."""
    parser = argparse.ArgumentParser(prog="python -m edge.agents.payment.sandbox", description=__doc__)
    parser.add_argument("--ledger", type=Path, required=True, help="the bank's ledger, a SQLite file")
    parser.add_argument("--port", type=int, default=0, help="where to listen on this machine; 0 takes a free one")
    parser.add_argument("--attached", action="store_true", help="end with standard input")
    parser.add_argument("--faults", default="{}", metavar="JSON", help='such as \'{"slow_s": 2, "fails_after": true}\'')
    chosen = parser.parse_args(arguments)
    try:
        faults = msgspec.json.decode(chosen.faults.encode(), type=Faults)
    except msgspec.DecodeError as error:
        parser.error(f"--faults: {error}")
    try:
        asyncio.run(_run(chosen.ledger, chosen.port, faults, attached=chosen.attached))
    except OSError as error:
        parser.exit(1, f"the sandbox can't listen on port {chosen.port}: {error.strerror or error}\n")


async def _run(ledger: Path, port: int, faults: Faults, *, attached: bool) -> None:
    server = SandboxServer(Bank(ledger), faults)
    address = await server.start(port=port)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, end.set)
    if attached:
        os.set_blocking(0, False)
        loop.add_reader(0, _watch_input, end)
    await end.wait()
    await server.stop()


def _watch_input(end: asyncio.Event) -> None:
    with contextlib.suppress(BlockingIOError):
        if not os.read(0, 4096):
            asyncio.get_running_loop().remove_reader(0)
            end.set()
