"""A payment agent that loses its power at a given moment: `python -m tests.edge.agents.payment.dying URL DIR WHEN`.

A tap is needed for WHEN to come. Standard output says "ready" once it is on the bus.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from edge.agents.payment.gateway import Charge
from edge.agents.payment.sandbox import SandboxGateway
from edge.contract.money import Money
from tests.edge.agents.payment.shop import Shop

WHENS = ("waiting", "before the charge", "after the charge")


class _LastGateway:
    """The sandbox, and a hand on the switch."""

    def __init__(self, bank: SandboxGateway, when: str) -> None:
        self._bank = bank
        self._when = when

    async def charge(self, key: str, amount: Money, card: str) -> Charge:
        if self._when == "before the charge":
            _die()
        charge = await self._bank.charge(key, amount, card)
        if self._when == "after the charge":
            _die()
        return charge

    async def lookup(self, key: str) -> Charge | None:
        return await self._bank.lookup(key)

    async def close(self) -> None:
        await self._bank.close()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def run(nats_url: str, folder: Path, when: str) -> None:
    """Be the agent until the end."""
    shop = Shop(folder, nats_url)
    await shop.open(_LastGateway(shop.bank(), when))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await shop.journal.next_begun()
    if when == "waiting":
        _die()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
